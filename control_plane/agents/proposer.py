"""The proposer of one rollup: says on the L1 what its blocks are, with a bond on each word.

Where it stands is what the oracle on the L1 says, and nothing else: a proposer that starts anew,
or whose L1 lost blocks or outputs, goes on from there. It proposes posted blocks only, the last one
of a channel, and takes its bonds back when outputs are final.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from control_plane.agents.link import Link, keep
from control_plane.agents.pauses import Pauses
from control_plane.domain.errors import CalderaError, TemporaryFailure
from control_plane.domain.hub import Head, Hub, Missed, News, Reorged
from control_plane.domain.ids import Hex
from control_plane.domain.network import Chain, Network
from control_plane.domain.ports.agent import Publish
from control_plane.domain.ports.da import Availability
from control_plane.domain.ports.metalayer import Pending
from control_plane.domain.ports.node import Connect
from control_plane.domain.ports.proving import Proves
from control_plane.domain.settlement import inbox_address
from control_plane.domain.settlement.carried import Carried
from control_plane.domain.settlement.outputs import (
    BOND,
    Output,
    Proposal,
    oracle_address,
    output_root,
    withdraw_call,
)
from control_plane.domain.settlement.places import address_of
from control_plane.domain.settlement.proofs import MESSAGE_PASSER, PublicInputs
from control_plane.domain.trie import prove_account
from control_plane.services.settlement.carrying import Carrier
from control_plane.services.settlement.proposing import Oracle, Standing, read_proposal

_GAS: Final = 3_000_000
"""Of a proposal besides its data: paths of the trie are walked, and a proof is verified."""
_BYTE_GAS: Final = 40
"""Floor of a byte of calldata that is not zero (EIP-7623)."""
_WITHDRAW_GAS: Final = 200_000
_CARRY_GAS: Final = 2_000_000
"""Of a word of the rollup's state that is told, besides its data."""
_LEAST: Final = 1.0
"""Seconds between two proposals at least: each costs a block of the L1."""
_PAUSE, _LONGEST_PAUSE = 0.25, 5.0
_FINALS: Final = 64
"""Outputs that are looked at in one go for those that became final."""

NameGenesis = Callable[[bytes, bytes], Awaitable[None]]
"""Have the governor tell the oracle hash and state root of the rollup's block 0."""
Alter = Callable[[Proposal], Awaitable[Proposal]]
"""What is proposed instead, by faults that are made on purpose; else the same."""

log = logging.getLogger(__name__)


class Pays(Protocol):
    """A sender of transactions with money. `value` in wei."""

    async def send(self, to: Hex, data: bytes, *, gas: int, value: int = 0) -> Pending: ...


@dataclass(frozen=True, slots=True)
class Means:
    """What a proposer works with."""

    sender: Pays
    name_genesis: NameGenesis
    prover: Proves | None = None
    """Of a rollup whose outputs are proven beforehand."""
    alter: Alter | None = None
    availability: Availability | None = None
    """Of a rollup whose data others than the L1 keep, or the L1 for a while only."""
    carried: Carried | None = None
    """Of a rollup whose framework's contracts on the L1 want a word of its state."""


class Proposer:
    """Implements ``ports.agent.Agent``."""

    def __init__(
        self,
        network: Network,
        chain: Chain,
        means: Means,
        connect: Connect,
        hub: Hub,
        publish: Publish,
    ) -> None:
        self.name = f"{chain.name}/proposer"
        self.ready = asyncio.Event()
        self.problem: str | None = None
        self._chain = chain
        self._means = means
        self._rollup = Link(connect, chain)
        self._l1 = Link(connect, network.chain(network.plan.l1.name))
        self._hub = hub
        self._publish = publish
        at = oracle_address(network.contracts, chain.plan.chain_id)
        inbox = inbox_address(network.contracts)
        self._oracle = Oracle(self._l1, at, inbox, chain.plan.chain_id)
        self._carrier = self._carries(network, means.carried) if means.carried else None
        self._proposed_at = float("-inf")

    def _carries(self, network: Network, carried: Carried) -> Carrier:
        at = address_of(network.contracts, carried.to, self._chain.plan.chain_id)
        return Carrier(carried, Hex("0x" + at.hex()), self._rollup, self._l1, self._oracle)

    async def run(self) -> None:
        """Propose and take bonds back, whenever there is something, until cancelled."""
        try:
            async with self._hub.listen() as news, keep((self._rollup, self._l1)):
                while True:
                    wait = await self._step_patiently()
                    with contextlib.suppress(TimeoutError):
                        # not wait_for, which takes a cancellation for news that comes with it
                        async with asyncio.timeout(wait):
                            await self._something_new(news)
        finally:
            self.ready.clear()

    async def _something_new(self, news: "asyncio.Queue[News]") -> None:
        """A block of the L1, with a channel or without one that was lost."""
        while True:
            item = await news.get()
            if isinstance(item, Missed):
                return
            if isinstance(item, Head | Reorged) and item.chain == self._l1.chain.name:
                while not news.empty():
                    news.get_nowait()
                return

    async def _step_patiently(self) -> float | None:
        pauses = Pauses(_PAUSE, _LONGEST_PAUSE)
        while True:
            try:
                return await self._step()
            except CalderaError as error:
                self.problem = f"proposes nothing: {error}"
                log.info("%s: %s", self.name, error)
                await pauses.wait()

    async def _step(self) -> float | None:
        """Do what there is to do; seconds until there may be more, None when only news tell."""
        standing = await self._oracle.standing()
        if not any(standing.parent.block_hash):
            await self._tell_genesis()
            standing = await self._oracle.standing()
        self.ready.set()
        next_final = await self._finals(standing)
        waits = [next_final] if next_final is not None else []
        if standing.posted > standing.parent.number:
            rest = self._proposed_at + _LEAST - asyncio.get_running_loop().time()
            if rest > 0:
                waits.append(rest)
            else:
                await self._propose(standing)
                waits.append(0.0)
        if self._carrier is not None:
            await self._carry(self._carrier, standing)
        self.problem = None
        return min(waits, default=None)

    # ------------------------------------------------------------------ proposing

    async def _tell_genesis(self) -> None:
        block = await self._rollup.call("eth_getBlockByNumber", "0x0", False)
        block_hash, root = (bytes.fromhex(block[key][2:]) for key in ("hash", "stateRoot"))
        await self._means.name_genesis(block_hash, root)

    async def _propose(self, standing: Standing) -> None:
        await self._must_follow(standing)
        if self._means.availability is not None:
            await self._must_be_had(standing, self._means.availability)
        honest = await read_proposal(self._rollup, standing.posted)
        made = await self._means.alter(honest) if self._means.alter else honest
        inputs = self._inputs(standing, made)
        root = output_root(inputs.state_root, inputs.message_passer_storage_root, inputs.block_hash)
        await self._must_be_new(root, made.number)
        proof = b""
        if self._means.prover is not None:
            proof = await self._means.prover.prove(inputs, standing.parent.number + 1, made.number)
        data = made.encode(proof)
        await self._send(data, _GAS + _BYTE_GAS * len(data), BOND, f"Block {made.number}")
        self._proposed_at = asyncio.get_running_loop().time()
        told = {
            "index": standing.count,
            "block": made.number,
            "block_hash": "0x" + inputs.block_hash.hex(),
            "output_root": "0x" + root.hex(),
        }
        await self._publish("output.proposed", told, service=self.name)
        if self._carrier is not None:
            await self._carrier.note(standing.count, inputs.block_hash)

    async def _must_be_new(self, root: bytes, number: int) -> None:
        """What was disputed away would be again, and cost a bond each time. TemporaryFailure."""
        if await self._oracle.was_proposed(root):
            raise TemporaryFailure(
                f"Block {number} of {self._chain.name} was disputed away as it is",
                "its node has a block that its transactions do not give",
                f"`caldera verify {self._chain.name}` names where; take the rollup away and add it"
                " anew.",
            )

    async def _must_follow(self, standing: Standing) -> None:
        """The rollup must have the block that the last output names. TemporaryFailure."""
        number = standing.parent.number
        block = await self._rollup.call("eth_getBlockByNumber", hex(number), False)
        found = block["hash"] if block else "none"
        if found != "0x" + standing.parent.block_hash.hex():
            raise TemporaryFailure(
                f"Block {number} of {self._chain.name} is another one than was proposed",
                f"proposed 0x{standing.parent.block_hash.hex()}, the node has {found}; nothing is"
                " built on an output that is not the rollup's",
                "A dispute removes it; else take the rollup away and add it anew.",
            )

    async def _must_be_had(self, standing: Standing, availability: Availability) -> None:
        """Nothing is proposed that nobody could check. DataUnavailable."""
        for missing in await availability.look():
            if missing.first <= standing.posted:
                raise missing.error

    def _inputs(self, standing: Standing, made: Proposal) -> PublicInputs:
        account = prove_account(made.state_root, MESSAGE_PASSER, made.account_proof)
        return PublicInputs(
            chain_id=self._chain.plan.chain_id,
            previous_block_hash=standing.parent.block_hash,
            previous_state_root=standing.parent.state_root,
            block_hash=made.block_hash,
            state_root=made.state_root,
            message_passer_storage_root=account.storage_root if account else bytes(32),
            batch_commitment=standing.commitment,
        )

    # ------------------------------------------------------------------ final outputs

    async def _finals(self, standing: Standing) -> float | None:
        """Tell of outputs that became final and take their bonds back; seconds until the next
        one is, None when none waits for its time alone."""
        if not standing.count:
            return None
        (newest,) = await self._oracle.outputs([standing.count - 1])
        if not newest.bond:
            return None
        now = await self._oracle.now()
        following = 0 if now.last_final is None else now.last_final + 1
        await self._take_back(following)
        if following >= standing.count:
            return None
        (output,) = await self._oracle.outputs([following])
        # one that is disputed may have had its time: then only news tell when it goes on
        left = output.final_at - now.time
        return left if left > 0 else None

    async def _take_back(self, end: int) -> None:
        """Bonds of final outputs before `end`. Whose bond is not back, of that nobody heard."""
        waiting: list[tuple[int, Output]] = []
        for stop in range(end, 0, -_FINALS):
            indices = range(max(0, stop - _FINALS), stop)
            outputs = await self._oracle.outputs(indices)
            held = [each for each in zip(indices, outputs, strict=True) if each[1].bond]
            waiting = held + waiting
            if len(held) < len(outputs):
                break
        for index, output in waiting:
            told: dict[str, Any] = {"index": index, "block": output.block_number}
            told |= {"block_hash": "0x" + output.block_hash.hex()}
            await self._publish("output.final", told, service=self.name)
            await self._send(withdraw_call(index), _WITHDRAW_GAS, 0, f"The bond of output {index}")

    async def _carry(self, carrier: Carrier, standing: Standing) -> None:
        """Tell the framework's contract on the L1 what a final output has that it wants."""
        last = (await self._oracle.now()).last_final if standing.count else None
        data = await carrier.due(standing.count, last) if last is not None else None
        if data is None or last is None:
            return
        gas = _CARRY_GAS + _BYTE_GAS * len(data)
        pending = await self._means.sender.send(carrier.to, data, gas=gas)
        receipt = await pending.receipt()
        if int(receipt["status"], 16) != 1:
            # somebody else has told of a later one: the next word goes with the next output
            log.info("%s: %s refused %s", self.name, carrier.to, pending.hash)
            carrier.forget(last)

    async def _send(self, data: bytes, gas: int, value: int, what: str) -> None:
        pending = await self._means.sender.send(
            Hex(self._oracle.address), data, gas=gas, value=value
        )
        receipt = await pending.receipt()
        if int(receipt["status"], 16) != 1:
            raise TemporaryFailure(
                f"{what} was refused by the oracle",
                f"transaction {pending.hash}",
                f"See it: cast run {pending.hash} --rpc-url {self._l1.chain.http_url}",
            )
