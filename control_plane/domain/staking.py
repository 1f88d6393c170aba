"""Calls of `GuardianRegistry` and ERA that guardians make for their stakes (docs/formats.md)."""

from control_plane.domain import bls, formats
from control_plane.domain.calls import encode_call
from control_plane.domain.hexes import from_hex
from control_plane.domain.network import GuardianKeys


def transfer(to: str, amount: int) -> bytes:
    """Of ERA; `amount` in wei."""
    return encode_call("transfer(address,uint256)", from_hex(to), amount)


def approve(spender: str, amount: int) -> bytes:
    """Of ERA; `amount` in wei."""
    return encode_call("approve(address,uint256)", from_hex(spender), amount)


def register(guardian: GuardianKeys, chain_id: int, registry: str, stake: int) -> bytes:
    """With the key's proof of possession for this chain, registry and account; `stake` in wei."""
    secret = bls.SecretKey(guardian.bls_seed)
    account = from_hex(guardian.account.address)
    digest = formats.possession_digest(chain_id, from_hex(registry), account, secret.key)
    proof = secret.prove_possession(digest)
    return encode_call("register(bytes,bytes,uint96)", secret.key, proof, stake)


def increase(amount: int) -> bytes:
    """Of the registry; `amount` in wei, approved before."""
    return encode_call("increaseStake(uint96)", amount)


def decrease(amount: int) -> bytes:
    """Of the registry; `amount` in wei begins to unbond."""
    return encode_call("decreaseStake(uint96)", amount)


def request_exit() -> bytes:
    """Of the registry: all of the stake begins to unbond."""
    return encode_call("requestExit()")


def withdraw() -> bytes:
    """Of the registry: what has unbonded."""
    return encode_call("withdraw()")


def unjail() -> bytes:
    """Of the registry: back into the next set."""
    return encode_call("unjail()")


def slash_verdict(guardian: str, verdict: bytes, share: int) -> bytes:
    """Of the slasher, for its owner: `verdict` names it (32 bytes), `share` in hundredths of a
    per cent of the stake."""
    call = "slashVerdict(address,bytes32,uint16)"
    return encode_call(call, from_hex(guardian), verdict, share)
