"""The inbox of the batchers on the L1: made, and told who posts, for rollups that want it.

No part of the baked genesis, for most devnets do without.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from control_plane.adapters.evm.keys import derive
from control_plane.adapters.evm.portals import creation_code
from control_plane.adapters.evm.signer import account
from control_plane.domain.calls import Call, encode_call, execute_batch, tail, word
from control_plane.domain.ids import Hex
from control_plane.domain.network import Keys, Network
from control_plane.domain.op_stack import create3_address
from control_plane.domain.ports.node import Account, Rpc
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement import (
    INBOX,
    InboxState,
    decode_rollup,
    inbox_address,
    inbox_salt,
    posts_batches,
    rollup_call,
)

_IMPLEMENTATION_GAS: Final = 2_000_000
_PROXY_GAS: Final = 500_000
_SET_GAS: Final = 150_000
_PAYMENT_GAS: Final = 21_000
_PAYMENT: Final = 1_000_000 * 10**18
"""Wei that a batcher gets, once: fees are never what stops a devnet."""


@dataclass(frozen=True, slots=True)
class GovernorCall:
    """One transaction of the governor's. `value` in wei."""

    to: Hex
    data: bytes
    gas: int
    value: int = 0


def batcher_account(keys: Keys, chain_id: int) -> Account:
    """The account of the batcher of rollup `chain_id`, derived from the devnet's governor's key."""
    return account(derive(keys.governor.key, f"settlement/{chain_id}/batcher"))


async def missing_batchers(l1: Rpc, network: Network, keys: Keys) -> Sequence[GovernorCall]:
    """What the governor has to send, in order, until every rollup that posts its blocks has an
    inbox and a batcher with money."""
    ids = [int(chain.chain_id) for chain in network.plan.rollups if posts_batches(chain)]
    if not ids:
        return ()
    inbox = "0x" + inbox_address(network.contracts).hex()
    batchers = {chain_id: batcher_account(keys, chain_id) for chain_id in ids}
    ask = [("eth_getCode", (inbox, "latest"))]
    ask += [("eth_getBalance", (batcher.address, "latest")) for batcher in batchers.values()]
    code, *balances = await l1.batch(ask)
    known: dict[int, InboxState] = {}
    if code != "0x":
        calls = [{"to": inbox, "data": "0x" + rollup_call(n).hex()} for n in ids]
        answers = await l1.batch([("eth_call", (call, "latest")) for call in calls])
        for answer in (code, *balances, *answers):
            if isinstance(answer, RpcError):
                raise answer
        known = {
            n: decode_rollup(bytes.fromhex(answer[2:]))
            for n, answer in zip(ids, answers, strict=True)
        }
    unpaid = [b for b, wei in zip(batchers.values(), balances, strict=True) if int(wei, 16) == 0]
    unnamed = {
        n: batcher
        for n, batcher in batchers.items()
        if n not in known or known[n].batcher.hex() != batcher.address[2:].lower()
    }
    return (
        *(() if code != "0x" else _creations(network)),
        *((_naming(network, Hex(inbox), unnamed),) if unnamed else ()),
        *(GovernorCall(b.address, b"", _PAYMENT_GAS, _PAYMENT) for b in unpaid),
    )


def _creations(network: Network) -> Iterator[GovernorCall]:
    factory = network.contracts["create3Factory"]
    owner = bytes.fromhex(network.contracts["governanceExecutor"][2:])
    salt = inbox_salt(implementation=True)
    yield GovernorCall(
        factory,
        encode_call("deploy(bytes32,bytes)", salt, creation_code(INBOX)),
        _IMPLEMENTATION_GAS,
    )
    implementation = create3_address(bytes.fromhex(factory[2:]), salt)
    call = encode_call("initialize(address)", owner)
    proxy = creation_code("ERC1967Proxy") + word(implementation) + word(64) + tail(call)
    yield GovernorCall(
        factory, encode_call("deploy(bytes32,bytes)", inbox_salt(), proxy), _PROXY_GAS
    )


def _naming(network: Network, inbox: Hex, batchers: dict[int, Account]) -> GovernorCall:
    to = bytes.fromhex(inbox[2:])
    calls = [
        Call(to, encode_call("setBatcher(uint256,address)", n, bytes.fromhex(who.address[2:])))
        for n, who in batchers.items()
    ]
    gas = _SET_GAS * (1 + len(calls))
    return GovernorCall(network.contracts["governanceExecutor"], execute_batch(calls), gas)
