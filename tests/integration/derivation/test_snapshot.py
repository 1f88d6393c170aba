"""A chronicle goes on from what it wrote down, and throws away what does not go with its L1."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from control_plane.adapters.derivation.chronicle import Chronicle, Forgotten
from control_plane.adapters.derivation.keeping import Keeper
from control_plane.adapters.derivation.l1 import START, Inbox, NotDerivable, Position, Posted
from control_plane.adapters.derivation.ordered import Ordered
from control_plane.adapters.derivation.proving import Attesting
from control_plane.adapters.derivation.snapshot import read_snapshot, write_snapshot
from control_plane.deriving import Session
from control_plane.deriving import _answer as _answer_to
from control_plane.domain.calls import word
from control_plane.domain.channels import Channel
from control_plane.domain.errors import TemporaryFailure
from control_plane.domain.ports.node import Rpc
from control_plane.domain.settlement.outputs import latest_final_call
from tests.integration.derivation.test_proving import _ORDER as ORDER
from tests.integration.derivation.test_proving import FakeInbox, inputs, question, used
from tests.integration.derivation.test_replay import Site, site

__all__ = ["site"]

_LAST = 6
"""Block of :func:`used`."""


@dataclass
class FakeL1:
    """Has an output for each of `blocks`; `final` of them are final."""

    channel: Channel
    blocks: tuple[int, ...] = (1, 3, 5)
    final: int = 0
    fork: str = "a"
    lie: bytes | None = None
    """Hash that all outputs claim."""
    height: int = 9
    asked: list[str] = field(default_factory=list)

    async def call(self, method: str, *params: Any) -> Any:
        if method == "eth_blockNumber":
            return hex(self.height)
        if method == "eth_getBlockByNumber":
            return {"hash": f"{self.fork}{params[0]}"}
        data = bytes.fromhex(params[0]["data"][2:])
        if data == latest_final_call():
            found = (1, self.final - 1) if self.final else (0, 0)
            return _answer(*found)
        at = int.from_bytes(data[4:])
        if data[:4] != latest_final_call()[:4] and len(self.blocks) > at and at < self.final:
            return self._output(at)
        return _answer(next(n for n, block in enumerate(self.blocks) if block >= at))

    def _output(self, at: int) -> str:
        block = self.channel.blocks[self.blocks[at] - 1]
        hash_ = int.from_bytes(self.lie or block.hash)
        return _answer(0, hash_, 0, 0, 0, block.number, 0, 0, 0, at, 0, 0)


def _answer(*values: int) -> str:
    return "0x" + b"".join(word(value) for value in values).hex()


class Deriving:
    """One process after the other over the same file."""

    def __init__(self, site: Site, channel: Channel, path: Path) -> None:
        self.site = site
        self.l1 = FakeL1(channel)
        self.inbox = FakeInbox(channel, (2, 5, _LAST))
        self.inbox.l1 = cast("Any", self.l1)
        self.path = path
        self.told: list[int] = []
        self.now = 0.0
        self.start()

    def start(self) -> None:
        self.keeper = Keeper(self.path, "0x", "it", every=1, clock=lambda: self.now)
        self.chronicle = Chronicle(self.site.genesis, None, self.keeper)

    async def follow(self) -> list[int]:
        """The blocks that were executed for it."""
        self.told, self.now = [], self.now + 10
        await self.chronicle.follow(cast("Inbox", self.inbox), self._tell)
        await self.keeper.keep(self.chronicle, cast("Rpc", self.l1))
        return self.told

    async def _tell(self, number: int) -> None:
        self.told.append(number)


@pytest.fixture
async def deriving(site: Site, tmp_path: Path) -> Deriving:
    return Deriving(site, await used(site), tmp_path / "deriving.snapshot")


async def test_it_goes_on_from_the_block_of_the_last_final_output(deriving: Deriving) -> None:
    deriving.l1.final = 2
    assert await deriving.follow() == [1, 2, 3, 4, 5, 6]
    assert deriving.path.stat().st_mode & 0o777 == 0o600
    traces = [deriving.chronicle.trace(n) for n in (4, 5, 6)]
    transactions = deriving.chronicle.transactions
    deriving.start()
    assert await deriving.follow() == [4, 5, 6]
    for trace in traces:
        assert deriving.chronicle.trace(trace.number) == trace
    for block in deriving.l1.channel.blocks[2:]:
        assert deriving.chronicle.block(block.number).hash == block.hash
    assert deriving.chronicle.transactions == transactions
    assert deriving.chronicle.last_of(bytes([2]) * 32) == 5
    assert deriving.chronicle.commitment(5) == bytes([2]) * 32
    assert deriving.chronicle.storage_root(3, b"\1" * 20)
    with pytest.raises(Forgotten):
        deriving.chronicle.block(2)
    with pytest.raises(Forgotten):
        deriving.chronicle.trace(3)  # its state before is gone


async def test_states_before_the_snapshot_before_the_last_are_forgotten(
    deriving: Deriving,
) -> None:
    nodes = []
    for final, base in ((1, 0), (2, 1), (3, 3)):
        deriving.l1.final, deriving.chronicle._most = final, 0
        await deriving.follow()
        assert deriving.chronicle.base == base
        nodes.append(len(deriving.chronicle._opened().nodes))
        for number in range(base + 1, _LAST + 1):
            assert deriving.chronicle.trace(number).transactions == 1
    assert nodes[0] > nodes[1] > nodes[2]


async def test_what_is_not_final_is_not_written_down(deriving: Deriving) -> None:
    await deriving.follow()
    assert not deriving.path.exists()
    deriving.l1.final, deriving.l1.lie = 1, b"\x22" * 32
    await deriving.follow()
    assert not deriving.path.exists()


async def test_a_final_output_that_it_has_not_reached_stands_for_the_one_before(
    deriving: Deriving,
) -> None:
    deriving.l1.final = 3
    deriving.inbox.ends = (2,)
    await deriving.follow()
    assert deriving.path.exists()
    found = read_snapshot(deriving.path, "it")
    assert found is not None
    assert (found.base.number, found.output) == (1, 0)


def _torn(deriving: Deriving) -> None:
    deriving.path.write_bytes(deriving.path.read_bytes()[:-7])


def _changed(deriving: Deriving) -> None:
    content = bytearray(deriving.path.read_bytes())
    content[-9] ^= 1
    deriving.path.write_bytes(content)


def _empty(deriving: Deriving) -> None:
    deriving.path.write_bytes(b"")


def _older_version(deriving: Deriving) -> None:
    content = deriving.path.read_bytes()
    deriving.path.write_bytes(content.replace(b'"version": 1', b'"version": 0', 1))


def _rewritten(**changes: Any) -> Callable[[Deriving], None]:
    def change(deriving: Deriving) -> None:
        found = read_snapshot(deriving.path, "it")
        assert found is not None
        write_snapshot(deriving.path, replace(found, **changes))

    return change


def _incomplete(deriving: Deriving) -> None:
    found = read_snapshot(deriving.path, "it")
    assert found is not None
    nodes = {key: value for key, value in found.nodes.items() if key != max(found.nodes)}
    write_snapshot(deriving.path, replace(found, nodes=nodes))


def _another_state(deriving: Deriving) -> None:
    """A file that is whole in itself; its root is not the one of the block."""
    found = read_snapshot(deriving.path, "it")
    assert found is not None
    write_snapshot(deriving.path, replace(found, base=replace(found.base, root=bytes(32))))


def _l1(**changes: Any) -> Callable[[Deriving], None]:
    def change(deriving: Deriving) -> None:
        for name, value in changes.items():
            setattr(deriving.l1, name, value)

    return change


_UNFIT: list[tuple[Callable[[Deriving], None], str]] = [
    (_torn, "torn"),
    (_changed, "torn"),
    (_empty, "it is none"),
    (_older_version, "its version is 0"),
    (_rewritten(subject="another"), "of another rollup"),
    (_incomplete, "its state is not whole"),
    (_another_state, "its header is not its block's"),
    (_l1(fork="b"), "the L1 lost its block"),
    (_l1(final=1), "output 1 is not final, or gone"),
    (_l1(blocks=(1, 2, 5)), "of another block"),
    (_l1(lie=b"\x22" * 32), "of another block"),
]


async def test_what_does_not_go_with_the_l1_or_is_not_whole_is_thrown_away(
    deriving: Deriving, capsys: pytest.CaptureFixture[str]
) -> None:
    for change, why in _UNFIT:
        deriving.path.unlink(missing_ok=True)
        deriving.inbox.l1 = cast("Any", FakeL1(deriving.l1.channel, final=2))
        deriving.l1 = cast("FakeL1", deriving.inbox.l1)
        deriving.start()
        await deriving.follow()
        change(deriving)
        deriving.start()
        assert await deriving.follow() == [1, 2, 3, 4, 5, 6], why
        told = capsys.readouterr().err
        assert "deriving.snapshot is thrown away" in told
        assert why in told
        assert deriving.chronicle.base == 0


async def test_a_half_written_one_is_not_read(deriving: Deriving) -> None:
    deriving.l1.final = 1
    await deriving.follow()
    half = deriving.path.with_name(deriving.path.name + ".tmp")
    half.write_bytes(deriving.path.read_bytes()[:100])
    deriving.start()
    assert await deriving.follow() == [2, 3, 4, 5, 6]
    deriving.l1.final = 2
    await deriving.follow()
    assert not half.exists()


async def test_a_process_that_is_killed_while_it_writes_leaves_a_whole_one(
    deriving: Deriving,
) -> None:
    deriving.l1.final = 2
    await deriving.follow()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _WRITES, str(deriving.path)), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    for _ in range(3):
        assert await process.stdout.readline()
    process.kill()
    await process.wait()
    found = read_snapshot(deriving.path, "it")
    assert found is not None
    assert found.base.number == 3
    deriving.start()
    assert await deriving.follow() == [4, 5, 6]


_WRITES = """
import sys
from dataclasses import replace
from pathlib import Path
from control_plane.adapters.derivation.snapshot import read_snapshot, write_snapshot

path = Path(sys.argv[1])
found = read_snapshot(path, "it")
ballast = {n.to_bytes(32): bytes(1000) for n in range(4_000)}
while True:
    write_snapshot(path, replace(found, nodes={**found.nodes, **ballast}))
    print("written", flush=True)
"""


async def test_an_inbox_that_does_not_go_on_from_it_is_read_from_its_beginning(
    deriving: Deriving, capsys: pytest.CaptureFixture[str]
) -> None:
    deriving.l1.final = 2
    await deriving.follow()

    class Other(FakeInbox):
        async def channels(self, until: int, at: Position = START) -> AsyncIterator[Posted]:
            if at != START:
                raise NotDerivable("the inbox commits to other channels")
            async for each in super().channels(until, at):
                yield each

    deriving.inbox = Other(deriving.l1.channel, (2, 5, _LAST))
    deriving.inbox.l1 = cast("Any", deriving.l1)
    deriving.start()
    assert await deriving.follow() == [1, 2, 3, 4, 5, 6]
    assert "the inbox commits to other channels" in capsys.readouterr().err


async def test_a_disk_without_room_costs_the_snapshot_alone(
    deriving: Deriving, capsys: pytest.CaptureFixture[str]
) -> None:
    deriving.l1.final = 2
    deriving.path.with_name(deriving.path.name + ".tmp").mkdir()  # which can't be opened to write
    assert await deriving.follow() == [1, 2, 3, 4, 5, 6]
    assert "no snapshot" in capsys.readouterr().err
    assert not deriving.path.exists()
    assert os.listdir(deriving.path.parent)  # noqa: PTH208


async def test_one_of_a_rollup_with_deposits_is_of_no_use_without(deriving: Deriving) -> None:
    deriving.l1.final = 2
    await deriving.follow()
    found = read_snapshot(deriving.path, "it")
    assert found is not None
    assert found.deposited is None
    deriving.start()
    ordered = cast("Ordered", _NoOrders())
    deriving.chronicle = Chronicle(deriving.site.genesis, ordered, deriving.keeper)
    assert await deriving.follow() == [1, 2, 3, 4, 5, 6]


class _NoOrders:
    at = None
    taken = None

    def forget(self) -> None: ...

    async def read(self, *_: object) -> bool:
        return True

    async def check(self, *_: object) -> None: ...


async def test_that_a_batch_lied_is_known_after_a_restart_too(deriving: Deriving) -> None:
    blocks = list(deriving.l1.channel.blocks)
    blocks[1] = replace(blocks[1], state_root=bytes(32))
    deriving.inbox.channel = replace(deriving.inbox.channel, blocks=tuple(blocks))
    deriving.l1.final = 2
    await deriving.follow()
    wrong = deriving.chronicle.first_wrong()
    assert wrong is not None
    assert wrong[0] == 2
    deriving.start()
    assert await deriving.follow() == [4, 5, 6]
    assert deriving.chronicle.first_wrong() == wrong


async def test_a_prover_goes_on_from_the_last_output(deriving: Deriving) -> None:
    deriving.l1.final = 2
    await deriving.follow()
    deriving.start()
    await deriving.follow()
    prover, channel = Attesting(900, ORDER), deriving.l1.channel
    asked = question(inputs(channel, 4, 5, 2), 4, 5)
    assert prover.prove(deriving.chronicle, asked)["inputs"] == asked["inputs"]
    with pytest.raises(Forgotten):
        prover.prove(deriving.chronicle, question(inputs(channel, 1, 2, 1), 1, 2))


async def test_what_was_forgotten_is_derived_again_if_the_l1_lost_the_output(
    deriving: Deriving,
) -> None:
    order = {
        "l1": "http://127.0.0.1:1",
        "inbox": "0x",
        "chain_id": 900,
        "genesis": deriving.site.genesis,
    }
    keep = {"path": str(deriving.path), "oracle": "0x", "every": 1}
    session = _Session({**order, "keep": keep}, deriving)
    for final in (1, 2, 3):
        deriving.l1.final = final
        deriving.now += 10
        await session.follow()
    assert session.chronicle.base == 3
    asked = {"ask": "block", "number": 2}
    with pytest.raises(TemporaryFailure, match="It is final by now"):
        await _answer_to(session, asked)
    commitment = {"ask": "last_of", "commitment": "0x" + (bytes([1]) * 32).hex()}
    assert await _answer_to(session, commitment) == {"last": 2}  # the channel before the base
    deriving.l1.final = 1
    found = await _answer_to(session, asked)
    assert found["block"]["hash"] == "0x" + deriving.l1.channel.blocks[1].hash.hex()
    assert session.chronicle.base == 0
    assert (await _answer_to(session, {"ask": "trace", "number": 1}))["trace"]["number"] == 1
    assert not await session.went_back()


class _Session(Session):
    """A session whose L1 is a stand-in."""

    def __init__(self, order: dict[str, Any], deriving: Deriving) -> None:
        super().__init__(order)
        self._l1 = cast("Rpc", deriving.l1)
        self._deriving = deriving
        assert self._keeper is not None
        self._keeper._clock = lambda: deriving.now

    async def _inbox(self) -> Inbox:
        return cast("Inbox", self._deriving.inbox)
