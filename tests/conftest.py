"""What every test shares: an isolated home, and no silent skips where everything must run."""

import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest

_AT_THE_ENGINE = frozenset(
    {
        "test_agents_in_containers",
        "test_compose",
        "test_compose_recovery",
        "test_docker_engine_killed",
        "test_eject",
        "test_images",
    }
)
"""Modules that work at the machine's Docker engine: none beside another."""


def pytest_configure() -> None:
    """Whoever runs the tests in the background may have them ignore SIGINT, and what they start
    would inherit that: interrupting is one of the things that are tested."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # xdist looks at the marks last
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Which tests stay together, one after the other, where several processes share the tests
    (``-n 2 --dist loadgroup``)."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_company(item)))


def _company(item: pytest.Item) -> str:
    """Those of one module, of one engine, or of one devnet that a session shares."""
    if item.path.stem in _AT_THE_ENGINE or "conformance" in item.path.parts:
        return "engine"
    if "world" in getattr(item, "fixturenames", ()):
        return "world"
    return item.path.relative_to(item.config.rootpath).as_posix()


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
