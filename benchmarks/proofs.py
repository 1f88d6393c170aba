"""What a message costs on its destination and how much proof it brings, in a batch and alone.

The figures are those of the contracts' own test (contracts/test/metalayer/BatchGas.t.sol), which
logs what transactions and calls use on Foundry's EVM: gas depends on no machine.
"""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from benchmarks.harness import Figure

_ROOT: Final = Path(__file__).resolve().parent.parent
_FORGE: Final = _ROOT / "scripts" / "forge"
_HYPERLANE: Final = 92_000
"""Gas of `Mailbox.process` in Hyperlane's own deployments, 81,000 to 92,000 by their module."""
_BATCH_LIMIT: Final = 40_000
_NAMES: Final = {
    "delivered message": "delivered",
    "lone message": "alone",
    "lone message with its certificate": "certified",
    "shared proof, bytes a message": "shared_bytes",
    "separate proof, bytes": "separate_bytes",
    "shared proof, gas a message": "shared_gas",
    "separate proof, gas": "separate_gas",
}


def lacks() -> str | None:
    """Why the figures can't be had here."""
    local = _ROOT / "contracts" / "node_modules"
    if (local.is_dir() and any(local.glob("@foundry-rs/forge-*"))) or shutil.which("forge"):
        return None
    return "there is no forge: run `make contracts-deps`"


def measure(_smoke: bool) -> list[Figure]:
    """A hundred consecutive messages with 32-byte bodies, one recipient; 32 guardians."""
    found = _measured()
    alone = "Hyperlane's `Mailbox.process`"
    separate = "own signatures and own path, 22 of 32 validators"
    return [
        Figure(
            "gas of a message in a batch of 100", found["delivered"], "gas",
            found["alone"], "a message alone", _BATCH_LIMIT, limit=0.42,
        ),
        Figure("gas of a lone message", found["alone"], "gas", _HYPERLANE, alone),
        Figure(
            "gas of a lone message with its certificate", found["certified"], "gas",
            _HYPERLANE, alone,
        ),
        Figure(
            "proof of a message in a batch of 100", found["shared_bytes"], "bytes",
            found["separate_bytes"], separate, found["separate_bytes"] / 20, limit=0.05,
        ),
        Figure(
            "checking a message's proof in a batch of 100", found["shared_gas"], "gas",
            found["separate_gas"], separate, found["separate_gas"] / 10, limit=0.1,
        ),
    ]  # fmt: skip


def _measured() -> dict[str, float]:
    command = [str(_FORGE), "test", "--match-contract", "^BatchGasTest$", "-vv"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout[-2000:]}")
    lines = re.findall(r"^  (.+): (\d+)$", done.stdout, re.MULTILINE)
    found = {_NAMES[name]: float(number) for name, number in lines if name in _NAMES}
    missing = set(_NAMES.values()) - found.keys()
    if missing:
        raise RuntimeError(f"the contracts' test does not say {', '.join(sorted(missing))}")
    return found
