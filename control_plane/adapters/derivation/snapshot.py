"""What a process that derives a rollup writes down to go on from: one file, replaced atomically.

Its first line is JSON: version, bytes and SHA-256 of what follows. That is a JSON document and then
the nodes of the state's tries and code, each behind its length in four bytes. The nodes stand
without their hashes, which whoever reads them computes: so what is read is what the block's header
commits to, whoever wrote it.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from control_plane.adapters.derivation.deposits import Order, Taken
from control_plane.adapters.derivation.kept import HASHES, Base, End
from control_plane.adapters.derivation.l1 import Position
from control_plane.adapters.derivation.living import IncompleteState, living
from control_plane.domain import rlp
from control_plane.domain.hashing import keccak256
from control_plane.domain.op_stack import Deposit

_VERSION: Final = 1
"""Of the file, and of the rules by which blocks are executed."""
_LONGEST_HEAD: Final = 4096
_LENGTH: Final = 4
_PARENT, _ROOT, _NUMBER = 0, 3, 8
"""Of a header's fields."""


class BadSnapshot(ValueError):
    """A snapshot from which nothing goes on, and why."""


@dataclass(frozen=True, slots=True)
class Deposited:
    """Where a rollup is with the deposits of its L1."""

    taken: Taken
    waiting: tuple[Order, ...]
    """Up to the L1's block `Snapshot.read`."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A rollup after the block of a final output."""

    subject: str
    """What it is of: a digest of genesis, contracts and rules."""
    output: int
    """Index on the L1."""
    base: Base
    hashes: tuple[bytes, ...]
    """Of at most 256 blocks, that one's first."""
    end: End | None
    """Where the last channel ended that has no block behind it."""
    read: tuple[int, str]
    """Number and hash of an L1 block, with which all stands that this was made of."""
    deposited: Deposited | None
    """None where the rollup takes none."""
    wrong: tuple[int, str] | None
    """The first block up to there that is not what its batch claims, and what is wrong."""
    nodes: dict[bytes, bytes]
    """Of the state's tries, and code, by their hashes."""


def write_snapshot(path: Path, snapshot: Snapshot) -> int:
    """Replace the file, which only its owner may read; its bytes. OSError."""
    body = b"".join(_pieces([_document(snapshot), *snapshot.nodes.values()]))
    digest = hashlib.sha256(body).hexdigest()
    head = json.dumps({"version": _VERSION, "length": len(body), "sha256": digest}).encode() + b"\n"
    temporary = path.with_name(path.name + ".tmp")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123
            file.write(head)
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    return len(head) + len(body)


def read_snapshot(path: Path, subject: str) -> Snapshot | None:
    """The snapshot of `subject`, its state whole; None where there is none. BadSnapshot."""
    try:
        with path.open("rb") as file:
            head, body = file.readline(_LONGEST_HEAD), file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadSnapshot(error.strerror or str(error)) from error
    _check(head, body)
    try:
        pieces = _taken_apart(body)
        found = _snapshot(json.loads(next(pieces)), {keccak256(each): each for each in pieces})
    except (ValueError, TypeError, KeyError, IndexError, StopIteration) as error:
        raise BadSnapshot(f"it can't be read: {error}") from error
    if found.subject != subject:
        raise BadSnapshot("it is of another rollup, or of other rules")
    _check_state(found)
    return found


def _check(head: bytes, body: bytes) -> None:
    try:
        fields = json.loads(head)
        version, length, digest = fields["version"], fields["length"], fields["sha256"]
    except (ValueError, TypeError, KeyError) as error:
        raise BadSnapshot("it is none") from error
    if version != _VERSION:
        raise BadSnapshot(f"its version is {version}, not {_VERSION}")
    if length != len(body) or hashlib.sha256(body).hexdigest() != digest:
        raise BadSnapshot("it is torn")


def _check_state(snapshot: Snapshot) -> None:
    """That the state is the one to which the header commits, and all of it is there."""
    base, hashes = snapshot.base, snapshot.hashes
    fields = rlp.decode_list(base.header)
    says = (keccak256(base.header), fields[_PARENT], fields[_ROOT], fields[_NUMBER])
    if says != (hashes[0], hashes[1], base.root, rlp.encode_int(base.number)):
        raise BadSnapshot("its header is not its block's")
    try:
        living(snapshot.nodes, [base.root])
    except (IncompleteState, ValueError) as error:
        raise BadSnapshot(f"its state is not whole: {error}") from error


def _pieces(items: Iterable[bytes]) -> Iterator[bytes]:
    for item in items:
        yield len(item).to_bytes(_LENGTH)
        yield item


def _taken_apart(body: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(body):
        begin = at + _LENGTH
        at = begin + int.from_bytes(body[at:begin])
        yield body[begin:at]


# ---------------------------------------------------------------------- its document


def _document(snapshot: Snapshot) -> bytes:
    base, end, deposited = snapshot.base, snapshot.end, snapshot.deposited
    document: dict[str, Any] = {
        "subject": snapshot.subject,
        "output": snapshot.output,
        "base": _hexed(asdict(base)),
        "hashes": [each.hex() for each in snapshot.hashes],
        "end": None if end is None else {"last": end.last, "after": _hexed(asdict(end.after))},
        "read": snapshot.read,
        "wrong": snapshot.wrong,
        "deposited": None,
    }
    if deposited is not None:
        document["deposited"] = {
            "taken": asdict(deposited.taken),
            "waiting": [[one.deposit.encode().hex(), one.block] for one in deposited.waiting],
        }
    return json.dumps(document).encode()


def _snapshot(document: Mapping[str, Any], nodes: dict[bytes, bytes]) -> Snapshot:
    end = document["end"]
    (number, hash_), wrong = document["read"], document["wrong"]
    return Snapshot(
        subject=document["subject"],
        output=document["output"],
        base=Base(**_raw(document["base"], ("hash", "header", "root"))),
        hashes=tuple(bytes.fromhex(each) for each in document["hashes"][:HASHES]),
        end=End(end["last"], Position(**_raw(end["after"], ("accumulator",)))) if end else None,
        read=(int(number), str(hash_)),
        deposited=_deposited(document["deposited"]),
        wrong=(int(wrong[0]), str(wrong[1])) if wrong else None,
        nodes=nodes,
    )


def _deposited(document: Mapping[str, Any] | None) -> Deposited | None:
    if document is None:
        return None
    orders = [Order(Deposit.decode(bytes.fromhex(raw)), at) for raw, at in document["waiting"]]
    return Deposited(Taken(**document["taken"]), tuple(orders))


def _hexed(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: v.hex() if isinstance(v, bytes) else v for name, v in fields.items()}


def _raw(fields: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: bytes.fromhex(v) if name in names else v for name, v in fields.items()}
