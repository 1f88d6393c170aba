"""An app on one rollup, as transactions: what is deployed where, and what is called."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from control_plane.domain.apps.abi import (
    Reader,
    constructor_inputs,
    encode_arguments,
    signature_of,
)
from control_plane.domain.apps.manifest import App, Contract, Link, salt_of
from control_plane.domain.apps.references import Scene, Where, resolve
from control_plane.domain.calls import encode_call, selector
from control_plane.domain.errors import Problem
from control_plane.domain.hashing import keccak256
from control_plane.domain.ids import Hex
from control_plane.schemas.app import LARGEST_CODE, AbiParameter, Artifact


@dataclass(frozen=True, slots=True)
class ContractPiece:
    """A contract that is to stand at `address`."""

    name: str
    artifact: Artifact
    address: Hex
    creation: bytes
    """Creation code with its arguments."""
    made_of: str
    """Hash of the code, of the arguments as they are written, and of the owner if they name it."""
    salt: bytes

    @property
    def digest(self) -> str:
        return keccak256(self.creation).hex()

    @property
    def data(self) -> bytes:
        """The call of the factory that deploys it."""
        return encode_call("deploy(bytes32,bytes)", self.salt, self.creation)


@dataclass(frozen=True, slots=True)
class CallPiece:
    """A call that is to be made once."""

    id: str
    """Hash of what is called, and how many equal ones stand before it."""
    contract: str
    artifact: Artifact
    function: str
    peer: str | None
    address: Hex
    data: bytes


@dataclass(frozen=True, slots=True)
class Pieces:
    """All of an app on one rollup."""

    rollup: str
    chain_id: int
    owner: str
    contracts: tuple[ContractPiece, ...]
    calls: tuple[CallPiece, ...]
    peers: tuple[str, ...]


def make_pieces(app: App, scene: Scene, problems: list[Problem]) -> Pieces:
    """`app` on the rollup of `scene`. What is wrong with arguments is added to `problems`; then the
    pieces are of no use."""
    contracts = [_contract_piece(app, one, scene, problems) for one in app.contracts]
    artifacts = {one.name: one.artifact for one in app.contracts}
    seen: Counter[str] = Counter()
    calls = []
    for link in app.links:
        for peer in scene.peers if link.each else (None,):
            data = _call_data(link, scene, peer, problems)
            address = Hex(scene.contracts[link.contract])
            hash_ = keccak256(bytes.fromhex(address[2:]) + data).hex()
            name = None if peer is None else peer.name
            calls.append(
                CallPiece(
                    id=f"{hash_}:{seen[hash_]}",
                    contract=link.contract,
                    artifact=artifacts[link.contract],
                    function=signature_of(link.function),
                    peer=name,
                    address=address,
                    data=data,
                )
            )
            seen[hash_] += 1
    return Pieces(
        rollup=scene.rollup.name,
        chain_id=scene.rollup.chain_id,
        owner=scene.owner,
        contracts=tuple(one for one in contracts if one is not None),
        calls=tuple(calls),
        peers=tuple(peer.name for peer in scene.peers),
    )


def problems_of(app: App, scenes: Sequence[Scene]) -> list[Problem]:
    """What is wrong with the arguments of `app` on any of the rollups; with one peer at least, so
    that what is for each of them is looked at though there is no other rollup."""
    problems: list[Problem] = []
    for scene in scenes:
        some = scene.peers[:1] or (scene.rollup,)
        make_pieces(app, _with_peers(scene, some), problems)
    return problems


def _with_peers(scene: Scene, peers: Sequence[Where]) -> Scene:
    return Scene(scene.owner, scene.contracts, scene.devnet, scene.rollup, peers)


def _contract_piece(
    app: App, contract: Contract, scene: Scene, problems: list[Problem]
) -> ContractPiece | None:
    inputs = constructor_inputs(contract.artifact)
    path = f"{contract.path}.args"
    arguments = _encoded(inputs, contract.args, scene, path, "its constructor", problems)
    code = bytes.fromhex(contract.artifact.bytecode[2:])
    creation = code + (arguments or b"")
    if len(creation) > LARGEST_CODE:
        detail = f"creation code and arguments have {len(creation)} bytes"
        problems.append(Problem(path, detail, f"{LARGEST_CODE} is the most (EIP-3860)"))
    if arguments is None:
        return None
    written = json.dumps(list(contract.args), default=str)
    owner = scene.owner if '"$owner"' in written else ""
    return ContractPiece(
        name=contract.name,
        artifact=contract.artifact,
        address=Hex(scene.contracts[contract.name]),
        creation=creation,
        made_of=keccak256(code + (written + owner).encode()).hex(),
        salt=salt_of(app.name, contract.name),
    )


def _call_data(link: Link, scene: Scene, peer: Where | None, problems: list[Problem]) -> bytes:
    inputs, signature = link.function.inputs, signature_of(link.function)
    seen = scene if peer is None else scene.for_peer(peer)
    encoded = _encoded(inputs, link.args, seen, f"{link.path}.args", signature, problems)
    return selector(signature) + (encoded or b"")


def _encoded(
    inputs: Sequence[AbiParameter],
    values: Sequence[Any],
    scene: Scene,
    path: str,
    whose: str,
    problems: list[Problem],
) -> bytes | None:
    """None when something is wrong."""
    before = len(problems)
    found = [resolve(one, scene, f"{path}[{at}]", problems) for at, one in enumerate(values)]
    reader = Reader()
    read = reader.arguments(inputs, found, path, whose)
    problems += reader.problems
    return None if len(problems) > before else encode_arguments(inputs, read)
