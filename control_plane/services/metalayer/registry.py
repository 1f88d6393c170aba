"""What the L1 says of guardian sets, and what any chain's root verifier has."""

from dataclasses import dataclass
from typing import Final

from control_plane.domain.abi_formats import decode_guardian_set, decode_sealed, encode_guardian_set
from control_plane.domain.calls import encode_call, selector
from control_plane.domain.errors import CalderaError, TemporaryFailure
from control_plane.domain.formats import GuardianSet, Member
from control_plane.domain.hashing import keccak256
from control_plane.domain.hexes import from_hex, hex_word
from control_plane.domain.rpc import RpcError
from control_plane.services.metalayer.blocks import Caller

SEAL_SET: Final = selector("sealSet()")
_UNCHANGED: Final = "0x" + selector("SetUnchanged(uint64)").hex()
_NOBODY: Final = "0x" + selector("NoGuardians()").hex()
_SET: Final = "(uint64,uint32,uint96,bytes32,bytes)"
_SEALED: Final = (
    "0x"
    + keccak256(f"GuardianSetSealed(uint64,{_SET},(uint32,address,uint96,bytes)[])".encode()).hex()
)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A set that the registry sealed, with its members by index."""

    guardian_set: GuardianSet
    members: tuple[Member, ...]


async def can_seal(rpc: Caller, registry: str) -> bool:
    """Whether sealing a set now would make another one. Raises TemporaryFailure, RpcError."""
    try:
        await _call(rpc, registry, SEAL_SET)
    except RpcError as error:
        if isinstance(error.data, str) and error.data[:10] in {_UNCHANGED, _NOBODY}:
            return False
        raise
    return True


async def active_guardians(rpc: Caller, registry: str) -> int:
    """How many would be in a set sealed now."""
    found = await _call(rpc, registry, selector("guardians()"))
    return int.from_bytes(found[32:64])


async def sealed_id(rpc: Caller, registry: str) -> int:
    """Id of the set sealed last; 0 if there is none."""
    return decode_guardian_set(await _call(rpc, registry, selector("currentSet()"))).set_id


async def installed_id(rpc: Caller, verifier: str) -> int:
    """Id of the set that a chain's root verifier has; 0 if none."""
    return decode_guardian_set(await _call(rpc, verifier, selector("guardianSet()"))).set_id


async def is_sealed(rpc: Caller, registry: str, guardian_set: GuardianSet) -> bool:
    """Whether the registry sealed exactly this set under its id."""
    call = encode_call("setHashes(uint64)", guardian_set.set_id)
    return await _call(rpc, registry, call) == keccak256(encode_guardian_set(guardian_set))


async def read_sealed(rpc: Caller, registry: str, set_id: int) -> Sealed:
    """A sealed set with its members, who stand in the event alone. TemporaryFailure when the
    chain has no such event."""
    topics = [_SEALED, hex_word(set_id)]
    request = {"address": registry, "topics": topics, "fromBlock": "0x0"}
    logs = await rpc.call("eth_getLogs", request, timeout=30.0)
    if not logs:
        raise TemporaryFailure(
            f"The registry tells nothing of guardian set {set_id}",
            f"there is no GuardianSetSealed of {registry} on the L1",
        )
    try:
        guardian_set, members = decode_sealed(from_hex(logs[-1]["data"]))
    except ValueError as error:
        raise CalderaError("What the registry tells can't be read", str(error)) from error
    return Sealed(guardian_set, members)


async def _call(rpc: Caller, to: str, data: bytes) -> bytes:
    return from_hex(await rpc.call("eth_call", {"to": to, "data": "0x" + data.hex()}, "latest"))
