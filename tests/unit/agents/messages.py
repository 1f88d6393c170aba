"""Messages and logs for the tests of the Metalayer's agents."""

from typing import Any

from eth_abi import encode  # type: ignore[attr-defined]

from control_plane.domain.hashing import keccak256
from control_plane.domain.records import MessageRecord
from control_plane.services.metalayer import moves
from control_plane.services.metalayer.logs import Place, SeenDispatch, topics

DEVNET = "unit"
CONTRACTS = {
    name: "0x" + keccak256(name.encode())[:20].hex()
    for name in (
        "mailbox", "merkleTreeHook", "interchainGasPaymaster", "batchProcessor",
        "metalayerRouter", "rootVerifier", "aggregateRootIsm",
    )
}  # fmt: skip
RECIPIENT = "0x" + "11" * 20


def block_hash(number: int, fork: int = 0) -> str:
    return "0x" + keccak256(b"block %d of fork %d" % (number, fork)).hex()


def raw_message(
    nonce: int,
    *,
    origin: int = 901,
    destination: int = 902,
    body: bytes = b"hi",
    to: str = RECIPIENT,
) -> bytes:
    return b"".join(
        (
            b"\x03",
            nonce.to_bytes(4),
            origin.to_bytes(4),
            bytes.fromhex("22" * 20).rjust(32, b"\0"),
            destination.to_bytes(4),
            bytes.fromhex(to[2:]).rjust(32, b"\0"),
            body,
        )
    )


def message_id(raw: bytes) -> str:
    return "0x" + keccak256(raw).hex()


def seen(nonce: int, *, block: int = 5, fork: int = 0, **fields: Any) -> SeenDispatch:
    raw = raw_message(nonce, **fields)
    place = Place(block, block_hash(block, fork), "0x" + keccak256(b"tx" + raw).hex())
    return SeenDispatch(
        id=message_id(raw),
        raw="0x" + raw.hex(),
        nonce=nonce,
        origin=int.from_bytes(raw[5:9]),
        sender="0x" + raw[9:41].hex(),
        destination=int.from_bytes(raw[41:45]),
        recipient="0x" + raw[45:77].hex(),
        tree_index=nonce,
        place=place,
    )


def record(nonce: int, **fields: Any) -> MessageRecord:
    return moves.dispatched(DEVNET, seen(nonce, **fields), None, None, 100.0)


def logs_of_dispatch(
    raw: bytes, index: int, *, block: int = 5, gas: int | None = 50_000
) -> list[Any]:
    """The logs of one dispatch as a node gives them."""
    id_ = message_id(raw)
    dispatch = {
        "topics": [topics()["dispatch"], "0x" + "22" * 32, f"0x{902:064x}", "0x" + "11" * 32],
        "data": "0x" + encode(["bytes"], [raw]).hex(),
    }
    inserted = {
        "topics": [topics()["inserted"]],
        "data": "0x" + encode(["bytes32", "uint32"], [bytes.fromhex(id_[2:]), index]).hex(),
    }
    logs = [dispatch, inserted]
    if gas is not None:
        paid = encode(["uint256", "uint256"], [gas, 0]).hex()
        logs.append({"topics": [topics()["paid"], id_, f"0x{902:064x}"], "data": "0x" + paid})
    place = {
        "blockNumber": hex(block),
        "blockHash": block_hash(block),
        "transactionHash": "0x" + keccak256(b"tx" + raw).hex(),
    }
    return [log | place for log in logs]


def delivery_log(id_: str, *, block: int = 9) -> dict[str, Any]:
    return {
        "address": CONTRACTS["mailbox"],
        "topics": [topics()["process"], id_],
        "data": "0x",
        "blockNumber": hex(block),
        "blockHash": block_hash(block),
        "transactionHash": "0x" + "dd" * 32,
    }
