"""`caldera export`: addresses and interfaces for other tools."""

from pathlib import Path
from typing import Annotated

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import segment
from caldera_cli.daemon import connect
from caldera_cli.errors import CliError
from caldera_cli.options import DevnetOption, JsonOption, find_devnet

app = new_app()


@app.command()
def export(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="addresses, abi, wagmi or foundry.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="DIR", help="Write files here; those there are replaced."
        ),
    ] = None,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write what other tools read.

    Addresses, ABIs, a wagmi/viem module, or what Foundry needs. Without --out
    everything goes to standard output, each file behind its name.
    """
    client = connect()
    name = find_devnet(client, devnet)
    view = client.get(f"/v1/devnets/{segment(name)}/export/{segment(kind)}")
    files = {str(file["name"]): str(file["content"]) for file in view["files"]}
    if out is not None:
        written = _write(out, files)
        _told(written, as_json=as_json)
    elif as_json:
        render.data(files)
    else:
        _print(files)


def _write(directory: Path, files: dict[str, str]) -> list[str]:
    written = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            path = directory / Path(name).name
            path.write_text(text, encoding="utf-8")
            written.append(str(path))
    except OSError as error:
        raise CliError(
            "The files can't be written",
            f"{error.filename or directory}: {error.strerror or error}",
            "name another directory with --out",
        ) from error
    return written


def _told(written: list[str], *, as_json: bool) -> None:
    if as_json:
        render.data({"files": written})
        return
    for path in written:
        render.out(path)


def _print(files: dict[str, str]) -> None:
    if len(files) == 1:
        render.out(next(iter(files.values())).rstrip("\n"))
        return
    for name, text in files.items():
        render.out(f"// {name}")
        render.out(text.rstrip("\n"))
