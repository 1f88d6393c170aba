"""`caldera export`: addresses and interfaces for other tools."""

from pathlib import Path, PurePosixPath
from typing import Annotated

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import segment
from caldera_cli.errors import CliError, usage
from caldera_cli.options import (
    DevnetOption,
    JsonOption,
    complete_templates,
    reach_devnet,
)

KindArgument = Annotated[
    str,
    typer.Argument(
        metavar="KIND", help="addresses, abi, wagmi, foundry, hyperlane-registry or compose."
    ),
]
SpecArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[TEMPLATE|FILE]",
        help="compose only: the spec; else --devnet's, ./caldera.yaml, or the default.",
        autocompletion=complete_templates,
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="DIR", help="Write files here; those there are replaced."),
]
SwarmOption = Annotated[
    bool, typer.Option("--swarm", help="compose only: for `docker stack deploy`.")
]
OverridesOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="compose only: change the spec."),
]
FreePortsOption = Annotated[
    bool, typer.Option("--free-ports", help="compose only: any ports that are free here.")
]

app = new_app()


@app.command()
def export(
    kind: KindArgument,
    source: SpecArgument = None,
    out: OutOption = None,
    swarm: SwarmOption = False,
    overrides: OverridesOption = None,
    free_ports: FreePortsOption = False,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write what other tools read.

    Addresses, ABIs, a wagmi/viem module, or what Foundry needs. Without --out
    everything goes to standard output, each file behind its name.

    `export hyperlane-registry --out DIR` is what Hyperlane's CLI takes as
    `--registry DIR`. The devnet needs validators: `up --set metalayer.validators=3`.

    `export compose --out DIR` writes a stack that `docker compose up` runs where
    Caldera is not installed: chains, contracts, guardians, relayer, with keys of
    its own. It needs no daemon, and DIR must be empty.
    """
    if kind == "compose":
        _stack(source, devnet, out, overrides or [], free_ports, swarm, as_json=as_json)
        return
    for given, what in ((source, "a spec"), (overrides, "--set"), (swarm, "--swarm")):
        if given:
            raise usage(f"'export {kind}' takes no {what.removeprefix('a ')}", "compose does")
    client, path = reach_devnet(devnet)
    view = client.get(f"{path}/export/{segment(kind)}")
    files = {str(file["name"]): str(file["content"]) for file in view["files"]}
    if out is not None:
        _told(_write(out, files), as_json=as_json)
        if kind == "hyperlane-registry" and not as_json:
            _told_of_registry(out)
    elif as_json:
        render.data(files)
    else:
        _print(files)


def _stack(
    source: str | None,
    devnet: str | None,
    out: Path | None,
    overrides: list[str],
    free_ports: bool,
    swarm: bool,
    *,
    as_json: bool,
) -> None:
    from caldera_cli.engines import STACKS, ask
    from caldera_cli.source import spec_request

    if out is None:
        raise usage("Where to?", "a stack is a directory", "name it: --out DIR")
    if devnet is not None and source is None:
        client, path = reach_devnet(devnet)
        spec = client.get(f"{path}/plan")["spec"]
        create = {"spec": spec, "set": overrides}
    else:
        create = spec_request(source, overrides=overrides, name=devnet, rollups=None, runtime=None)
    create["free_ports"] = free_ports
    request = {"create": create, "out": str(out), "swarm": swarm}
    made = ask("export", program=STACKS, given=request)
    if as_json:
        render.data(made)
        return
    for note in made["notes"]:
        render.say(note)
    render.out(str(out / "compose.yaml"))
    command = f"docker stack deploy -c {out}/compose.yaml {made['name']}"
    render.say(f"Try: {command if swarm else f'docker compose -f {out}/compose.yaml up --wait'}")


def _write(directory: Path, files: dict[str, str]) -> list[str]:
    written = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            path = _below(directory, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(str(path))
    except OSError as error:
        raise CliError(
            "The files can't be written",
            f"{error.filename or directory}: {error.strerror or error}",
            "name another directory with --out",
        ) from error
    return written


def _below(directory: Path, name: str) -> Path:
    """Where a file of that name goes: never outside."""
    parts = [part for part in PurePosixPath(name).parts if part not in {"/", ".."}]
    return directory.joinpath(*parts)


def _told_of_registry(out: Path) -> None:
    render.say(
        f"Try: set -a; . {out}/hyperlane.env; set +a\n"
        f"     hyperlane send message --registry {out} --origin l1 --destination op"
        " --key 0x… --relay"
    )


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
