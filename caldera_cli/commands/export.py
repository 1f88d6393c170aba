"""`caldera export`: addresses and interfaces for other tools."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import segment
from caldera_cli.daemon import connect
from caldera_cli.errors import usage
from caldera_cli.options import DevnetOption, JsonOption, find_devnet

app = new_app()


class Kind(StrEnum):
    """What can be exported."""

    ADDRESSES = "addresses"
    ABI = "abi"
    WAGMI = "wagmi"
    FOUNDRY = "foundry"
    HYPERLANE_REGISTRY = "hyperlane-registry"
    COMPOSE = "compose"


_NOT_YET = frozenset({Kind.HYPERLANE_REGISTRY, Kind.COMPOSE})


@app.command()
def export(
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help="addresses, abi, wagmi or foundry.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Write files here.")
    ] = None,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write addresses, ABIs, a wagmi/viem module or a Foundry set-up of a devnet.

    Without --out everything goes to standard output, each file behind its name.
    """
    if kind in _NOT_YET:
        raise usage(f"`caldera export {kind}` is not available yet")
    from caldera_cli.exports import files_of

    client = connect()
    name = find_devnet(client, devnet)
    status = client.get(f"/v1/devnets/{segment(name)}")
    contracts = client.get(f"/v1/devnets/{segment(name)}/contracts", {"abi": True})
    files = files_of(kind.value, status, contracts)
    if out is not None:
        written = _write(out, files)
        _told(written, as_json=as_json)
    elif as_json:
        render.data(files)
    else:
        _print(files)


def _write(directory: Path, files: dict[str, str]) -> list[str]:
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in files.items():
        path = directory / name
        path.write_text(text, encoding="utf-8")
        written.append(str(path))
    return written


def _told(written: list[str], *, as_json: bool) -> None:
    if as_json:
        render.data({"files": written})
        return
    for path in written:
        render.out(path)


def _print(files: dict[str, Any]) -> None:
    if len(files) == 1:
        render.out(next(iter(files.values())).rstrip("\n"))
        return
    for name, text in files.items():
        render.out(f"// {name}")
        render.out(text.rstrip("\n"))
