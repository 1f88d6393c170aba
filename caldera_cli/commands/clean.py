"""`caldera clean`: remove everything below the home directory. Needs no daemon."""

import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.daemon import connect_if_running, read_info
from caldera_cli.daemon import stop as stop_daemon
from caldera_cli.errors import CONFLICT, CliError, usage
from caldera_cli.options import JsonOption
from control_plane.schemas import paths

app = new_app()


@app.command()
def clean(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove all that is left over.

    Ends the daemon, left-over nodes and their gate, containers as well;
    removes records, logs and sockets of the home directory, and nothing else
    in it. Refused while devnets exist that a daemon looks after: take them
    down first.
    """
    home = paths.home()
    client = connect_if_running()
    if client is not None:
        names = [devnet["name"] for devnet in client.get("/v1/devnets")]
        if names:
            raise CliError(
                "There are devnets", ", ".join(names), "`caldera down --all` first", CONFLICT
            )
    entries = _entries(home)
    from caldera_cli.containers import find_projects, remove_projects
    from caldera_cli.strays import find_strays

    strays, projects = find_strays(home), find_projects(home)
    if not yes and (entries or strays):
        _ask(f"Remove {len(entries)} entries of {home}, end {len(strays)} processes?")
    _end(home, strays, daemon=client is not None)
    remove_projects(projects)
    for path in entries:
        _remove(path)
    _remove_if_empty(home)
    if as_json:
        render.data({"removed": [str(path) for path in entries], "ended": strays})
    else:
        render.say(f"Removed {len(entries)} entries of {home}, ended {len(strays)} processes.")


def _ask(question: str) -> None:
    if not sys.stdin.isatty():
        raise usage("This removes everything", hint="say --yes if that is meant")
    typer.confirm(question, abort=True, err=True)


def _entries(home: Path) -> list[Path]:
    """All that is ours: in the home, and sockets elsewhere when its name is too long for them."""
    found = sorted(home.iterdir()) if home.is_dir() else []
    found = [path for path in found if path.name.startswith(paths.KNOWN)]
    elsewhere = (paths.socket_path(home), paths.gate_directory(home))
    found += [path for path in elsewhere if home not in (path, path.parent) and path.exists()]
    return found


def _remove_if_empty(home: Path) -> None:
    with suppress(OSError):
        home.rmdir()


def _end(home: Path, strays: list[int], *, daemon: bool) -> None:
    from caldera_cli.strays import end_all

    pid = int(read_info(home).get("pid", 0))
    if daemon and pid > 0:
        stop_daemon(pid)
    end_all(strays)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
