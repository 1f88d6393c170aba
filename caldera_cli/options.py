"""Arguments and options that commands share, and what they mean."""

import re
from typing import Annotated, Any, Final

import typer

from caldera_cli.client import Client, segment
from caldera_cli.errors import NOT_FOUND, CliError, usage
from control_plane.schemas.names import DEFAULT_DEVNET, NAME_PATTERN

_NAME_RULE: Final = "names are small letters, digits and hyphens, a letter first, at most 31"
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_HEX = re.compile(r"0x([0-9a-fA-F]{2})*", re.ASCII)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?", re.ASCII)
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, None: 1.0}


def _client_for_completion() -> Client | None:
    from caldera_cli.daemon import connect_if_running

    return connect_if_running()


def complete_devnets(incomplete: str) -> list[str]:
    """Names of devnets, if a daemon runs."""
    try:
        client = _client_for_completion()
        names = [d["name"] for d in client.get("/v1/devnets")] if client else []
    except CliError:
        return []
    return [name for name in names if name.startswith(incomplete)]


def complete_chains(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the chains of the devnet that the command line means, if a daemon runs."""
    try:
        client = _client_for_completion()
        if client is None:
            return []
        name = find_devnet(client, ctx.params.get("devnet"))
        rollups = client.get(f"/v1/devnets/{name}/rollups")
    except CliError:
        return []
    return [n for n in ["l1", *(r["name"] for r in rollups)] if n.startswith(incomplete)]


def complete_fault_kinds(incomplete: str) -> list[str]:
    """Kinds of faults, if a daemon runs."""
    try:
        client = _client_for_completion()
        kinds = [kind["kind"] for kind in client.get("/v1/chaos")] if client else []
    except CliError:
        return []
    return [kind for kind in kinds if kind.startswith(incomplete)]


def complete_faults(ctx: typer.Context, incomplete: str) -> list[str]:
    """Ids of active faults of the devnet that the command line means, if a daemon runs."""
    try:
        client = _client_for_completion()
        if client is None:
            return []
        name = find_devnet(client, ctx.params.get("devnet"))
        faults = client.get(f"/v1/devnets/{name}/chaos")
    except CliError:
        return []
    return [fault["id"] for fault in faults if fault["id"].startswith(incomplete)]


def complete_templates(incomplete: str) -> list[str]:
    """Names of templates, if a daemon runs."""
    try:
        client = _client_for_completion()
        names = [t["name"] for t in client.get("/v1/templates")] if client else []
    except CliError:
        return []
    return [name for name in names if name.startswith(incomplete)]


DevnetArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[DEVNET]",
        help="Name of the devnet; by default the only one, or 'default'.",
        autocompletion=complete_devnets,
        show_default=False,
    ),
]
DevnetOption = Annotated[
    str | None,
    typer.Option(
        "--devnet",
        metavar="NAME",
        help="Name of the devnet; by default the only one, or 'default'.",
        autocompletion=complete_devnets,
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
RollupArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="The rollup.", autocompletion=complete_chains)
]
MessageArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The message's id, or how it begins.")
]
LimitOption = Annotated[
    int, typer.Option("--limit", metavar="N", min=1, max=1000, help="How many at most.")
]
BeforeOption = Annotated[
    int | None, typer.Option("--before", metavar="N", min=0, help="Only older ones than N.")
]
SourceArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[TEMPLATE|FILE]",
        help="Name of a template, a YAML file, or - for standard input; by default"
        " ./caldera.yaml if there is one, else the template 'default'.",
        autocompletion=complete_templates,
        show_default=False,
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change the spec, e.g. rollups.op.block_time=1; may be repeated.",
        show_default=False,
    ),
]
RollupsOption = Annotated[
    int | None, typer.Option("--rollups", metavar="K", min=1, help="How many rollups.")
]
RuntimeOption = Annotated[
    str | None, typer.Option("--runtime", metavar="RUNTIME", help="process or compose.")
]


def one_name(argument: str | None, option: str | None) -> str | None:
    """The devnet that was named, in either way. CliError when the two differ."""
    if argument and option and argument != option:
        raise usage(f"The command names two devnets, {argument} and {option}")
    return argument or option


def find_devnet(client: Client, name: str | None) -> str:
    """The devnet that is meant: the one named, the only one there is, or `default`.

    Raises CliError when there is none, or several (they are listed).
    """
    if name:
        if not re.fullmatch(NAME_PATTERN, name, re.ASCII):
            raise usage(f"'{name}' is not the name of a devnet", hint=_NAME_RULE)
        return name
    names = [str(devnet["name"]) for devnet in client.get("/v1/devnets")]
    if len(names) == 1:
        return names[0]
    if not names:
        raise CliError("There is no devnet", hint="`caldera up` starts one", code=NOT_FOUND)
    if DEFAULT_DEVNET in names:
        return DEFAULT_DEVNET
    raise usage(
        "There are several devnets", ", ".join(names), "name one, for example --devnet " + names[0]
    )


def reach_devnet(name: str | None) -> tuple[Client, str]:
    """A client of the daemon, and the path of the devnet that is meant; errors as in
    :func:`find_devnet`."""
    from caldera_cli.daemon import connect

    client = connect()
    return client, f"/v1/devnets/{segment(find_devnet(client, name))}"


def seconds(text: str) -> float:
    """A duration like ``90``, ``500ms``, ``10m`` or ``1.5h``; CliError for anything else."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or float(match[1]) == 0:
        raise usage(f"'{text}' is not a duration", hint="write a number with ms, s, m, h or d: 10m")
    return float(match[1]) * _UNITS[match[2]]


def address(text: str) -> str:
    """`text` if it is an address; CliError otherwise."""
    if not _ADDRESS.fullmatch(text):
        raise usage(f"'{text}' is not an address", hint="write 0x and 40 hexadecimal digits")
    return text


def hex_data(text: str) -> str:
    """`text` if it is bytes in hexadecimal; CliError otherwise."""
    if not _HEX.fullmatch(text):
        raise usage(
            f"'{text}' is not bytes", hint="write 0x and pairs of hexadecimal digits: 0x68656c6c6f"
        )
    return text


def chain_names(status: dict[str, Any]) -> dict[int, str]:
    """Names of a devnet's chains by domain, from its status."""
    chains = [status["l1"], *status["rollups"]]
    return {int(chain["domain"]): str(chain["name"]) for chain in chains}
