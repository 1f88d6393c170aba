"""Brings the Metalayer's contracts onto somebody else's chain, by ordinary transactions."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from control_plane.adapters.evm import replay
from control_plane.adapters.evm.bake import Genesis
from control_plane.adapters.evm.replay import Creation
from control_plane.adapters.evm.rpc import connect
from control_plane.adapters.evm.signer import Transaction, account, sign
from control_plane.domain.calls import selector
from control_plane.domain.errors import (
    Conflict,
    DeadlineExceeded,
    InvalidInput,
    PermanentFailure,
    TemporaryFailure,
)
from control_plane.domain.hexes import from_hex
from control_plane.domain.ids import Hex
from control_plane.domain.ports.joining import Candidate, Deployment, Paid
from control_plane.domain.ports.node import Account, Rpc
from control_plane.domain.rpc import RpcError

_CONNECT_DEADLINE: Final = 5.0
_RECEIPTS_DEADLINE: Final = 180.0
_LOOK: Final = 0.05
_GWEI: Final = 10**9
_FEE_ROOM: Final = 2
_TRANSFER_GAS: Final = 50_000
_G1_ADD: Final = "0x000000000000000000000000000000000000000b"
"""EIP-2537: the sum of two points, of which the certificate's check begins with one."""
_SLOT: Final = "0x" + "00" * 32
_ETHER: Final = 10**18
_WHOLE: Final = 2**256 - 1
_MOVING: Final = {
    ("Mailbox", 0): 2**32 - 1,  # the domain, below the nonce
    ("MerkleTreeHook", 33): 0,  # the tree's root
    ("TestRecipient", 0): 0,
    ("TestRecipient", 1): 0,
}
"""Bits that stay, of slots that change with the messages."""


@dataclass(frozen=True, slots=True)
class _Outgoing:
    to: str
    value: int
    data: bytes
    gas: int
    what: str


class Joiner:
    """Implements ``ports.joining.Join``."""

    async def inspect(self, rpc: str, ws: str, root: Path) -> Candidate:
        """See the port."""
        node = await _connect(rpc, ws)
        try:
            head = await node.call("eth_getBlockByNumber", "latest", False)
            number = int(head["number"], 16)
            await _check_proofs(node, rpc, str(head["hash"]))
            await _check_precompiles(node, rpc)
            addresses = Genesis(root / "genesis").addresses
            return Candidate(
                chain_id=int(await node.call("eth_chainId"), 16),
                head=number,
                head_hash=str(head["hash"]),
                domain=await _word(node, addresses["mailbox"], "localDomain()"),
                network_id=_bytes32(await _word(node, addresses["rootVerifier"], "networkId()")),
            )
        finally:
            await node.close()

    async def deploy(self, ws: str, wanted: Deployment, key: bytes | None) -> Paid:
        """See the port."""
        node = await connect(ws, deadline=_CONNECT_DEADLINE)
        try:
            genesis = Genesis(wanted.root / "genesis")
            every = await asyncio.to_thread(
                replay.creations, genesis, wanted.chain_id, wanted.domain, wanted.governor
            )
            missing = await _missing(node, every)
            return await _pay(node, wanted, missing, key)
        finally:
            await node.close()


async def _connect(rpc: str, ws: str) -> Rpc:
    try:
        return await connect(ws, deadline=_CONNECT_DEADLINE)
    except (TemporaryFailure, ValueError) as error:  # a URL may be of a form that nobody has
        why = error.detail if isinstance(error, TemporaryFailure) else str(error)
        raise Conflict(
            f"{rpc} can't be reached",
            f"no WebSocket at {ws}: {why}",
            "Start the node first; where its WebSocket is elsewhere, name it with --ws.",
        ) from error


async def _check_proofs(node: Rpc, rpc: str, head: str) -> None:
    """Guardians check each leaf against a proof of the chain's state at a block, by its hash."""
    try:
        await node.call("eth_getProof", replay.PROXY, [_SLOT], {"blockHash": head})
    except RpcError as error:
        raise Conflict(
            f"{rpc} gives no proofs of its state",
            f"eth_getProof at block {head}: {error.message}",
            "The node must answer eth_getProof for recent blocks, as Anvil does.",
        ) from error


async def _check_precompiles(node: Rpc, rpc: str) -> None:
    """Certificates are checked by BLS12-381's precompiles."""
    request = {"to": _G1_ADD, "data": "0x" + bytes(256).hex()}
    answer = await node.call("eth_call", request, "latest")
    if answer != "0x" + bytes(128).hex():
        raise Conflict(
            f"{rpc} has no BLS12-381 precompiles",
            "certificates can't be checked there (EIP-2537)",
            "Start the node with the Prague hardfork or a later one.",
        )


async def _word(node: Rpc, contract: str, function: str) -> int | None:
    """What a view function answers; None where there is no contract, or zero."""
    request = {"to": contract, "data": "0x" + selector(function).hex()}
    try:
        answer = str(await node.call("eth_call", request, "latest"))
    except RpcError:
        return None
    return int(answer, 16) or None if len(answer) > len("0x") else None


def _bytes32(word: int | None) -> bytes | None:
    return None if word is None else word.to_bytes(32)


# ------------------------------------------------------------------ what to deploy


async def _missing(node: Rpc, every: Sequence[Creation]) -> Sequence[Creation]:
    """Those that are not there yet; Conflict when something else is."""
    codes = await _batch(node, [("eth_getCode", (c.address, "latest")) for c in every])
    there = [c for c, code in zip(every, codes, strict=True) if code != "0x"]
    for creation, code in zip(every, codes, strict=True):
        if code not in {"0x", creation.code}:
            raise _foreign(creation)
    # whoever creates a contract there first may have given it another owner
    slots = [(c, slot) for c in there for slot in c.storage if _settled(c.name, slot)]
    found = await _batch(
        node, [("eth_getStorageAt", (c.address, slot, "latest")) for c, slot in slots]
    )
    for (creation, slot), value in zip(slots, found, strict=True):
        mask = _settled(creation.name, slot)
        if (int(value, 16) ^ int(creation.storage[slot], 16)) & mask:
            raise _foreign(creation)
    return [creation for creation in every if creation not in there]


def _settled(name: str, slot: str) -> int:
    """Which bits of a slot stay as they were made; those of the others count what happens."""
    return _MOVING.get((name, int(slot, 16)), _WHOLE)


def _foreign(creation: Creation) -> Conflict:
    return Conflict(
        "Another's contract stands where the Metalayer's would",
        f"{creation.name} at {creation.address}",
        "Has the chain joined another devnet? A fresh chain can join this one.",
    )


async def _outgoing(
    node: Rpc, wanted: Deployment, missing: Sequence[Creation]
) -> Sequence[_Outgoing]:
    balances = await _batch(
        node, [("eth_getBalance", (address, "latest")) for address in wanted.grants]
    )
    found = [
        _Outgoing(address, amount - int(balance, 16), b"", _TRANSFER_GAS, f"a grant to {address}")
        for (address, amount), balance in zip(wanted.grants.items(), balances, strict=True)
        if int(balance, 16) < amount
    ]
    return [*found, *(_Outgoing(c.to, 0, c.data, c.gas, c.name) for c in missing)]


# ------------------------------------------------------------------ who pays


async def _pay(
    node: Rpc, wanted: Deployment, missing: Sequence[Creation], key: bytes | None
) -> Paid:
    head = await node.call("eth_getBlockByNumber", "latest", False)
    fee = _FEE_ROOM * int(head.get("baseFeePerGas", "0x0"), 16) + _GWEI
    outgoing = await _outgoing(node, wanted, missing)
    needs_proxy = await node.call("eth_getCode", replay.PROXY, "latest") == "0x"
    needed = sum(each.value + each.gas * fee for each in outgoing)
    needed += needs_proxy * (replay.PROXY_COST + _TRANSFER_GAS * fee)
    payer = await _payer(node, needed, key)
    if needs_proxy:
        await _bring_proxy(node, wanted.chain_id, payer, fee)
    hashes = await _send(node, wanted.chain_id, payer, outgoing, fee)
    await _confirm(node, outgoing, hashes)
    return Paid(payer.address, key is None, [creation.name for creation in missing])


async def _payer(node: Rpc, needed: int, key: bytes | None) -> Account:
    """The account of `key`, or an unlocked one of the node, that has `needed` wei."""
    if key is not None:
        try:
            payer = account(key)
        except ValueError:
            raise InvalidInput(
                "That is no private key", "it is not on the curve", "32 bytes as hex."
            ) from None
        balance = int(await node.call("eth_getBalance", payer.address, "latest"), 16)
        if balance < needed:
            raise _too_poor(f"{payer.address} has {_coins(balance)}", needed)
        return payer
    try:
        unlocked = await node.call("eth_accounts")
    except RpcError:
        unlocked = []
    balances = await _batch(node, [("eth_getBalance", (one, "latest")) for one in unlocked])
    rich = [(int(b, 16), -at) for at, b in enumerate(balances) if int(b, 16) >= needed]
    if not rich:
        raise _too_poor("the node has no unlocked account with as much", needed)
    return Account(Hex(str(unlocked[-max(rich)[1]]).lower()), b"")


def _too_poor(who: str, needed: int) -> Conflict:
    return Conflict(
        "Nobody can pay for the contracts",
        f"{_coins(needed)} are wanted at the most, grants included; {who}",
        "Give the key of a funded account with --key-file, or grant less with --fund.",
    )


def _coins(wei: int) -> str:
    return f"{wei / _ETHER:.3f} coins"


async def _bring_proxy(node: Rpc, chain_id: int, payer: Account, fee: int) -> None:
    """The deterministic-deployment proxy, by the transaction that creates it on every chain."""
    grant = _Outgoing(
        replay.PROXY_OWNER, replay.PROXY_COST, b"", _TRANSFER_GAS, "its sender's coins"
    )
    await _confirm(node, [grant], await _send(node, chain_id, payer, [grant], fee))
    try:
        hash_ = str(await node.call("eth_sendRawTransaction", replay.PROXY_TRANSACTION))
    except RpcError as error:
        raise PermanentFailure(
            "The deterministic-deployment proxy can't be brought there",
            f"the node refuses its transaction, which knows no chain id: {error.message}",
            f"Have it created at {replay.PROXY} by whoever runs the chain.",
        ) from error
    creation = _Outgoing(replay.PROXY, 0, b"", 0, "the deterministic-deployment proxy")
    await _confirm(node, [creation], [hash_])


# ------------------------------------------------------------------ transactions


async def _send(
    node: Rpc, chain_id: int, payer: Account, outgoing: Sequence[_Outgoing], fee: int
) -> list[str]:
    """Hand them over one after the other, nonces in order: some nodes lose what comes in bursts."""
    nonce = int(await node.call("eth_getTransactionCount", payer.address, "pending"), 16)
    hashes = []
    for at, each in enumerate(outgoing):
        try:
            hashes.append(await _hand_over(node, chain_id, payer, each, nonce + at, fee))
        except RpcError as error:
            raise PermanentFailure(
                "A transaction was refused", f"{each.what}: {error.message}"
            ) from error
    return hashes


async def _hand_over(
    node: Rpc, chain_id: int, payer: Account, each: _Outgoing, nonce: int, fee: int
) -> str:
    if not payer.key:
        request: dict[str, Any] = {
            "from": payer.address,
            "to": each.to,
            "value": hex(each.value),
            "data": "0x" + each.data.hex(),
            "gas": hex(each.gas),
            "nonce": hex(nonce),
        }
        return str(await node.call("eth_sendTransaction", request))
    to = from_hex(each.to)
    unsigned = Transaction(chain_id, nonce, to, each.value, each.data, each.gas, fee, _GWEI)
    raw, _ = sign(unsigned, payer.key)
    return str(await node.call("eth_sendRawTransaction", "0x" + raw.hex()))


async def _confirm(node: Rpc, outgoing: Sequence[_Outgoing], hashes: Sequence[str]) -> None:
    try:
        async with asyncio.timeout(_RECEIPTS_DEADLINE):
            for each, hash_ in zip(outgoing, hashes, strict=True):
                receipt = None
                while receipt is None:
                    receipt = await node.call("eth_getTransactionReceipt", hash_)
                    if receipt is None:
                        await asyncio.sleep(_LOOK)
                if int(receipt["status"], 16) != 1:
                    raise PermanentFailure(
                        "A transaction was reverted", f"{each.what}, {receipt['transactionHash']}"
                    )
    except TimeoutError:
        raise DeadlineExceeded(
            "The chain does not seal the contracts' transactions",
            f"after {_RECEIPTS_DEADLINE:g} s; the first of {len(hashes)} is {hashes[0]}",
            "Does the node mine? Joining again goes on where it stopped.",
        ) from None


async def _batch(node: Rpc, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
    if not calls:
        return []
    answers = await node.batch(calls)
    for answer in answers:
        if isinstance(answer, RpcError):
            raise answer
    return answers
