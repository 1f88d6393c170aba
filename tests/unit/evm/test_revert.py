"""Revert data becomes text that tells what happened; never a bare selector, never too long."""

import json

import pytest
from eth_abi import encode  # type: ignore[attr-defined]
from hypothesis import given
from hypothesis import strategies as st

from control_plane.adapters.evm.revert import decode_error
from control_plane.domain.calls import selector
from control_plane.resources import artifacts_dir


def error(signature: str, *values: object) -> str:
    types = signature[signature.index("(") + 1 : -1].split(",")
    return "0x" + (selector(signature) + encode([t for t in types if t], values)).hex()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (error("Error(string)", "no luck"), "reverted: 'no luck'"),
        (error("Panic(uint256)", 0x11), "panic 0x11: arithmetic overflow or underflow"),
        (error("Panic(uint256)", 0x12), "panic 0x12: division or modulo by zero"),
        (error("Panic(uint256)", 0x99), "panic 0x99: unknown code"),
        (
            error("NotLatestDispatched(bytes32)", b"\xab" * 32),
            f"NotLatestDispatched(messageId=0x{'ab' * 32})",
        ),
        (error("NoGuardians()"), "NoGuardians()"),
        (
            error("CallFailed(uint256,bytes)", 3, bytes.fromhex(error("NoGuardians()")[2:])),
            "CallFailed: NoGuardians()",
        ),
        ("0x", "reverted without a reason (out of gas, a failed assertion, or no such function)"),
        ("0xabcd", "reverted with 2 bytes that are no error: 0xabcd"),
        (
            "0xdeadbeef" + "00" * 32,
            "an error unknown here (selector 0xdeadbeef, 32 bytes of arguments)",
        ),
    ],
)
def test_told(data: str, expected: str) -> None:
    assert decode_error(data) == expected


def test_every_error_of_every_artifact_has_its_name() -> None:
    seen = 0
    for path in artifacts_dir().glob("*.json"):
        for entry in json.loads(path.read_bytes()).get("abi", ()):
            if entry.get("type") != "error" or entry["name"] in {"Error", "Panic", "CallFailed"}:
                continue
            types = ",".join(parameter["type"] for parameter in entry["inputs"])
            told = decode_error("0x" + selector(f"{entry['name']}({types})").hex() + "00" * 640)
            assert told.startswith(entry["name"]), told
            seen += 1
    assert seen > 50


def test_wrapped_without_end() -> None:
    """A hostile recipient's data: bounded, whatever it nests."""
    data = b""
    for _ in range(300):
        data = bytes.fromhex(error("CallFailed(uint256,bytes)", 1, data)[2:])
    assert len(decode_error("0x" + data.hex())) <= 500


def test_long_reasons_are_cut() -> None:
    told = decode_error(error("Error(string)", "x" * 100_000))
    assert len(told) == 500
    assert told.endswith("…")


@given(
    st.sampled_from(["Error(string)", "Panic(uint256)", "CallFailed(uint256,bytes)"]),
    st.binary(max_size=300),
)
def test_any_data_is_told(signature: str, data: bytes) -> None:
    assert 0 < len(decode_error("0x" + (selector(signature) + data).hex())) <= 500


@given(st.binary(max_size=100))
def test_any_bytes_are_told(data: bytes) -> None:
    assert 0 < len(decode_error("0x" + data.hex())) <= 500
