"""Contract state for genesis: deployed for real once per content hash, then loaded by every chain.

The result is five files, committed for the contracts of this version and made anew in the
user's cache when contracts or parameters were edited::

    l1.json, rollup.json   {"accounts": {address: {nonce, balance, code, storage}}}, contracts only
    op-stack.json          the same: what rollups that take deposits have besides
    surfaces.json          {framework: accounts}, what rollups of it that settle have besides those
    manifest.json          {"content_hash", "addresses": {key: address}, "patch_slots", …}

What differs by devnet or chain is patched into them by `Genesis.alloc` (docs/formats.md,
"Documented slots").
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from control_plane.adapters.evm import deployment
from control_plane.adapters.evm.bake_node import BakeNode, bake_node
from control_plane.adapters.evm.deployment import ChainKind, Predeploy, Step, Value
from control_plane.domain.calls import selector
from control_plane.domain.errors import PermanentFailure, StorageFailed
from control_plane.domain.hashing import keccak256 as keccak
from control_plane.domain.plan import GasToken
from control_plane.domain.settlement.gas_tokens import l1_block_words
from control_plane.domain.settlement.places import address_of
from control_plane.resources import artifacts_dir, genesis_dir, third_party_dir

KINDS: tuple[ChainKind, ...] = ("l1", "rollup")
Alloc = dict[str, dict[str, Any]]
"""Accounts as a geth genesis names them: address → nonce, balance, code, storage."""

_OP_STACK_FILE = "op-stack.json"
_SURFACES_FILE = "surfaces.json"
_PROXY_ADDRESS = "0x4e59b44847b379578588920ca78fbf26c0b4956c"
_SYSTEM = (
    # made by the node itself (EIP-4788, 2935, 7002, 7251, 6110), not ours to bring along
    "0x000f3df6d732807ef1319fb7b8bb8522d0beac02",
    "0x0000f90827f1c53a10cb7a02335b175320002935",
    "0x00000961ef480eb55e80d19ad83579a64c007002",
    "0x0000bbddc7ce488642fb579f8b00f3a590007251",
    "0x00000000219ab540356cbb839cbe05303d7705fa",
)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the inputs are read."""

    artifacts: Path
    third_party: Path

    @classmethod
    def of_package(cls) -> "Sources":
        return cls(artifacts_dir(), third_party_dir())

    def artifact(self, name: str) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.artifacts / f"{name}.json").read_bytes())
        return loaded

    def foreign(self, name: str) -> tuple[dict[str, Any], str]:
        """`origin.json` and the deployed code of a third party's contract."""
        home = self.third_party / name
        return json.loads((home / "origin.json").read_bytes()), _hex_file(home / "runtime.hex")


@dataclass(frozen=True)
class Genesis:
    """Baked state on disk. Reads the large files when first asked for them."""

    directory: Path

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        loaded: Mapping[str, Any] = json.loads((self.directory / "manifest.json").read_bytes())
        return loaded

    @property
    def content_hash(self) -> str:
        return str(self.manifest["content_hash"])

    @property
    def addresses(self) -> Mapping[str, str]:
        """Checksummed addresses by key (``mailbox``, ``era``, … ``multicall3``)."""
        addresses: Mapping[str, str] = self.manifest["addresses"]
        return addresses

    def alloc(self, *, is_l1: bool, chain_id: int, domain: int, governor: str) -> Alloc:
        """Accounts of a chain's genesis, patched for it; the caller adds funded accounts."""
        path = self.directory / ("l1.json" if is_l1 else "rollup.json")
        accounts: Alloc = orjson.loads(path.read_bytes())["accounts"]
        slots = {"domain": _word(domain), "governor": _word(int(governor, 16))}
        for patch in self.manifest["patch_slots"].values():
            storage = accounts[patch["address"]]["storage"]
            storage[patch["slot"]] = slots[patch["value"]]
        words = {"chainId": _word(chain_id)}
        for patch in self.manifest["patch_code"]:
            account = accounts[patch["address"]]
            words["domainSeparator"] = _domain_separator(patch["address"], chain_id)
            account["code"] = _patched(account["code"], patch["offset"], words[patch["value"]])
        return accounts

    def op_stack(self, bridge_of: int | None = None, coin: GasToken | None = None) -> Alloc:
        """The OP Stack's predeploys, which the genesis of a rollup that takes deposits has besides
        :meth:`alloc`'s accounts; the bridge's too when `bridge_of` names the chain id of a rollup
        that has one. `coin`: the token of the L1 that is the rollup's coin."""
        accounts: Alloc = self._besides(_OP_STACK_FILE, "The OP Stack's predeploys")["accounts"]
        for predeploy in deployment.OP_STACK:
            if predeploy.bridge and bridge_of is None:
                accounts.pop(predeploy.address, None)
            elif predeploy.peer is not None and bridge_of is not None:
                self._introduce(accounts, predeploy.address, predeploy.peer, bridge_of)
        if coin is not None:
            if selector("gasPayingToken()").hex() not in accounts[deployment.L1_BLOCK]["code"]:
                raise _older("Contracts for gas tokens", self.directory / _OP_STACK_FILE)
            storage = accounts[deployment.L1_BLOCK]["storage"]
            words = l1_block_words(coin, self.addresses)
            storage |= {_word(slot): _word(value) for slot, value in words.items()}
        return accounts

    def surface(self, framework: str | None, chain_id: int) -> Alloc:
        """What else `framework` has at fixed addresses on rollup `chain_id`; nothing for one
        without."""
        if framework is None or framework not in deployment.SURFACES:
            return {}
        alloc: Alloc = self._besides(_SURFACES_FILE, "The framework's contracts")[framework]
        for predeploy in deployment.SURFACES[framework]:
            if predeploy.peer is not None:
                self._introduce(alloc, predeploy.address, predeploy.peer, chain_id)
        return alloc

    def _introduce(
        self, accounts: Alloc, address: str, peer: tuple[int, str], chain_id: int
    ) -> None:
        """Tells a predeploy of its peer, who is rollup `chain_id`'s own."""
        slot, name = peer
        at = address_of(self.addresses, name, chain_id)
        accounts[address]["storage"][_word(slot)] = _word(int.from_bytes(at))

    def _besides(self, name: str, what: str) -> dict[str, Any]:
        path = self.directory / name
        try:
            loaded: dict[str, Any] = orjson.loads(path.read_bytes())
        except OSError as error:
            raise _older(what, path, error.strerror or str(error)) from error
        return loaded


def _older(what: str, path: Path, why: str = "it has none") -> StorageFailed:
    return StorageFailed(
        f"{what} are missing",
        f"{path}: {why}",
        "A devnet of an older version has none: take it down and start it anew.",
    )


def content_hash(sources: Sources | None = None) -> str:
    """sha256 over everything that the baked state depends on: bytes read, nothing parsed."""
    sources = sources or Sources.of_package()
    digest = hashlib.sha256(json.dumps(deployment.parameters(), sort_keys=True).encode())
    paths = [sources.artifacts / f"{name}.json" for name in sorted(deployment.ARTIFACTS)]
    for name in deployment.THIRD_PARTY:
        paths += [sources.third_party / name / part for part in ("origin.json", "runtime.hex")]
    for path in paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def ensure_genesis(
    anvil: Callable[[], Path],
    cache: Path,
    *,
    sources: Sources | None = None,
    packaged: Path | None = None,
) -> Genesis:
    """The baked state of the contracts as they are: the package's, the cache's, or made now.

    Milliseconds unless it must be made (seconds, then `anvil` is asked for a binary; run it in a
    thread). Raises PermanentFailure when a contract can't be deployed, StorageFailed when the
    cache can't be written.
    """
    sources = sources or Sources.of_package()
    wanted = content_hash(sources)
    cached = cache / "genesis" / wanted
    for directory in (packaged or genesis_dir(), cached):
        if _has(directory, wanted):
            return Genesis(directory)
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".bake-", dir=cached.parent) as scratch:
            made = Path(scratch) / "genesis"
            bake(anvil(), made, sources)
            shutil.rmtree(cached, ignore_errors=True)
            _rename(made, cached, wanted)
    except OSError as error:
        raise StorageFailed(
            "Baked contracts can't be stored",
            f"{error.strerror or error}: {error.filename or cached}",
            "free some space, or set CALDERA_CACHE to a directory that can be written",
        ) from error
    return Genesis(cached)


def _rename(made: Path, target: Path, wanted: str) -> None:
    try:
        made.rename(target)
    except OSError:
        # another process made the same one at the same time
        if not _has(target, wanted):
            raise


def _has(directory: Path, wanted: str) -> bool:
    try:
        return Genesis(directory).content_hash == wanted
    except (OSError, ValueError, KeyError):
        return False


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
    _write(target / _OP_STACK_FILE, {"accounts": _predeployed(deployment.OP_STACK, sources)})
    surfaces = deployment.SURFACES.items()
    _write(target / _SURFACES_FILE, {name: _predeployed(each, sources) for name, each in surfaces})
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
            "storage": {_word(slot): _word(value) for slot, value in predeploy.storage},
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
                _word(int(slot, 16)): _word(int(value, 16))
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
        creation = _bytes(self._sources.artifact(deployment.FACTORY)["bytecode"])
        # docs/formats.md: by the deterministic-deployment proxy, with salt 0
        self._node.send(_PROXY_ADDRESS, bytes(32) + creation, deployment.FACTORY)
        hashed = keccak(b"\xff" + _bytes(_PROXY_ADDRESS) + bytes(32) + keccak(creation))
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
        creation = _bytes(artifact["bytecode"])
        creation += self._arguments(artifact, "constructor", step.constructor)
        if step.initializer is None:
            self._create(step.name, creation)
            return
        implementation = f"{step.name}.implementation"
        self._create(implementation, creation)
        call = _selector(artifact, "initialize")
        call += self._arguments(artifact, "initialize", step.initializer)
        proxy = _bytes(self._sources.artifact(deployment.PROXY)["bytecode"])
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
            "slot": _word(slots[0]),
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


def _domain_separator(address: str, chain_id: int) -> str:
    """Permit2's EIP-712 domain separator (name and contract, no version)."""
    domain = b"EIP712Domain(string name,uint256 chainId,address verifyingContract)"
    # Four static words by hand: the general encoder costs 70 ms of import at every cold start.
    words = (
        keccak(domain),
        keccak(b"Permit2"),
        chain_id.to_bytes(32),
        _bytes(address).rjust(32, b"\0"),
    )
    return "0x" + keccak(b"".join(words)).hex()


def _patched(code: str, offset: int, word: str) -> str:
    start = 2 + 2 * offset
    return code[:start] + word[2:] + code[start + 64 :]


def _account(code: str) -> dict[str, Any]:
    return {"nonce": "0x1", "balance": "0x0", "code": code, "storage": {}}


def _word(value: int) -> str:
    """A storage word, 0x and 64 digits."""
    return f"0x{value:064x}"


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _hex_file(path: Path) -> str:
    return path.read_text().strip()


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
