"""Validity mode: an output only with a proof, through kills; and what final outputs make final."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from control_plane.adapters.evm.keys import load_keys
from control_plane.adapters.evm.settlement_contracts import agent_account
from control_plane.domain.calls import encode_call
from tests.acceptance.world import rpc, until
from tests.e2e.home import Home, is_alive, kill, new_home
from tests.e2e.messages import chains_of

_NAME = "net"
_WINDOW = 3
_UP = ("up", "minimal", "--name", _NAME, "--set", "save_interval=0.5")
_SETTLED = ("--set", "rollups.op.da=ethereum-calldata", "--set")


@pytest.fixture
def proven() -> Iterator[Home]:
    with new_home() as home:
        home.run(*_UP, *_SETTLED, "rollups.op.proof=validity")
        yield home


@pytest.fixture
def disputable() -> Iterator[Home]:
    with new_home() as home:
        window = ("--set", f"rollups.op.finalization_window={_WINDOW}")
        home.run(*_UP, *_SETTLED, "rollups.op.proof=fraud", *window)
        yield home


def told(home: Home, kind: str, after: int = 0) -> list[dict[str, Any]]:
    return [dict(e["data"]) for e in home.events(_NAME, after) if e["type"] == kind]


def newest(home: Home) -> int:
    return max((int(e["id"]) for e in home.events(_NAME)), default=0)


def final(home: Home) -> int:
    """Block of the last final output."""
    return max((data["block"] for data in told(home, "output.final")), default=0)


def head(home: Home) -> int:
    return chains_of(home.status())["op"].height


def proving(home: Home) -> int:
    """The one process that derives the rollup, by its pid."""
    found = home.deriving()
    assert len(found) == 1, found
    return found[0]


def prover_key(home: Home) -> bytes:
    """Whose signatures the L1 takes."""
    status = home.status()
    (rollup,) = status["rollups"]
    keys = load_keys(home.home / "devnets" / _NAME, 4)
    prover = agent_account(keys, rollup["chain_id"], "prover")
    data = "0x" + encode_call("proverOf(uint256)", rollup["chain_id"]).hex()
    call = {"to": rollup["l1_contracts"]["attestationVerifier"], "data": data}
    named = rpc(status["l1"]["rpc_url"], "eth_call", call, "latest")
    assert named[26:] == prover.address[2:].lower()
    return prover.key


def knows(pid: int, key: bytes) -> bool:
    """Whether it stands where other users could see it."""
    seen = [Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
    return any(key in each or key.hex().encode() in each for each in seen)


def send(home: Home, body: str) -> float:
    """Seconds until a message that demands finality is there."""
    began = time.monotonic()
    home.run("message", "send", "op", "l1", "--finality", "finalized", "--body", body, "--wait")
    return time.monotonic() - began


def all_final(home: Home) -> None:
    until(lambda: final(home) == head(home), 20, "all blocks are final")


def test_outputs_are_proven_whatever_is_killed(proven: Home) -> None:
    (rollup,) = proven.status()["rollups"]
    assert (rollup["proof"], rollup["prover"]) == ("validity", "attestation")
    assert rollup["finalization_window"] == 0
    assert {"l2OutputOracle", "attestationVerifier"} <= rollup["l1_contracts"].keys()
    assert "disputeGame" not in rollup["l1_contracts"]
    assert send(proven, "0x01") < 10
    all_final(proven)

    first = proving(proven)
    assert not knows(first, prover_key(proven))
    kill(first)
    send(proven, "0x02")
    all_final(proven)
    assert proving(proven) != first

    kill(proven.node("l1").pid)
    proven.wait_state("ready", 30)
    send(proven, "0x03")

    last = proving(proven)
    proven.kill_daemon()
    until(lambda: not is_alive(last), 5, "the prover's process ends with the daemon")
    proven.run("status")
    proven.wait_state("ready", 30)
    send(proven, "0x04")
    all_final(proven)
    ends = [(data["from"], data["to"]) for data in told(proven, "batch.proven")]
    assert ends[0][0] == 1
    assert ends[-1][1] == head(proven)


def test_what_is_not_true_gets_no_proof_and_no_output(proven: Home) -> None:
    send(proven, "0x01")
    all_final(proven)
    before = newest(proven)
    proven.run("chaos", "start", "output-forged", "op")
    proven.run("message", "send", "l1", "op", "--body", "0x02", "--wait")
    (claimed, found) = re.findall(r"0x[0-9a-f]{64}", refusal(proven, before)["reason"])
    all_final(proven)
    assert found in {data["block_hash"] for data in told(proven, "output.proposed", before)}
    assert claimed not in {data["block_hash"] for data in told(proven, "output.proposed")}

    op = chains_of(proven.status())["op"]
    before = newest(proven)
    op.call("anvil_setStorageAt", op.recipient, "0x" + f"{77:064x}", "0x" + f"{5:064x}")
    proven.run("message", "send", "l1", "op", "--to", op.recipient, "--body", "0x03", "--wait")
    reason = refusal(proven, before)["reason"]
    assert "its state root is 0x" in reason
    assert not told(proven, "output.proposed", before)
    state = proven.wait_state("degraded", 10)
    problems = {one["name"]: one["problem"] or "" for one in state["services"]}
    assert reason in problems["op/prover"]
    assert reason in problems["op/proposer"]


def refusal(home: Home, after: int) -> dict[str, Any]:
    until(lambda: bool(told(home, "batch.not_proven", after)), 20, "the prover refuses")
    (found,) = told(home, "batch.not_proven", after)
    return found


def test_final_is_what_a_final_output_covers(disputable: Home) -> None:
    for body in ("0x01", "0x02"):
        seconds = send(disputable, body)
        # the L1 counts whole seconds; a loaded machine: the benchmark measures it
        assert _WINDOW - 1 <= seconds < _WINDOW + 15
    flags = ("--finality", "finalized", "--body", "0x03")
    sent = disputable.json("message", "send", "op", "l1", *flags)

    def trace() -> dict[str, Any]:
        return dict(disputable.json("message", "trace", sent["id"]))

    until(lambda: "is not final yet" in (trace()["reason"] or ""), 20, "it says what it waits for")
    until(lambda: trace()["state"] == "delivered", 20, "it is delivered")


def test_a_guardian_that_calls_another_block_final_is_slashed(disputable: Home) -> None:
    send(disputable, "0x01")
    before = newest(disputable)
    disputable.json("chaos", "start", "guardian-not-final", "guardian-3")
    disputable.run("message", "send", "op", "l1", "--body", "0x02", "--wait")
    until(lambda: bool(told(disputable, "guardian.slashed", before)), 20, "it is slashed")
    (slashed,) = told(disputable, "guardian.slashed", before)
    assert (slashed["guardian"], slashed["offence"]) == ("guardian-3", "not-final")
    offences = disputable.json("guardian", "offences")
    assert [one["kind"] for one in offences] == ["not-final"]
