"""Accounts of a genesis as creation code, and what is deployed on a chain that joins."""

import pytest

from control_plane.adapters.evm import replay
from control_plane.adapters.evm.bake import Genesis
from control_plane.domain import rlp
from control_plane.domain.errors import Conflict
from control_plane.domain.hashing import keccak256
from control_plane.resources import genesis_dir

GOVERNOR = "0x" + "11" * 20


def run(code: bytes) -> tuple[bytes, dict[int, int]]:
    """What creation code returns and stores: an EVM of the eight operations that it uses."""
    stack: list[int] = []
    memory = bytearray(2**16)
    storage: dict[int, int] = {}
    at = 0
    while True:
        operation = code[at]
        at += 1
        if 0x5F <= operation <= 0x7F:  # PUSH0 … PUSH32
            size = operation - 0x5F
            stack.append(int.from_bytes(code[at : at + size]))
            at += size
        elif operation == 0x80:
            stack.append(stack[-1])
        elif operation == 0x55:
            key, value = stack.pop(), stack.pop()
            storage[key] = value
        elif operation == 0x39:
            to, start, length = stack.pop(), stack.pop(), stack.pop()
            memory[to : to + length] = code[start : start + length]
        elif operation == 0xF3:
            start, length = stack.pop(), stack.pop()
            return bytes(memory[start : start + length]), storage
        else:
            raise AssertionError(f"operation {operation:#x}")


@pytest.mark.parametrize("size", [0, 1, 77, 24_576])
@pytest.mark.parametrize("slots", [0, 1, 9])
def test_creation_code_leaves_code_and_storage(size: int, slots: int) -> None:
    runtime = bytes(at % 251 for at in range(size))
    storage = {f"0x{7 * at:064x}": f"0x{at + 1:064x}" for at in range(slots)}
    found, stored = run(replay.creation_code("0x" + runtime.hex(), storage))
    assert found == runtime
    assert stored == {7 * at: at + 1 for at in range(slots)}


def test_every_contract_of_a_rollup_is_created_with_its_owner_and_domain() -> None:
    made = replay.creations(Genesis(genesis_dir()), 31337, 77, GOVERNOR)
    by_name = {creation.name: creation for creation in made}
    assert made[0].to == replay.PROXY
    assert {c.to for c in made[1:]} == {made[0].address}
    baked = Genesis(genesis_dir())
    for key, name in (("mailbox", "Mailbox"), ("erc7786Gateway", "ERC7786Gateway")):
        assert by_name[name].address == baked.addresses[key].lower()
    assert int(by_name["GovernanceExecutor"].storage["0x" + "00" * 32], 16) == int(GOVERNOR, 16)
    assert int(by_name["Mailbox"].storage["0x" + "00" * 32], 16) == 77
    for creation in made[1:]:
        code, stored = run(creation.data[4 + 3 * 32 :])
        assert "0x" + code.hex() == creation.code
        assert len(stored) == len(creation.storage)


def test_the_proxys_transaction_creates_it_at_its_address() -> None:
    created = keccak256(rlp.encode([bytes.fromhex(replay.PROXY_OWNER[2:]), b""]))[12:]
    assert "0x" + created.hex() == replay.PROXY


def test_a_factory_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "PROXY", "0x" + "22" * 20)
    with pytest.raises(Conflict, match="of another version"):
        replay.creations(Genesis(genesis_dir()), 31337, 77, GOVERNOR)
