"""What it takes to derive a long chain: with nothing forgotten, with snapshots, after a restart.

Each in a process of its own, over blocks made here: a transfer each, to a thousand receivers. The
L1 is a stand-in that answers at once, so that deriving is all there is.
"""

import asyncio
import json
import os
import pickle
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

from benchmarks.harness import Figure, Home

_MB: Final = 1e6
_WINDOW: Final = 100
"""Blocks of an output, and after how many more it is final."""
_CHANNEL: Final = 50
_GWEI: Final = 10**9


def measure(home: Home, smoke: bool) -> list[Figure]:
    """The genesis is a devnet's."""
    blocks = 300 if smoke else 3_000
    home.run("up", "minimal", "--name", "long", "--set", "rollups.op.da=ethereum-calldata",
             "--set", "rollups.op.proof=fraud")  # fmt: skip
    genesis = next(home.directory.rglob("nodes/op/genesis.json")).read_bytes()
    home.run("down", "long", "-y")
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "genesis.json").write_bytes(genesis)
        return _figures(Path(directory), blocks)


def _figures(directory: Path, blocks: int) -> list[Figure]:
    plain, kept, again = (_child(part, directory, blocks) for part in ("plain", "kept", "again"))
    name, whole = f"deriving {blocks:,} blocks", "nothing forgotten"
    return [
        Figure(f"{name}, memory", kept["rss"] / _MB, "MB", plain["rss"] / _MB, whole),
        Figure(f"{name}, seconds", kept["seconds"], "s", plain["seconds"], whole),
        Figure(f"{name}, caught up after a restart", again["seconds"], "s", plain["seconds"],
               "from the genesis on"),
        Figure(f"{name}, memory after a restart", again["rss"] / _MB, "MB"),
        Figure(f"{name}, snapshot", kept["bytes"] / _MB, "MB"),
    ]  # fmt: skip


def _child(part: str, directory: Path, blocks: int) -> dict[str, float]:
    import subprocess

    command = [sys.executable, "-m", "benchmarks.deriving", part, str(directory), str(blocks)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


# ---------------------------------------------------------------------- in its own process


class _L1:
    """Has an output for every hundred blocks, final when the next one is there."""

    def __init__(self) -> None:
        self.hashes: dict[int, bytes] = {}
        self.last = 0

    async def call(self, method: str, *params: Any) -> Any:
        from control_plane.domain.settlement.outputs import latest_final_call, output_call

        if method == "eth_blockNumber":
            return hex(1 << 40)
        if method == "eth_getBlockByNumber":
            return {"hash": params[0]}
        data = bytes.fromhex(params[0]["data"][2:])
        final = self.last // _WINDOW - 2
        if data == latest_final_call():
            return _answer(int(final >= 0), max(final, 0))
        index = int.from_bytes(data[4:])
        if data != output_call(index):
            return _answer((index + _WINDOW - 1) // _WINDOW - 1)
        number = (index + 1) * _WINDOW
        block_hash = int.from_bytes(self.hashes[number])
        return _answer(0, block_hash, 0, 0, 0, number, 0, 0, 0, index, 0, 0)


class _Inbox:
    def __init__(self, l1: _L1, blocks: list[Any]) -> None:
        self.l1 = l1
        self._blocks = blocks

    async def head(self) -> int:
        return 1 << 40

    async def channels(self, until: int, at: Any) -> AsyncIterator[Any]:
        from control_plane.adapters.derivation.l1 import Position, Posted
        from control_plane.domain.channels import Channel

        del until
        for number in range(at.channels, len(self._blocks) // _CHANNEL):
            part = self._blocks[number * _CHANNEL : (number + 1) * _CHANNEL]
            blocks = tuple(pickle.loads(each) for each in part)
            after = Position(number + 1, (number + 1).to_bytes(32), number + 1, 0)
            yield Posted(number, Channel(bytes(32), blocks), "0x", 0, after)


def _answer(*values: int) -> str:
    return "0x" + b"".join(value.to_bytes(32) for value in values).hex()


def _unclaimed(chain_id: int, count: int) -> list[Any]:
    """Blocks that claim nothing true yet."""
    from control_plane.adapters.evm.accounts import derive_accounts
    from control_plane.adapters.evm.signer import Transaction, sign
    from control_plane.domain.channels import ChannelBlock
    from control_plane.schemas.spec import TEST_MNEMONIC

    key = derive_accounts(TEST_MNEMONIC, 1)[0].key
    blocks = []
    for n in range(count):
        to = (0xEA << 152 | n % 1_000).to_bytes(20)
        fields = Transaction(chain_id, n, to, 1, b"", 21_000, 3 * _GWEI, _GWEI)
        raw = sign(fields, key)[0]
        head = (n + 1, 1_800_000_000 + n, bytes(20), 60_000_000, _GWEI, bytes(32), bytes(32), b"")
        blocks.append(ChannelBlock(*head, bytes(32), bytes(32), (raw,)))
    return blocks


async def _run(part: str, directory: Path, count: int) -> dict[str, float]:
    from control_plane.adapters.derivation.chronicle import Chronicle
    from control_plane.adapters.derivation.keeping import Keeper

    genesis = json.loads((directory / "genesis.json").read_bytes())
    file, snapshot = directory / "blocks", directory / "deriving.snapshot"
    keeper = None if part == "plain" else Keeper(snapshot, "0x", "it")
    chronicle, l1 = Chronicle(genesis, None, keeper), _L1()
    if part == "plain":
        chain_id = int(genesis["config"]["chainId"])
        blocks = [pickle.dumps(each) for each in _unclaimed(chain_id, count)]
    else:
        blocks = pickle.loads(file.read_bytes())
        for each in blocks[_WINDOW - 1 :: _WINDOW]:
            done = pickle.loads(each)
            l1.hashes[done.number] = done.hash
    base = _rss()
    if part == "again":
        l1.last = count

    async def tell(number: int) -> None:
        l1.last = max(l1.last, number)
        if keeper is not None:
            await keeper.keep(chronicle, cast("Any", l1))

    began = time.perf_counter()
    await chronicle.follow(cast("Any", _Inbox(l1, blocks)), tell)
    seconds = time.perf_counter() - began
    if part == "kept" and keeper is not None and not snapshot.exists():  # too short for one
        keeper._next = 0.0
        await keeper.keep(chronicle, cast("Any", l1))
    found = {"seconds": seconds, "rss": float(_rss()), "blocks held": float(base), "bytes": 0.0}
    if part == "plain":
        file.write_bytes(pickle.dumps([_claimed(chronicle, each) for each in blocks]))
    else:
        found["bytes"] = float(snapshot.stat().st_size)
    return found


def _claimed(chronicle: Any, raw: bytes) -> bytes:
    block = pickle.loads(raw)
    done = chronicle.block(block.number)
    root = chronicle.state_root(block.number)
    return pickle.dumps(replace(block, hash=done.hash, state_root=root))


def _rss() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_run(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))))
