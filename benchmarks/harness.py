"""What all measurements share: a CLI in a home of its own, figures, and their table."""

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

CALDERA = (str(Path(sys.executable).with_name("caldera")),)
"""The installed command beside the interpreter that runs the benchmark."""


@dataclass(frozen=True)
class Figure:
    """One measured value.

    `baseline` is what the machine does without us, measured in the same run; `target` is the
    figure that the project set itself on its reference machine (2 cores), `limit` what CI
    enforces as a ratio to the baseline: at most, or at least where higher is better.
    """

    name: str
    value: float
    unit: str
    baseline: float | None = None
    baseline_name: str = ""
    target: float | None = None
    better: str = "lower"
    limit: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Value over baseline."""
        return self.value / self.baseline if self.baseline else None

    @property
    def meets_target(self) -> bool | None:
        """Whether the target is reached; None without one."""
        if self.target is None:
            return None
        return self.value <= self.target if self.better == "lower" else self.value >= self.target

    @property
    def within_limit(self) -> bool:
        """Whether CI may go on."""
        if self.limit is None or self.ratio is None:
            return True
        return self.ratio <= self.limit if self.better == "lower" else self.ratio >= self.limit

    def as_json(self) -> dict[str, Any]:
        """For results.json."""
        return asdict(self) | {"ratio": self.ratio, "meets_target": self.meets_target}


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest-rank percentile, `share` in 0 … 1."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


def median(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


class Home:
    """An isolated `CALDERA_HOME` and the CLI in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("CALDERA_")
        } | {"CALDERA_HOME": str(directory), "NO_COLOR": "1"}
        if cache := os.environ.get("CALDERA_CACHE"):
            self.environment["CALDERA_CACHE"] = cache

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the CLI to its end."""
        done = subprocess.run(
            [*CALDERA, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if check and done.returncode != 0:
            raise RuntimeError(
                f"caldera {' '.join(arguments)}: exit {done.returncode}\n{done.stderr}"
            )
        return done

    def json(self, *arguments: str) -> Any:
        """Run the CLI with --json and read its answer."""
        return json.loads(self.run(*arguments, "--json").stdout)

    def timed(self, *arguments: str) -> float:
        """Seconds that a command takes as a whole process."""
        began = time.perf_counter()
        self.run(*arguments)
        return time.perf_counter() - began

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start the CLI and do not wait."""
        return subprocess.Popen(
            [*CALDERA, *arguments],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @contextmanager
    def serving(self) -> Iterator[None]:
        """A daemon that stays when its last devnet goes, ready before anything is timed."""
        process = self.start("serve")
        deadline = time.monotonic() + 30
        while self.daemon_pid != process.pid:
            if time.monotonic() > deadline:
                raise RuntimeError("the daemon does not start")
            time.sleep(0.01)
        try:
            self.run("ls")  # answered when all is loaded
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)

    @property
    def daemon_pid(self) -> int | None:
        """The daemon's process id, None when none runs."""
        try:
            info = json.loads((self.directory / "daemon.json").read_text())
        except (OSError, ValueError):
            return None
        return int(info["pid"])

    def stop_daemon(self) -> None:
        """End the daemon and wait until it is gone."""
        pid = self.daemon_pid
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and Path(f"/proc/{pid}").exists():
            time.sleep(0.005)


@contextmanager
def new_home() -> Iterator[Home]:
    """A home in a temporary directory; all of it is gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="caldera-bench-"))
    home = Home(directory)
    try:
        yield home
    finally:
        home.run("down", "--all", "-y", check=False)
        home.stop_daemon()
        shutil.rmtree(directory, ignore_errors=True)


def table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table."""
    rows = ["| figure | value | baseline | ratio | target | reached |", "|---|---|---|---|---|---|"]
    for figure in figures:
        ratio = f"{figure.ratio:.2f}" if figure.ratio else "–"
        baseline = (
            f"{_number(figure.baseline)} ({figure.baseline_name})" if figure.baseline else "–"
        )
        sign = "≤" if figure.better == "lower" else "≥"
        target = "–" if figure.target is None else f"{sign} {_number(figure.target)}"
        reached = {None: "–", True: "yes", False: "**no**"}[figure.meets_target]
        value = f"{_number(figure.value)} {figure.unit}"
        rows.append(f"| {figure.name} | {value} | {baseline} | {ratio} | {target} | {reached} |")
    return "\n".join(rows)


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.0f}"
