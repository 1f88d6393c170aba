"""Making a rollup ready for its own services: funds, L1 contracts, configuration files.

All of it is idempotent, and what is there already is kept: it is done anew each time that the
rollup's node was started.
"""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from control_plane.adapters.evm.sealing import anvil_seal
from control_plane.adapters.evm.signer import Transaction, sign
from control_plane.adapters.op_stack import config
from control_plane.adapters.op_stack.accounts import native_accounts
from control_plane.adapters.op_stack.config import BlockId
from control_plane.adapters.op_stack.deployment import Setup, deploy
from control_plane.adapters.op_stack.programs import Site
from control_plane.adapters.runtime.ports import private_listen
from control_plane.domain.calls import selector
from control_plane.domain.errors import DeadlineExceeded, PermanentFailure, StorageFailed
from control_plane.domain.native_services import ALT_DA, BEACON, PROGRAMS
from control_plane.domain.network import Chain, Keys, Network
from control_plane.domain.op_stack_l1 import addresses
from control_plane.domain.ports.node import Account, Rpc

_COIN: Final = 10**18
_FUNDS: Final = 1_000_000 * _COIN
_L1_DEADLINE: Final = 60.0
_LOOK: Final = 0.05
_FEE: Final = 1_000 * 10**9


def site_of(chain: Chain, network: Network, keys: Keys) -> Site:
    """The rollup as its services see it. Raises StorageFailed."""
    directory = _directory(chain)
    factory = network.contracts["create3Factory"]
    return Site(
        chain=chain,
        l1=network.chains[0],
        at=addresses(factory, chain.plan.chain_id),
        accounts=native_accounts(keys, chain.plan.chain_id),
        endpoints=_endpoints(directory),
        directory=directory,
        logs=directory.parents[2] / "logs",
    )


async def prepare(chain: Chain, rpc: Rpc, l1: Rpc, network: Network, keys: Keys) -> Site:
    """Everything that the services need to be there; `rpc` and `l1` are connections to the
    rollup's node and to the L1's.

    Raises PermanentFailure (the L1 refuses, or lost the block that the rollup begins after),
    DeadlineExceeded, StorageFailed, TemporaryFailure, RpcError.
    """
    site = await asyncio.to_thread(site_of, chain, network, keys)
    await _l1_is_ready(l1, network)
    l1_chain = site.l1.plan.chain_id
    await _fund(l1, l1_chain, keys.governor, site.accounts.every)
    block = await rpc.call("eth_getBlockByNumber", "0x0", False)
    setup = Setup(
        chain_id=chain.plan.chain_id,
        factory=network.contracts["create3Factory"],
        owner=network.contracts["governanceExecutor"],
        deployer=site.accounts.deployer.address,
        batcher=site.accounts.batcher.address,
        output_root=config.output_root(block),
    )
    await deploy(l1, l1_chain, setup, site.accounts.deployer, anvil_seal(l1))
    await _configure(site, rpc, l1, block)
    return site


async def _l1_is_ready(l1: Rpc, network: Network) -> None:
    """Until the L1's own block 1 is whole: a block of ours must not tear it apart."""
    registry = network.contracts["guardianRegistry"]
    request = {"to": registry, "data": "0x" + selector("currentSet()").hex()}
    try:
        async with asyncio.timeout(_L1_DEADLINE):
            while True:
                found = bytes.fromhex((await l1.call("eth_call", request, "latest"))[2:])
                if any(found[32:64]):  # the set's id, after the offset of a dynamic struct
                    return
                await asyncio.sleep(_LOOK)
    except TimeoutError:
        raise DeadlineExceeded(
            "The L1 is not ready for the OP Stack's contracts",
            f"its guardian set is not sealed after {_L1_DEADLINE:g} s",
            "See `caldera logs --service l1/node`.",
        ) from None


async def _fund(l1: Rpc, chain_id: int, governor: Account, accounts: tuple[Account, ...]) -> None:
    """Accounts of a rollup that was there at the start have their coins from the genesis; those
    of one that is added later get them from the governor."""
    calls = [("eth_getBalance", (account.address, "latest")) for account in accounts]
    balances = [int(balance, 16) for balance in await l1.batch(calls)]
    poor = [a for a, balance in zip(accounts, balances, strict=True) if balance < _COIN]
    if not poor:
        return
    nonce = int(await l1.call("eth_getTransactionCount", governor.address, "pending"), 16)
    for at, account in enumerate(poor):
        to = bytes.fromhex(account.address[2:])
        payment = Transaction(chain_id, nonce + at, to, _FUNDS, b"", 21_000, _FEE, 10**9)
        raw, _ = sign(payment, governor.key)
        await l1.call("eth_sendRawTransaction", "0x" + raw.hex())
    await anvil_seal(l1)()


# ---------------------------------------------------------------- files


async def _configure(site: Site, rpc: Rpc, l1: Rpc, block: Mapping[str, Any]) -> None:
    """Write rollup.json and l1.json, once: a rollup begins after one L1 block for ever."""
    path = site.directory / "rollup.json"
    if path.exists():
        start = json.loads(path.read_text())["genesis"]["l1"]
        found = await l1.call("eth_getBlockByNumber", hex(start["number"]), False)
        if found is not None and found["hash"] == start["hash"]:
            return
        if int(await rpc.call("eth_blockNumber"), 16) > 0:
            raise PermanentFailure(
                f"The L1 lost the block that {site.chain.name} begins after",
                f"block {start['number']} is not {start['hash']} any more",
                "Take the rollup, or the devnet, down and up again.",
            )
    genesis = json.loads((_node_directory(site.chain) / "genesis.json").read_text())
    origin = await _newest_until(l1, int(genesis["timestamp"], 16))
    beginning = (origin, BlockId(0, block["hash"]))
    batcher = site.accounts.batcher.address
    chain, l1_chain = site.chain.plan, site.l1.plan
    rollup = config.rollup_config(chain, l1_chain, genesis, beginning, site.at, batcher)
    await asyncio.to_thread(_write, site.directory / "l1.json", config.l1_config(l1_chain))
    await asyncio.to_thread(_write, path, rollup)


async def _newest_until(l1: Rpc, seconds: int) -> BlockId:
    """The newest L1 block that is not younger than the rollup's genesis."""
    block = await l1.call("eth_getBlockByNumber", "latest", False)
    while int(block["timestamp"], 16) > seconds and int(block["number"], 16) > 0:
        block = await l1.call("eth_getBlockByNumber", hex(int(block["number"], 16) - 1), False)
    if int(block["timestamp"], 16) > seconds:
        raise PermanentFailure(
            "A rollup can't begin before its L1", "its genesis is older than the L1's block 0"
        )
    return BlockId(int(block["number"], 16), block["hash"])


def _endpoints(directory: Path) -> dict[str, tuple[str, int]]:
    """Where the services listen: drawn once, so that one that is started anew is found."""
    path = directory / "endpoints.json"
    try:
        known = json.loads(path.read_text()) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise _storage(path, error) from error
    missing = [name for name in (*PROGRAMS, BEACON, ALT_DA) if name not in known]
    for name in missing:
        listen = private_listen()
        known[name] = [listen.host, listen.port]
    if missing:
        _write(path, known)
    return {name: (host, port) for name, (host, port) in known.items()}


def _write(path: Path, content: Mapping[str, Any]) -> None:
    draft = path.with_name(f".{path.name}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.write_text(json.dumps(content, indent=1))
        draft.replace(path)
    except OSError as error:
        raise _storage(path, error) from error


def _directory(chain: Chain) -> Path:
    return _node_directory(chain) / "native"


def _node_directory(chain: Chain) -> Path:
    if chain.directory is None:
        raise ValueError(f"the files of {chain.name} are not here")
    return chain.directory


def _storage(path: Path, error: Exception) -> StorageFailed:
    return StorageFailed("A configuration can't be kept", f"{path}: {error}", "Is it writable?")
