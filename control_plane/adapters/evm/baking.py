"""Contract state made: all of it deployed for real on throw-away chains, then read from them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from control_plane.adapters.evm import deployment
from control_plane.adapters.evm.bake_node import BakeNode, bake_node
from control_plane.adapters.evm.bake_sources import (
    OP_STACK_FILE,
    SURFACES_FILE,
    Alloc,
    Sources,
    content_hash,
)
from control_plane.adapters.evm.deployment import ChainKind, Predeploy, Step, Value
from control_plane.domain.errors import PermanentFailure
from control_plane.domain.hashing import keccak256 as keccak
from control_plane.domain.hexes import from_hex, hex_word

KINDS: tuple[ChainKind, ...] = ("l1", "rollup")
_PROXY_ADDRESS = "0x4e59b44847b379578588920ca78fbf26c0b4956c"
_SYSTEM = (
    # made by the node itself (EIP-4788, 2935, 7002, 7251, 6110), not ours to bring along
    "0x000f3df6d732807ef1319fb7b8bb8522d0beac02",
    "0x0000f90827f1c53a10cb7a02335b175320002935",
    "0x00000961ef480eb55e80d19ad83579a64c007002",
    "0x0000bbddc7ce488642fb579f8b00f3a590007251",
    "0x00000000219ab540356cbb839cbe05303d7705fa",
)


def bake(anvil: Path, target: Path, sources: Sources | None = None) -> None:
    """Deploy everything on throw-away chains and write the five files into `target`.

    The same inputs give the same bytes.
    """
    sources = sources or Sources.of_package()
    target.mkdir(parents=True, exist_ok=True)
    foreign = {name: sources.foreign(name) for name in deployment.THIRD_PARTY}
    addresses: dict[str, str] = {}
    for kind in KINDS:
        accounts, deployed = _bake_chain(anvil, kind, sources)
        for origin, code in foreign.values():
            accounts[origin["address"].lower()] = _account(code)
        _write(target / f"{kind}.json", {"accounts": dict(sorted(accounts.items()))})
        addresses |= {key: address for key, address in deployed.items() if key not in addresses}
    addresses |= {origin["key"]: origin["address"] for origin, _ in foreign.values()}
    _write(target / OP_STACK_FILE, {"accounts": _predeployed(deployment.OP_STACK, sources)})
    surfaces = deployment.SURFACES.items()
    _write(target / SURFACES_FILE, {name: _predeployed(each, sources) for name, each in surfaces})
    manifest = {
        "format": deployment.FORMAT_VERSION,
        "content_hash": content_hash(sources),
        "addresses": {key: _checksummed(address) for key, address in addresses.items()},
        "l1_only": [step.key for step in deployment.STEPS if step.l1_only],
        "patch_slots": _patch_slots(addresses, sources),
        "patch_code": _patch_code([origin for origin, _ in foreign.values()]),
    }
    _write(target / "manifest.json", manifest)


def _predeployed(predeploys: Sequence[Predeploy], sources: Sources) -> Alloc:
    """The predeploys have no constructors: their code is what the compiler gives."""
    return {
        predeploy.address: {
            **_account(sources.artifact(predeploy.name)["deployedBytecode"]),
            "balance": hex(predeploy.balance),
            "storage": {hex_word(slot): hex_word(value) for slot, value in predeploy.storage},
        }
        for predeploy in predeploys
    }


def _bake_chain(anvil: Path, kind: ChainKind, sources: Sources) -> tuple[Alloc, dict[str, str]]:
    """The contracts of a chain on which everything was deployed, and their addresses by key."""
    with bake_node(anvil, deployment.baked_chain_id(kind), deployment.BAKED_AT) as node:
        before = node.dump()
        addresses = _Deployer(node, kind, sources).deploy_all()
        after = node.dump()
    accounts = {
        address: {
            "nonce": hex(account["nonce"]),
            "balance": "0x0",
            "code": account["code"],
            "storage": {
                hex_word(int(slot, 16)): hex_word(int(value, 16))
                for slot, value in sorted(account["storage"].items())
                if int(value, 16)
            },
        }
        for address, account in after.items()
        if address not in before
        and address not in _SYSTEM
        # CREATE3's intermediate accounts may have a nonce and no code
        and (account["code"] not in {"", "0x"} or account["nonce"])
    }
    return accounts, addresses


class _Deployer:
    """Carries out the deployment on one chain."""

    def __init__(self, node: BakeNode, kind: ChainKind, sources: Sources) -> None:
        self._node = node
        self._kind: ChainKind = kind
        self._sources = sources
        self._factory = ""
        self._addresses: dict[str, str] = {}

    def deploy_all(self) -> dict[str, str]:
        creation = from_hex(self._sources.artifact(deployment.FACTORY)["bytecode"])
        # docs/formats.md: by the deterministic-deployment proxy, with salt 0
        self._node.send(_PROXY_ADDRESS, bytes(32) + creation, deployment.FACTORY)
        hashed = keccak(b"\xff" + from_hex(_PROXY_ADDRESS) + bytes(32) + keccak(creation))
        self._factory = "0x" + hashed[12:].hex()
        self._addresses[deployment.FACTORY_KEY] = self._factory
        # the L1's contracts have their addresses on every chain, though no code there
        for step in deployment.STEPS:
            self._addresses[step.key] = self._address_of(step.name)
        for step in deployment.steps_of(self._kind):
            self._deploy(step)
        return self._addresses

    def _deploy(self, step: Step) -> None:
        artifact = self._sources.artifact(step.name)
        creation = from_hex(artifact["bytecode"])
        creation += self._arguments(artifact, "constructor", step.constructor)
        if step.initializer is None:
            self._create(step.name, creation)
            return
        implementation = f"{step.name}.implementation"
        self._create(implementation, creation)
        call = _selector(artifact, "initialize")
        call += self._arguments(artifact, "initialize", step.initializer)
        proxy = from_hex(self._sources.artifact(deployment.PROXY)["bytecode"])
        proxy += _encode(["address", "bytes"], [self._address_of(implementation), call])
        self._create(step.name, proxy)

    def _create(self, name: str, creation: bytes) -> None:
        salt = keccak((deployment.SALT_PREFIX + name).encode())
        data = keccak(b"deploy(bytes32,bytes)")[:4] + _encode(
            ["bytes32", "bytes"], [salt, creation]
        )
        self._node.send(self._factory, data, name)
        if self._node.call("eth_getCode", self._address_of(name), "latest") == "0x":
            raise PermanentFailure("A contract can't be deployed", f"{name} has no code")

    def _address_of(self, name: str) -> str:
        salt = keccak((deployment.SALT_PREFIX + name).encode())
        data = keccak(b"addressOf(bytes32)")[:4] + salt
        call = {"to": self._factory, "data": "0x" + data.hex()}
        return "0x" + str(self._node.call("eth_call", call, "latest"))[-40:]

    def _arguments(
        self, artifact: Mapping[str, Any], function: str, values: tuple[Value, ...]
    ) -> bytes:
        types = [parameter["type"] for parameter in _entry(artifact, function).get("inputs", [])]
        if len(types) != len(values):
            raise PermanentFailure(
                f"The deployment of {artifact['contractName']} is not the one of its source",
                f"{function} takes {len(types)} arguments, {len(values)} are described",
                "bring control_plane/adapters/evm/deployment.py in line with it",
            )
        return bytes(_encode(types, [self._value(value) for value in values]))

    def _value(self, value: Value) -> Value:
        if value == "$domain":
            return deployment.baked_chain_id(self._kind)
        if value == "$governor":
            return deployment.GOVERNOR_PLACEHOLDER
        if isinstance(value, str) and value.startswith("@"):
            return self._addresses[value[1:]]
        return value


def _entry(artifact: Mapping[str, Any], function: str) -> Mapping[str, Any]:
    """The ABI entry of the constructor or of a function; an empty one where there is none."""
    for entry in artifact["abi"]:
        if function == "constructor" and entry["type"] == "constructor":
            return dict(entry)
        if entry["type"] == "function" and entry["name"] == function:
            return dict(entry)
    return {}


def _selector(artifact: Mapping[str, Any], function: str) -> bytes:
    types = ",".join(parameter["type"] for parameter in _entry(artifact, function)["inputs"])
    return bytes(keccak(f"{function}({types})".encode())[:4])


def _patch_slots(addresses: Mapping[str, str], sources: Sources) -> dict[str, dict[str, str]]:
    """Slots that a genesis overwrites, found in the storage layout by the variable's name."""
    found: dict[str, dict[str, str]] = {}
    for key, (contract, variable, value) in deployment.PATCHED_SLOTS.items():
        layout = sources.artifact(contract)["storageLayout"]
        slots = [entry["slot"] for entry in layout if entry["label"] == variable]
        if len(slots) != 1:
            raise PermanentFailure(f"{contract} has no variable {variable} to patch")
        found[f"{key}.{variable.lstrip('_')}"] = {
            "address": addresses[key],
            "slot": hex_word(slots[0]),
            "value": value,
        }
    return found


def _patch_code(origins: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "address": origin["address"].lower(),
            "offset": immutable["offset"],
            "value": immutable["value"],
        }
        for origin in origins
        for immutable in origin.get("immutables", [])
    ]


def _account(code: str) -> dict[str, Any]:
    return {"nonce": "0x1", "balance": "0x0", "code": code, "storage": {}}


def _checksummed(address: str) -> str:
    """EIP-55."""
    digits = address.lower().removeprefix("0x")
    digest = keccak(digits.encode()).hex()
    pairs = zip(digits, digest, strict=False)
    return "0x" + "".join(c.upper() if int(h, 16) >= 8 else c for c, h in pairs)


def _write(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n")


def _encode(types: Sequence[str], values: Sequence[Any]) -> bytes:
    from eth_abi.abi import encode  # 70 ms, and only where something is baked

    return encode(types, values)
