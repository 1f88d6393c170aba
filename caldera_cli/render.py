"""The only printing: data on stdout, talk on stderr."""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TextIO

from caldera_cli.errors import CliError

Json = Mapping[str, Any]

_BOLD: Final = "1"
_DIM: Final = "2"
_COLOURS: Final = {
    "ready": "32",
    "delivered": "32",
    "final": "32",
    "ok": "32",
    "starting": "33",
    "stopping": "33",
    "restarting": "33",
    "degraded": "33",
    "failing": "33",
    "warning": "33",
    "failed": "31",
    "missing": "31",
    "dead": "31",
    "reorged": "31",
    "disputed": "31",
}
_MOST_PROBLEMS: Final = 50


def data(value: Any) -> None:
    """A JSON value, for programs."""
    out(json.dumps(value, indent=2, ensure_ascii=False))


def out(text: str) -> None:
    """Data, for people or for a pipe."""
    sys.stdout.write(text + "\n")


def stream(text: str) -> None:
    """A line of data that should be seen at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """Talk."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def clear() -> None:
    """An empty screen, on a terminal."""
    if sys.stdout.isatty():
        sys.stdout.write("\x1b[H\x1b[2J")


def error(problem: CliError, *, as_json: bool) -> None:
    """An error on stderr; as JSON where data are JSON."""
    if as_json:
        say(json.dumps(problem.as_json(), ensure_ascii=False))
        return
    head = paint("error:", "31", sys.stderr)
    faults = problem.problem.get("errors") or []
    if len(faults) > 1 or (faults and not problem.detail):
        say(f"{head} {problem.title}")
        for fault in faults[:_MOST_PROBLEMS]:
            say(_fault(fault))
        return
    say(f"{head} {problem.title}" + (f": {problem.detail}" if problem.detail else ""))
    _of_service(problem.problem)
    if problem.hint:
        say(f"  hint: {problem.hint}")


def _of_service(problem: Json) -> None:
    """How the service that failed was started, and its last words."""
    if problem.get("command"):
        say(f"  command: {shlex.join(problem['command'])}")
    for line in problem.get("last_lines") or ():
        say(f"  | {line}")
    if problem.get("log"):
        say(f"  log: {problem['log']}")


def _fault(fault: Json) -> str:
    where = f"{fault['path']}: " if fault.get("path") else ""
    hint = f" ({fault['hint']})" if fault.get("hint") else ""
    return f"  {where}{fault.get('detail', '')}{hint}"


def paint(text: str, code: str, target: TextIO | None = None) -> str:
    """`text` in a colour where the target is a terminal that wants colours."""
    if not _coloured(target or sys.stdout):
        return text
    return f"\x1b[{code}m{text}\x1b[0m"


def state(name: str) -> str:
    """A state in its colour."""
    code = _COLOURS.get(name)
    return paint(name, code) if code else name


def dim(text: str) -> str:
    """Less important."""
    return paint(text, _DIM)


def table(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, shorten: str | None = None
) -> None:
    """Columns as wide as their longest cell, two spaces between them.

    On a terminal that is narrower, the cells of the column `shorten` are cut.
    """
    texts = [[_cell(cell) for cell in row] for row in rows]
    widths = _widths(headings, texts)
    if shorten is not None and sys.stdout.isatty():
        at = headings.index(shorten)
        spare = max(len(shorten), widths[at] - max(0, _total(widths) - _columns()))
        texts = [[*row[:at], _cut(row[at], spare), *row[at + 1 :]] for row in texts]
        widths = _widths(headings, texts)
    out(paint(_line([h.upper() for h in headings], widths), _BOLD))
    for row in texts:
        plain = _line(row, widths)
        out(_tinted(plain, row))


def entry(name: str, text: str, width: int) -> None:
    """A name and a text that goes on below itself when the terminal is narrower."""
    import textwrap

    head = f"{name.ljust(width)}  "
    out(textwrap.fill(text, _columns(), initial_indent=head, subsequent_indent=" " * len(head)))


def pairs(rows: Iterable[tuple[str, object]]) -> None:
    """Names and values, aligned; those without a value are left out."""
    known = [(name, _cell(value)) for name, value in rows if value is not None and value != ""]
    width = max((len(name) for name, _ in known), default=0)
    for name, value in known:
        out(f"{dim(name.ljust(width))}  {value}")


def _widths(headings: Sequence[str], texts: Sequence[Sequence[str]]) -> list[int]:
    return [
        max([len(heading), *(len(row[at]) for row in texts)]) for at, heading in enumerate(headings)
    ]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + 2 * (len(widths) - 1)


def _columns() -> int:
    return shutil.get_terminal_size().columns


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _tinted(line: str, row: Sequence[str]) -> str:
    """The line with its state, if one cell is a state, in colour."""
    for cell in row:
        if cell in _COLOURS:
            at = line.index(cell)
            return line[:at] + state(cell) + line[at + len(cell) :]
    return line


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def _coloured(target: TextIO) -> bool:
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return target.isatty()
