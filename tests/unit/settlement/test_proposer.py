"""The proposer over a model of its oracle: what it posts, waits for and never repeats."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from eth_abi import decode  # type: ignore[attr-defined]

from control_plane.agents.proposer import Means, Proposer
from control_plane.domain import rlp
from control_plane.domain.calls import selector, word
from control_plane.domain.hashing import keccak256
from control_plane.domain.header import encode_header
from control_plane.domain.hub import Head, Hub
from control_plane.domain.ids import Hex
from control_plane.domain.network import Chain, Network
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement import inbox_address
from control_plane.domain.settlement.outputs import BOND, Output, output_root
from control_plane.domain.settlement.proofs import MESSAGE_PASSER

CONTRACTS = {"create3Factory": Hex("0x" + "c3" * 20)}
WINDOW = 5
STORAGE = bytes([7]) * 32


def leaf(number: int) -> bytes:
    """The only node of a state trie that holds the message passer."""
    account = rlp.encode([rlp.encode_int(1), rlp.encode_int(number), STORAGE, bytes(32)])
    return rlp.encode([b"\x20" + keccak256(MESSAGE_PASSER), account])


def block(number: int, extra: str = "0x") -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(
        ("parentHash", "sha3Uncles", "transactionsRoot", "receiptsRoot", "mixHash"),
        "0x" + "11" * 32,
    )
    found |= {"miner": "0x" + "22" * 20, "logsBloom": "0x" + "00" * 256, "nonce": "0x" + "00" * 8}
    found |= dict.fromkeys(("difficulty", "gasLimit", "gasUsed", "timestamp"), "0x1")
    found |= {"number": hex(number), "extraData": extra if number else "0x"}
    found["stateRoot"] = "0x" + keccak256(leaf(number)).hex()
    return found | {"hash": "0x" + keccak256(encode_header(found)).hex()}


@dataclass
class World:
    """An L1 with an oracle and an inbox, and a rollup."""

    posted: int = 0
    now: int = 1_000
    extra: str = "0x"
    """Of the rollup's blocks: another one, other blocks."""
    refuses: bool = False
    genesis: bytes = bytes(32)
    outputs: list[Output] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    roots: list[str] = field(default_factory=list)
    """Of all outputs that ever were."""
    events: list[tuple[str, int]] = field(default_factory=list)
    hub: Hub = field(default_factory=Hub)

    # ------------------------------------------------------------------ chains

    async def connect(self, url: str, *, deadline: float | None = None) -> Any:
        return SimpleNamespace(batch=self.batch, call=self.call, close=self._close)

    async def _close(self) -> None:
        pass

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        return self._ask(method, params)

    async def batch(
        self,
        calls: Sequence[tuple[str, Sequence[Any]]],
        timeout: float | None = None,
    ) -> list[Any]:
        return [self._ask(method, params) for method, params in calls]

    def _ask(self, method: str, params: Sequence[Any]) -> Any:
        match method:
            case "eth_call":
                return (
                    "0x" + self._view(params[0]["to"], bytes.fromhex(params[0]["data"][2:])).hex()
                )
            case "eth_getBlockByNumber" if params[0] == "pending":
                return {"timestamp": hex(self.now)}
            case "eth_getBlockByNumber":
                return block(int(params[0], 16), self.extra)
            case "eth_getProof":
                number = next(
                    n for n in range(999) if block(n, self.extra)["hash"] == params[2]["blockHash"]
                )
                return {"accountProof": ["0x" + leaf(number).hex()]}
            case "eth_getLogs":
                return [1] if params[0]["topics"][1] in self.roots else []
        return "0x1"

    def _final(self) -> int:
        return sum(each.proposed_at + WINDOW <= self.now for each in self.outputs)

    def _view(self, to: str, data: bytes) -> bytes:
        if to == "0x" + inbox_address(CONTRACTS).hex():
            head = [1, self.posted + 1, 0, 1, 0, 0]
            return b"".join(map(word, head)) + bytes([9]) * 32
        index = int.from_bytes(data[4:])
        answers: Mapping[bytes, Callable[[], Sequence[int | bytes]]] = {
            selector("nextOutputIndex()"): lambda: [len(self.outputs)],
            selector("latestFinalIndex()"): lambda: [self._final() > 0, max(0, self._final() - 1)],
            selector("parentOf(uint256)"): lambda: self._parent(index),
            selector("output(uint256)"): lambda: [
                getattr(self.outputs[index], name) for name in Output.__dataclass_fields__
            ],
        }
        return b"".join(map(word, answers[data[:4]]()))

    def _parent(self, index: int) -> Sequence[int | bytes]:
        if not index:
            return [self.genesis, bytes(32), 0]
        last = self.outputs[index - 1]
        return [last.block_hash, last.state_root, last.block_number]

    # ------------------------------------------------------------------ what is sent

    async def send(self, to: Hex, data: bytes, *, gas: int, value: int = 0) -> Any:
        done = not self.refuses
        if done and data[:4] == selector("withdrawBond(uint256)"):
            index = int.from_bytes(data[4:])
            self.sent.append(f"bond {index}")
            self.outputs[index] = replace(self.outputs[index], bond=0)
        elif done:
            assert value == BOND
            header, nodes, _ = decode(["bytes", "bytes[]", "bytes"], data[4:])
            self._propose(header, nodes)

        async def receipt() -> Mapping[str, Any]:
            return {"status": hex(done)}

        return SimpleNamespace(hash="0xabc", receipt=receipt)

    def _propose(self, header: bytes, nodes: Sequence[bytes]) -> None:
        fields = rlp.decode_list(header)
        root, number = cast(bytes, fields[3]), int.from_bytes(cast(bytes, fields[8]))
        assert keccak256(nodes[0]) == root
        hash_ = keccak256(header)
        made: dict[str, Any] = dict.fromkeys(Output.__dataclass_fields__, 0)
        made |= {"output_root": output_root(root, STORAGE, hash_), "block_hash": hash_}
        made |= {"state_root": root, "message_passer_storage_root": STORAGE}
        made |= {"batch_commitment": bytes([9]) * 32, "block_number": number}
        made |= {"proposed_at": self.now, "final_at": self.now + WINDOW, "bond": BOND}
        made |= {"proposer": bytes(20)}
        self.outputs.append(Output(**made))
        self.roots.append("0x" + made["output_root"].hex())
        self.sent.append(f"output {number}")

    # ------------------------------------------------------------------ the agent

    def proposer(self) -> Proposer:
        async def name_genesis(block_hash: bytes, _: bytes) -> None:
            self.genesis = block_hash

        async def publish(
            type: str,
            data: Mapping[str, Any] | None = None,
            *,
            service: str | None = None,
        ) -> None:
            self.events.append((type, (data or {})["index"]))

        plan = SimpleNamespace(chain_id=901, finalization_window=WINDOW, name="op")
        l1 = SimpleNamespace(name="l1", ws_url="l1", http_url="l1")
        op = SimpleNamespace(name="op", ws_url="op", http_url="op", plan=plan)
        network = SimpleNamespace(
            contracts=CONTRACTS, plan=SimpleNamespace(l1=l1), chain=lambda _: l1
        )
        means = Means(cast(Any, self), name_genesis)
        return Proposer(
            cast(Network, network), cast(Chain, op), means, self.connect, self.hub, publish
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                self.hub.tell(Head("l1", 1, "0x", self.now))
                await asyncio.sleep(0.01)

    async def run(self, story: Callable[[Proposer], Awaitable[None]]) -> None:
        """`story` while a proposer runs."""
        agent = self.proposer()
        task = asyncio.create_task(agent.run())
        try:
            await story(agent)
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def test_it_names_the_genesis_and_proposes_nothing_before_something_is_posted() -> None:
    world = World()

    async def story(agent: Proposer) -> None:
        await world.until(agent.ready.is_set)
        assert "0x" + world.genesis.hex() == block(0)["hash"]
        assert world.sent == []

    await world.run(story)


async def test_each_channel_gets_an_output_and_a_new_start_repeats_none() -> None:
    world = World(posted=3)

    async def first(_: Proposer) -> None:
        await world.until(lambda: len(world.outputs) == 1)

    async def second(agent: Proposer) -> None:
        await world.until(agent.ready.is_set)
        await asyncio.sleep(0.05)
        assert world.sent == ["output 3"]
        world.posted = 9
        await world.until(lambda: len(world.outputs) == 2)

    await world.run(first)
    await world.run(second)
    assert world.sent == ["output 3", "output 9"]
    assert world.events == [("output.proposed", 0), ("output.proposed", 1)]


async def test_finals_are_told_and_their_bonds_taken_back_once() -> None:
    world = World(posted=3)

    async def first(_: Proposer) -> None:
        await world.until(lambda: len(world.outputs) == 1)
        world.now += WINDOW - 1
        await asyncio.sleep(0.05)
        assert not any(name == "output.final" for name, _ in world.events)
        world.now += 1
        await world.until(lambda: world.outputs[0].bond == 0)

    async def second(agent: Proposer) -> None:
        await world.until(agent.ready.is_set)
        await asyncio.sleep(0.05)

    await world.run(first)
    await world.run(second)
    assert world.sent == ["output 3", "bond 0"]
    assert world.events == [("output.proposed", 0), ("output.final", 0)]


async def test_bonds_of_many_outputs_are_found_after_a_long_absence() -> None:
    world = World(posted=100)
    await world.run(lambda _: world.until(lambda: len(world.outputs) == 1))
    first = replace(world.outputs[0], bond=0)
    later = [replace(first, block_number=101 + n, bond=BOND) for n in range(150)]
    world.outputs, world.posted = [first, *later], 250
    world.outputs[-1] = replace(later[-1], block_number=250)
    world.now += WINDOW

    async def story(_: Proposer) -> None:
        await world.until(lambda: not any(each.bond for each in world.outputs))

    await world.run(story)
    assert [what for what in world.sent if what.startswith("bond")] == [
        f"bond {n}" for n in range(1, 151)
    ]


async def test_nothing_is_built_on_an_output_that_is_not_the_rollups() -> None:
    world = World(posted=3)
    await world.run(lambda _: world.until(lambda: len(world.outputs) == 1))
    world.extra, world.posted = "0xff", 5  # other blocks

    async def story(agent: Proposer) -> None:
        await world.until(lambda: agent.problem is not None)
        assert "another one than was proposed" in str(agent.problem)
        world.outputs.clear()  # a dispute removed it
        await world.until(lambda: len(world.outputs) == 1)
        await world.until(lambda: agent.problem is None)

    await world.run(story)
    assert world.outputs[0].block_number == 5


async def test_what_was_disputed_away_is_not_proposed_again() -> None:
    world = World(posted=3)

    async def story(agent: Proposer) -> None:
        await world.until(lambda: len(world.outputs) == 1)
        world.outputs.clear()  # a dispute removed it, and the node still has the block
        await world.until(lambda: "disputed away" in str(agent.problem))
        assert not world.outputs
        world.posted = 5
        await world.until(lambda: len(world.outputs) == 1)

    await world.run(story)
    assert world.sent == ["output 3", "output 5"]


async def test_a_refused_proposal_is_a_problem_and_is_tried_again() -> None:
    world = World(posted=3, refuses=True)

    async def story(agent: Proposer) -> None:
        await world.until(lambda: "refused by the oracle" in str(agent.problem))
        world.refuses = False
        await world.until(lambda: len(world.outputs) == 1)

    await world.run(story)


@pytest.mark.parametrize("answer", [RpcError("no"), "0x"])
async def test_an_oracle_that_does_not_answer_is_waited_for(
    answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(posted=3)
    monkeypatch.setattr(world, "_ask", lambda *_: answer)

    async def story(agent: Proposer) -> None:
        await world.until(lambda: agent.problem is not None)
        assert "does not answer" in str(agent.problem)

    await world.run(story)


async def test_it_ends_when_it_is_told_to_though_news_come_at_that_moment() -> None:
    world = World(posted=3)
    await world.run(lambda _: world.until(lambda: len(world.outputs) == 1))
    for turns in range(12):
        agent = world.proposer()
        task = asyncio.create_task(agent.run())
        await world.until(agent.ready.is_set)
        await asyncio.sleep(0.02)
        world.hub.tell(Head("l1", 1, "0x", world.now))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            async with asyncio.timeout(2):
                await task
        assert task.cancelled()
