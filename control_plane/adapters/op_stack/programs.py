"""The OP Stack's own services beside one rollup's node, as programs to run.

Short intervals, because the L1 is a devnet's: blocks each second or so, no reorg by chance.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from control_plane.adapters.op_stack.accounts import NativeAccounts
from control_plane.adapters.op_stack.deployment import GAME_TYPE
from control_plane.domain.ids import Hex, ServiceName
from control_plane.domain.native_services import (
    ALT_DA,
    BEACON,
    has_own_stand_in,
    posts_blobs,
    posts_commitments,
)
from control_plane.domain.network import Chain
from control_plane.domain.ports.program import ProgramSpec

PYTHON: Final = "python"
"""The program that runs what is ours."""
_BLOB_CHANNEL: Final = 5
"""L1 blocks from one blob to the next: each is kept by the L1 with 128 KiB, however empty."""
_GAME_WINDOW: Final = "1h"
"""How far back games are looked at, each second: with a game every few seconds they become many."""
PROPOSAL_INTERVAL: Final = 8
"""Seconds between two outputs that are proposed."""
_DA_TIMEOUT: Final = "30s"
_HEALTH: Final = "/healthz"
_METRICS: Final = "/metrics"
_TX_FLAGS: Final = (
    "--num-confirmations=1",
    "--txmgr.receipt-query-interval=300ms",
    "--network-timeout=60s",
)

Endpoint = tuple[str, int]
"""Loopback address and port."""


@dataclass(frozen=True, slots=True)
class Site:
    """One rollup, as its services see it."""

    chain: Chain
    l1: Chain
    at: Mapping[str, Hex]
    """Its L1 contracts by key."""
    accounts: NativeAccounts
    endpoints: Mapping[str, Endpoint]
    """Where each service listens."""
    directory: Path
    """With rollup.json and l1.json; each service has one of its own inside."""
    logs: Path

    @property
    def blobs(self) -> bool:
        """Its data goes to blobs of the L1, not to calldata."""
        return posts_blobs(self.chain.plan)

    @property
    def da_server(self) -> str | None:
        """URL of the alt-DA server that its data goes to, with commitments alone on the L1."""
        if not posts_commitments(self.chain.plan):
            return None
        return self.chain.plan.da_url or self.url(ALT_DA)

    @property
    def beside(self) -> tuple[str, ...]:
        """What of ours must run before op-node."""
        return (BEACON,) if self.blobs else (ALT_DA,) if has_own_stand_in(self.chain.plan) else ()

    def url(self, name: str) -> str:
        host, port = self.endpoints[name]
        return f"http://{host}:{port}"


def programs(site: Site) -> list[ProgramSpec]:
    """Every service of the rollup, in the order of their start."""
    make = {BEACON: _beacon, ALT_DA: _alt_da}
    beside = [make[name](site) for name in site.beside]
    return [*beside, _op_node(site), _batcher(site), _proposer(site), _challenger(site)]


def _program(
    site: Site,
    name: str,
    *arguments: str,
    program: str = "",
    question: str = _HEALTH,
    key: bytes | None = None,
    needs: tuple[str, ...] = (),
) -> ProgramSpec:
    host, port = site.endpoints[name]
    variable = f"{name.upper().replace('-', '_')}_PRIVATE_KEY"
    service = f"{site.chain.name}/{name}"
    return ProgramSpec(
        service=ServiceName(service),
        program=program or name,
        arguments=arguments,
        directory=site.directory / name,
        log=site.logs / f"{service.replace('/', '.')}.log",
        host=host,
        port=port,
        question=question,
        environment={} if key is None else {variable: f"0x{key.hex()}"},
        needs=tuple(ServiceName(f"{site.chain.name}/{other}") for other in needs),
    )


def _beacon(site: Site) -> ProgramSpec:
    """Not one of theirs: it stands for the L1's beacon node, which an Anvil has none of."""
    host, port = site.endpoints[BEACON]
    return _program(
        site,
        BEACON,
        "-P",
        "-m",
        "control_plane.adapters.op_stack.beacon",
        *(host, str(port), site.l1.http_url),
        str(site.directory / BEACON),
        program=PYTHON,
    )


def _alt_da(site: Site) -> ProgramSpec:
    """A stand-in for the service that the spec names, by the alt-DA REST that each of ours has."""
    host, port = site.endpoints[ALT_DA]
    return _program(
        site,
        ALT_DA,
        *("-P", "-m", "control_plane.da_server", str(site.chain.plan.da)),
        *("--host", host, "--port", str(port)),
        *(("--generic-commitment",) if site.chain.plan.da == "alt-da" else ()),
        *("--directory", str(site.directory / ALT_DA)),
        program=PYTHON,
        question="/health",
    )


def _alt_da_flags(site: Site) -> tuple[str, ...]:
    """Commitments are the service's own, not hashes: it is the one that gives data by them."""
    if site.da_server is None:
        return ()
    return (
        "--altda.enabled",
        "--altda.da-service",
        f"--altda.da-server={site.da_server}",
        f"--altda.put-timeout={_DA_TIMEOUT}",
        f"--altda.get-timeout={_DA_TIMEOUT}",
    )


def _op_node(site: Site) -> ProgramSpec:
    if site.chain.directory is None or site.chain.engine_url is None:
        raise ValueError(f"{site.chain.name} has no Engine API here")
    host, port = site.endpoints["op-node"]
    return _program(
        site,
        "op-node",
        f"--l1={site.l1.http_url}",
        *_beacon_flags(site),
        "--l1.rpckind=standard",
        "--l1.http-poll-interval=500ms",
        "--l1.epoch-poll-interval=1s",
        f"--l2={site.chain.engine_url}",
        f"--l2.jwt-secret={site.chain.directory / 'jwt.hex'}",
        f"--rollup.config={site.directory / 'rollup.json'}",
        f"--rollup.l1-chain-config={site.directory / 'l1.json'}",
        "--sequencer.enabled",
        "--sequencer.l1-confs=0",
        "--verifier.l1-confs=0",
        "--p2p.disable",
        f"--rpc.addr={host}",
        f"--rpc.port={port}",
        "--rpc.enable-admin",
        f"--safedb.path={site.directory / 'op-node' / 'safedb'}",
        "--metrics.enabled=false",
        *_alt_da_flags(site),
        needs=site.beside,
    )


def _beacon_flags(site: Site) -> tuple[str, ...]:
    if not site.blobs:
        return ("--l1.beacon.ignore",)
    return (
        f"--l1.beacon={site.url(BEACON)}",
        "--l1.beacon.slot-duration-override=1",
        # the transactions' root of an Anvil block that carries blobs is not the one that op-node
        # computes: Anvil hashes them together with their blobs
        "--l1.trustrpc",
    )


def _batcher(site: Site) -> ProgramSpec:
    return _program(
        site,
        "op-batcher",
        f"--l1-eth-rpc={site.l1.http_url}",
        f"--l2-eth-rpc={site.chain.http_url}",
        f"--rollup-rpc={site.url('op-node')}",
        f"--data-availability-type={'blobs' if site.blobs else 'calldata'}",
        f"--max-channel-duration={_BLOB_CHANNEL if site.blobs else 1}",
        "--poll-interval=500ms",
        # it would limit the node's blocks over an interface that the node does not open
        "--throttle.unsafe-da-bytes-lower-threshold=0",
        *_alt_da_flags(site),
        *_TX_FLAGS,
        *_rpc(site, "op-batcher"),
        key=site.accounts.batcher.key,
        needs=("op-node",),
    )


def _proposer(site: Site) -> ProgramSpec:
    return _program(
        site,
        "op-proposer",
        f"--l1-eth-rpc={site.l1.http_url}",
        f"--rollup-rpc={site.url('op-node')}",
        f"--game-factory-address={site.at['disputeGameFactory']}",
        f"--game-type={GAME_TYPE}",
        f"--proposal-interval={PROPOSAL_INTERVAL}s",
        "--poll-interval=1s",
        "--allow-non-finalized",
        *_TX_FLAGS,
        *_rpc(site, "op-proposer"),
        key=site.accounts.proposer.key,
        needs=("op-node",),
    )


def _challenger(site: Site) -> ProgramSpec:
    host, port = site.endpoints["op-challenger"]
    return _program(
        site,
        "op-challenger",
        f"--l1-eth-rpc={site.l1.http_url}",
        f"--l1-beacon={site.url(BEACON) if site.blobs else site.l1.http_url}",
        f"--l2-eth-rpc={site.chain.http_url}",
        f"--rollup-rpc={site.url('op-node')}",
        f"--game-factory-address={site.at['disputeGameFactory']}",
        "--game-types=alphabet",
        f"--game-window={_GAME_WINDOW}",
        f"--datadir={site.directory / 'op-challenger' / 'data'}",
        "--http-poll-interval=1s",
        *_TX_FLAGS,
        # it has no RPC of its own: by its metrics it is seen to run
        "--metrics.enabled",
        f"--metrics.addr={host}",
        f"--metrics.port={port}",
        question=_METRICS,
        key=site.accounts.challenger.key,
        needs=("op-node",),
    )


def _rpc(site: Site, name: str) -> tuple[str, str]:
    host, port = site.endpoints[name]
    return f"--rpc.addr={host}", f"--rpc.port={port}"
