"""What a user names as a spec, as the daemon wants it: a template's name or a file's text."""

import sys
from pathlib import Path
from typing import Any, Final

from caldera_cli import render
from caldera_cli.errors import NOT_FOUND, CliError, usage

DEFAULT_FILE: Final = "caldera.yaml"
_LARGEST: Final = 256 * 1024 + 1
"""Bytes that are read of a file; the daemon refuses one as large as this."""
_SUFFIXES: Final = (".yaml", ".yml", ".json")


def spec_request(
    source: str | None,
    *,
    overrides: list[str] | None,
    name: str | None,
    rollups: int | None,
    runtime: str | None,
) -> dict[str, Any]:
    """The body that describes the devnet: template or text, and what to change in it.

    Raises CliError when the file can't be read.
    """
    body: dict[str, Any] = {"set": overrides or []}
    given = {"name": name, "rollups": rollups, "runtime": runtime}
    body |= {key: value for key, value in given.items() if value is not None}
    return body | _source(source)


def _source(source: str | None) -> dict[str, str]:
    if source is None:
        if not Path(DEFAULT_FILE).is_file():
            return {}
        render.say(f"Using ./{DEFAULT_FILE}")
        source = DEFAULT_FILE
    if source == "-":
        return {"source": _text(sys.stdin.buffer.read(_LARGEST), "-"), "source_name": "stdin"}
    if _is_file(source):
        return {"source": _read(Path(source)), "source_name": source}
    return {"template": source}


def _is_file(source: str) -> bool:
    return "/" in source or source.endswith(_SUFFIXES) or Path(source).is_file()


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return _text(file.read(_LARGEST), str(path))
    except FileNotFoundError:
        raise CliError(
            f"There is no file {path}", hint="`caldera init` writes one", code=NOT_FOUND
        ) from None
    except OSError as error:
        raise usage(f"{path} can't be read", error.strerror or str(error)) from error


def _text(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise usage(f"{name} is not a text in UTF-8", f"at byte {error.start}") from error
