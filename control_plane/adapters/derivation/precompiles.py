"""Precompiled contracts that py-evm has not, or has slowly.

Two of the BLS12-381 precompiles (EIP-2537) are py_arkworks' instead of py-evm's own, which take a
second where these take milliseconds; the gas is the same. The OP Stack's are P256VERIFY (Fjord) and
bounds on the length of inputs (Granite, Isthmus, Jovian): its specifications, "Precompiles".
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from Crypto.PublicKey.ECC import EccPoint
from eth.abc import ComputationAPI
from eth.exceptions import VMError
from eth.vm.forks.prague.computation import PRAGUE_PRECOMPILES
from eth_typing import Address
from py_arkworks_bls12381 import GT, G1Point, G2Point

Precompile = Callable[[ComputationAPI], ComputationAPI]

_PAIR: Final = 384
_PAIR_GAS, _PAIRING_GAS = 32_600, 37_700
_MAP_GAS: Final = 23_800
_PAD: Final = bytes(16)
_P256_GAS: Final = 3_450
_P256_INPUT: Final = 160
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_P256_G: Final = EccPoint(
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    "p256",
)


def _at(number: int) -> Address:
    return Address(number.to_bytes(20))


_BN_PAIRING, _G1_MSM, _G2_MSM, _BLS_PAIRING = (_at(n) for n in (0x08, 0x0C, 0x0E, 0x0F))
_MAP_TO_G2, _P256_VERIFY = _at(0x11), _at(0x100)

ISTHMUS_BOUNDS: Final = {
    _BN_PAIRING: 112_687,
    _G1_MSM: 513_760,
    _G2_MSM: 488_448,
    _BLS_PAIRING: 235_008,
}
JOVIAN_BOUNDS: Final = {
    _BN_PAIRING: 81_984,
    _G1_MSM: 288_960,
    _G2_MSM: 278_784,
    _BLS_PAIRING: 156_672,
}
"""Most bytes that each takes."""


def _pairing_check(computation: ComputationAPI) -> ComputationAPI:
    data = bytes(computation.msg.data)
    if not data or len(data) % _PAIR:
        raise VMError("pairs have 384 bytes each")
    pairs = [data[at : at + _PAIR] for at in range(0, len(data), _PAIR)]
    computation.consume_gas(_PAIR_GAS * len(pairs) + _PAIRING_GAS, "BLS12_PAIRING_CHECK")
    try:
        left = [G1Point.from_xy_bytes_be(_coordinates(pair[:128])) for pair in pairs]
        right = [G2Point.from_xy_bytes_be(_coordinates(pair[128:])) for pair in pairs]
    except ValueError as error:
        raise VMError(str(error)) from error
    computation.output = int(GT.pairing_check(left, right)).to_bytes(32)
    return computation


def _map_to_g2(computation: ComputationAPI) -> ComputationAPI:
    data = bytes(computation.msg.data)
    if len(data) != 128:
        raise VMError("an element has 128 bytes")
    computation.consume_gas(_MAP_GAS, "BLS12_MAP_FP2_TO_G2")
    try:
        point = G2Point.map_from_fp2_be(_coordinates(data))
    except ValueError as error:
        raise VMError(str(error)) from error
    raw = point.to_xy_bytes_be()
    computation.output = b"".join(_PAD + raw[at : at + 48] for at in range(0, 192, 48))
    return computation


def _coordinates(data: Sequence[int] | bytes) -> bytes:
    fields = [bytes(data[at : at + 64]) for at in range(0, len(data), 64)]
    if any(field[:16] != _PAD for field in fields):
        raise ValueError("a coordinate is wider than 48 bytes")
    return b"".join(field[16:] for field in fields)


def _p256_verify(computation: ComputationAPI) -> ComputationAPI:
    """Whether an ECDSA signature over secp256r1 is right (RIP-7212); no output where it is not."""
    computation.consume_gas(_P256_GAS, "P256VERIFY")
    data = bytes(computation.msg.data)
    right = len(data) == _P256_INPUT and _is_signed(
        *(int.from_bytes(data[at : at + 32]) for at in range(0, _P256_INPUT, 32))
    )
    computation.output = (1).to_bytes(32) if right else b""
    return computation


def _is_signed(digest: int, r: int, s: int, x: int, y: int) -> bool:
    if not (0 < r < _P256_ORDER and 0 < s < _P256_ORDER) or not (x or y):
        return False
    try:
        key = EccPoint(x, y, "p256")
    except ValueError:  # no point of the curve
        return False
    inverse = pow(s, -1, _P256_ORDER)
    point = _P256_G * (digest * inverse % _P256_ORDER) + key * (r * inverse % _P256_ORDER)
    return not point.is_point_at_infinity() and int(point.x) % _P256_ORDER == r


def _bounded(precompile: Precompile, most: int) -> Precompile:
    """Fails, with all of its gas, on longer inputs."""

    def run(computation: ComputationAPI) -> ComputationAPI:
        if len(computation.msg.data) > most:
            raise VMError(f"more than {most} bytes")
        return precompile(computation)

    return run


PRECOMPILES: Final[dict[Address, Precompile]] = {
    **PRAGUE_PRECOMPILES,
    _BLS_PAIRING: _pairing_check,
    _MAP_TO_G2: _map_to_g2,
}
"""Ethereum's, of Prague."""


def op_stack_precompiles(bounds: Mapping[Address, int]) -> dict[Address, Precompile]:
    """With those of the OP Stack."""
    bounded = {address: _bounded(PRECOMPILES[address], most) for address, most in bounds.items()}
    return {**PRECOMPILES, **bounded, _P256_VERIFY: _p256_verify}
