"""Values of manifests as those of an ABI."""

from typing import Any

import pytest
from eth_abi import decode  # type: ignore[attr-defined]

from control_plane.domain.apps.abi import (
    Place,
    Reader,
    encode_arguments,
    error_told,
    find_function,
    signature_of,
    types_of,
)
from control_plane.domain.calls import selector, word
from control_plane.schemas.app import AbiEntry, AbiParameter
from tests.unit.apps.manifests import ARTIFACTS

ADDRESS = "0x" + "Ab" * 20


def parameter(kind: str, *components: AbiParameter) -> AbiParameter:
    return AbiParameter(name="it", type=kind, components=components)


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        ("uint256", 5, 5),
        ("uint256", "115792089237316195423570985008687907853269984665640564039457", None),
        ("uint256", str(2**256 - 1), 2**256 - 1),
        ("uint8", "0xff", 255),
        ("int8", -128, -128),
        ("bool", True, True),
        ("string", "a b", "a b"),
        ("address", ADDRESS, ADDRESS.lower()),
        ("bytes", "0x", b""),
        ("bytes4", "0x01020304", b"\x01\x02\x03\x04"),
        ("bytes32", Place(ADDRESS), bytes(12) + bytes.fromhex(ADDRESS[2:])),
        ("uint8[]", [1, 2], [1, 2]),
        ("uint8[][2]", [[1], []], [[1], []]),
    ],
)
def test_values_are_read(kind: str, value: Any, read: Any) -> None:
    reader = Reader()
    found = reader.value(parameter(kind), value, "args[0]")
    assert reader.problems == []
    assert found == (int(value) if read is None else read)


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        ("uint8", 256, "out of the range of uint8"),
        ("uint8", -1, "out of the range"),
        ("int8", 128, "out of the range"),
        ("uint256", 1.5, "1.5 is no uint256"),
        ("uint256", True, "True is no uint256"),
        ("uint256", "five", "'five' is no uint256"),
        ("bool", 1, "1 is no bool"),
        ("string", 5, "5 is no string"),
        ("string", Place(ADDRESS), "is no string"),
        ("address", 0xAB, "a number is no address"),
        ("address", "0x12", "it has 1 byte, address it has 20"),
        ("address", "vitalik.eth", "is no address"),
        ("bytes32", ADDRESS, "it has 20 bytes"),
        ("bytes", "0x123", "is no bytes"),
        ("uint8[2]", [1], "it is a list of 1"),
        ("uint8[]", "0x01", "it is no list"),
        ("fixed128x18", 1, "can't be written"),
        ("bytes33", "0x", "can't be written"),
    ],
)
def test_what_is_none_is_told(kind: str, value: Any, told: str) -> None:
    reader = Reader()
    reader.value(parameter(kind), value, "args[0]")
    (problem,) = reader.problems
    assert told in problem.detail
    assert problem.path == "args[0]"


def test_tuples_are_lists_and_faults_have_their_places() -> None:
    pair = parameter("tuple[]", parameter("address"), parameter("bytes"))
    reader = Reader()
    found = reader.arguments([pair], [[[ADDRESS, "0x01"], [ADDRESS, 1]]], "args", "it")
    assert [problem.path for problem in reader.problems] == ["args[0][1][1]"]
    reader = Reader()
    found = reader.arguments([pair], [[[ADDRESS, "0x01"]]], "args", "it")
    assert reader.problems == []
    encoded = encode_arguments([pair], found)
    assert types_of([pair]) == ["(address,bytes)[]"]
    assert decode(["(address,bytes)[]"], encoded) == (((ADDRESS.lower(), b"\x01"),),)


def test_the_number_of_arguments_is_told_with_what_is_wanted() -> None:
    reader = Reader()
    reader.arguments([parameter("uint8"), parameter("bool")], [1], "calls[0].args", "f(uint8,bool)")
    (problem,) = reader.problems
    assert problem.detail == "f(uint8,bool) takes 2 arguments, not 1"
    assert problem.hint == "write: uint8 it, bool it"


@pytest.mark.parametrize(
    ("wanted", "arguments", "found"),
    [
        ("approve", 2, "approve(address,uint256)"),
        ("link", 2, "link(uint32,bytes32)"),
        ("link(uint32,bytes32,bool)", 1, "link(uint32,bytes32,bool)"),
    ],
)
def test_functions_are_found(wanted: str, arguments: int, found: str) -> None:
    function = find_function(ARTIFACTS["token.json"], wanted, arguments)
    assert isinstance(function, AbiEntry)
    assert signature_of(function) == found


@pytest.mark.parametrize(
    ("wanted", "told", "hint"),
    [
        ("aprove", "there is no function 'aprove'", "did you mean 'approve'?"),
        ("link", "there are several called 'link'", "link(uint32,bytes32,bool)"),
        ("total", "'total' is a view function", ""),
    ],
)
def test_functions_that_are_none(wanted: str, told: str, hint: str) -> None:
    found = find_function(ARTIFACTS["token.json"], wanted, 7)
    assert isinstance(found, tuple)
    assert told in found[0]
    assert hint in found[1]


def test_a_contracts_own_errors_are_told() -> None:
    token = ARTIFACTS["token.json"]
    data = selector("NotToday(uint256)") + word(7)
    assert error_told(token, "0x" + data.hex()) == "NotToday(day=7)"
    assert error_told(token, "0x" + data[:4].hex()) == "NotToday(…)"
    assert error_told(token, "0x12345678") is None
    assert error_told(token, "0x") is None
