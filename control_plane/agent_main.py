"""One agent in a process of its own: ``python -m control_plane.agent_main ROLE …``
(``caldera agent``)."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from control_plane.domain.errors import (
    CalderaError,
    Conflict,
    DeadlineExceeded,
    InvalidInput,
    MissingDependency,
    NotFound,
    most_telling,
)
from control_plane.schemas import paths
from control_plane.schemas.names import DEFAULT_DEVNET

if TYPE_CHECKING:
    from control_plane.alone import Wanted

ROLES: Final = (
    *("bootstrap", "sequencer", "indexer", "guardian", "aggregator", "relayer"),
    "validator",
)
_EXIT: Final = (
    (InvalidInput, 2),
    (NotFound, 3),
    (Conflict, 4),
    (DeadlineExceeded, 5),
    (MissingDependency, 6),
)
_END_DEADLINE: Final = 1.7
"""Seconds that the agent gets to end in good order."""

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the agent until SIGTERM; the exit code (see ``caldera --help``)."""
    try:
        given = _parse(arguments)
        _open_log(given.config)
        return _run(_wanted(given))
    except CalderaError as error:
        return _complain(error)


def _run(wanted: "Wanted") -> int:
    try:
        asyncio.run(_until_told(wanted))
    except (CalderaError, BaseExceptionGroup) as error:
        first = most_telling(error)
        if isinstance(first, CalderaError):
            return _complain(first)
        raise
    return 0


async def _until_told(wanted: "Wanted") -> None:
    from control_plane import alone

    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    work = asyncio.create_task(alone.run(wanted, stop), name=wanted.service)
    told = asyncio.create_task(stop.wait(), name="told to stop")
    await asyncio.wait({work, told}, return_when=asyncio.FIRST_COMPLETED)
    if not work.done():
        log.info("%s stops", wanted.service)
        if wanted.role == "bootstrap":
            work.cancel()
        await asyncio.wait({work}, timeout=_END_DEADLINE)
        if not work.done():
            log.warning("%s did not end in good order", wanted.service)
            logging.shutdown()
            os._exit(0)
    told.cancel()
    if not work.cancelled():
        work.result()


# ---------------------------------------------------------------------- what is asked for


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="caldera agent", description="One agent of a devnet, alone.", allow_abbrev=False
    )
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("--devnet")
    for name in ("config", "key-file", "token-file", "journal", "state", "health-file"):
        parser.add_argument(f"--{name}", type=Path)
    for name in ("chain", "listen", "serve-hub"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--index", type=int)
    parser.add_argument("--rpc", action="append", default=[], metavar="CHAIN=URL")
    _take_environment(parser, os.environ)
    given = parser.parse_args(arguments)
    if given.config is None:
        devnet = given.devnet or DEFAULT_DEVNET
        given.config = paths.home() / "devnets" / devnet / "agents" / "devnet.json"
    return given


def _take_environment(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    """``CALDERA_<OPTION>`` stands in for an option that is not given."""
    defaults: dict[str, Any] = {}
    for action in parser._actions:
        value = environ.get(f"CALDERA_{action.dest.upper()}", "").strip()
        if value and action.option_strings and action.dest not in {"help", "rpc"}:
            defaults[action.dest] = value  # a text is converted as if it had been given
    parser.set_defaults(**defaults)


def _wanted(given: argparse.Namespace) -> "Wanted":
    from control_plane.alone import Wanted

    values = {key: value for key, value in vars(given).items() if key not in {"devnet", "rpc"}}
    values["config"] = given.config.absolute()
    # a URL may hold a password, so it is no option: everybody may read those
    database_url = os.environ.get("CALDERA_DATABASE_URL") or None
    wanted = Wanted(**values, database_url=database_url, rpc=_urls(given.rpc))
    if wanted.role == "sequencer" and not wanted.chain:
        raise InvalidInput("Which chain?", "", "Name it: --chain l1")
    if wanted.role in {"guardian", "validator"} and wanted.index is None:
        raise InvalidInput(f"Which {wanted.role}?", "", "Name it: --index 0")
    return wanted


def _urls(pairs: Sequence[str]) -> dict[str, str]:
    split = [pair.partition("=") for pair in pairs]
    if any(not (name and url) for name, _, url in split):
        raise InvalidInput("--rpc is CHAIN=URL", "", "For example --rpc l1=ws://127.0.0.1:8545")
    return {name: url for name, _, url in split}


# ---------------------------------------------------------------------- what is said


def _open_log(config: Path) -> None:
    """To stderr, and for a devnet of a home also to the agent's own file there."""
    from control_plane.daemon_files import UtcFormatter
    from control_plane.services.agent_log import AgentLogHandler

    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    devnet = config.parent.parent
    if devnet.parent.name == "devnets":
        handlers.append(AgentLogHandler(devnet.parent.parent))
    root = logging.getLogger()
    for handler in handlers:
        handler.setFormatter(UtcFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
    root.setLevel((os.environ.get("CALDERA_LOG_LEVEL") or "INFO").upper())
    for noisy in ("websockets", "aiosqlite", "asyncio", "sqlalchemy", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _complain(error: CalderaError) -> int:
    sys.stderr.write((f"{error}\n{error.hint}" if error.hint else str(error)) + "\n")
    return next((code for kind, code in _EXIT if isinstance(error, kind)), 1)


if __name__ == "__main__":
    sys.exit(main())
