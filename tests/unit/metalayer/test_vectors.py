"""The committed file is what the formats give today."""

import importlib.util
from pathlib import Path
from types import ModuleType

from tests.unit.metalayer.vectors import load


def script(name: str) -> ModuleType:
    path = Path(__file__).resolve().parents[3] / "scripts" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"{name}_script", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_vectors_are_up_to_date() -> None:
    assert script("vectors").vectors() == load("metalayer")
    assert script("state_vectors").vectors() == load("state")
    assert script("slashing_vectors").vectors() == load("slashing")


def test_messages_of_meta_proofs_are_what_their_ids_say() -> None:
    proofs = load("metalayer")["metaProofs"]
    assert {proof["epoch"] for proof in proofs} == {5, 6}
    assert all(proof["metadata"].startswith("0x01") for proof in proofs)
