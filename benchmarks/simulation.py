"""An epoch over many rollups and guardians, by the code that devnets run, without a network.

    python -m benchmarks.simulation --rollups 100 --guardians 500
    python -m benchmarks.simulation --rollups 1000 --shards 10 --guardians 500 --wrong 1

Real here: leaves, shards and their trees; the guardians' keys and signatures; the round with all
of them (`Panel`, `Tally`); the certificate and its check; and one whole guardian with its journal
of votes in a database, which checks every leaf's header and storage proof. Not real: the chains
(``synthetic.py``), and the other guardians, whose signatures are made beforehand.
"""

import argparse
import asyncio
import gc
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from benchmarks.synthetic import HOOK, VERIFIER, SyntheticChain, Tries, synthetic_chain
from control_plane.adapters.persistence.database import open_database
from control_plane.agents.guardian import Guardian
from control_plane.domain.abi_formats import (
    decode_certificate,
    encode_certificate,
    encode_guardian_set,
)
from control_plane.domain.aggregate import Aggregate
from control_plane.domain.bls import SecretKey
from control_plane.domain.formats import NO_PARENT, EpochHeader
from control_plane.domain.hashing import keccak256
from control_plane.domain.hub import Hub
from control_plane.domain.ids import Hex
from control_plane.domain.network import Chain, GuardianKeys, Network
from control_plane.domain.planner import make_plan
from control_plane.domain.ports.metalayer import Refusal
from control_plane.domain.ports.node import Account
from control_plane.domain.quorum import check_quorum
from control_plane.domain.shards import shards_by_domain
from control_plane.domain.validation import validate_spec
from control_plane.services.metalayer.rounds import Panel, Proposal, make_roster

STAKE: Final = 10**23
SET_ID: Final = 1
NETWORK_ID: Final = keccak256(b"simulated network")


class NotCertified(Exception):
    """The epoch did not come out as it was to; the reason in a sentence."""


@dataclass(frozen=True, slots=True)
class Round:
    """One measured epoch; times in milliseconds."""

    rollups: int
    shards: int
    guardians: int
    wrong: int
    propose: float
    """The aggregator: leaves to trees, header and its hash."""
    collect: float
    """From signatures that are there to a certificate; whoever signed wrongly is found."""
    check: float
    """The certificate as bytes and back, checked as a chain checks it."""
    guardian: float
    """One guardian: trees, every leaf's header and proofs, its vote on disk, its signature."""

    @property
    def aggregator(self) -> float:
        return self.propose + self.collect + self.check

    @property
    def whole(self) -> float:
        return self.aggregator + self.guardian


class Ready:
    """An attester whose answer is there already. Implements ``ports.metalayer.Attester``."""

    available = True

    def __init__(self, index: int, signature: bytes) -> None:
        self.name = f"guardian-{index}"
        self.index = index
        self._signature = signature

    async def check_and_sign(self, *_: object) -> bytes | Refusal:
        return self._signature


def guardian_keys(count: int) -> list[GuardianKeys]:
    """Keys of guardians that hold no account."""
    return [
        GuardianKeys(at, Account(Hex(f"0x{at + 1:040x}"), b""), keccak256(b"guardian %d" % at))
        for at in range(count)
    ]


class Simulation:
    """Rollups in shards, and a set of guardians; made once, then measured epoch by epoch."""

    def __init__(self, rollups: int, shards: int, guardians: int) -> None:
        """`shards`: 0 for none."""
        self.rollups, self.shards = rollups, shards
        self._network = _network(rollups, shards)
        tries = Tries()
        self.nodes = {
            chain.ws_url: synthetic_chain(chain.domain, tries) for chain in self._network.chains
        }
        self._keys = guardian_keys(guardians)
        self._secrets = [SecretKey(keys.bls_seed) for keys in self._keys]
        self._roster = make_roster(SET_ID, self._keys, STAKE)
        on_l1 = "0x" + encode_guardian_set(self._roster.guardian_set).hex()
        self.nodes[self._network.chains[0].ws_url].answers["eth_call"] = orjson.dumps(on_l1)
        self._epoch = 0

    async def _connect(self, url: str, **_: object) -> SyntheticChain:
        return self.nodes[url]

    @asynccontextmanager
    async def guardian(self) -> AsyncIterator[Guardian]:
        """One guardian that runs, with a database of its own and no memory of any leaf."""
        with tempfile.TemporaryDirectory(prefix="caldera-simulation-") as directory:
            database = await open_database(f"sqlite:///{Path(directory) / 'votes.db'}")
            guardian = Guardian(self._network, self._keys[0], self._connect, database, Hub())
            running = asyncio.create_task(guardian.run())
            try:
                await guardian.ready.wait()
                yield guardian
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                await database.close()

    async def measure(self, wrong: Sequence[int] = ()) -> Round:
        """One epoch; the guardians in `wrong` sign something else. NotCertified if it fails."""
        self._epoch += 1
        gc.collect()
        gc.freeze()  # no devnet has the chains' answers in its memory
        try:
            return await self._measure(wrong)
        finally:
            gc.unfreeze()

    async def _measure(self, wrong: Sequence[int]) -> Round:
        clock = time.perf_counter
        began = clock()
        proposal = self._propose()
        proposed = clock()
        async with self.guardian() as guardian:
            asked = clock()
            first = await guardian.check_and_sign(proposal.header, proposal.leaves, None)
            answered = clock()
        if isinstance(first, Refusal):
            raise NotCertified(f"the guardian refuses: {first.reason}")
        panel = Panel(self._roster, self._signed(proposal, first, wrong))
        started = clock()
        outcome = await panel.hold(proposal)
        collected = clock()
        if outcome.certificate is None or outcome.bad != tuple(wrong):
            raise NotCertified(f"{outcome.bad} signed wrongly; {outcome.reasons}")
        certificate = decode_certificate(encode_certificate(outcome.certificate))
        digest = certificate.header.hash(NETWORK_ID)
        check_quorum(self._roster.guardian_set, digest, certificate.quorum)
        checked = clock()
        return Round(
            self.rollups,
            self.shards,
            len(self._keys),
            len(wrong),
            propose=1000 * (proposed - began),
            collect=1000 * (collected - started),
            check=1000 * (checked - collected),
            guardian=1000 * (answered - asked),
        )

    def _propose(self) -> Proposal:
        leaves = [self.nodes[chain.ws_url].leaf for chain in self._network.chains]
        aggregate = Aggregate.of(leaves, shards_by_domain(self._network.plan.chains))
        header = EpochHeader(SET_ID, self._epoch, 1_700_000_000, NO_PARENT, aggregate.root)
        return Proposal(header, header.hash(NETWORK_ID), aggregate, None)

    def _signed(self, proposal: Proposal, first: bytes, wrong: Sequence[int]) -> list[Ready]:
        signatures = [first] + [
            secret.sign(bytes(32) if index in wrong else proposal.digest)
            for index, secret in enumerate(self._secrets[1:], start=1)
        ]
        return [Ready(index, signature) for index, signature in enumerate(signatures)]


def _network(rollups: int, shards: int) -> Network:
    spec = {
        "version": 1,
        "rollups": [
            {"name": f"r{at}"} | ({"shard": f"s{at % shards}"} if shards else {})
            for at in range(rollups)
        ],
    }
    plan = make_plan(validate_spec(spec))
    return Network(
        devnet="simulated",
        devnet_id=bytes(32),
        network_id=NETWORK_ID,
        plan=plan,
        chains=tuple(
            Chain(each, f"http://{each.name}", f"ws://{each.name}") for each in plan.chains
        ),
        contracts={"merkleTreeHook": Hex(HOOK), "rootVerifier": Hex(VERIFIER)},
    )


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--rollups", type=int, default=100)
    parser.add_argument("--shards", type=int, default=0)
    parser.add_argument("--guardians", type=int, default=500)
    parser.add_argument("--wrong", type=int, default=0, help="guardians that sign something else")
    parser.add_argument("--repeat", type=int, default=5)
    asked = parser.parse_args()
    simulation = Simulation(asked.rollups, asked.shards, asked.guardians)
    wrong = [1 + at * (asked.guardians - 1) // max(asked.wrong, 1) for at in range(asked.wrong)]
    print("propose  collect  check  guardian  whole   (ms)")
    for _ in range(asked.repeat):
        one = asyncio.run(simulation.measure(wrong))
        print(
            f"{one.propose:7.1f}  {one.collect:7.1f}  {one.check:5.1f}"
            f"  {one.guardian:8.1f}  {one.whole:5.1f}"
        )


if __name__ == "__main__":
    main()
