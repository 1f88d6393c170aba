"""`caldera version`. Needs no daemon."""

import platform

from caldera_cli import VERSION, render
from caldera_cli.apps import new_app
from caldera_cli.daemon import read_info
from caldera_cli.options import JsonOption
from control_plane.schemas import paths

app = new_app()


@app.command()
def version(as_json: JsonOption = False) -> None:
    """Show versions."""
    running = read_info(paths.home()).get("version")
    if as_json:
        render.data({"version": VERSION, "daemon": running, "python": platform.python_version()})
        return
    render.out(f"caldera {VERSION}")
    render.out(f"daemon  {running or 'none runs'}")
    render.out(f"python  {platform.python_version()}")
