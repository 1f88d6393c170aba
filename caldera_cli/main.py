"""The entry point: command groups loaded when they are named, errors mapped to exit codes."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer
from typer._click.exceptions import ClickException, NoArgsIsHelpError, UsageError
from typer.core import TyperGroup, TyperOption

from caldera_cli import VERSION, render
from caldera_cli.errors import FAILED, INTERRUPTED, USAGE, CliError

if TYPE_CHECKING:
    from typer._click import Command, Context

COMMANDS: Final = {
    "init": "init",
    "up": "up",
    "down": "lifecycle:down",
    "stop": "lifecycle:stop",
    "start": "lifecycle:start",
    "restart": "lifecycle:restart",
    "ls": "status:ls",
    "status": "status:status",
    "logs": "logs:logs",
    "events": "logs:events",
    "env": "env:env",
    "accounts": "env:accounts",
    "plan": "plan:plan",
    "validate": "plan:validate",
    "templates": "templates",
    "run": "run",
    "rollup": "rollup",
    "faucet": "faucet",
    "app": "app",
    "message": "message",
    "bridge": "bridge",
    "guardian": "guardian",
    "stake": "stake",
    "epoch": "epoch",
    "proof": "proof",
    "verify": "verify",
    "chaos": "chaos",
    "export": "export",
    "serve": "serve",
    "agent": "agent",
    "engine": "engine",
    "images": "images",
    "doctor": "doctor",
    "clean": "clean",
    "version": "version",
}
"""Where each command lives below ``caldera_cli.commands``: ``module`` or ``module:app``."""

NOT_YET: Final = frozenset({"snapshot", "time"} | {"dashboard", "keys"})
"""Names of commands whose part of the system is still to come."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """What a command may want to know beyond its own arguments."""

    command: tuple[str, ...] = ()
    """What stands behind ``--``."""


class LazyGroup(TyperGroup):
    """Imports a command's module when the command is asked for."""

    def list_commands(self, ctx: "Context") -> list[str]:  # noqa: ARG002
        """All names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: "Context", cmd_name: str) -> "Command | None":  # noqa: ARG002
        """The command, loaded; None for an unknown name."""
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, app = place.partition(":")
        loaded = import_module(f"caldera_cli.commands.{module}")
        command = typer.main.get_command(getattr(loaded, app or "app"))
        command.name = cmd_name
        _name_variables(command)
        return command

    def invoke(self, ctx: "Context") -> Any:
        """As usual, but an interruption reaches :func:`main`, which cleans up after it; Typer
        would make an exit code of it."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Abort from None

    def resolve_command(
        self, ctx: "Context", args: list[str]
    ) -> "tuple[str | None, Command | None, list[str]]":
        """As usual, but an unknown name suggests the nearest one."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            _unknown(name)
        return super().resolve_command(ctx, args)


def _unknown(name: str) -> NoReturn:
    from difflib import get_close_matches

    if name in NOT_YET:
        raise CliError(f"`caldera {name}` is not available yet", code=USAGE)
    near = get_close_matches(name, COMMANDS, n=1)
    hint = f"did you mean `caldera {near[0]}`?" if near else "`caldera --help` lists all commands"
    raise CliError(f"There is no command '{name}'", hint=hint, code=USAGE)


def _name_variables(command: "Command") -> None:
    """Every option can be given as ``CALDERA_<FLAG>``, those of subcommands too."""
    for parameter in command.params:
        if isinstance(parameter, TyperOption) and parameter.envvar is None:
            flags = [flag for flag in parameter.opts if flag.startswith("--")]
            if flags and flags[0] not in {"--help", "--yes"}:
                parameter.envvar = f"CALDERA_{flags[0][2:].replace('-', '_').upper()}"
                parameter.show_envvar = False  # said once, in the help of `caldera` itself
    for inner in getattr(command, "commands", {}).values():
        _name_variables(inner)


def _print_version(wanted: bool) -> None:
    if wanted:
        render.out(VERSION)
        raise typer.Exit


_EPILOG: Final = """
`caldera up` is all it takes to begin; `caldera COMMAND --help` explains a command.

Every option can be set as CALDERA_<OPTION> in the environment, --free-ports as
CALDERA_FREE_PORTS=1; CALDERA_HOME (~/.caldera) holds all state. Exit codes: 0 done, 1 failed,
2 wrong usage, 3 not found, 4 conflict, 5 timed out, 6 something is missing, 130 interrupted.
"""

app = typer.Typer(
    cls=LazyGroup,
    name="caldera",
    help="Launch rollups on this machine and connect them by a live Metalayer.",
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Launch rollups on this machine and connect them by a live Metalayer."""


def run() -> NoReturn:
    """Run the command line of this process and end it.

    Without the interpreter's own clearing up, which takes 10 ms and frees what the system frees
    anyway; nothing here registers anything to be done at exit.
    """
    code = main(sys.argv[1:])
    for target in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            target.flush()
    os._exit(code)


def main(argv: Sequence[str]) -> int:
    """Run one command line; its exit code. The one place where errors become exit codes."""
    head, tail = _split(argv)
    as_json = "--json" in head or os.environ.get("CALDERA_JSON", "").lower() in {"1", "true"}
    try:
        result: Any = app(
            head, prog_name="caldera", standalone_mode=False, obj=Invocation(tuple(tail))
        )
        sys.stdout.flush()
    except CliError as error:
        render.error(error, as_json=as_json)
        _let_go(head)
        return error.code
    except NoArgsIsHelpError as error:
        render.say(error.format_message())
        return USAGE
    except UsageError as error:
        render.error(_usage(error), as_json=as_json)
        return USAGE
    except ClickException as error:
        render.error(CliError(error.format_message()), as_json=as_json)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        render.say("interrupted")
        _let_go(head)
        return INTERRUPTED
    except BrokenPipeError:
        # whoever read our output has seen enough; the interpreter must not try to flush again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        render.error(_system(error), as_json=as_json)
        return FAILED
    return result if isinstance(result, int) else 0


def _let_go(head: Sequence[str]) -> None:
    """A command that was to make a devnet, and did not, leaves no daemon behind."""
    if head[:1] not in (["up"], ["run"]):
        return
    from caldera_cli.daemon import let_go
    from caldera_cli.signals import no_signals

    with no_signals():
        let_go()


def _split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """The command line, and for `run` what stands behind ``--``."""
    arguments = list(argv)
    if arguments[:1] != ["run"] or "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def _usage(error: UsageError) -> CliError:
    path = error.ctx.command_path if error.ctx else "caldera"
    hint = f"see `{path} --help`"
    variable = _variable(error)
    if variable:
        hint = f"it comes from {variable} in the environment; {hint}"
    return CliError(error.format_message(), hint=hint, code=USAGE)


def _variable(error: UsageError) -> str | None:
    """The environment's variable that the wrong value comes from, if it does."""
    parameter, ctx = getattr(error, "param", None), error.ctx
    if parameter is None or parameter.name is None or ctx is None:
        return None
    source = ctx.get_parameter_source(parameter.name)
    known = source is not None and source.name == "ENVIRONMENT"
    return str(parameter.envvar) if known else None


def _system(error: OSError) -> CliError:
    where = f"{error.filename}: " if error.filename else ""
    return CliError("The system refuses", f"{where}{error.strerror or error}")


if __name__ == "__main__":
    run()
