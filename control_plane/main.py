"""The daemon: ``python -m control_plane.main``.

The order is what makes it quick: lock, listen, tell where, and only then import. Who connects
meanwhile waits in the kernel's queue; `/health` is answered as soon as uvicorn is there, all
else when FastAPI, database and control plane are.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import control_plane.quick_dataclasses  # noqa: F401 - before there are any
from control_plane import daemon_files, listeners, settings
from control_plane.domain.errors import (
    CalderaError,
    Conflict,
    DeadlineExceeded,
    InvalidInput,
    MissingDependency,
    NotFound,
)
from control_plane.schemas import paths

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from control_plane.daemon import Build

_EXIT: Final = (
    (InvalidInput, 2),
    (NotFound, 3),
    (Conflict, 4),
    (DeadlineExceeded, 5),
    (MissingDependency, 6),
)
_LOCK_PATIENCE: Final = 10.0
"""Seconds that a daemon which is ending gets to let go of the home directory."""


def main(arguments: Sequence[str] | None = None, build: "Build | None" = None) -> int:
    """Run the daemon until it is told to stop; the exit code (see ``caldera --help``).

    `build` makes the control plane; by default ``bootstrap.build``.
    """
    given = _parse(arguments)
    try:
        chosen = settings.load(os.environ, home=given.home, host=given.host, port=given.port)
        if given.detached:
            return _detached(chosen, build)
        return _run(chosen, build, tell=_say)
    except CalderaError as error:
        return _complain(error)


def _parse(arguments: Sequence[str] | None) -> "argparse.Namespace":
    import argparse

    parser = argparse.ArgumentParser(
        prog="caldera serve",
        description="The control plane of Caldera devnets.",
        allow_abbrev=False,
    )
    parser.add_argument("--home", help="directory of all state (CALDERA_HOME, ~/.caldera)")
    parser.add_argument("--host", help="loopback address to listen on (CALDERA_HOST, 127.0.0.1)")
    parser.add_argument("--port", type=int, help="TCP port, 0 for any (CALDERA_PORT, 8420)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--foreground", action="store_true", help="stay here (the default)")
    where.add_argument(
        "--detached", action="store_true", help="return when it listens; it goes on by itself"
    )
    return parser.parse_args(arguments)


def _run(chosen: settings.Settings, build: "Build | None", tell: "Callable[[str], None]") -> int:
    """Lock, listen, tell, serve."""
    os.environ[paths.HOME_VARIABLE] = os.fspath(chosen.home)
    daemon_files.make_home(chosen.home)
    lock = daemon_files.DaemonLock(chosen.home)
    lock.acquire(patience=_LOCK_PATIENCE)
    try:
        daemon_files.open_log(chosen.home, chosen.log_level)
        with listeners.listening(chosen) as (unix, tcp):
            here = _here(chosen.home, tcp.getsockname()[1])
            daemon_files.write_info(chosen.home, here)
            tell(_where(chosen, here))
            from control_plane.daemon import serve

            return serve(chosen, here, unix, tcp, build)
    finally:
        daemon_files.remove_info(chosen.home)
        lock.release()


def _here(home: Path, port: int) -> daemon_files.Listening:
    from control_plane.version import version

    return daemon_files.Listening(
        pid=os.getpid(),
        version=version(),
        home=os.fspath(home),
        socket=os.fspath(paths.socket_path(home)),
        port=port,
        started_at=daemon_files.now_utc(),
    )


def _where(chosen: settings.Settings, here: daemon_files.Listening) -> str:
    host = f"[{chosen.host}]" if ":" in chosen.host else chosen.host
    lines = [f"Caldera {here.version} listens on http://{host}:{here.port} and {here.socket}"]
    if chosen.port not in {0, here.port}:
        lines.append(f"Port {chosen.port} is taken, so it is {here.port}.")
    lines.append(f"Log: {paths.log_path(chosen.home)}")
    return "\n".join(lines)


def _detached(chosen: settings.Settings, build: "Build | None") -> int:
    """Run in a process of its own; return when that listens, or has failed.

    Forked before any thread or event loop exists. What the child has to say until then, the
    parent says.
    """
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(reading)
        os._exit(_child(replace(chosen, transient=True), build, writing))
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        code, _, text = pipe.read().partition(" ")
    stream = sys.stdout if code == "0" else sys.stderr
    stream.write(text + "\n" if text else "The daemon ended before it listened.\n")
    return int(code) if code else 1


def _child(chosen: settings.Settings, build: "Build | None", writing: int) -> int:
    """The daemon's own process: its exit code. `writing` takes "CODE TEXT" for the parent."""
    os.setsid()
    told = False

    def tell(text: str, code: int = 0) -> None:
        nonlocal told
        if not told:
            told = True
            os.write(writing, f"{code} {text}".encode())
            os.close(writing)

    def tell_and_leave(text: str) -> None:
        _redirect(paths.log_path(chosen.home))
        tell(text)

    try:
        return _run(chosen, build, tell_and_leave)
    except CalderaError as error:
        tell(_text(error), _code(error))
        return _code(error)
    except BaseException as error:
        import logging

        logging.getLogger(__name__).exception("the daemon ended")
        tell(f"{type(error).__name__}: {error}", 1)
        return 1


def _redirect(path: Path) -> None:
    """Let go of the terminal: nothing comes in, what is printed goes to the log."""
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream, target in ((0, nothing), (1, log), (2, log)):
        os.dup2(target, stream)
    os.close(log)
    os.close(nothing)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _text(error: CalderaError) -> str:
    return f"{error}\n{error.hint}" if error.hint else str(error)


def _code(error: CalderaError) -> int:
    return next((code for kind, code in _EXIT if isinstance(error, kind)), 1)


def _complain(error: CalderaError) -> int:
    sys.stderr.write(_text(error) + "\n")
    return _code(error)


if __name__ == "__main__":
    sys.exit(main())
