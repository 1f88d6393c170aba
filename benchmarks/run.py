"""Measure everything, write results.json, print a table; with --check hold the limits.

Usage: python -m benchmarks.run [--smoke] [--check] [--only GROUP]… [--out FILE]
"""

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.groups import GROUPS, Group
from benchmarks.harness import Figure, table

_TRIES = 3
"""Times that a group is measured before a limit counts as broken."""


def main() -> int:
    """0 when all limits hold (or none were asked for)."""
    arguments = _arguments()
    began = time.time()
    measured: dict[str, list[Figure]] = {}
    skipped: dict[str, str] = {}
    for group in _chosen(arguments.only):
        lack = group.lacks()
        if lack is not None:
            skipped[group.name] = lack
            continue
        measured[group.name] = _measured(group, arguments)
        if arguments.out:  # after each: what comes later may fail
            _write(arguments, measured, began)
    figures = [figure for each in measured.values() for figure in each]
    print(table(figures))
    for name, lack in skipped.items():
        print(f"not measured: {name}: {lack}", file=sys.stderr)
    return _outcome(figures, skipped) if arguments.check else 0


def _measured(group: Group, arguments: argparse.Namespace) -> list[Figure]:
    """What `group` gives. With --check one that is over a limit is measured again: whoever else
    uses the machine makes it slower for a while, and never quicker; of what we make slower
    ourselves every try is over."""
    figures = group.run(arguments.smoke)
    for _ in range(_TRIES - 1 if arguments.check else 0):
        over = [figure for figure in figures if not figure.within_limit]
        if not over:
            break
        for figure in over:
            print(f"measured again: {_over(figure)}", file=sys.stderr)
        figures = group.run(arguments.smoke)
    return figures


def _write(arguments: argparse.Namespace, measured: dict[str, list[Figure]], began: float) -> None:
    rows = _rows(measured, arguments.out if arguments.only else None)
    result = _result(rows, began, smoke=arguments.smoke)
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")


def _chosen(names: list[str]) -> list[Group]:
    return [group for group in GROUPS if not names or group.name in names]


def _rows(measured: dict[str, list[Figure]], earlier: Path | None) -> list[dict[str, Any]]:
    """Every figure with its group, in the groups' order; those of groups that were not measured
    now are kept from `earlier`."""
    rows = [f.as_json() | {"group": name} for name, every in measured.items() for f in every]
    if earlier is not None and earlier.exists():
        kept = json.loads(earlier.read_text())["figures"]
        rows += [row for row in kept if row.get("group") not in measured]
    order = [group.name for group in GROUPS]
    return sorted(rows, key=lambda row: order.index(row.get("group", order[0])))


def _result(rows: list[dict[str, Any]], began: float, *, smoke: bool) -> dict[str, Any]:
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
        "seconds": round(time.time() - began, 1),
        "smoke": smoke,
        "machine": {
            "cores": os.cpu_count(),
            "system": platform.system(),
            "arch": platform.machine(),
        },
        "python": platform.python_version(),
        "figures": rows,
    }


def _outcome(figures: list[Figure], skipped: dict[str, str]) -> int:
    """1 when a limit is broken, or in CI when something could not be measured."""
    over = [figure for figure in figures if not figure.within_limit]
    for figure in over:
        print(f"over its limit: {_over(figure)}", file=sys.stderr)
    return 1 if over or (skipped and os.environ.get("CALDERA_CI") == "1") else 0


def _over(figure: Figure) -> str:
    return f"{figure.name}: {figure.ratio:.2f}, limit {figure.limit}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="few repeats: does it work at all")
    parser.add_argument("--check", action="store_true", help="fail when a ratio is over its limit")
    names = [group.name for group in GROUPS]
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        choices=names,
        help="this group only; with --out the other groups' earlier figures are kept",
    )
    parser.add_argument("--out", type=Path, help="write the results as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
