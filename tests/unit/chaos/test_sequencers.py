"""A sequencer on op-geth that censors: its engine is told what to take, and takes nothing else."""

from dataclasses import replace
from typing import Any, cast

from eth_account import Account

from control_plane.adapters.chaos.sequencers import CensoringEngine
from control_plane.domain.ids import Hex
from control_plane.domain.op_stack import Deposit
from control_plane.domain.ports.engine_api import (
    NO_HASH,
    EngineApi,
    ForkChoice,
    PayloadAttributes,
    PayloadRefused,
)
from control_plane.domain.ports.node import Rpc
from control_plane.domain.seams import Seams

HEAD = ForkChoice(NO_HASH)
VICTIM, OTHER = (Account.from_key(bytes([n]) * 32) for n in (1, 2))
DEPOSIT = Hex("0x" + Deposit(bytes(32), bytes(20), bytes(20), 0, 0, 1_000_000, b"").encode().hex())
ATTRIBUTES = PayloadAttributes(1, NO_HASH, NO_HASH, NO_HASH, (DEPOSIT,), False, 1_100_000, NO_HASH)


class Engine:
    def __init__(self) -> None:
        self.asked: list[PayloadAttributes | None] = []
        self.refuses = 0

    async def forkchoice_updated(
        self, choice: ForkChoice, attributes: PayloadAttributes | None = None
    ) -> str:
        assert choice == HEAD
        self.asked.append(attributes)
        if self.refuses:
            self.refuses -= 1
            raise PayloadRefused("no good")
        return "0x1"


class Node:
    """What waits in the pool: by sender, maximal fees by nonce."""

    def __init__(self, waiting: dict[Any, list[int]]) -> None:
        self._waiting = waiting

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        del params, timeout
        if method == "eth_getBlockByNumber":
            return {"baseFeePerGas": hex(1_000)}
        assert method == "txpool_content"
        pending = {
            who.address: {str(n): _transaction(who, n, fee) for n, fee in enumerate(fees)}
            for who, fees in self._waiting.items()
        }
        return {"pending": pending, "queued": {}}


def _transaction(who: Any, nonce: int, fee: int) -> dict[str, Any]:
    fields = {"nonce": nonce, "gasPrice": fee, "gas": 50_000, "to": bytes(20), "value": 1}
    signed = who.sign_transaction(fields | {"data": b"", "chainId": 901})
    parts = {"v": hex(signed.v), "r": hex(signed.r), "s": hex(signed.s)}
    numbers = {name: hex(cast("int", fields[name])) for name in ("nonce", "gasPrice", "gas")}
    told = {"type": "0x0", "to": "0x" + "00" * 20, "value": "0x1", "input": "0x"}
    return {**numbers, **told, **parts, "hash": "0x" + bytes(signed.hash).hex()}


def censoring(engine: Engine, waiting: dict[Any, list[int]]) -> EngineApi:
    seams = Seams()
    node = cast("Rpc", Node(waiting))
    seams.engines["op"] = {"f1": lambda honest, rpc: CensoringEngine(honest, rpc, VICTIM.address)}
    return seams.building("op")(cast("EngineApi", engine), node)


async def test_all_but_the_accounts_are_taken_as_far_as_there_is_room() -> None:
    engine = Engine()
    waiting = {VICTIM: [2_000], OTHER: [2_000, 2_000, 2_000]}
    await censoring(engine, waiting).forkchoice_updated(HEAD, ATTRIBUTES)
    (asked,) = engine.asked
    assert asked
    assert asked.no_tx_pool
    assert asked.transactions[0] == DEPOSIT
    assert len(asked.transactions) == 3  # 100,000 gas beside the deposit


async def test_what_can_pay_no_base_fee_waits() -> None:
    engine = Engine()
    await censoring(engine, {OTHER: [2_000, 1_100]}).forkchoice_updated(HEAD, ATTRIBUTES)
    assert engine.asked[0]
    assert len(engine.asked[0].transactions) == 2


async def test_a_block_that_is_refused_comes_without_them() -> None:
    engine = Engine()
    engine.refuses = 1
    await censoring(engine, {OTHER: [2_000]}).forkchoice_updated(HEAD, ATTRIBUTES)
    assert engine.asked[-1] == replace(ATTRIBUTES, no_tx_pool=True)


async def test_what_is_built_anew_is_left_alone() -> None:
    engine = Engine()
    forced = replace(ATTRIBUTES, no_tx_pool=True)
    between = censoring(engine, {OTHER: [2_000]})
    await between.forkchoice_updated(HEAD)
    await between.forkchoice_updated(HEAD, forced)
    assert engine.asked == [None, forced]
