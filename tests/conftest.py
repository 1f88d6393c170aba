"""What every test shares: an isolated home, and no silent skips where everything must run."""

import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest


def pytest_configure() -> None:
    """Whoever runs the tests in the background may have them ignore SIGINT, and what they start
    would inherit that: interrupting is one of the things that are tested."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, "pytest.TestReport", None]:
    """In CI (`CALDERA_CI=1`) a skipped test is a failed one: what it needs must be installed."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CALDERA_CI") == "1" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be: {report.longrepr}"


@pytest.fixture(autouse=True)
def isolated_home(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """An empty `CALDERA_HOME` for every test, and no setting leaking in from the shell."""
    for name in [
        n
        for n in os.environ
        if n.startswith("CALDERA_") and n not in {"CALDERA_CI", "CALDERA_CACHE"}
    ]:
        monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("CALDERA_HOME", str(home))
    return home
