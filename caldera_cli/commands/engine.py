"""`caldera engine`: the programs that run as nodes and services. Needs no daemon."""

from typing import Annotated, Any, Final

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.options import JsonOption

app = new_app("List node programs, or install them.")

NAMES: Final = (
    *("anvil", "op-geth", "op-stack"),
    *("op-node", "op-batcher", "op-proposer", "op-challenger", "da-server"),
)


def _complete(incomplete: str) -> list[str]:
    return [name for name in NAMES if name.startswith(incomplete)]


@app.command("ls")
def _ls(as_json: JsonOption = False) -> None:
    """List node programs: which one is taken, and why.

    Looked for in this order: the one that the environment names (ANVIL_BIN,
    OP_GETH_BIN, OP_NODE_BIN …), PATH in a version known to work, the cache; else
    the pinned version is brought when it is first used. A spec may name another
    (engines.op-geth.path).
    """
    from caldera_cli.engines import ask

    found = ask("ls", "anvil", "op-geth", "op-stack")["programs"]
    if as_json:
        render.data(found)
        return
    _table(found)
    hints = {each["hint"]: each for each in reversed(found) if each["state"] == "missing"}
    for hint, first in hints.items():  # one reason is often everybody's
        render.say(f"{first['name']}: {first['why']}\n  hint: {hint}")


@app.command("install")
def _install(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="anvil, op-geth, or op-stack for the OP Stack's own services: op-node,"
            " op-batcher, op-proposer, op-challenger, da-server.",
            autocompletion=_complete,
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Bring node programs into the cache.

    Anvil comes from its registry package, the others are built from their Go
    modules: minutes the first time, and Go must be there. What is here already is
    left as it is. Ends with 6 when Go is missing.
    """
    from caldera_cli.engines import ask

    found = ask("install", *names)
    if as_json:
        render.data(found)
    else:
        _table(found)


@app.command("compose")
def _compose(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="nitro, anvil-zksync or cdk-erigon."),
    ],
    as_json: JsonOption = False,
) -> None:
    """Print the Compose file of a framework's own node.

    It runs by itself, with `docker compose`, where its image can be had. No devnet
    runs on it: what it lacks for that is told too.
    """
    from caldera_cli.engines import ask

    found = ask("compose", name)
    if as_json:
        render.data(found)
        return
    render.out(found["text"].rstrip())
    render.say(f"{name} is no part of a devnet. It lacks:")
    for lack in found["lacks"]:
        render.say(f"  - {lack}")


def _table(found: list[dict[str, Any]]) -> None:
    render.table(
        ("program", "state", "version", "source", "path"),
        [
            (each["name"], each["state"], each["version"], each["source"], each["path"])
            for each in found
        ],
        shorten="path",
    )
