"""What commands print, whole, against a daemon whose devnets are made up.

``tests/golden/cli/NAME.txt`` holds command line, exit code, standard output and talk of each.
``UPDATE_GOLDEN=1 pytest tests/unit/cli/test_output.py`` writes them anew.
"""

import os
import re
import shlex
from pathlib import Path

import pytest

from caldera_cli.main import COMMANDS
from tests.unit.cli.conftest import Caldera

GOLDEN = Path(__file__).parents[2] / "golden" / "cli"

COMMAND_LINES = {
    "accounts": "accounts",
    "accounts-json": "accounts --json",
    "chaos-heal": "chaos heal --all",
    "chaos-kinds": "chaos kinds",
    "chaos-ls": "chaos ls --all",
    "chaos-start": "chaos start guardian-late 1 ms=500",
    "down": "down pair",
    "env-dotenv": "env --format dotenv",
    "env-json": "env --json",
    "env-sh": "env",
    "epoch-ls": "epoch ls",
    "epoch-verify": "epoch verify --since 3",
    "epoch-show": "epoch show 1",
    "export-addresses": "export addresses",
    "faucet": "faucet 0x00000000000000000000000000000000000000aa --on op",
    "guardian-add": "guardian add --stake 5000 --wait",
    "guardian-ls": "guardian ls",
    "guardian-offences": "guardian offences",
    "guardian-rm": "guardian rm guardian-0",
    "guardian-sets": "guardian sets",
    "guardian-show": "guardian show guardian-0",
    "ls": "ls",
    "message-ls": "message ls",
    "message-send": "message send op arb --body 0x68656c6c6f",
    "message-send-json": "message send op arb --wait --json",
    "message-trace": "message trace 0xabab",
    "proof-message": "proof message 0xabab",
    "proof-storage": "proof storage op 0x00000000000000000000000000000000000000aa 0 0x1",
    "plan": "plan pair --set l1.block_time=2",
    "restart": "restart pair",
    "rollup-ls": "rollup ls",
    "rollup-outputs": "rollup outputs left --devnet pair",
    "rollup-add": "rollup add shop --framework zk-stack --devnet pair",
    "rollup-disputes": "rollup disputes --devnet pair",
    "rollup-join": "rollup join theirs --rpc http://127.0.0.1:8555 --devnet pair",
    "rollup-rm": "rollup rm right --devnet pair",
    "rollup-rules": "rollup rules left --devnet pair",
    "rollup-set": "rollup set left --no-private --devnet pair",
    "stake-add": "stake add 0 5000 --wait",
    "stake-remove": "stake remove 0 5000 --json",
    "stake-rewards": "stake rewards --report",
    "stake-show": "stake show guardian-0",
    "start": "start pair",
    "status": "status",
    "status-json": "status pair --json",
    "stop": "stop pair",
    "templates": "templates",
    "templates-show": "templates show pair",
    "up": "up minimal",
    "up-again": "up --devnet default",
    "up-changed": "up --devnet pair --set save_interval=9 --set metalayer.epoch_interval=2",
    "up-json": "up --devnet pair --json",
    "validate": "validate pair",
}

NARROW = {"ls", "status", "up", "plan", "rollup-ls", "message-ls"}
"""What fits a terminal of 80 columns."""


@pytest.fixture
def two_devnets(caldera: Caldera) -> Caldera:
    caldera("down", "--all", "-y")
    caldera("up", "default")
    caldera("up", "pair")
    return caldera


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_output(name: str, two_devnets: Caldera) -> None:
    line = COMMAND_LINES[name]
    done = two_devnets(*shlex.split(line))
    told = f"$ caldera {line}\nexit code {done.code}\n--- stdout\n{done.out}--- stderr\n{done.err}"
    told = re.sub(r"(?m)^(\w+ +ready +\S+ +\S+ +)\d+d", r"\1AGE", told)
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        golden.write_text(told)
    assert done.code == 0
    assert told == golden.read_text()
    if name in NARROW:
        assert max(len(row) for row in done.out.splitlines()) <= 80


def test_every_golden_text_has_its_command() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(COMMAND_LINES)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, caldera: Caldera) -> None:
    done = caldera(command, "--help")
    assert done.code == 0
    assert done.out.startswith(f"Usage: caldera {command}")
    assert done.err == ""
    short = next(line for line in done.out.splitlines()[2:] if line.strip())
    assert short.strip().endswith((".", ","))
