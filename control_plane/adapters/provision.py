"""A devnet's files: service keys, the contracts it is born with, genesis of each chain.

``DEVNET/secrets`` (0600), ``DEVNET/genesis/`` (a copy of the baked state, so that a devnet keeps
its contracts whatever version runs it later), ``DEVNET/nodes/CHAIN/genesis.json``.
"""

import asyncio
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from control_plane.adapters.engine.genesis import make_alloc
from control_plane.adapters.evm.accounts import derive_accounts
from control_plane.adapters.evm.bake import Genesis
from control_plane.adapters.evm.keys import load_keys
from control_plane.adapters.op_stack.accounts import native_accounts
from control_plane.adapters.op_stack.contracts import native_alloc
from control_plane.domain.errors import StorageFailed
from control_plane.domain.ids import Hex
from control_plane.domain.network import Keys
from control_plane.domain.plan import ChainPlan, Plan
from control_plane.domain.ports.node import Account, Engine, NodeSpec
from control_plane.domain.ports.provision import Born
from control_plane.domain.settlement import settles
from control_plane.domain.settlement.predeploys import predeploy_words

_COIN: Final = 10**18
_HYPERLANE: Final = "hyperlane.json"
"""Beside the genesis, where the devnet has validators."""
_SERVICE_BALANCE: Final = 1_000_000_000 * _COIN
"""Wei of each service account on every chain: fees are never what stops a devnet."""


class FileProvision:
    """Implements ``ports.provision.Provision``. `bake` gives the contracts of this version,
    `engines` go by their names."""

    def __init__(self, bake: Callable[[], Genesis], engines: Mapping[str, Engine]) -> None:
        self._bake = bake
        self._engines = engines

    async def keys(self, directory: Path, guardians: int, validators: int = 0) -> Keys:
        """See the port."""
        return await asyncio.to_thread(load_keys, directory, guardians, validators)

    async def contracts(self, directory: Path, validators: Sequence[Account] = ()) -> Born:
        """See the port."""
        return await asyncio.to_thread(self._bind, directory, validators)

    async def genesis(self, spec: NodeSpec, keys: Keys) -> None:
        """See the port."""
        if not spec.chain.is_external and not spec.genesis.exists():
            engine = self._engines[spec.chain.engine]
            await asyncio.to_thread(_write_genesis, spec, keys, engine)

    def _bind(self, directory: Path, validators: Sequence[Account]) -> Born:
        bound = directory / "genesis"
        if not (bound / "manifest.json").exists():
            _copy(self._bake().directory, bound)
        if validators and not (bound / _HYPERLANE).exists():
            _write_site(bound, validators)
        return _born(Genesis(bound))


def born_contracts(directory: Path) -> Mapping[str, Hex]:
    """Lower-case contract addresses of the devnet in `directory`, by JSON key; empty before its
    first start."""
    bound = directory / "genesis"
    if not (bound / "manifest.json").exists():
        return {}
    return _born(Genesis(bound)).contracts


def _born(genesis: Genesis) -> Born:
    contracts = {key: Hex(address.lower()) for key, address in genesis.addresses.items()}
    site = genesis.directory / _HYPERLANE
    if site.exists():
        contracts |= json.loads(site.read_bytes())
    return Born(contracts, genesis.content_hash)


def _write_site(bound: Path, validators: Sequence[Account]) -> None:
    """The addresses of the contracts for Hyperlane's agents, which are no part of a genesis."""
    from control_plane.domain.hyperlane import Site

    factory = Genesis(bound).addresses["create3Factory"]
    site = Site.of(factory, [bytes.fromhex(v.address[2:]) for v in validators])
    draft = bound / f".{_HYPERLANE}-{os.getpid()}"
    try:
        draft.write_text(json.dumps(site.contracts(), indent=2))
        draft.replace(bound / _HYPERLANE)
    except OSError as error:
        raise StorageFailed("Addresses can't be written", f"{draft}: {error}") from error


def _copy(source: Path, target: Path) -> None:
    """Appear whole or not at all."""
    draft = target.with_name(f".{target.name}-{os.getpid()}")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(source, draft)
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
    except OSError as error:
        raise StorageFailed("The contracts can't be copied", f"{target}: {error}") from error


def _write_genesis(spec: NodeSpec, keys: Keys, engine: Engine) -> None:
    genesis = Genesis(spec.directory.parent.parent / "genesis")
    chain = spec.chain
    baked = genesis.alloc(
        is_l1=chain.is_l1,
        chain_id=chain.chain_id,
        domain=chain.domain,
        governor=keys.governor.address,
    )
    words: Mapping[str, Mapping[str, str]] = {}
    if chain.services == "native":
        baked = {**_native(genesis, chain), **baked}
    elif engine.has_engine_api or settles(chain):
        baked |= genesis.op_stack(chain.chain_id if settles(chain) else None, chain.gas_token)
        baked |= genesis.surface(chain.built_as, chain.chain_id) if settles(chain) else {}
        listed = derive_accounts(spec.plan.accounts.mnemonic, spec.plan.accounts.count)
        words = predeploy_words(chain, listed[0].address)
        # a devnet of an older version has fewer predeploys
        words = {address: slots for address, slots in words.items() if address in baked}
    alloc = make_alloc(baked, words, _balances(spec.plan, keys))
    content = engine.genesis(spec, alloc, _timestamp(spec))
    draft = spec.genesis.with_name(f".{spec.genesis.name}-{os.getpid()}")
    try:
        spec.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.write_bytes(content)
        draft.replace(spec.genesis)
    except OSError as error:
        raise StorageFailed("A genesis can't be written", f"{spec.genesis}: {error}") from error


def _native(genesis: Genesis, chain: ChainPlan) -> dict[str, dict[str, Any]]:
    """The OP Stack's real predeploys, owned by our governor's executor."""
    factory, owner = (
        Hex(genesis.addresses[key].lower()) for key in ("create3Factory", "governanceExecutor")
    )
    return native_alloc(factory, chain.chain_id, owner)


def _timestamp(spec: NodeSpec) -> int:
    """Unix seconds of block 0. A rollup with its framework's own services begins after a block of
    its L1, whose genesis is therefore dated back to when the devnet's keys were drawn."""
    native = any(chain.services == "native" for chain in spec.plan.chains)
    if spec.chain.is_l1 and native:
        return int((spec.directory.parent.parent / "secrets").stat().st_mtime)
    return int(time.time())


def _balances(plan: Plan, keys: Keys) -> dict[str, int]:
    """Wei by address."""
    services = [keys.governor, keys.relayer, keys.faucet, keys.rotation]
    services += [guardian.account for guardian in keys.guardians]
    services += keys.validators
    for chain in plan.chains:
        if chain.services == "native":
            services += native_accounts(keys, chain.chain_id).every
    services += [keys.watcher] if keys.watcher else []
    listed = derive_accounts(plan.accounts.mnemonic, plan.accounts.count)
    return {
        **{account.address: _SERVICE_BALANCE for account in services},
        **{account.address: plan.accounts.balance for account in listed},
    }
