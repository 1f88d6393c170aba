"""A chain that somebody else runs joins a devnet: contracts first, then the spec names it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from control_plane.domain.errors import Conflict, InvalidInput, Problem
from control_plane.domain.network import Keys, Network
from control_plane.domain.plan import ChainPlan, Plan
from control_plane.domain.ports.joining import Candidate, Deployment, Join
from control_plane.domain.ports.store import Database
from control_plane.domain.records import CursorRecord
from control_plane.domain.spec_external import EXTERNAL
from control_plane.schemas.devnet import JoinedRollup, JoinRollup
from control_plane.schemas.spec import Spec
from control_plane.services.control import ControlPlane
from control_plane.services.devnet_files import DevnetFiles
from control_plane.services.devnets import Devnets
from control_plane.services.metalayer.recording import INDEXER
from control_plane.services.specs import add_rollup

_WEI: Final = 10**18
_DEADLINE: Final = 60.0
_KEY_BYTES: Final = 32
_MOST_DOMAIN: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Joining:
    """The use case `rollup join`."""

    control: ControlPlane
    devnets: Devnets
    database: Database
    join: Join
    files: Callable[[str], DevnetFiles]

    async def __call__(self, name: str, rollup: str, request: JoinRollup) -> JoinedRollup:
        """Let the chain at `request.rpc` join as `rollup`.

        Raises Conflict, InvalidInput, TemporaryFailure, PermanentFailure, DeadlineExceeded; then
        the devnet is as it was. What was deployed by then stays, and is found the next time.
        """
        key = _key(request)
        live, network = await self.control.live(name)
        record = await self.control.record(name)
        spec = Spec.model_validate(record.spec)
        entry = _entry(rollup, request)
        add_rollup(
            spec, entry | {"chain_id": request.chain_id or _MOST_DOMAIN}, self.devnets.facts()
        )
        root = self.files(name).root
        candidate = await self.join.inspect(request.rpc, _ws(request), root)
        entry |= {"chain_id": candidate.chain_id}
        entry["domain"] = _domain(live.plan, network, candidate, request)
        changed = add_rollup(spec, entry, self.devnets.facts())
        wanted = Deployment(
            root,
            candidate.chain_id,
            entry["domain"],
            live.keys.governor.address,
            _grants(live.keys, request),
        )
        paid = await self.control.while_there(name, self.join.deploy(_ws(request), wanted, key))
        await self._begin_reading(name, rollup, candidate)
        await self.control.change(name, changed, joined=rollup)
        if request.wait:
            await self.control.wait_settled(name, _DEADLINE)
        status = await self.devnets.rollup(name, rollup)
        return JoinedRollup(
            rollup=status,
            payer=paid.payer,
            unlocked=paid.unlocked,
            deployed=tuple(paid.contracts),
        )

    async def _begin_reading(self, name: str, rollup: str, candidate: Candidate) -> None:
        """What the chain did before it joined is nothing to the indexer."""
        if candidate.domain is not None:
            return
        cursor = CursorRecord(name, INDEXER, rollup, candidate.head, candidate.head_hash)
        async with self.database.begin() as unit:
            await unit.cursors.put(cursor)


def _entry(rollup: str, request: JoinRollup) -> dict[str, Any]:
    named = {"ws": request.ws, "shard": request.shard}
    return {
        "name": rollup,
        "engine": EXTERNAL,
        "rpc": request.rpc,
        **{key: value for key, value in named.items() if value is not None},
    }


def _ws(request: JoinRollup) -> str:
    return request.ws or request.rpc.replace("http", "ws", 1)


def _key(request: JoinRollup) -> bytes | None:
    if request.key is None:
        return None
    try:
        key = bytes.fromhex(request.key.get_secret_value().strip().removeprefix("0x"))
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise InvalidInput(
            "That is no private key",
            "a key is 32 bytes as hex",
            "Check the file that it comes from.",
            (Problem("key", "32 bytes as hex"),),
        )
    return key


def _domain(plan: Plan, network: Network, candidate: Candidate, request: JoinRollup) -> int:
    """The domain that the chain will have. Conflict when it or the chain id is another's."""
    if request.chain_id is not None and request.chain_id != candidate.chain_id:
        raise Conflict(
            f"{request.rpc} is another chain",
            f"its chain id is {candidate.chain_id}, not {request.chain_id}",
            "Check the URL.",
        )
    for chain in plan.chains:
        if chain.chain_id == candidate.chain_id:
            raise _taken(chain, f"chain id {candidate.chain_id}", "Join a chain with another id.")
    if candidate.network_id not in {None, network.network_id}:
        raise Conflict(
            f"{request.rpc} belongs to another devnet",
            "its contracts are bound to another network",
            "A chain takes part in one devnet; a fresh chain can join this one.",
        )
    domain = candidate.domain or request.domain or candidate.chain_id
    if request.domain not in {None, domain}:
        raise Conflict(
            f"{request.rpc} has joined with domain {domain} before",
            f"its mailbox can't become that of domain {request.domain}",
            "Leave --domain out.",
        )
    if domain > _MOST_DOMAIN:
        raise InvalidInput(
            f"Chain id {domain} is no domain", "a domain has 32 bits", "Name one with --domain."
        )
    for chain in plan.chains:
        if chain.domain == domain:
            raise _taken(chain, f"domain {domain}", "Name another with --domain.")
    if candidate.domain is None and domain in plan.retired:
        raise Conflict(
            f"Domain {domain} belonged to a chain that was removed",
            "messages of a fresh chain could have the ids of old ones",
            "Name another with --domain.",
        )
    return domain


def _taken(chain: ChainPlan, what: str, hint: str) -> Conflict:
    return Conflict(f"{chain.name} has that {what.rpartition(' ')[0]}", what, hint)


def _grants(keys: Keys, request: JoinRollup) -> dict[str, int]:
    """Wei by address: the relayer's as asked for, a tenth for those who rarely send."""
    wei = int(request.fund * _WEI)
    rare = [keys.governor, keys.rotation, *keys.validators]
    return {keys.relayer.address: wei, **{one.address: wei // 10 for one in rare}}
