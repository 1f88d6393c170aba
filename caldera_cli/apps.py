"""How every command's Typer app is made: plain help, no completion options of its own."""

import typer


def new_app(help: str | None = None, *, callback_alone: bool = False) -> typer.Typer:
    """A command's app, or with `help` a group's, which shows its help when no command is named
    unless its callback does the work alone."""
    return typer.Typer(
        help=help,
        no_args_is_help=help is not None and not callback_alone,
        invoke_without_command=callback_alone,
        rich_markup_mode=None,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
