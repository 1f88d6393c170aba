"""The rollup's genesis accounts, bound to the L1 contracts of its own."""

from dataclasses import replace

import pytest

from control_plane.adapters.op_stack import contracts
from control_plane.adapters.op_stack.accounts import native_accounts
from control_plane.adapters.op_stack.contracts import batch_inbox, native_alloc
from control_plane.domain.errors import PermanentFailure
from control_plane.domain.ids import Hex
from control_plane.domain.native_services import native_services
from control_plane.domain.op_stack_l1 import addresses, shown
from tests.integration.metalayer.lab import make_keys
from tests.nodes import make_plan

FACTORY = Hex("0x7c68bef2dff039b5aa4d982874203b4f5674de6c")
OWNER = Hex("0x" + "ab" * 20)


def test_every_rollup_has_addresses_of_its_own() -> None:
    first, second = addresses(FACTORY, 901), addresses(FACTORY, 902)
    assert len({*first.values(), *second.values()}) == 2 * len(first)
    assert first == addresses(FACTORY, 901)
    assert "optimismPortal" in shown(FACTORY, 901)
    assert not any("implementation" in key for key in shown(FACTORY, 901))


def test_predeploys_name_the_other_side_and_the_owner() -> None:
    at, alloc = addresses(FACTORY, 901), native_alloc(FACTORY, 901, OWNER)
    zeros = "0x" + "0" * 62
    for predeploy, key, slot in (
        ("07", "l1CrossDomainMessenger", "cf"),
        ("10", "l1StandardBridge", "04"),
        ("14", "l1Erc721Bridge", "02"),
    ):
        storage = alloc["0x42" + predeploy.zfill(38)]["storage"]
        assert storage[zeros + slot][-40:] == at[key][2:]
    assert alloc["0x42" + "18".zfill(38)]["storage"][zeros + "00"][-40:] == OWNER[2:]
    assert all(address == address.lower() for address in alloc)
    assert alloc["0x42" + "16".zfill(38)]["storage"], "else op-geth leaves withdrawalsRoot out"


def test_code_that_is_not_what_its_origin_tells_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    origin = {"l1": {"Proxy": {"creationKeccak256": "0x" + "00" * 32}}}
    monkeypatch.setattr(contracts, "_origin", lambda: origin)
    with pytest.raises(PermanentFailure, match="has another hash"):
        contracts.creation_code("Proxy")


def test_accounts_are_one_for_each_service_and_rollup() -> None:
    keys = make_keys(1)
    every = [*native_accounts(keys, 901).every, *native_accounts(keys, 902).every]
    assert len({account.address for account in every}) == 8
    assert native_accounts(keys, 901) == native_accounts(keys, 901)
    assert keys.governor.address not in {account.address for account in every}


def test_batch_inbox_follows_from_the_chain_id() -> None:
    assert batch_inbox(901) == "0xff" + "901".zfill(38)


def test_services_are_named() -> None:
    chain = replace(make_plan(2).chains[1], services="native", da="ethereum-calldata")
    assert "op1/op-node" in native_services(chain)
    assert "op1/l1-beacon" not in native_services(chain)
    assert "op1/l1-beacon" in native_services(replace(chain, da="ethereum-blobs"))
