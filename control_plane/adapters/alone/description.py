"""What a process must know to run an agent of a devnet without the daemon (docs/agents.md).

A JSON file without secrets, only paths to them; relative paths begin at its own directory.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

from control_plane.adapters.alone.address import Address
from control_plane.domain.bls import SecretKey
from control_plane.domain.errors import InvalidInput, NotFound, StorageFailed
from control_plane.domain.formats import Member
from control_plane.domain.hexes import from_hex
from control_plane.domain.ids import Hex
from control_plane.domain.network import FIRST_SET, Chain, GuardianKeys, Network
from control_plane.domain.plan import Plan
from control_plane.domain.plan_json import plan_from_json, plan_to_json
from control_plane.domain.quorum import Roster

VERSION: Final = 1
DIRECTORY: Final = "agents"
"""Of a devnet: description, token, locks, sockets, journals."""
FILE: Final = "devnet.json"
_ADDRESS_BYTES: Final = 20


@dataclass(frozen=True, slots=True)
class GuardianEntry:
    """A member of the guardian set, and where it is asked."""

    index: int
    address: Hex
    """Holds the stake on L1."""
    key: bytes
    """BLS12-381 G1 as EIP-2537 writes it, 128 bytes."""
    url: Address


@dataclass(frozen=True, slots=True)
class Description:
    """A devnet as an agent alone sees it."""

    devnet: str
    devnet_id: bytes
    network_id: bytes | None
    """None: found out from the L1's genesis."""
    plan: Plan
    contracts: Mapping[str, Hex]
    chains: tuple[Chain, ...]
    guardians: tuple[GuardianEntry, ...]
    hub: Address
    database: str | None
    secrets: Path | None
    """The master secret, or a directory with one file for each role."""
    token: Path
    directory: Path
    """Where the file is."""

    def network(self, network_id: bytes) -> Network:
        """The devnet for its agents."""
        return Network(
            self.devnet,
            self.devnet_id,
            network_id,
            self.plan,
            self.chains,
            self.contracts,
        )

    def chain(self, name: str) -> Chain:
        """NotFound when there is no chain of that name."""
        for chain in self.chains:
            if chain.name == name:
                return chain
        known = ", ".join(chain.name for chain in self.chains)
        raise NotFound(f"No chain called {name!r}", f"{self.devnet} has {known}")

    def guardian(self, index: int) -> GuardianEntry:
        """NotFound when the set has no such member."""
        for guardian in self.guardians:
            if guardian.index == index:
                return guardian
        raise NotFound(f"No guardian {index}", f"{self.devnet} has {len(self.guardians)}")

    def roster(self) -> Roster:
        """The guardian set that the devnet starts with, all with the plan's stake."""
        stake = self.plan.metalayer.guardians.stake
        return Roster(
            FIRST_SET,
            [
                Member(g.index, bytes.fromhex(g.address[2:]), stake, g.key)
                for g in self.guardians[: self.plan.metalayer.guardians.count]
            ],
        )

    def looking_through(self, urls: Mapping[str, str]) -> "Description":
        """The same with other WebSocket URLs for some chains. NotFound."""
        for name in urls:
            self.chain(name)
        chains = (replace(c, ws_url=urls.get(str(c.name), c.ws_url)) for c in self.chains)
        return replace(self, chains=tuple(chains))


def guardian_entries(
    keys: Sequence[GuardianKeys], urls: Sequence[Address]
) -> tuple[GuardianEntry, ...]:
    """What others may know of the guardians with `keys`, each at its address."""
    return tuple(
        GuardianEntry(
            guardian.index,
            guardian.account.address,
            SecretKey(guardian.bls_seed).key,
            url,
        )
        for guardian, url in zip(keys, urls, strict=True)
    )


def describe(
    network: Network,
    guardians: Sequence[GuardianEntry],
    *,
    hub: str,
    database: str | None,
    secrets: str | None,
    token: str = "token",  # noqa: S107 - a file's name
    chains: Sequence[Chain] | None = None,
    known_network: bool = True,
) -> bytes:
    """The file's content. URLs and paths are as the processes that will read it see them;
    `chains` likewise, by default the network's own.

    With `known_network` False the network id is found out from the L1 at each start.
    """
    document = {
        "version": VERSION,
        "devnet": network.devnet,
        "devnet_id": "0x" + network.devnet_id.hex(),
        "network_id": "0x" + network.network_id.hex() if known_network else None,
        "plan": plan_to_json(network.plan),
        "contracts": dict(network.contracts),
        "chains": {str(c.name): _chain_json(c) for c in chains or network.chains},
        "guardians": [
            {"index": g.index, "address": g.address, "key": "0x" + g.key.hex(), "url": str(g.url)}
            for g in guardians
        ],
        "hub": hub,
        "database": database,
        "secrets": secrets,
        "token": token,
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _chain_json(chain: Chain) -> dict[str, str | None]:
    return {
        "http_url": chain.http_url,
        "ws_url": chain.ws_url,
        "engine_url": chain.engine_url,
        "directory": str(chain.directory) if chain.directory else None,
    }


def write_description(path: Path, content: bytes) -> None:
    """Replace the file at once, mode 0600; nothing is written when it says the same already.

    Raises StorageFailed.
    """
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        if path.exists() and path.read_bytes() == content:
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.touch(mode=0o600)
        draft.write_bytes(content)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StorageFailed(
            "A devnet's description can't be written", f"{path}: {error}"
        ) from error


def read_description(path: Path) -> Description:
    """Raises NotFound (no such file), InvalidInput (not ours, or of a newer version)."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotFound(
            "The devnet's description can't be read",
            f"{path}: {error.strerror}",
            "It is there once the devnet's agents have started; is the name right?",
        ) from error
    try:
        return _parse(orjson.loads(content), path.absolute().parent)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(
            "The devnet's description is not one", f"{path}: {type(error).__name__}: {error}"
        ) from error


def _parse(value: Mapping[str, Any], directory: Path) -> Description:
    if value["version"] != VERSION:
        raise ValueError(f"version {value['version']} is not {VERSION}")
    plan = plan_from_json(value["plan"])
    network_id, secrets = value["network_id"], value["secrets"]
    return Description(
        devnet=value["devnet"],
        devnet_id=_bytes(value["devnet_id"], 32),
        network_id=_bytes(network_id, 32) if network_id else None,
        plan=plan,
        contracts={key: Hex(address) for key, address in value["contracts"].items()},
        chains=tuple(
            Chain(
                plan.chain(name),
                at["http_url"],
                at["ws_url"],
                at.get("engine_url"),
                directory / at["directory"] if at.get("directory") else None,
            )
            for name, at in value["chains"].items()
        ),
        guardians=tuple(_guardian(one, directory) for one in value["guardians"]),
        hub=Address.parse(value["hub"], directory),
        database=value["database"],
        secrets=directory / secrets if secrets else None,
        token=directory / value["token"],
        directory=directory,
    )


def _guardian(value: Mapping[str, Any], directory: Path) -> GuardianEntry:
    return GuardianEntry(
        index=int(value["index"]),
        address=Hex("0x" + _bytes(value["address"], _ADDRESS_BYTES).hex()),
        key=_bytes(value["key"], 128),
        url=Address.parse(value["url"], directory),
    )


def _bytes(text: str, size: int) -> bytes:
    found = from_hex(text)
    if len(found) != size:
        raise ValueError(f"{text[:12]}… has {len(found)} bytes, not {size}")
    return found
