"""What this machine has, as the planner wants to know it."""

import os
from pathlib import Path

from control_plane.domain.spec_rules import Facts

_MEMINFO = Path("/proc/meminfo")


def read_facts() -> Facts:
    """Cores that this process may use and memory that is free now."""
    return Facts(cores=_cores(), memory=_memory())


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _memory() -> int:
    """Bytes that programs can get without swapping; all there is where the system tells no more."""
    try:
        for line in _MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
