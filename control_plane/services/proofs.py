"""Meta-proofs of messages and state proofs of storage, made from the last certified epochs."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from control_plane.domain.aggregate import Aggregate
from control_plane.domain.errors import (
    Conflict,
    DeadlineExceeded,
    InvalidInput,
    NotFound,
    Problem,
    TemporaryFailure,
)
from control_plane.domain.formats import Leaf
from control_plane.domain.hexes import hex_word
from control_plane.domain.hub import EpochCertified, News, Wanted
from control_plane.domain.ids import Domain
from control_plane.domain.network import Chain, Network
from control_plane.domain.ports.node import Connect, Rpc
from control_plane.domain.ports.store import Database
from control_plane.domain.records import EpochRecord, MessageRecord
from control_plane.domain.rpc import RpcError
from control_plane.domain.state_proof import StateProof, make_state_proof
from control_plane.domain.trie import InvalidProof
from control_plane.schemas.epoch import EpochSyncView
from control_plane.schemas.proof import (
    AttestedView,
    MessageProofView,
    SlotValue,
    StorageProofView,
)
from control_plane.services.live import Live
from control_plane.services.metalayer.coverage import CertifiedEpoch, Coverage, Trees
from control_plane.services.trace import Devnets, Tracer
from control_plane.services.unknown import not_found

MOST_SLOTS: Final = 256
_EPOCH_DEADLINE: Final = 10.0
_STATE_GONE: Final = "its node keeps the states of the last 128 blocks at least"


class Running(Devnets, Protocol):
    """What is asked of the control plane here."""

    async def live(self, name: str) -> tuple[Live, Network]:
        """Conflict when the devnet's chains are not up."""
        ...

    def must_answer(self, name: str, chain: str) -> None:
        """Conflict when a chain's node does not run."""
        ...


@dataclass(frozen=True, slots=True)
class Proofs:
    """Implements the API's ``Proofs``."""

    devnets: Running
    database: Database
    connect: Connect

    # ------------------------------------------------------------------ messages

    async def message(self, name: str, message_id: str) -> MessageProofView:
        """The meta-proof of a message, under the epoch that attested it first.

        Raises NotFound, Conflict (not attested yet, or its block went).
        """
        record = await Tracer(self.devnets, self.database).find(name, message_id)
        async with self.database.begin() as unit:
            epoch = await unit.epochs.get(name, record.epoch) if record.epoch else None
        if epoch is None or epoch.certificate is None:
            raise Conflict(
                "The message is not attested yet",
                record.reason or "no certified epoch covers it",
                f"`caldera message trace {record.id[:12]}` tells what it waits for.",
            )
        proof = await self._meta_proof(name, record, CertifiedEpoch.of(epoch))
        leaf = _leaf_of(epoch, record.origin)
        return MessageProofView(id=record.id, attested=_attested(epoch, leaf), proof=_hex(proof))

    async def _meta_proof(self, name: str, record: MessageRecord, epoch: CertifiedEpoch) -> bytes:
        trees = Trees(self.database, name)
        await trees.load(record.origin)
        coverage = Coverage(trees)
        coverage.add(epoch)
        choice = coverage.choose(record.origin, ())
        if choice.epoch_for(record.tree_index) is None:
            raise Conflict(
                "The message can't be proven",
                record.reason or f"epoch {epoch.number} speaks of another message tree",
                "The block that dispatched it went; send it anew.",
            )
        return choice.metadata(epoch, record.tree_index, record.origin)

    # ------------------------------------------------------------------ storage

    async def epochs(self, name: str, since: int | None) -> EpochSyncView:
        """From epoch `since`, the oldest that is kept when None, to the newest.

        Raises NotFound, Conflict when they do not hold together.
        """
        from control_plane.services.epoch_sync import read_history, sync

        _, network = await self.devnets.live(name)
        history = await read_history(self.database, name, since)
        return await asyncio.to_thread(sync, network.network_id, history)

    async def storage(
        self, name: str, rollup: str, address: str, slots: Sequence[str]
    ) -> StorageProofView:
        """Proof of storage slots of `address` on the chain `rollup`, in a state no older than the
        chain's head was when it was asked for.

        Raises NotFound, InvalidInput, Conflict (not up, no such account), DeadlineExceeded (no
        epoch over the chain).
        """
        numbers = [_slot(slot) for slot in slots]
        live, network = await self.devnets.live(name)
        chain = _chain(network, rollup)
        self.devnets.must_answer(name, chain.name)
        rpc = await self.connect(chain.ws_url)
        try:
            async with live.hub.listen() as news:
                head = int(await rpc.call("eth_blockNumber"), 16)
                epoch, leaf = await self._fresh(name, chain, head, live, news)
            proof = await _prove(rpc, chain, epoch, leaf, bytes.fromhex(address[2:]), numbers)
        finally:
            await rpc.close()
        found = proof.accounts[0].slots
        return StorageProofView(
            rollup=chain.name,
            address=address,
            slots=tuple(SlotValue(slot=hex_word(s.slot), value=hex_word(s.value)) for s in found),
            attested=_attested(epoch, leaf),
            proof=_hex(proof.encode()),
            calldata=_hex(proof.calldata()),
        )

    async def _fresh(
        self, name: str, chain: Chain, head: int, live: Live, news: asyncio.Queue[News]
    ) -> tuple[EpochRecord, Leaf]:
        """A certified epoch over the chain at block `head` or later; asks for one if need be."""
        async with self.database.begin() as unit:
            latest = await unit.epochs.latest(name, certified=True)
        found = _covering(latest, chain, head)
        try:
            async with asyncio.timeout(_EPOCH_DEADLINE):
                while found is None:
                    live.hub.tell(Wanted(f"a proof of {chain.name} at block {head}"))
                    item = await news.get()
                    while not isinstance(item, EpochCertified):
                        item = await news.get()
                    found = _covering(item.epoch, chain, head)
        except TimeoutError:
            raise DeadlineExceeded(
                f"No epoch over block {head} of {chain.name}",
                f"waited {_EPOCH_DEADLINE:g} s for the guardians to certify one",
                "See `caldera status` and `caldera logs --service aggregator`.",
            ) from None
        return found


async def _prove(
    rpc: Rpc, chain: Chain, epoch: EpochRecord, leaf: Leaf, address: bytes, slots: Sequence[int]
) -> StateProof:
    words = [hex_word(slot) for slot in slots]
    try:
        answer: dict[str, Any] = await rpc.call(
            "eth_getProof", _hex(address), words, hex(leaf.block_number)
        )
        leaf_proof = _aggregate(epoch).prove_leaf(epoch.epoch, leaf).encode()
        return make_state_proof(leaf_proof, leaf.state_root, [(address, slots)], [answer])
    except (RpcError, InvalidProof) as error:
        if "no account" in str(error):
            raise NotFound(
                f"There is no account {_hex(address)} on {chain.name}",
                f"at block {leaf.block_number}, the last that the guardians attested",
                "An account is there from its first transaction or deployment on.",
            ) from error
        raise TemporaryFailure(
            f"{chain.name} gives no proof at block {leaf.block_number}",
            f"{error}; {_STATE_GONE}",
            "Try again: a reorg or a restart may have come between.",
        ) from error


def _covering(
    record: EpochRecord | None, chain: Chain, head: int
) -> tuple[EpochRecord, Leaf] | None:
    if record is None or record.certificate is None:
        return None
    leaf = _aggregate(record).leaf(Domain(chain.domain))
    return (record, leaf) if leaf is not None and leaf.block_number >= head else None


def _aggregate(record: EpochRecord) -> Aggregate:
    return Aggregate.from_json(record.leaves, record.reads)


def _leaf_of(record: EpochRecord, domain: int) -> Leaf:
    leaf = _aggregate(record).leaf(Domain(domain))
    if leaf is None:
        raise Conflict(f"Epoch {record.epoch} does not speak of domain {domain}", "", "")
    return leaf


def _attested(record: EpochRecord, leaf: Leaf) -> AttestedView:
    return AttestedView(
        epoch=record.epoch,
        aggregate_root=record.header["aggregateRoot"],
        domain=leaf.domain,
        block_number=leaf.block_number,
        block_hash=_hex(leaf.block_hash),
        state_root=_hex(leaf.state_root),
        certificate=record.certificate or "0x",
    )


def _chain(network: Network, name: str) -> Chain:
    names = [str(chain.name) for chain in network.chains]
    if name not in names:
        raise not_found("chain", name, names)
    return network.chain(name)


def _slot(text: str) -> int:
    try:
        number = int(text, 16 if text.lower().startswith("0x") else 10)
    except ValueError:
        number = -1
    if not 0 <= number < 2**256:
        why = f"'{text}' is no storage slot"
        raise InvalidInput(
            "Can't prove that", why, "", (Problem("slot", why, "a number, or 0x-hex"),)
        )
    return number


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
