"""Invalid specs and invocations, each with what the user reads.

``tests/golden/invalid/NAME.yaml`` is validated as a spec, ``NAME.args`` (an argument a line) is
run as a command line against a devnet called ``default``; ``NAME.txt`` holds exit code and error
text. After a change that is meant, ``UPDATE_GOLDEN=1 pytest tests/unit/cli/test_golden.py``
writes the texts anew; look at the difference before committing it.
"""

import os
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Caldera, Done

GOLDEN = Path(__file__).parents[2] / "golden" / "invalid"
CASES = sorted(path for path in GOLDEN.iterdir() if path.suffix in {".yaml", ".args"})


@pytest.fixture
def with_default(caldera: Caldera) -> Caldera:
    caldera("up", "default")
    return caldera


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_invalid(case: Path, with_default: Caldera, monkeypatch: pytest.MonkeyPatch) -> None:
    if case.suffix == ".yaml":
        monkeypatch.chdir(GOLDEN)
        done = with_default("validate", case.name)
    else:
        done = with_default(*case.read_text().splitlines())
    told = _told(done)
    golden = case.with_suffix(".txt")
    if os.environ.get("UPDATE_GOLDEN") == "1":
        golden.write_text(told)
    assert done.code != 0
    assert done.out == "" or case.stem == "no-command"
    assert told == golden.read_text()


def test_there_are_enough() -> None:
    assert len(CASES) >= 50
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {path.stem for path in CASES}


def test_names_are_unique() -> None:
    stems = [path.stem for path in CASES]
    assert len(stems) == len(set(stems))


def _told(done: Done) -> str:
    return f"exit code {done.code}\n{done.err}"
