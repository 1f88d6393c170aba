"""`caldera init`: a commented spec to start from. Needs no daemon."""

from pathlib import Path
from typing import Annotated

import typer

from caldera_cli import render
from caldera_cli.apps import new_app
from caldera_cli.errors import CONFLICT, NOT_FOUND, CliError
from caldera_cli.options import JsonOption
from caldera_cli.source import DEFAULT_FILE
from control_plane.schemas.names import DEFAULT_TEMPLATE

app = new_app()


@app.command()
def init(
    template: Annotated[
        str, typer.Argument(metavar="[TEMPLATE]", help="Template to write.", show_default=True)
    ] = DEFAULT_TEMPLATE,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="Where to write it; - for stdout.")
    ] = Path(DEFAULT_FILE),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a commented caldera.yaml."""
    text = _template(template)
    if str(out) == "-":
        render.out(text.rstrip("\n"))
        return
    try:
        with out.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise CliError(
            f"{out} is there already",
            hint="--force replaces it, --out names another",
            code=CONFLICT,
        ) from None
    if as_json:
        render.data({"file": str(out), "template": template})
    else:
        render.say(f"Wrote {out}. Edit it, then `caldera up`.")


def _template(name: str) -> str:
    """The text of a template, read from the package."""
    from control_plane.resources import templates_dir

    directory = templates_dir()
    known = sorted(path.stem for path in directory.glob("*.yaml"))
    if name not in known:
        raise CliError(
            f"No template is called '{name}'", hint=f"templates: {', '.join(known)}", code=NOT_FOUND
        )
    return (directory / f"{name}.yaml").read_text(encoding="utf-8")
