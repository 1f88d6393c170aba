"""The code of others is what it claims to be: hashes, and addresses that are hashes of it."""

import gzip
import json
from pathlib import Path

import pytest
from eth_hash.auto import keccak

from control_plane.adapters.evm.deployment import THIRD_PARTY
from control_plane.resources import third_party_dir

PUBLISHED = {
    "DeterministicDeploymentProxy": (
        "2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989"
    ),
    "Multicall3": "d5c15df687b16f2ff992fc8d767b4216323184a2bbc6ee2f9c398c318e770891",
}


def code(path: Path) -> bytes:
    return bytes.fromhex(path.read_text().strip().removeprefix("0x"))


@pytest.mark.parametrize("name", THIRD_PARTY)
def test_complete_and_hashed(name: str) -> None:
    home = third_party_dir() / name
    origin = json.loads((home / "origin.json").read_text())
    assert "0x" + keccak(code(home / "runtime.hex")).hex() == origin["runtimeKeccak256"]
    assert "MIT" in (home / "LICENSE").read_text()
    assert origin["origin"].keys() == {"project", "takenFrom", "licence"}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_hash(name: str) -> None:
    assert keccak(code(third_party_dir() / name / "runtime.hex")).hex() == PUBLISHED[name]


def test_permit2_address_is_a_hash_of_its_creation_code() -> None:
    home = third_party_dir() / "Permit2"
    origin = json.loads((home / "origin.json").read_text())
    proxy = json.loads((third_party_dir() / THIRD_PARTY[0] / "origin.json").read_text())["address"]
    creation, salt = code(home / "creation.hex"), bytes.fromhex(origin["create2Salt"][2:])
    hashed = keccak(b"\xff" + bytes.fromhex(proxy[2:]) + salt + keccak(creation))
    assert "0x" + hashed[12:].hex() == origin["address"].lower()
    # the deployed code, but for the immutables, stands in the proven creation code
    runtime = code(home / "runtime.hex")
    assert runtime[: origin["immutables"][0]["offset"]] in creation


def test_op_stack_is_complete_and_hashed() -> None:
    home = third_party_dir() / "op-stack"
    origin = json.loads((home / "origin.json").read_text())
    assert "MIT" in (home / "LICENSE").read_text()
    assert {path.stem for path in (home / "l1").iterdir()} == origin["l1"].keys()
    for name, told in origin["l1"].items():
        assert "0x" + keccak(code(home / "l1" / f"{name}.hex")).hex() == told["creationKeccak256"]
    plain = gzip.decompress((home / "predeploys.json.gz").read_bytes())
    assert "0x" + keccak(plain).hex() == origin["predeploys"]["keccak256"]
    preinstalls = json.loads(plain)
    ours = json.loads((third_party_dir() / "Multicall3" / "origin.json").read_text())
    theirs = bytes.fromhex(preinstalls[ours["address"].lower()]["code"][2:])
    assert "0x" + keccak(theirs).hex() == ours["runtimeKeccak256"]
