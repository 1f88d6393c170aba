"""Forged certificates, wrong proofs, too little stake and replays, against a live devnet."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from control_plane.adapters.evm.keys import load_keys
from control_plane.adapters.evm.revert import decode_error
from control_plane.domain.abi_formats import decode_certificate, submit_calldata
from control_plane.domain.bls import SecretKey, aggregate
from control_plane.domain.calls import encode_call
from control_plane.domain.formats import Certificate, Member, QuorumProof, member_tree
from tests.acceptance.world import ALICE, World, chain, rpc, rpc_answer

pytestmark = pytest.mark.e2e
STAKE = 100_000 * 10**18


@pytest.fixture(scope="module")
def delivered(world: World) -> dict[str, Any]:
    sent = world.json("message", "send", "op", "arb", "--body", "0x01", "--wait", "--devnet", "net")
    return dict(world.json("message", "trace", sent["id"], "--devnet", "net"))


@pytest.fixture(scope="module")
def certificate(world: World, delivered: dict[str, Any]) -> Certificate:
    epoch = world.json("epoch", "show", "latest", "--devnet", "net")
    return decode_certificate(bytes.fromhex(epoch["certificate"][2:]))


@pytest.fixture(scope="module")
def secrets(world: World) -> tuple[list[SecretKey], list[Member]]:
    keys = load_keys(Path(world.home) / "devnets" / "net", 4).guardians
    signing = [SecretKey(guardian.bls_seed) for guardian in keys]
    members = [
        Member(k.index, bytes.fromhex(k.account.address[2:]), STAKE, s.key)
        for k, s in zip(keys, signing, strict=True)
    ]
    return signing, members


def network_id(there: dict[str, Any]) -> bytes:
    data = "0x" + encode_call("networkId()").hex()
    request = {"to": there["contracts"]["rootVerifier"], "data": data}
    return bytes.fromhex(rpc(there["rpc_url"], "eth_call", request, "latest")[2:])


def refusal(there: dict[str, Any], contract: str, data: bytes) -> str:
    """The decoded error with which the chain refuses a call, as a transaction would get it."""
    request = {"from": ALICE, "to": there["contracts"][contract], "data": "0x" + data.hex()}
    answer = rpc_answer(there["rpc_url"], "eth_call", request, "latest")
    assert "error" in answer, "it was accepted"
    return decode_error(answer["error"]["data"])


def signed_by(
    present: Sequence[int],
    header: Any,
    network: bytes,
    secrets: tuple[list[SecretKey], list[Member]],
) -> Certificate:
    """A certificate of the real keys of some guardians, the others named as absent."""
    signing, members = secrets
    absent = tuple(m for m in members if m.index not in present)
    proof, flags = (
        member_tree(members).multiproof([m.index for m in absent]) if absent else ((), ())
    )
    digest = header.hash(network)
    signature = aggregate(signing[i].sign(digest) for i in present)
    return Certificate(header, QuorumProof(absent, tuple(proof), tuple(flags), signature))


def test_forged_aggregate_root_is_refused(status: dict[str, Any], certificate: Certificate) -> None:
    header = replace(
        certificate.header, epoch=certificate.header.epoch + 1000, aggregate_root=b"\x66" * 32
    )
    forged = replace(certificate, header=header)
    told = refusal(chain(status, "zk"), "rootVerifier", submit_calldata(forged))
    assert told.startswith("InvalidSignature(")


def test_half_of_the_stake_is_not_enough_and_three_quarters_are(
    status: dict[str, Any], certificate: Certificate, secrets: tuple[list[SecretKey], list[Member]]
) -> None:
    there = chain(status, "zk")
    network = network_id(there)
    header = replace(certificate.header, epoch=certificate.header.epoch + 1000)
    told = refusal(
        there, "rootVerifier", submit_calldata(signed_by([0, 1], header, network, secrets))
    )
    assert told.startswith("QuorumNotReached(")
    accepted = signed_by([0, 1, 3], header, network, secrets)
    request = {
        "from": ALICE,
        "to": there["contracts"]["rootVerifier"],
        "data": "0x" + submit_calldata(accepted).hex(),
    }
    assert rpc(there["rpc_url"], "eth_call", request, "latest")


def test_absent_guardian_can_not_be_left_out_of_the_list(
    status: dict[str, Any], certificate: Certificate, secrets: tuple[list[SecretKey], list[Member]]
) -> None:
    there = chain(status, "zk")
    header = replace(certificate.header, epoch=certificate.header.epoch + 1000)
    short = signed_by([0, 1, 3], header, network_id(there), secrets)
    claimed = replace(short, quorum=replace(short.quorum, absent=(), proof=(), proof_flags=()))
    assert refusal(there, "rootVerifier", submit_calldata(claimed)).startswith("InvalidSignature(")


def test_certificate_of_another_network_is_refused(
    status: dict[str, Any], certificate: Certificate, secrets: tuple[list[SecretKey], list[Member]]
) -> None:
    header = replace(certificate.header, epoch=certificate.header.epoch + 1000)
    foreign = signed_by([0, 1, 2, 3], header, b"\x01" * 32, secrets)
    told = refusal(chain(status, "zk"), "rootVerifier", submit_calldata(foreign))
    assert told.startswith("InvalidSignature(")


def replayed(status: dict[str, Any], delivered: dict[str, Any]) -> tuple[dict[str, Any], str, Any]:
    there = chain(status, "arb")
    tx = next(s["tx"] for s in delivered["steps"] if s["name"] == "delivered")
    return (
        there,
        str(rpc(there["rpc_url"], "eth_getTransactionByHash", tx)["input"]),
        delivered["id"],
    )


def items_of(calldata: str) -> list[tuple[bytes, bytes]]:
    """Metadata and message of each item of a `processBatch` call."""
    from eth_abi.abi import decode

    header = "(uint64,uint64,uint64,bytes32,bytes32)"
    quorum = "((uint32,address,uint96,bytes)[],bytes32[],bool[],bytes)"
    types = [f"({header},{quorum})[]", "(uint256,bytes,bytes)[]"]
    _, items = decode(types, bytes.fromhex(calldata[10:]))
    return [(metadata, message) for _, metadata, message in items]


def test_replay_is_refused(status: dict[str, Any], delivered: dict[str, Any]) -> None:
    there, calldata, _ = replayed(status, delivered)
    metadata, message = items_of(calldata)[0]
    data = encode_call("process(bytes,bytes)", metadata, message)
    assert refusal(there, "mailbox", data).startswith("AlreadyDelivered(")


@pytest.mark.parametrize(
    ("position", "error"),
    [
        (0, "UnsupportedMetadataVersion("),
        (8, "UnknownEpoch("),
        (12, "LeafDomainMismatch("),
        (90, "InvalidMessageProof("),
        (30, "InvalidAggregateProof("),
    ],
)
def test_wrong_proof_is_refused(
    status: dict[str, Any], delivered: dict[str, Any], position: int, error: str
) -> None:
    """One byte of the meta-proof changed; the message is another one, never delivered."""
    there, calldata, _ = replayed(status, delivered)
    metadata, message = items_of(calldata)[0]
    wrong = bytearray(metadata)
    wrong[position] ^= 0x5A
    data = encode_call("verify(bytes,bytes)", bytes(wrong), message)
    assert refusal(there, "aggregateRootIsm", data).startswith(error)


def test_message_that_was_not_dispatched_is_refused(
    status: dict[str, Any], delivered: dict[str, Any]
) -> None:
    there, calldata, _ = replayed(status, delivered)
    metadata, message = items_of(calldata)[0]
    forged = message[:-1] + bytes([message[-1] ^ 1])
    data = encode_call("process(bytes,bytes)", metadata, forged)
    assert refusal(there, "mailbox", data).startswith("InvalidMessageProof(")
