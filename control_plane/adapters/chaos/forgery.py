"""A certificate over a message that nobody dispatched, sent as anybody could send it."""

import time
from collections.abc import Sequence

from control_plane.adapters.evm.revert import decode_error
from control_plane.adapters.evm.rpc import connect
from control_plane.adapters.evm.sender import one_sender
from control_plane.domain import bls
from control_plane.domain.abi_formats import BatchItem, process_batch_calldata
from control_plane.domain.aggregate import Aggregate
from control_plane.domain.calls import encode_call
from control_plane.domain.formats import Certificate, EpochHeader, Leaf
from control_plane.domain.hashing import keccak256
from control_plane.domain.merkle import MessageTree
from control_plane.domain.network import Chain
from control_plane.domain.ports.chaos import Ground
from control_plane.domain.ports.node import Rpc
from control_plane.domain.quorum import Roster
from control_plane.domain.rpc import RpcError

_GAS = 3_000_000


async def forge(ground: Ground, chain: Chain, signers: Sequence[int]) -> str:
    """Submit it on `chain`, signed by the guardians with the indices in `signers`; what became of
    it. TemporaryFailure, RpcError, Conflict."""
    network = ground.network
    origin = next(other for other in network.chains if other.name != chain.name)
    message = _message(origin.domain, chain.domain, network.contracts["testRecipient"])
    roster, epoch = await ground.roster(), await ground.next_epoch()
    leaf = await _leaf(origin, message)
    aggregate = Aggregate.of([leaf])
    header = EpochHeader(
        set_id=roster.guardian_set.set_id,
        epoch=epoch,
        timestamp=int(time.time()),
        parent_hash=bytes(32),
        aggregate_root=aggregate.root,
    )
    certificate = _sign(ground, roster, header, signers)
    proof = aggregate.prove(epoch, MessageTree([keccak256(message)]), 0, leaf)
    item = BatchItem(_GAS // 3, proof.encode(), message)
    data = process_batch_calldata([certificate], [item])
    return await _submit(ground, chain, data, keccak256(message), epoch)


def _message(origin: int, destination: int, recipient: str) -> bytes:
    """As `Mailbox` packs it; the nonce is none that a mailbox comes to."""
    nonce = 2**32 - 1
    sender = keccak256(b"nobody")[12:].rjust(32, b"\0")
    to = bytes.fromhex(recipient[2:]).rjust(32, b"\0")
    head = b"\x03" + nonce.to_bytes(4) + origin.to_bytes(4) + sender
    return head + destination.to_bytes(4) + to + b"forged %d" % time.time_ns()


async def _leaf(origin: Chain, message: bytes) -> Leaf:
    """Of the origin's own head, but with a message tree that holds `message`."""
    rpc = await connect(origin.ws_url)
    try:
        block = await rpc.call("eth_getBlockByNumber", "latest", False)
    finally:
        await rpc.close()
    return Leaf(
        domain=origin.domain,
        block_number=int(block["number"], 16),
        block_hash=bytes.fromhex(block["hash"][2:]),
        state_root=bytes.fromhex(block["stateRoot"][2:]),
        message_root=MessageTree([keccak256(message)]).root(1),
        message_count=1,
    )


def _sign(
    ground: Ground, roster: Roster, header: EpochHeader, signers: Sequence[int]
) -> Certificate:
    """Signed by those guardians, the others named absent; by a key of nobody where there are
    none, and nobody absent."""
    digest = header.hash(ground.network.network_id)
    if not signers:
        signature = bls.SecretKey(keccak256(b"nobody")).sign(digest)
        return Certificate(header, roster.proof((), signature))
    seeds = {
        g.account.address.lower(): g.bls_seed for g in ground.keys.guardians if g.index in signers
    }
    signing = {m.index: seeds["0x" + m.guardian.hex()] for m in roster.members
               if "0x" + m.guardian.hex() in seeds}  # fmt: skip
    absent = [member.index for member in roster.members if member.index not in signing]
    signature = bls.aggregate(bls.SecretKey(seed).sign(digest) for seed in signing.values())
    return Certificate(header, roster.proof(absent, signature))


async def _submit(ground: Ground, chain: Chain, data: bytes, id_: bytes, epoch: int) -> str:
    contracts = ground.network.contracts
    target, faucet = contracts["batchProcessor"], ground.keys.faucet
    async with one_sender(
        connect, chain.ws_url, faucet, chain.plan.chain_id, block_time=chain.plan.block_time
    ) as sender:
        receipt = await (await sender.send(target, data, gas=_GAS)).receipt()
    rpc = await connect(chain.ws_url)
    try:
        why = await _why(rpc, faucet.address, target, data)
        known = "0x" + encode_call("delivered(bytes32)", id_).hex()
        answer = await rpc.call("eth_call", {"to": contracts["mailbox"], "data": known}, "latest")
    finally:
        await rpc.close()
    if int(answer, 16) or receipt["status"] == "0x1":
        return f"{chain.name} took it, in transaction {receipt['transactionHash']}"
    return f"{chain.name} refused it as certificate of epoch {epoch}: {why}"


async def _why(rpc: Rpc, sender: str, to: str, data: bytes) -> str:
    call = {"from": sender, "to": to, "data": "0x" + data.hex(), "gas": hex(_GAS)}
    try:
        await rpc.call("eth_call", call, "latest")
    except RpcError as error:
        return decode_error(error.data) if isinstance(error.data, str) else error.message
    return "nobody knows why"
