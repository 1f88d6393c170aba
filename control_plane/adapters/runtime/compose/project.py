"""What a devnet is called at the Docker engine, and the addresses of its containers."""

import hashlib
import ipaddress
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from control_plane.domain.ids import node_service
from control_plane.domain.plan import ChainPlan

FILE: Final = "compose.yaml"
"""In the devnet's directory; that it is there tells that the devnet has containers."""
PRIVATE: Final = "compose"
"""Directory beside it: what is mounted into containers. Mode 0700, so that files in it can be
readable to whatever user a container has without being so to users of this machine."""

HOME_LABEL: Final = "dev.caldera.home"
DEVNET_LABEL: Final = "dev.caldera.devnet"
SERVICE_LABEL: Final = "dev.caldera.service"
PROJECT_LABEL: Final = "com.docker.compose.project"
"""Compose's own."""
ROUTES_LABEL: Final = "dev.caldera.routes"

_PREFIX: Final = 20
"""Bits of a devnet's network: 4,094 addresses."""
_GATE_HOST: Final = 2
_HOSTS: Final = 4_000
_MACHINE_IDS: Final = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


@cache
def home_id(home: Path) -> str:
    """8 hex digits that tell this home on this machine from all others at one engine."""
    return hashlib.sha256(f"{_machine()}:{home.resolve()}".encode()).hexdigest()[:8]


def _machine() -> str:
    for path in _MACHINE_IDS:
        try:
            return path.read_text().strip()
        except OSError:
            continue
    return socket.gethostname()


@dataclass(frozen=True, slots=True)
class Project:
    """One devnet at the engine."""

    root: Path
    """The devnet's directory."""
    home: str
    """As :func:`home_id` gives it."""

    @property
    def devnet(self) -> str:
        return self.root.name

    @property
    def name(self) -> str:
        """The Compose project."""
        return f"caldera-{self.home}-{self.devnet}"

    @property
    def file(self) -> Path:
        return self.root / FILE

    @property
    def private(self) -> Path:
        return self.root / PRIVATE

    def labels(self, service: str) -> dict[str, str]:
        """Of whatever belongs to `service` at the engine."""
        return {HOME_LABEL: self.home, DEVNET_LABEL: self.devnet, SERVICE_LABEL: service}


def compose_service(chain: str) -> str:
    """The Compose service that is `chain`'s node; no other service's name begins so."""
    return f"node-{chain}"


def service_label(chain: ChainPlan) -> str:
    """What ``dev.caldera.service`` says of `chain`'s node."""
    return node_service(chain.name)


class Addresses:
    """Addresses and ports of a devnet's containers, all from one secret.

    On Linux every program of the machine reaches every container, a web page in a browser as
    well. So the network is one of 4,096 in 10.0.0.0/8, a node one of 4,000 addresses in it and
    one of 40,000 ports: a choice among 10¹¹, as for plain processes.
    """

    def __init__(self, seed: bytes, chains: Iterable[str]) -> None:
        self._seed = seed
        self.network = _network(seed)
        self._hosts: dict[str, int] = {}
        for chain in chains:
            host = self._draw("host", chain) % _HOSTS
            while host in self._hosts.values():
                host = (host + 1) % _HOSTS
            self._hosts[chain] = host

    @property
    def gate(self) -> str:
        return str(self.network[_GATE_HOST])

    def node(self, chain: str) -> str:
        """Address of `chain`'s node."""
        return str(self.network[_GATE_HOST + 1 + self._hosts[chain]])

    def port(self, chain: str) -> int:
        """Where it listens for JSON-RPC."""
        return 20_000 + self._draw("port", chain) % 20_000

    def engine_port(self, chain: str) -> int:
        """Where it listens for the Engine API."""
        return 40_000 + self._draw("engine", chain) % 20_000

    def _draw(self, what: str, chain: str) -> int:
        digest = hashlib.sha256(self._seed + f"{what}:{chain}".encode()).digest()
        return int.from_bytes(digest[:8], "big")


def draw_seed(taken: Iterable[ipaddress.IPv4Network]) -> bytes:
    """A seed whose network overlaps none of `taken`, as far as that can be had."""
    networks = tuple(taken)
    for _ in range(64):
        seed = secrets.token_bytes(16)
        if not any(_network(seed).overlaps(network) for network in networks):
            break
    return seed


def _network(seed: bytes) -> ipaddress.IPv4Network:
    number = int.from_bytes(hashlib.sha256(seed + b"network").digest()[:2], "big")
    base = int(ipaddress.IPv4Address("10.0.0.0"))
    return ipaddress.IPv4Network((base + (number % 4096) * 2 ** (32 - _PREFIX), _PREFIX))


def routes() -> list[ipaddress.IPv4Network]:
    """Networks that this machine has a route to, without the default one; empty where the
    kernel does not tell (any other than Linux)."""
    try:
        lines = Path("/proc/net/route").read_text().splitlines()[1:]
    except OSError:
        return []
    found = []
    for fields in (line.split() for line in lines):
        address, mask = (int.from_bytes(bytes.fromhex(fields[i]), "little") for i in (1, 7))
        if mask:
            found.append(ipaddress.IPv4Network((address, mask.bit_count())))
    return found
