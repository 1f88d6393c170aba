"""What settlement costs: rollups at rest, proofs, messages that wait for a final output."""

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any, Final

from benchmarks.harness import Figure, Home, median
from benchmarks.memory import daemon_rss, nodes_rss, pss
from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.adapters.evm.rpc import connect
from control_plane.adapters.evm.signer import Transaction, sign
from control_plane.schemas.spec import TEST_MNEMONIC

_WINDOW: Final = 3
_CALM: Final = 3
"""Seconds after a start until nothing of it goes on."""
_DEADLINE: Final = 120.0
_MB: Final = 1e6
_GWEI: Final = 10**9


def measure(home: Home, smoke: bool) -> list[Figure]:
    """Rollups at rest first, for their daemon is a fresh one."""
    return [
        *_at_rest(home, 3 if smoke else 10, 5 if smoke else 20),
        *_proofs(home, 100 if smoke else 1500),
        *_finality(home, 1 if smoke else 8),
    ]


# ---------------------------------------------------------------------- at rest


def _at_rest(home: Home, count: int, seconds: float) -> list[Figure]:
    """Memory and processor time of `count` rollups that nobody uses: each with batcher, proposer,
    challenger and defender, and with nothing of it."""
    plain = _rest(home, "plain", count, seconds, {})
    fraud = {"da": "ethereum-calldata", "proof": "fraud"}
    settled = _rest(home, "settled", count, seconds, fraud)
    name, same = f"settlement: {count} rollups at rest", "the same rollups without"
    return [
        Figure(f"{name}, daemon", settled["daemon"] / _MB, "MB", plain["daemon"] / _MB, same),
        Figure(f"{name}, nodes", settled["nodes"] / _MB, "MB", plain["nodes"] / _MB, same),
        Figure(f"{name}, processes that derive", settled["deriving"] / _MB, "MB"),
        Figure(f"{name}, processor of all", settled["cpu"] * 100, "%", plain["cpu"] * 100, same),
    ]


def _rest(
    home: Home, name: str, count: int, seconds: float, rollup: dict[str, str]
) -> dict[str, float]:
    path = _spec(home, name, [{"name": f"r{at}", **rollup} for at in range(count)])
    home.run("up", str(path))
    try:
        if rollup:
            _until(home, name, lambda events: _count(events, "output.final") >= count)
        time.sleep(_CALM)
        pids = _family(home)
        before, began = sum(map(_cpu, pids)), time.monotonic()
        time.sleep(seconds)
        spent = (sum(map(_cpu, pids)) - before) / (time.monotonic() - began)
        return {
            "daemon": daemon_rss(home),
            "nodes": nodes_rss(home, name),
            "deriving": sum(pss(pid) for pid in pids if "control_plane.deriving" in _argv(pid)),
            "cpu": spent,
        }
    finally:
        home.run("down", name, "-y")


# ---------------------------------------------------------------------- proofs


def _proofs(home: Home, transfers: int) -> list[Figure]:
    """A burst of transfers on a rollup in validity mode, until all of it is in final outputs."""
    name = "proven"
    rollup = {"name": "op", "da": "ethereum-calldata", "proof": "validity"}
    home.run("up", str(_spec(home, name, [rollup])))
    try:
        status = home.json("status", name)
        asyncio.run(_transfer(status["rollups"][0], transfers))
        _until(home, name, lambda events: _transactions(events) >= transfers)
        events = _events(home, name)
    finally:
        home.run("down", name, "-y")
    proofs = [e["data"] for e in events if e["type"] == "batch.proven"]
    executing = sum(data["executing"] for data in proofs)
    large = [data for data in proofs if data["transactions"] > 1]
    return [
        Figure("settlement: proven on one core", _transactions(events) / executing,
               "transactions/s", better="higher", note="the attestation prover's executing"),
        Figure("settlement: a batch proven", median([d["executing"] for d in large]), "s",
               note=f"{median([d['transactions'] for d in large]):.0f} transactions, median"),
        Figure("settlement: what a proposer waits for a proof",
               median([d["seconds"] for d in proofs]) * 1e3, "ms"),
    ]  # fmt: skip


async def _transfer(rollup: dict[str, Any], count: int) -> None:
    """So many transfers among the listed accounts, as raw transactions."""
    accounts = derive_accounts(TEST_MNEMONIC, 10)
    raws = []
    for at in range(count):
        to = bytes.fromhex(accounts[(at * 7 + 1) % 10].address[2:])
        fields = Transaction(rollup["chain_id"], at // 10, to, at, b"", 21_000, 3 * _GWEI, _GWEI)
        raws.append("0x" + sign(fields, accounts[at % 10].key)[0].hex())
    rpc = await connect(rollup["ws_url"])
    try:
        for at in range(0, count, 500):
            calls = [("eth_sendRawTransaction", (raw,)) for raw in raws[at : at + 500]]
            await rpc.batch(calls)
    finally:
        await rpc.close()


# ---------------------------------------------------------------------- finality


def _finality(home: Home, count: int) -> list[Figure]:
    """Messages that demand finality, one after the other."""
    figures = []
    for proof, window in (("validity", 0), ("fraud", _WINDOW)):
        name = f"final-{proof}"
        rollup: dict[str, Any] = {"name": "op", "da": "ethereum-calldata", "proof": proof}
        rollup |= {"finalization_window": window} if window else {}
        home.run("up", str(_spec(home, name, [rollup])))
        try:
            taken = [_message(home, name, at) for at in range(count)]
        finally:
            home.run("down", name, "-y")
        note = f"median of {count}, window {window} s taken off, CLI and saving included"
        title = f"settlement: finalized message, proof {proof}"
        figures.append(Figure(title, median(taken) - window, "s", target=3.0, note=note))
    return figures


def _message(home: Home, name: str, at: int) -> float:
    flags = ("--finality", "finalized", "--body", f"0x{at + 1:04x}", "--wait", "--devnet", name)
    return home.timed("message", "send", "op", "l1", *flags)


# ---------------------------------------------------------------------- helpers


def _spec(home: Home, name: str, rollups: list[dict[str, Any]]) -> Path:
    """A spec whose chains are saved twice a second, for only what is saved is posted."""
    path = home.directory / f"{name}.yaml"
    spec = {"version": 1, "name": name, "save_interval": 0.5, "rollups": rollups}
    path.write_text(json.dumps(spec))
    return path


def _events(home: Home, name: str) -> list[dict[str, Any]]:
    text = home.run("events", name, "--json", "--after=0", "--limit=1000").stdout
    return [json.loads(line) for line in text.splitlines()]


def _until(home: Home, name: str, there: Any) -> None:
    deadline = time.monotonic() + _DEADLINE
    while not there(_events(home, name)):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{name} does not settle within {_DEADLINE:g} s")
        time.sleep(0.2)


def _count(events: list[dict[str, Any]], kind: str) -> int:
    return sum(event["type"] == kind for event in events)


def _transactions(events: list[dict[str, Any]]) -> int:
    return sum(e["data"]["transactions"] for e in events if e["type"] == "batch.proven")


def _family(home: Home) -> list[int]:
    """The daemon, and every process that it or an earlier one started in this home."""
    daemon = home.daemon_pid or 0
    marker = str(home.directory).encode()
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    own = [pid for pid in pids if pid == daemon or _parent(pid) == daemon or _in(pid, marker)]
    return own + [pid for pid in pids if _parent(pid) in set(own) - {daemon} and pid not in own]


def _in(pid: int, marker: bytes) -> bool:
    try:
        return marker in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _argv(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _stat(pid: int) -> list[str]:
    """Fields of stat(5) behind the command, from the third on."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return text[text.rfind(")") + 2 :].split()


def _parent(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def _cpu(pid: int) -> float:
    """Seconds of processor time."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0
