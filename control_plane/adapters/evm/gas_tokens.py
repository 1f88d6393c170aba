"""Tokens of the L1 that are rollups' coins: made where they are ours, checked where they are not.

A devnet has those that its rollups use. A test token is made once, and every listed account gets
some; so it does of ERA, which the treasury holds.
"""

from collections.abc import Sequence
from typing import Final

from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.adapters.evm.inbox import GovernorCall
from control_plane.adapters.evm.portals import creation_code
from control_plane.domain.calls import Call, encode_call, execute_batch, selector, tail, word
from control_plane.domain.hexes import from_hex
from control_plane.domain.network import Network
from control_plane.domain.op_stack import portal_address
from control_plane.domain.plan import ChainPlan
from control_plane.domain.ports.node import Rpc
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement.gas_tokens import (
    ERA,
    GasToken,
    is_made,
    must_be,
    token_address,
    token_salt,
)

MINTED: Final = 1_000_000
"""Whole test tokens for each listed account."""
GRANTED: Final = 10_000 * 10**18
"""ERA for each listed account, as far as the treasury has so much."""
_CREATION_GAS: Final = 2_000_000
_BATCH_GAS: Final = 100_000
_EACH_GAS: Final = 60_000
_EACH_TIME: Final = 200
"""Accounts that one transaction serves."""


async def missing_tokens(l1: Rpc, network: Network) -> Sequence[GovernorCall]:
    """What the governor has to send, in order and before the portals are made, until every coin of
    a rollup is there and listed accounts have some. Raises InvalidInput for a token that is not
    what the spec says."""
    chains = [chain for chain in network.plan.rollups if chain.gas_token is not None]
    if not chains:
        return ()
    portals = [portal_address(network.contracts, chain.chain_id) for chain in chains]
    asked = [("eth_getCode", ("0x" + portal.hex(), "latest")) for portal in portals]
    new = [c for c, code in zip(chains, await _ask(l1, asked), strict=True) if code == "0x"]
    found: list[GovernorCall] = []
    tokens = {chain.gas_token: chain for chain in chains if chain.gas_token is not None}
    for token, chain in tokens.items():
        if is_made(token):
            found += await _missing_token(l1, network, token, chain)
        elif any(each.gas_token == token for each in new):
            await _check(l1, network, token, chain)
            found += await _grants(l1, network) if token.symbol == ERA else ()
    return found


async def _missing_token(
    l1: Rpc, network: Network, token: GasToken, chain: ChainPlan
) -> Sequence[GovernorCall]:
    """The token, and what listed accounts have not got of it. The supply tells, as it never
    shrinks: whoever has spent all of theirs gets no more."""
    at = token_address(token, network.contracts)
    code, supply = await _ask(
        l1, [("eth_getCode", ("0x" + at.hex(), "latest")), _call(at, selector("totalSupply()"))]
    )
    listed, amount = _listed(network), MINTED * 10**token.decimals
    if code == "0x":
        created = GovernorCall(
            network.contracts["create3Factory"],
            encode_call("deploy(bytes32,bytes)", token_salt(token.symbol), _creation(token)),
            _CREATION_GAS,
        )
        return (created, *_batches(network, at, "mint(address,uint256)", listed, amount))
    await _check(l1, network, token, chain)
    if int(supply, 16) >= len(listed) * amount:
        return ()
    poor = await _without(l1, at, listed)
    return _batches(network, at, "mint(address,uint256)", poor, amount)


async def _grants(l1: Rpc, network: Network) -> Sequence[GovernorCall]:
    """ERA for listed accounts without, from the treasury."""
    at = token_address(GasToken(ERA, "", 18), network.contracts)
    treasury = from_hex(network.contracts["governanceExecutor"])
    held = int((await _ask(l1, [_balance(at, treasury)]))[0], 16)
    poor = await _without(l1, at, _listed(network))
    amount = min(GRANTED, held // len(poor)) if poor else 0
    if not amount:
        return ()
    return _batches(network, at, "transfer(address,uint256)", poor, amount)


async def _check(l1: Rpc, network: Network, token: GasToken, chain: ChainPlan) -> None:
    at = token_address(token, network.contracts)
    (answer,) = await l1.batch([_call(at, selector("decimals()"))])
    must_be(token, at, chain.name, answer)


async def _without(l1: Rpc, token: bytes, accounts: Sequence[bytes]) -> Sequence[bytes]:
    answers = await _ask(l1, [_balance(token, account) for account in accounts])
    return [who for who, held in zip(accounts, answers, strict=True) if int(held, 16) == 0]


def _batches(
    network: Network, token: bytes, function: str, accounts: Sequence[bytes], amount: int
) -> Sequence[GovernorCall]:
    calls = [Call(token, encode_call(function, account, amount)) for account in accounts]
    parts = [calls[at : at + _EACH_TIME] for at in range(0, len(calls), _EACH_TIME)]
    executor = network.contracts["governanceExecutor"]
    return [
        GovernorCall(executor, execute_batch(part), _BATCH_GAS + _EACH_GAS * len(part))
        for part in parts
    ]


def _creation(token: GasToken) -> bytes:
    """``FreeToken(name, symbol, decimals)``."""
    name, symbol = tail(token.name.encode()), tail(token.symbol.encode())
    head = word(3 * 32) + word(3 * 32 + len(name)) + word(token.decimals)
    return creation_code("FreeToken") + head + name + symbol


def _listed(network: Network) -> Sequence[bytes]:
    accounts = network.plan.accounts
    return [from_hex(each.address) for each in derive_accounts(accounts.mnemonic, accounts.count)]


def _balance(token: bytes, account: bytes) -> tuple[str, Sequence[object]]:
    return _call(token, encode_call("balanceOf(address)", account))


def _call(to: bytes, data: bytes) -> tuple[str, Sequence[object]]:
    return "eth_call", ({"to": "0x" + to.hex(), "data": "0x" + data.hex()}, "latest")


async def _ask(l1: Rpc, calls: Sequence[tuple[str, Sequence[object]]]) -> list[str]:
    answers = await l1.batch(calls)
    for answer in answers:
        if isinstance(answer, RpcError):
            raise answer
    return answers
