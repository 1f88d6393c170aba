"""What the watcher does: votes into ballots, ballots and leaves into evidence, evidence to the L1.

It sees votes as the aggregator and others tell them, and certificates in the transactions of every
chain, refused ones too. It looks through connections of its own. A leaf that a quorum certified
is looked at now and then, for guardians have looked at each; every other leaf that somebody signed
is looked at.
"""

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from control_plane.agents.accusing import Accuser, Rosters
from control_plane.agents.link import Link, keep
from control_plane.domain.aggregate import Aggregate
from control_plane.domain.errors import CalderaError, TemporaryFailure
from control_plane.domain.evidence import (
    Offence,
    Refutation,
    Vote,
    certificates_in,
    equivocation_calldata,
    refute,
)
from control_plane.domain.formats import COUNT_SLOT, ROOT_SLOT, EpochHeader, Leaf, Member
from control_plane.domain.header import InvalidHeader
from control_plane.domain.hexes import hex_word
from control_plane.domain.hub import EpochCertified, Head, Missed, News, Votes
from control_plane.domain.network import Network
from control_plane.domain.records import EpochRecord
from control_plane.domain.rpc import RpcError
from control_plane.domain.trie import InvalidProof
from control_plane.services.metalayer.ballots import Ballot, Ballots, signers_of
from control_plane.services.metalayer.promises import Promise, Promises
from control_plane.services.metalayer.reports import SLASHED_TOPIC, Reports

EpochOf = Callable[[int], Awaitable[EpochRecord | None]]
"""A recorded epoch."""

_GRACE: Final = 0.3
"""Seconds in which a certificate makes it unnecessary to look at what was signed."""
_SAMPLE: Final = 1.0
"""Seconds between two looks at certified leaves."""
_FINALS: Final = 64
"""Epochs that call a rollup's block final and wait to be looked at; each of them is."""
_AGAIN: Final = 2.0
"""Seconds between two looks at what no output tells of yet."""
_TRIES: Final = 3
_PAUSE: Final = 0.05
_BLOCK_PAUSE: Final = 0.25
"""Seconds between two blocks of a chain that are read for certificates."""
_BLOCKS: Final = 1_000
"""Blocks of a chain that may wait for that; the oldest go first when there are more."""
_REMEMBERED: Final = 4_096
_RETRY: Final = 2.0
_SLOTS: Final = [hex_word(slot) for slot in (COUNT_SLOT, ROOT_SLOT)]

log = logging.getLogger(__name__)


class Watching:
    """Implements ``ports.agent.Agent``, inside of the watcher."""

    def __init__(
        self,
        network: Network,
        links: Mapping[str, Link],
        reports: Reports,
        rosters: Rosters,
        epoch_of: EpochOf,
        ours: str,
        news: "asyncio.Queue[News]",
    ) -> None:
        """`links` by chain name; `ours` is the relayer's account, whose certificates are those of
        the aggregator."""
        self.name = "watcher"
        self.ready = asyncio.Event()
        self.problem: str | None = None
        self._network = network
        self._links = links
        self._reports = reports
        self._rosters = rosters
        self._filed = asyncio.Event()
        self._accuser = Accuser(network, reports, rosters, self._filed)
        self._epoch_of = epoch_of
        self._ours = ours
        self._news = news
        self._ballots = Ballots()
        self._certified: OrderedDict[bytes, None] = OrderedDict()
        """Hashes of headers that a quorum signed."""
        self._promises = Promises(network, reports)
        self._final: deque[EpochRecord] = deque(maxlen=_FINALS)
        """Certified epochs that call a rollup's block final."""
        self._true: OrderedDict[bytes, None] = OrderedDict()
        """Hashes of leaves that were found true."""
        self._unsure: dict[bytes, tuple[float, Votes]] = {}
        """By header hash what was signed and is not certified, and since when."""
        self._at_odds: set[tuple[int, bytes]] = set()
        """Epochs and guardians that seem to have signed two headers."""
        self._sampled = 0.0
        self._sample: EpochRecord | None = None
        self._wake = asyncio.Event()
        self._blocks: dict[str, asyncio.Queue[str]] = {
            name: asyncio.Queue(_BLOCKS) for name in links
        }

    async def run(self) -> None:
        """Until cancelled."""
        async with keep(self._links.values()), asyncio.TaskGroup() as group:
            for name in self._links:
                group.create_task(self._read_blocks(name), name=f"certificates on {name}")
            group.create_task(self._examine(), name="votes at odds")
            group.create_task(self._report(), name="reports")
            group.create_task(self._listen(), name="slashings")
            self.ready.set()
            while True:
                self._hear(await self._news.get())

    # ------------------------------------------------------------------ what is heard

    def _hear(self, item: News) -> None:
        if isinstance(item, Votes):
            self._voted(item)
        elif isinstance(item, EpochCertified):
            self._note_certified(item.epoch)
        elif isinstance(item, Head):
            blocks = self._blocks.get(item.chain)
            if blocks is not None:
                if blocks.full():
                    blocks.get_nowait()
                blocks.put_nowait(item.hash)
        elif isinstance(item, Missed):
            self._filed.set()

    def _voted(self, item: Votes) -> None:
        try:
            header = EpochHeader.from_json(item.header)
            signatures = [(bytes.fromhex(w[2:]), bytes.fromhex(s[2:])) for w, s in item.signatures]
        except (KeyError, ValueError) as error:
            log.warning("votes that can't be read: %s", error)
            return
        digest = header.hash(self._network.network_id)
        for guardian, signature in signatures:
            self._cast(guardian, digest, Ballot(header, signature))
        if digest not in self._certified:
            self._unsure[digest] = (time.monotonic(), item)
            self._wake.set()

    def _cast(self, guardian: bytes, digest: bytes, ballot: Ballot) -> None:
        if self._ballots.note(guardian, digest, ballot):
            self._at_odds.add((ballot.header.epoch, guardian))
            self._wake.set()

    def _note_certified(self, epoch: EpochRecord) -> None:
        digest = bytes.fromhex(epoch.header_hash[2:])
        _remember(self._certified, digest)
        self._unsure.pop(digest, None)
        if self._promises.has_some(epoch):
            self._final.append(epoch)
            self._wake.set()
        if time.monotonic() - self._sampled > _SAMPLE:
            self._sampled, self._sample = time.monotonic(), epoch
            self._wake.set()

    # ------------------------------------------------------------------ what is examined

    async def _examine(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                later = _AGAIN if self._promises else None
                async with asyncio.timeout(_GRACE if self._unsure else later):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self._examine_all()
            except CalderaError as error:  # a full disk, perhaps: what is signed later is seen
                log.warning("votes can't be examined: %s", error)
                await asyncio.sleep(_RETRY)

    async def _examine_all(self) -> None:
        while self._at_odds:
            epoch, guardian = pair = next(iter(self._at_odds))
            await self._compare(epoch, guardian)
            self._at_odds.discard(pair)
        old = time.monotonic() - _GRACE
        for digest, (since, votes) in list(self._unsure.items()):
            if since < old:
                await self._check_leaves(votes)
                self._unsure.pop(digest, None)
        for promise in await self._promises.broken():
            await self._accuser.accuse(
                promise.header, promise.votes, promise.leaf, promise.proof, promise.record
            )
        samples, self._sample = [self._sample] if self._sample else [], None
        while self._final:
            samples.append(self._final.popleft())
        for sample in samples:
            told = Votes(sample.header, sample.leaves, (), sample.reads)
            await self._check_leaves(told, sample)

    async def _compare(self, epoch: int, guardian: bytes) -> None:
        """Whether `guardian` signed two headers of that number indeed."""
        valid: list[tuple[Vote, Member]] = []
        for digest, ballot in self._ballots.of(epoch, guardian).items():
            found = await self._accuser.vote(guardian, digest, ballot)
            if found is None:
                self._ballots.forget(epoch, guardian, digest)
            else:
                valid.append(found)
        if len(valid) < 2:
            return
        (first, member), (second, _) = valid[:2]
        data = await asyncio.to_thread(equivocation_calldata, guardian, first, second)
        await self._accuser.file(Offence.EQUIVOCATION, member, epoch, epoch, data)

    async def _check_leaves(self, votes: Votes, record: EpochRecord | None = None) -> None:
        """Look at every leaf of what was signed that was not found true before. With `record` it
        is a certified epoch, whose votes are in its certificate."""
        header = EpochHeader.from_json(votes.header)
        try:
            aggregate = Aggregate.from_json(votes.leaves, votes.reads)
        except (KeyError, ValueError):
            return
        if aggregate.root != header.aggregate_root:
            return  # whoever told that told no leaves that were signed
        for leaf in aggregate.leaves:
            if leaf.hash in self._true:
                continue
            proof = aggregate.prove_leaf(header.epoch, leaf).encode()
            against: Refutation | bytes | None = await self._refute(leaf, proof)
            if against is None:
                promise = Promise(header, votes, leaf, proof, record)
                against = proof if await self._promises.is_broken(promise) else None
            if against is not None:
                await self._accuser.accuse(header, votes, leaf, against, record)

    async def _refute(self, leaf: Leaf, proof: bytes) -> Refutation | None:
        """What contradicts a leaf; None where nothing does, or nobody knows its block."""
        chain = self._network.by_domain(leaf.domain)
        if chain is None or chain.name not in self._links:
            return None
        hook, at = self._network.contracts["merkleTreeHook"], "0x" + leaf.block_hash.hex()
        calls = [
            ("eth_getBlockByHash", (at, False)),
            ("eth_getProof", (hook, _SLOTS, {"blockHash": at})),
        ]
        for _ in range(_TRIES):
            with contextlib.suppress(TemporaryFailure, InvalidProof, InvalidHeader, ValueError):
                block, answer = await self._links[chain.name].batch(calls)
                if block is None or isinstance(block, RpcError):
                    return None
                given = None if isinstance(answer, RpcError) else answer
                found = refute(leaf, proof, bytes.fromhex(hook[2:]), block, given)
                if found is None:
                    _remember(self._true, leaf.hash)
                return found
            await asyncio.sleep(_PAUSE)  # Anvil's proof at its head may be of the next state
        return None

    # ------------------------------------------------------------------ certificates on chains

    async def _read_blocks(self, chain: str) -> None:
        """Look for certificates in the transactions of each block, refused ones too."""
        queue, link = self._blocks[chain], self._links[chain]
        while True:
            hash_ = await queue.get()
            with contextlib.suppress(CalderaError):
                block = await link.call("eth_getBlockByHash", hash_, True)
                for one in (block or {}).get("transactions", ()):
                    await self._read_transaction(one)
            await asyncio.sleep(_BLOCK_PAUSE)

    async def _read_transaction(self, transaction: Mapping[str, Any]) -> None:
        contracts = self._network.contracts
        to = str(transaction.get("to") or "").lower()
        if to not in {contracts["rootVerifier"], contracts["batchProcessor"]}:
            return
        if str(transaction["from"]).lower() == self._ours:
            return
        data = bytes.fromhex(str(transaction["input"])[2:])
        for certificate in await asyncio.to_thread(certificates_in, data):
            digest = certificate.header.hash(self._network.network_id)
            roster = await self._rosters(certificate.header.set_id)
            if roster is None or digest in self._certified:
                continue
            signers = await asyncio.to_thread(signers_of, certificate, roster, digest)
            await self._recall(certificate.header.epoch)
            for member in signers:
                ballot = Ballot(certificate.header, b"", certificate)
                self._cast(member.guardian, digest, ballot)

    async def _recall(self, epoch: int) -> None:
        """Ballots of an epoch that was certified before this watcher saw it."""
        if self._ballots.has(epoch):
            return
        record = await self._epoch_of(epoch)
        if record is None or record.certificate is None:
            return
        digest = bytes.fromhex(record.header_hash[2:])
        for guardian, ballot in (await self._accuser.ballots_of(record)).items():
            self._cast(guardian, digest, ballot)

    # ------------------------------------------------------------------ reports

    async def _report(self) -> None:
        """Report what is filed, now and whenever something is."""
        while True:
            self._filed.clear()
            try:
                await self._reports.report()
                await self._reports.read()
                self.problem = None
            except CalderaError as error:
                self.problem = f"evidence can't be reported: {error}"
                log.warning("%s", self.problem)
                await asyncio.sleep(_RETRY)
                continue
            await self._filed.wait()

    async def _listen(self) -> None:
        """Whatever `Slasher` tells, whoever reported it."""
        slasher = self._network.contracts["slasher"]
        link = self._links[self._network.plan.l1.name]
        while True:
            with contextlib.suppress(CalderaError):
                rpc = await link.rpc()
                self._filed.set()
                wanted = {"address": slasher, "topics": [SLASHED_TOPIC]}
                async for _ in rpc.subscribe("logs", wanted):
                    self._filed.set()
            await asyncio.sleep(_RETRY)


def _remember(known: OrderedDict[bytes, None], what: bytes) -> None:
    known[what] = None
    if len(known) > _REMEMBERED:
        known.popitem(last=False)
