"""`caldera chaos`."""

from typing import Annotated, Any

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import segment
from caldera_cli.daemon import connect
from caldera_cli.errors import usage
from caldera_cli.options import (
    DevnetOption,
    JsonOption,
    complete_fault_kinds,
    complete_faults,
    reach_devnet,
)

app = new_app("Break things on purpose, and mend them.")


@app.command("kinds")
def _kinds(as_json: JsonOption = False) -> None:
    """List what can be broken."""
    kinds = connect().get("/v1/chaos")
    if as_json:
        render.data(kinds)
        return
    render.table(
        ("kind", "target", "parameters", "what"),
        [
            (
                kind["kind"],
                kind.get("target"),
                " ".join(f"{p['name']}={p['default']}" for p in kind["parameters"]),
                kind["description"],
            )
            for kind in kinds
        ],
    )


@app.command("ls")
def _ls(
    over: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List faults."""
    client, path = reach_devnet(devnet)
    faults = client.get(f"{path}/chaos", {"over": str(over).lower()})
    if as_json:
        render.data(faults)
        return
    render.table(
        ("id", "kind", "target", "parameters", "state", "since", "outcome"),
        [
            (
                fault["id"],
                fault["kind"],
                fault.get("target"),
                _parameters(fault),
                fault["state"],
                fault["since"],
                fault.get("outcome"),
            )
            for fault in faults
        ],
    )


@app.command("start")
def _start(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND", help="As `kinds` lists them.", autocompletion=complete_fault_kinds
        ),
    ],
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TARGET] [NAME=VALUE]...", help="A guardian or a chain; parameters."
        ),
    ] = None,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Break something: `start guardian-late guardian-2 ms=500`."""
    client, path = reach_devnet(devnet)
    body = {"kind": kind, **_read(words or [])}
    fault = client.post(f"{path}/chaos", body, timeout=60.0)
    if as_json:
        render.data(fault)
        return
    told = fault.get("outcome") or f"`caldera chaos heal {fault['id']}` ends it"
    render.out(f"{fault['id']}: {_what(fault)}, {told}")


@app.command("heal")
def _heal(
    fault: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="As `ls` lists it.", autocompletion=complete_faults),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are active.")] = False,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Mend what was broken."""
    if (fault is None) is not every:
        raise usage("which fault?", hint="name its id, or `--all`; `caldera chaos ls` lists them")
    client, base = reach_devnet(devnet)
    path = f"{base}/chaos" + (f"/{segment(fault)}" if fault else "")
    answer = client.delete(path)
    healed: list[dict[str, Any]] = answer if isinstance(answer, list) else [answer]
    if as_json:
        render.data(healed)
        return
    for each in healed:
        render.out(f"{each['id']}: {_what(each)} is over")
    if not healed:
        render.say("nothing is broken on purpose")


def _read(words: list[str]) -> dict[str, Any]:
    """Target and parameters, in any order."""
    targets = [word for word in words if "=" not in word]
    if len(targets) > 1:
        raise usage(
            f"'{targets[1]}' is one target too many", hint="parameters are NAME=VALUE: ms=500"
        )
    given = dict(word.split("=", 1) for word in words if "=" in word)
    return {"target": targets[0] if targets else None, "parameters": given}


def _what(fault: dict[str, Any]) -> str:
    parts = (fault["kind"], fault.get("target"), _parameters(fault))
    return " ".join(part for part in parts if part)


def _parameters(fault: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in fault["parameters"].items())
