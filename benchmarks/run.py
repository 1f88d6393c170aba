"""Measure everything, write results.json, print a table; with --check hold the limits.

Usage: python -m benchmarks.run [--smoke] [--check] [--out FILE]
"""

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path

from benchmarks.harness import Figure, new_home, table
from benchmarks.lifecycle import measure, measure_many
from benchmarks.messages import measure_instant, measure_paced


def main() -> int:
    """0 when all limits hold (or none were asked for)."""
    arguments = _arguments()
    began = time.time()
    figures: list[Figure] = []
    with new_home() as home:
        figures += measure(home, 7 if arguments.smoke else 11)
        figures += measure_instant(home, *((10, 100) if arguments.smoke else (100, 1000)))
        figures += measure_paced(home, 6 if arguments.smoke else 100)
        figures += measure_many(home, 2 if arguments.smoke else 10)
    result = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
        "seconds": round(time.time() - began, 1),
        "smoke": arguments.smoke,
        "machine": {
            "cores": os.cpu_count(),
            "system": platform.system(),
            "arch": platform.machine(),
        },
        "python": platform.python_version(),
        "figures": [figure.as_json() for figure in figures],
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=2) + "\n")
    print(table(figures))
    over = [figure for figure in figures if not figure.within_limit]
    for figure in over:
        print(
            f"over its limit: {figure.name}: {figure.ratio:.2f} > {figure.limit}", file=sys.stderr
        )
    return 1 if arguments.check and over else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="few repeats: does it work at all")
    parser.add_argument("--check", action="store_true", help="fail when a ratio is over its limit")
    parser.add_argument("--out", type=Path, help="write the results as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
