"""Block 1 of a chain, by real transactions (docs/formats.md, "Contracts and deployment").

On every chain the governor installs the guardian set and tells the gateway which other chains there
are; on L1 it also moves ERA from the treasury to
the guardians and the faucet, and the guardians approve, register with proofs of possession, and
the set is sealed; there too the portals are made that its rollups want, and the tokens that are
their coins. Devnets with
validators get the contracts for Hyperlane's agents. Asked again, it does only what is missing.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from control_plane.adapters.evm.gateways import other_chains, set_chains, unknown_chains
from control_plane.adapters.evm.inbox import GovernorCall, missing_batchers
from control_plane.adapters.evm.portals import Creation, missing_portals
from control_plane.adapters.evm.signer import Transaction, sign
from control_plane.domain import bls, formats
from control_plane.domain.abi_formats import install_calldata
from control_plane.domain.calls import Call, encode_call, execute_batch, selector
from control_plane.domain.errors import PermanentFailure
from control_plane.domain.formats import GuardianSet, Member
from control_plane.domain.hexes import from_hex
from control_plane.domain.ids import Hex
from control_plane.domain.network import FIRST_SET, GuardianKeys, Keys, Network
from control_plane.domain.plan import ChainPlan
from control_plane.domain.ports.node import Account, Rpc
from control_plane.domain.ports.provision import Seal
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement import settles

_ERA: Final = 10**18
_EVEN_RATE: Final = 10**10
"""The gas paymaster's scale of exchange rates."""
_FAUCET_ERA: Final = 10_000_000 * _ERA
MWEI: Final = 10**6
_MAX_FEE: Final = 1_000 * 10**9
_BATCH_GAS: Final = 500_000
_PER_GUARDIAN_GAS: Final = 100_000
_PER_CHAIN_GAS: Final = 60_000
_APPROVE_GAS: Final = 100_000
_REGISTER_GAS: Final = 700_000
_SEAL_GAS: Final = 400_000
_SEAL_GAS_EACH: Final = 30_000
_ROUNDS: Final = 50
"""Blocks that may be sealed until all transactions of a bootstrap are in one."""


def member_of(keys: GuardianKeys, stake: int) -> Member:
    """A guardian as it stands in the first set."""
    key = bls.SecretKey(keys.bls_seed).key
    return Member(keys.index, from_hex(keys.account.address), stake, key)


def first_set(keys: Keys, network: Network) -> GuardianSet:
    """The set that a devnet starts with: its guardians in order, each with the same stake."""
    stake = network.plan.metalayer.guardians.stake
    return GuardianSet.of(FIRST_SET, [member_of(guardian, stake) for guardian in keys.guardians])


@dataclass(slots=True)
class _Outgoing:
    """Raw transactions of one bootstrap, nonces counted by account."""

    chain_id: int
    nonces: dict[str, int]
    raws: list[Hex] = field(default_factory=list)
    hashes: list[Hex] = field(default_factory=list)

    def add(
        self, account: Account, to: str, data: bytes, gas: int, tip: int, value: int = 0
    ) -> None:
        """`tip` in Mwei, in the order wanted: Anvil takes the higher maximal fee first, others the
        higher tip. The order of sending says nothing: of a long batch it is not kept."""
        nonce = self.nonces[account.address]
        self.nonces[account.address] = nonce + 1
        transaction = Transaction(
            self.chain_id, nonce, from_hex(to), value, data, gas, _MAX_FEE + tip * MWEI, tip * MWEI
        )
        raw, hash_ = sign(transaction, account.key)
        self.raws.append(Hex("0x" + raw.hex()))
        self.hashes.append(hash_)


@dataclass(slots=True)
class _Lacking:
    """What of block 1 a chain lacks."""

    install: bool
    """Everything: the guardian set, and what comes with it."""
    unsealed: bool
    """Guardians' stakes, and the seal of their set."""
    calls: list[tuple[GovernorCall, int]]
    """Further transactions of the governor's with their tips in Mwei, in order."""
    strange: Sequence[ChainPlan]
    """Chains that its gateway does not know."""


class ChainBootstrap:
    """Implements ``ports.provision.Bootstrap``."""

    def __init__(self) -> None:
        self._sets: dict[bytes, GuardianSet] = {}

    async def network_id(self, l1: Rpc, contracts: Mapping[str, Hex], devnet_id: bytes) -> bytes:
        """What everything signed on this devnet commits to."""
        genesis = await l1.call("eth_getBlockByNumber", "0x0", False)
        registry = from_hex(contracts["guardianRegistry"])
        return formats.network_id(from_hex(genesis["hash"]), registry, devnet_id)

    async def __call__(
        self, chain: ChainPlan, rpc: Rpc, network: Network, keys: Keys, seal: Seal
    ) -> None:
        """Raises PermanentFailure when a transaction is reverted or the chain belongs to
        another devnet."""
        keys = replace(keys, guardians=keys.guardians[: network.plan.metalayer.guardians.count])
        lacking = await self._lacking(chain, rpc, network, keys)
        if not any((lacking.install, lacking.unsealed, lacking.calls, lacking.strange)):
            return
        outgoing = _Outgoing(chain.chain_id, await _nonces(rpc, keys))
        if lacking.install:
            outgoing.add(*self._governor_call(chain, network, keys))
        for call in set_chains(network, lacking.strange):
            gas = _BATCH_GAS + _PER_CHAIN_GAS * len(lacking.strange)
            executor, data = network.contracts["governanceExecutor"], execute_batch([call])
            outgoing.add(keys.governor, executor, data, gas, 90_000)
        if lacking.unsealed:
            for guardian in keys.guardians:
                self._register(outgoing, guardian, network)
            registry, seal_set = network.contracts["guardianRegistry"], selector("sealSet()")
            outgoing.add(keys.governor, registry, seal_set, _seal_gas(keys), 1_000)
        for one, tip in lacking.calls:
            outgoing.add(keys.governor, one.to, one.data, one.gas, tip, one.value)
        await _mine(rpc, outgoing, seal)

    async def _lacking(self, chain: ChainPlan, rpc: Rpc, network: Network, keys: Keys) -> _Lacking:
        installed = await self._is_installed(chain, rpc, network)
        unsealed = chain.is_l1 and (not installed or await _is_unsealed(rpc, network))
        calls = await _l1_calls(rpc, network, keys) if chain.is_l1 else []
        if keys.validators:
            calls += [
                (GovernorCall(to, creation.data, creation.gas), 400)
                for to, creation in await _hyperlane(rpc, network, keys)
            ]
        strange = await unknown_chains(chain, rpc, network) if installed else ()
        return _Lacking(not installed, unsealed, calls, strange)

    async def _is_installed(self, chain: ChainPlan, rpc: Rpc, network: Network) -> bool:
        request = {"to": network.contracts["rootVerifier"], "data": _hex(selector("networkId()"))}
        found = from_hex(await rpc.call("eth_call", request, "latest"))
        if found == network.network_id:
            return True
        if any(found):
            raise PermanentFailure(
                f"{chain.name} belongs to another devnet",
                f"its root verifier is bound to network 0x{found.hex()}",
                "Take the devnet down and start it anew.",
            )
        return False

    def _set(self, keys: Keys, network: Network) -> GuardianSet:
        if network.network_id not in self._sets:
            self._sets = {network.network_id: first_set(keys, network)}
        return self._sets[network.network_id]

    def _governor_call(
        self, chain: ChainPlan, network: Network, keys: Keys
    ) -> tuple[Account, str, bytes, int, int]:
        contracts = network.contracts
        install = install_calldata(network.network_id, self._set(keys, network))
        calls = [Call(from_hex(contracts["rootVerifier"]), install)]
        others = other_chains(chain, network)
        calls += set_chains(network, others)
        if network.plan.metalayer.fees == "prepaid":
            calls.append(Call(from_hex(contracts["interchainGasPaymaster"]), _price()))
        if network.plan.metalayer.finality == "finalized":
            calls.append(_final_only(contracts))
        if chain.is_l1:
            calls += _grants(network, keys)
        gas = _BATCH_GAS + _PER_GUARDIAN_GAS * len(keys.guardians) + _PER_CHAIN_GAS * len(others)
        return keys.governor, contracts["governanceExecutor"], execute_batch(calls), gas, 90_000

    def _register(self, outgoing: _Outgoing, guardian: GuardianKeys, network: Network) -> None:
        """Approve and register, as far as its nonce says that it has not; earlier guardians tip
        more, so indices are in order."""
        done = outgoing.nonces[guardian.account.address]
        contracts, stake = network.contracts, network.plan.metalayer.guardians.stake
        registry, secret = from_hex(contracts["guardianRegistry"]), bls.SecretKey(guardian.bls_seed)
        digest = formats.possession_digest(
            outgoing.chain_id, registry, from_hex(guardian.account.address), secret.key
        )
        proof = secret.prove_possession(digest)
        approve = encode_call("approve(address,uint256)", registry, stake)
        register = encode_call("register(bytes,bytes,uint96)", secret.key, proof, stake)
        tip = 80_000 - guardian.index
        if done < 1:
            outgoing.add(guardian.account, contracts["era"], approve, _APPROVE_GAS, tip + 5_000)
        if done < 2:
            registry_ = contracts["guardianRegistry"]
            outgoing.add(guardian.account, registry_, register, _REGISTER_GAS, tip)


def _final_only(contracts: Mapping[str, Hex]) -> Call:
    """Have the mailbox ask the module that takes messages of final blocks only."""
    module = from_hex(contracts["finalizedIsm"])
    return Call(from_hex(contracts["mailbox"]), encode_call("setDefaultIsm(address)", module))


def _price() -> bytes:
    """One gwei a unit of gas on every destination, coins exchanged one to one."""
    return encode_call("setDefaultGasPrice((uint128,uint128))", _EVEN_RATE, 10**9)


def _grants(network: Network, keys: Keys) -> list[Call]:
    era, stake = from_hex(network.contracts["era"]), network.plan.metalayer.guardians.stake
    receivers = [(guardian.account.address, stake) for guardian in keys.guardians]
    receivers.append((keys.faucet.address, _FAUCET_ERA))
    return [
        Call(era, encode_call("transfer(address,uint256)", from_hex(to), amount))
        for to, amount in receivers
    ]


def _seal_gas(keys: Keys) -> int:
    return _SEAL_GAS + _SEAL_GAS_EACH * len(keys.guardians)


async def _l1_calls(rpc: Rpc, network: Network, keys: Keys) -> list[tuple[GovernorCall, int]]:
    """What the L1 lacks for its rollups, with tips in Mwei: coins, then portals, then the rest."""
    tokens = await _tokens(rpc, network)
    portals = await missing_portals(rpc, network)
    batchers = (
        *await missing_batchers(rpc, network, keys),
        *await _settlement(rpc, network, keys),
    )
    factory = network.contracts["create3Factory"]
    return [
        *((one, 600) for one in tokens),
        *((GovernorCall(factory, one.data, one.gas), 500) for one in portals),
        *((one, 400) for one in batchers),
    ]


async def _hyperlane(rpc: Rpc, network: Network, keys: Keys) -> Sequence[tuple[Hex, Creation]]:
    """What a chain lacks for Hyperlane's agents, on devnets that have validators."""
    from control_plane.adapters.evm.hyperlane import missing_contracts

    return await missing_contracts(rpc, network, keys)


async def _tokens(rpc: Rpc, network: Network) -> Sequence[GovernorCall]:
    """What the L1 lacks of the tokens that are rollups' coins."""
    if not any(chain.gas_token for chain in network.plan.rollups):
        return ()
    from control_plane.adapters.evm.gas_tokens import missing_tokens

    return await missing_tokens(rpc, network)


async def _settlement(rpc: Rpc, network: Network, keys: Keys) -> Sequence[GovernorCall]:
    """What the L1 lacks for rollups that settle."""
    if not any(settles(chain) for chain in network.plan.rollups):
        return ()
    from control_plane.adapters.evm.settlement_contracts import missing_settlement

    return await missing_settlement(rpc, network, keys)


async def _is_unsealed(rpc: Rpc, network: Network) -> bool:
    """Whether the registry has no guardian set yet: many guardians do not fit into one block, so
    a bootstrap can be cut off between two."""
    request = {"to": network.contracts["guardianRegistry"], "data": _hex(selector("currentSet()"))}
    found = from_hex(await rpc.call("eth_call", request, "latest"))
    return not any(found[32:64])  # the set's id, after the offset of a dynamic struct


async def _nonces(rpc: Rpc, keys: Keys) -> dict[str, int]:
    addresses = [keys.governor.address, *(g.account.address for g in keys.guardians)]
    counts = await rpc.batch([("eth_getTransactionCount", (a, "latest")) for a in addresses])
    return {a: int(count, 16) for a, count in zip(addresses, counts, strict=True)}


async def _mine(rpc: Rpc, outgoing: _Outgoing, seal: Seal) -> None:
    """Broadcast, then seal blocks until every transaction has its receipt."""
    sent = await rpc.batch([("eth_sendRawTransaction", (raw,)) for raw in outgoing.raws])
    for answer in sent:
        if isinstance(answer, RpcError) and "already" not in answer.message:
            raise PermanentFailure("A transaction of block 1 was refused", answer.message)
    for _ in range(_ROUNDS):
        await seal()
        receipts = await rpc.batch(
            [("eth_getTransactionReceipt", (hash_,)) for hash_ in outgoing.hashes]
        )
        if all(found and not _is_late(found) for found in receipts):
            _check(receipts)
            return
        await asyncio.sleep(0)
    raise PermanentFailure(
        "Block 1 is not complete", f"transactions are missing after {_ROUNDS} blocks"
    )


def _is_late(found: object) -> bool:
    return isinstance(found, RpcError) and found.is_indexing


def _check(receipts: Sequence[Any]) -> None:
    for at, receipt in enumerate(receipts):
        if int(receipt["status"], 16) != 1:
            raise PermanentFailure(
                "A transaction of block 1 was reverted",
                f"number {at + 1} of {len(receipts)}, {receipt['transactionHash']}, "
                f"gas used {int(receipt['gasUsed'], 16)}",
                "Are contracts and genesis of the same version? `make contracts-check` tells.",
            )


def _hex(data: bytes) -> Hex:
    return Hex("0x" + data.hex())
