"""`caldera agent`: one agent of a devnet in the foreground, alone; needs no daemon."""

import os
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from caldera_cli.apps import new_app
from caldera_cli.early import environment
from caldera_cli.errors import usage

app = new_app()

ROLES: Final = (
    *("bootstrap", "sequencer", "indexer", "guardian", "aggregator", "relayer"),
    "validator",
)


def _option(flag: str, metavar: str, help: str) -> Any:
    return typer.Option(flag, metavar=metavar, help=help, show_default=False)


RoleArgument = Annotated[str, typer.Argument(metavar="ROLE", help=f"One of: {', '.join(ROLES)}.")]
DevnetOption = Annotated[
    str | None, _option("--devnet", "NAME", "A devnet of this home; by default 'default'.")
]
ConfigOption = Annotated[
    Path | None, _option("--config", "FILE", "The description of a devnet of elsewhere.")
]
ChainOption = Annotated[str | None, _option("--chain", "NAME", "Which chain's sequencer.")]
IndexOption = Annotated[int | None, _option("--index", "I", "Which guardian.")]
KeyFileOption = Annotated[
    Path | None, _option("--key-file", "FILE", "The role's own key, 64 hex digits.")
]
TokenFileOption = Annotated[
    Path | None, _option("--token-file", "FILE", "What the devnet's agents show each other.")
]
JournalOption = Annotated[
    Path | None, _option("--journal", "FILE", "A guardian's own record of its votes.")
]
StateOption = Annotated[
    Path | None, _option("--state", "DIR", "Where Anvil chains are saved and restored.")
]
RpcOption = Annotated[
    list[str] | None,
    _option("--rpc", "CHAIN=URL", "Look at a chain through another WebSocket; repeatable."),
]
ListenOption = Annotated[str | None, _option("--listen", "HOST:PORT", "Where to tell its health.")]
ServeHubOption = Annotated[
    str | None, _option("--serve-hub", "HOST:PORT", "Where the others are to meet.")
]
HealthFileOption = Annotated[
    Path | None, _option("--health-file", "FILE", "Exists while the agent is ready.")
]


@app.command()
def agent(
    role: RoleArgument,
    devnet: DevnetOption = None,
    config: ConfigOption = None,
    chain: ChainOption = None,
    index: IndexOption = None,
    key_file: KeyFileOption = None,
    token_file: TokenFileOption = None,
    journal: JournalOption = None,
    state: StateOption = None,
    rpc: RpcOption = None,
    listen: ListenOption = None,
    serve_hub: ServeHubOption = None,
    health_file: HealthFileOption = None,
) -> None:
    """Run one agent of a devnet alone, without the daemon.

    Free the role first when the daemon has it: `caldera stop --service relayer`.
    Ctrl-C ends it. See docs/agents.md.
    """
    if role not in ROLES:
        raise usage(f"There is no role '{role}'", hint=f"there are: {', '.join(ROLES)}")
    given: dict[str, Any] = {
        "--devnet": devnet,
        "--config": config,
        "--chain": chain,
        "--index": index,
        "--key-file": key_file,
        "--token-file": token_file,
        "--journal": journal,
        "--state": state,
        "--listen": listen,
        "--serve-hub": serve_hub,
        "--health-file": health_file,
    }
    _become(role, given, rpc or [])


def _become(role: str, given: dict[str, Any], rpc: list[str]) -> None:
    """Replace this process by the agent's."""
    import sys

    program = (sys.executable, "-P", "-m", "control_plane.agent_main")
    options: list[str] = []
    for flag, value in given.items():
        options += [] if value is None else [flag, str(value)]
    pairs = [part for pair in rpc for part in ("--rpc", pair)]
    os.execve(program[0], [*program, role, *options, *pairs], environment())  # noqa: S606 - no shell
