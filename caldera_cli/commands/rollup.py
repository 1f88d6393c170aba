"""`caldera rollup`: rollups of a running devnet."""

from typing import Annotated, Any

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import segment
from caldera_cli.commands import rollup_settlement, rollup_switching
from caldera_cli.daemon import connect
from caldera_cli.options import DevnetOption, JsonOption, complete_chains, find_devnet
from caldera_cli.starting import Progress, wait_settled

_DEADLINE = 120.0
_JOIN_DEADLINE = 300.0
_COLUMNS = ("name", "framework", "chain_id", "domain", "rpc_url", "state")

app = new_app("List, add, join, switch, set and remove rollups.")


@app.command("ls")
def _ls(devnet: DevnetOption = None, as_json: JsonOption = False) -> None:
    """List a devnet's rollups."""
    client = connect()
    name = find_devnet(client, devnet)
    rollups = client.get(f"/v1/devnets/{segment(name)}/rollups")
    if as_json:
        render.data(rollups)
        return
    from caldera_cli.views import with_coins, with_shards, with_switches

    headings = ("name", "framework", "chain id", "domain", "rpc", "state")
    named = [each | {"framework": each["framework"] or each["engine"]} for each in rollups]
    rows = [[each[key] for key in _COLUMNS] for each in named]
    coined = with_coins(headings, rows, rollups, 2)
    render.table(*with_switches(*with_shards(*coined, rollups, 2), rollups))


@app.command("add")
def _add(
    rollup: Annotated[str, typer.Argument(metavar="NAME", help="Name of the new rollup.")],
    framework: Annotated[
        str,
        typer.Option(
            "--framework", metavar="NAME", help="op-stack, arbitrum-nitro, zk-stack or polygon-cdk."
        ),
    ] = "op-stack",
    engine: Annotated[
        str, typer.Option("--engine", metavar="NAME", help="anvil or op-geth.")
    ] = "anvil",
    block_time: Annotated[
        float, typer.Option("--block-time", metavar="SECONDS", help="0: as transactions wait.")
    ] = 0.0,
    chain_id: Annotated[
        int | None, typer.Option("--chain-id", metavar="ID", help="EIP-155 chain id.")
    ] = None,
    domain: Annotated[
        int | None, typer.Option("--domain", metavar="ID", help="Domain in messages.")
    ] = None,
    shard: Annotated[
        str | None, typer.Option("--shard", metavar="NAME", help="Its group in epochs.")
    ] = None,
    da: Annotated[
        str | None, typer.Option("--da", metavar="NAME", help="Where its blocks are posted.")
    ] = None,
    proof: Annotated[
        str | None, typer.Option("--proof", metavar="NAME", help="fraud or validity; with --da.")
    ] = None,
    gas_token: Annotated[
        str | None,
        typer.Option(
            "--gas-token", metavar="SYMBOL", help="ETH, ERA, USDC or a token of the spec; settles."
        ),
    ] = None,
    port: Annotated[
        int | None,
        # CALDERA_PORT is the daemon's
        typer.Option("--port", metavar="PORT", envvar="CALDERA_ROLLUP_PORT", help="JSON-RPC port."),
    ] = None,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a rollup to a running devnet; returns when it takes part in the Metalayer."""
    client = connect()
    name = find_devnet(client, devnet)
    spec: dict[str, Any] = {"name": rollup, "framework": framework}
    spec |= {"engine": engine, "block_time": block_time}
    named = {"chain_id": chain_id, "domain": domain, "port": port, "shard": shard}
    named |= {"da": da, "proof": proof, "gas_token": gas_token and gas_token.upper()}
    spec |= {key: value for key, value in named.items() if value is not None}
    path = f"/v1/devnets/{segment(name)}/rollups"
    client.post(path, {"rollup": spec, "wait": True}, timeout=_DEADLINE)
    wait_settled(client, name, _DEADLINE, Progress(shown=not as_json))
    added = client.get(f"{path}/{segment(rollup)}")
    if as_json:
        render.data(added)
    else:
        render.say(f"{rollup} runs: chain {added['chain_id']} at {added['rpc_url']}")


@app.command("join")
def _join(
    rollup: Annotated[str, typer.Argument(metavar="NAME", help="What to call it here.")],
    rpc: Annotated[
        str,
        typer.Option(
            "--rpc", metavar="URL", envvar="CALDERA_RPC", help="Its JSON-RPC, http://HOST:PORT."
        ),
    ],
    ws: Annotated[
        str | None,
        typer.Option("--ws", metavar="URL", help="Its WebSocket, where it is elsewhere."),
    ] = None,
    key_file: Annotated[
        str | None,
        typer.Option(
            "--key-file",
            metavar="FILE",
            help="Key of who pays; -: from standard input. Or CALDERA_JOIN_KEY, the key itself.",
        ),
    ] = None,
    fund: Annotated[
        float,
        typer.Option("--fund", metavar="COINS", help="For the relayer; others get a tenth."),
    ] = 100.0,
    chain_id: Annotated[
        int | None, typer.Option("--chain-id", metavar="ID", help="Refuse another chain.")
    ] = None,
    domain: Annotated[
        int | None, typer.Option("--domain", metavar="ID", help="Domain in messages.")
    ] = None,
    shard: Annotated[
        str | None, typer.Option("--shard", metavar="NAME", help="Its group in epochs.")
    ] = None,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a chain that somebody else started join a devnet; its node is left as it is."""
    client = connect()
    name = find_devnet(client, devnet)
    named = {
        "ws": ws,
        "chain_id": chain_id,
        "domain": domain,
        "shard": shard,
        "key": _key(key_file),
    }
    body = {"rpc": rpc, "fund": fund, "wait": True}
    body |= {key: value for key, value in named.items() if value is not None}
    path = f"/v1/devnets/{segment(name)}/rollups/{segment(rollup)}"
    joined = client.post(f"{path}/join", body, timeout=_JOIN_DEADLINE)
    if as_json:
        render.data(joined)
        return
    kind = "an unlocked account of that node" if joined["unlocked"] else "whose key was given"
    render.say(f"{len(joined['deployed'])} contracts, paid by {joined['payer']}, {kind}")
    render.say(f"{rollup} takes part: chain {joined['rollup']['chain_id']} at {rpc}")


def _key(path: str | None) -> str | None:
    """The payer's key: never an argument, which other users of the machine could read."""
    import os
    import sys
    from pathlib import Path

    from caldera_cli.errors import USAGE, CliError

    if path is None:
        return os.environ.get("CALDERA_JOIN_KEY")
    if path == "-":
        return sys.stdin.readline().strip()
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CliError("The key can't be read", f"{path}: {error}", code=USAGE) from error


@app.command("rm")
def _rm(
    rollup: Annotated[
        str,
        typer.Argument(metavar="NAME", help="The rollup.", autocompletion=complete_chains),
    ],
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a rollup and its chain from a running devnet."""
    client = connect()
    name = find_devnet(client, devnet)
    path = f"/v1/devnets/{segment(name)}/rollups/{segment(rollup)}"
    client.delete(path, {"wait": True}, timeout=_DEADLINE)
    status = wait_settled(client, name, _DEADLINE, Progress(shown=not as_json))
    if as_json:
        render.data(status)
    else:
        render.say(f"{rollup} is gone from {name}.")


for part in (rollup_settlement.app, rollup_switching.app):
    app.registered_commands += part.registered_commands
