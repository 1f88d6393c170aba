"""`caldera rollup add|join|rm`: a rollup comes to a running devnet, or goes."""

from typing import Annotated, Any

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.client import segment
from caldera_cli.daemon import connect
from caldera_cli.options import (
    DevnetOption,
    JsonOption,
    RollupArgument,
    find_devnet,
    reach_devnet,
)
from caldera_cli.starting import Progress, wait_settled

_DEADLINE = 120.0
_JOIN_DEADLINE = 300.0

NewNameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the new rollup.")]
FrameworkOption = Annotated[
    str,
    typer.Option(
        "--framework", metavar="NAME", help="op-stack, arbitrum-nitro, zk-stack or polygon-cdk."
    ),
]
EngineOption = Annotated[str, typer.Option("--engine", metavar="NAME", help="anvil or op-geth.")]
BlockTimeOption = Annotated[
    float, typer.Option("--block-time", metavar="SECONDS", help="0: as transactions wait.")
]
ChainIdOption = Annotated[
    int | None, typer.Option("--chain-id", metavar="ID", help="EIP-155 chain id.")
]
DomainOption = Annotated[
    int | None, typer.Option("--domain", metavar="ID", help="Domain in messages.")
]
ShardOption = Annotated[
    str | None, typer.Option("--shard", metavar="NAME", help="Its group in epochs.")
]
DaOption = Annotated[
    str | None, typer.Option("--da", metavar="NAME", help="Where its blocks are posted.")
]
ProofOption = Annotated[
    str | None, typer.Option("--proof", metavar="NAME", help="fraud or validity; with --da.")
]
GasTokenOption = Annotated[
    str | None,
    typer.Option(
        "--gas-token", metavar="SYMBOL", help="ETH, ERA, USDC or a token of the spec; settles."
    ),
]
PortOption = Annotated[
    int | None,
    # CALDERA_PORT is the daemon's
    typer.Option("--port", metavar="PORT", envvar="CALDERA_ROLLUP_PORT", help="JSON-RPC port."),
]

JoinedNameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What to call it here.")]
RpcOption = Annotated[
    str,
    typer.Option(
        "--rpc", metavar="URL", envvar="CALDERA_RPC", help="Its JSON-RPC, http://HOST:PORT."
    ),
]
WsOption = Annotated[
    str | None, typer.Option("--ws", metavar="URL", help="Its WebSocket, where it is elsewhere.")
]
KeyFileOption = Annotated[
    str | None,
    typer.Option(
        "--key-file",
        metavar="FILE",
        help="Key of who pays; -: from standard input. Or CALDERA_JOIN_KEY, the key itself.",
    ),
]
FundOption = Annotated[
    float, typer.Option("--fund", metavar="COINS", help="For the relayer; others get a tenth.")
]
ExpectedIdOption = Annotated[
    int | None, typer.Option("--chain-id", metavar="ID", help="Refuse another chain.")
]

app = new_app("Add, join and remove rollups.")


@app.command("add")
def _add(
    rollup: NewNameArgument,
    framework: FrameworkOption = "op-stack",
    engine: EngineOption = "anvil",
    block_time: BlockTimeOption = 0.0,
    chain_id: ChainIdOption = None,
    domain: DomainOption = None,
    shard: ShardOption = None,
    da: DaOption = None,
    proof: ProofOption = None,
    gas_token: GasTokenOption = None,
    port: PortOption = None,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a rollup to a running devnet; returns when it takes part in the Metalayer."""
    spec: dict[str, Any] = {"name": rollup, "framework": framework}
    spec |= {"engine": engine, "block_time": block_time}
    named = {"chain_id": chain_id, "domain": domain, "port": port, "shard": shard}
    named |= {"da": da, "proof": proof, "gas_token": gas_token and gas_token.upper()}
    added = _added(spec | _given(named), devnet, Progress(shown=not as_json))
    if as_json:
        render.data(added)
    else:
        render.say(f"{rollup} runs: chain {added['chain_id']} at {added['rpc_url']}")


def _added(spec: dict[str, Any], devnet: str | None, progress: Progress) -> Any:
    """The rollup of that spec, once the devnet with it is ready."""
    client = connect()
    name = find_devnet(client, devnet)
    path = f"/v1/devnets/{segment(name)}/rollups"
    client.post(path, {"rollup": spec, "wait": True}, timeout=_DEADLINE)
    wait_settled(client, name, _DEADLINE, progress)
    return client.get(f"{path}/{segment(spec['name'])}")


@app.command("join")
def _join(
    rollup: JoinedNameArgument,
    rpc: RpcOption,
    ws: WsOption = None,
    key_file: KeyFileOption = None,
    fund: FundOption = 100.0,
    chain_id: ExpectedIdOption = None,
    domain: DomainOption = None,
    shard: ShardOption = None,
    devnet: DevnetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a chain that somebody else started join a devnet; its node is left as it is."""
    client, base = reach_devnet(devnet)
    named = {"ws": ws, "chain_id": chain_id, "domain": domain, "shard": shard}
    named["key"] = _key(key_file)
    body = {"rpc": rpc, "fund": fund, "wait": True} | _given(named)
    path = f"{base}/rollups/{segment(rollup)}/join"
    joined = client.post(path, body, timeout=_JOIN_DEADLINE)
    if as_json:
        render.data(joined)
        return
    kind = "an unlocked account of that node" if joined["unlocked"] else "whose key was given"
    render.say(f"{len(joined['deployed'])} contracts, paid by {joined['payer']}, {kind}")
    render.say(f"{rollup} takes part: chain {joined['rollup']['chain_id']} at {rpc}")


def _given(named: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in named.items() if value is not None}


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
def _rm(rollup: RollupArgument, devnet: DevnetOption = None, as_json: JsonOption = False) -> None:
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
