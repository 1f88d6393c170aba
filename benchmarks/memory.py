"""Resident memory of the daemon and of a devnet's nodes."""

from pathlib import Path

from benchmarks.harness import Home


def rss(pid: int) -> int:
    """Resident bytes of a process (VmRSS)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def pss(pid: int) -> int:
    """Resident bytes of a process, what it shares with others counted by parts (Pss)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def daemon_rss(home: Home) -> int:
    """Resident bytes of the daemon, all agents included."""
    pid = home.daemon_pid
    return rss(pid) if pid else 0


def nodes_rss(home: Home, name: str) -> int:
    """Resident bytes of a devnet's nodes together."""
    services = home.json("status", name)["services"]
    return sum(rss(s["pid"]) for s in services if s["kind"] == "node" and s["pid"])
