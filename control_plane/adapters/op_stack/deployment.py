"""The L1 side of one rollup, deployed by real transactions of an account made for that.

The transactions are a list that follows from the rollup alone; the n-th has the deployer's nonce n,
so the nonce says how many are carried out, and a deployment that was cut off goes on from there,
also after the L1 went back to an earlier state.

In the end everything belongs to our L1 governor's executor.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from control_plane.adapters.evm.signer import Transaction, sign
from control_plane.adapters.op_stack.contracts import batch_inbox, creation_code
from control_plane.domain.calls import encode_call, selector
from control_plane.domain.errors import DeadlineExceeded, PermanentFailure
from control_plane.domain.hexes import from_hex
from control_plane.domain.ids import Hex
from control_plane.domain.op_stack_l1 import PROXIED, addresses, implementation_of, salt
from control_plane.domain.ports.node import Account, Rpc
from control_plane.domain.rpc import RpcError

GAME_TYPE: Final = 255
"""The alphabet game: bisection over real outputs, then over a toy machine's trace."""
_PRESTATE: Final = bytes.fromhex("03c7ae758795765c6664a5d39bf63841c71ff191e9189522bad8ebff5d4eca98")
"""The alphabet machine's state before its first step (op-challenger, alphabet trace)."""
_MAX_DEPTH, _SPLIT_DEPTH = 18, 14
GAME_CLOCK: Final = 10
"""Seconds that each side of a game may take in all."""
BOND: Final = 10**15
"""Wei that a claim at the root of a game costs until it is resolved."""
MATURITY: Final = 3
"""Seconds from a proof to the earliest finalization, and from a game's end too."""
_WETH_DELAY: Final = 5
"""Seconds from a bond's release to its withdrawal."""
BASE_FEE_SCALAR, BLOB_BASE_FEE_SCALAR = 1368, 810949
GAS_LIMIT: Final = 60_000_000
_RESOURCES: Final = (20_000_000, 10, 8, 10**9, 1_000_000, 2**128 - 1)
"""How deposits pay for gas: limit, elasticity, denominator, least fee, system's gas, most fee."""

_ZERO: Final = Hex("0x" + "00" * 20)
_FEE: Final = 1_000 * 10**9
_DEPLOY_GAS: Final = 500_000
_BYTE_GAS: Final = 420
"""A byte of creation code: sent, hashed, read and stored."""
_CALL_GAS: Final = 600_000
_DEADLINE: Final = 60.0
_LOOK: Final = 0.02
_RESOURCE_TYPE: Final = "(uint32,uint8,uint8,uint32,uint32,uint128)"
_ADDRESSES_TYPE: Final = "(address,address,address,address,address,address,address)"

Step = tuple[Hex, bytes, int]
"""Target, calldata, gas."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a rollup's L1 contracts are made from."""

    chain_id: int
    factory: Hex
    """Our ``create3Factory`` on the L1."""
    owner: Hex
    """Owns everything afterwards: our ``governanceExecutor``."""
    deployer: Hex
    batcher: Hex
    output_root: bytes
    """Of the rollup's genesis block; where games begin."""

    @property
    def at(self) -> dict[str, Hex]:
        """Addresses by key."""
        return addresses(self.factory, self.chain_id)


def steps(setup: Setup) -> list[Step]:
    """All transactions, in order."""
    return [*_creations(setup), *_initializations(setup), *_game(setup), *_handing_over(setup)]


async def deploy(
    l1: Rpc, l1_chain_id: int, setup: Setup, deployer: Account, seal: Callable[[], Awaitable[None]]
) -> None:
    """Carry out what is not done yet; returns when all of it is mined.

    `seal` has the L1 make a block. Raises PermanentFailure (a transaction is refused or
    reverted), DeadlineExceeded, TemporaryFailure, RpcError.
    """
    every = await asyncio.to_thread(steps, setup)
    done = int(await l1.call("eth_getTransactionCount", deployer.address, "latest"), 16)
    raws, hashes = [], []
    for nonce, (to, data, gas) in list(enumerate(every))[done:]:
        target = from_hex(to)
        transaction = Transaction(l1_chain_id, nonce, target, 0, data, gas, _FEE, 10**9)
        raw, hash_ = sign(transaction, deployer.key)
        raws.append("0x" + raw.hex())
        hashes.append(hash_)
    if hashes:
        await _send(l1, raws)
        await _mined(l1, hashes, seal)


async def _send(l1: Rpc, raws: Sequence[str]) -> None:
    for answer in await l1.batch([("eth_sendRawTransaction", (raw,)) for raw in raws]):
        if isinstance(answer, RpcError) and "already" not in answer.message:
            raise PermanentFailure("The L1 refuses a deployment", answer.message)


async def _mined(l1: Rpc, hashes: Sequence[Hex], seal: Callable[[], Awaitable[None]]) -> None:
    try:
        async with asyncio.timeout(_DEADLINE):
            while True:
                await seal()
                receipts = await l1.batch([("eth_getTransactionReceipt", (h,)) for h in hashes])
                if all(receipts):
                    break
                await asyncio.sleep(_LOOK)
    except TimeoutError:
        missing = sum(not receipt for receipt in receipts)
        raise DeadlineExceeded(
            "The OP Stack's L1 contracts are not deployed",
            f"{missing} of {len(hashes)} transactions are not mined after {_DEADLINE:g} s",
            "See `caldera logs --service l1/node`.",
        ) from None
    for at, receipt in enumerate(receipts):
        if isinstance(receipt, RpcError):
            raise receipt
        if int(receipt["status"], 16) != 1:
            raise PermanentFailure(
                "A deployment of the OP Stack was reverted",
                f"transaction {at + 1} of {len(hashes)}, {hashes[at]}, "
                f"gas used {int(receipt['gasUsed'], 16)}",
                "`debug_traceTransaction` on the L1 tells why.",
            )


# ---------------------------------------------------------------- the transactions


def _creations(setup: Setup) -> list[Step]:
    at = setup.at
    made = [_create(setup, key, "Proxy", ["address"], setup.deployer) for key in PROXIED]
    constructors: dict[str, tuple[list[str], tuple[Any, ...]]] = {
        "anchorStateRegistry": (["address"], (at["disputeGameFactory"],)),
        "delayedWeth": (["uint256"], (_WETH_DELAY,)),
        "optimismPortal": (["uint256", "uint256"], (MATURITY, MATURITY)),
    }
    for key, contract in PROXIED.items():
        types, values = constructors.get(key, ([], ()))
        made.append(_create(setup, implementation_of(key), contract, types, *values))
    oracle, vm = at["preimageOracle"], at["alphabetVm"]
    game_types = "uint32 bytes32 uint256 uint256 uint64 uint64 address address address uint256"
    game = (
        *(GAME_TYPE, _PRESTATE, _MAX_DEPTH, _SPLIT_DEPTH, 0, GAME_CLOCK, vm),
        *(at["delayedWeth"], at["anchorStateRegistry"], setup.chain_id),
    )
    return [
        *made,
        _create(setup, "preimageOracle", "PreimageOracle", ["uint256", "uint256"], 10_000, 0),
        _create(setup, "alphabetVm", "AlphabetVM", ["bytes32", "address"], _PRESTATE, oracle),
        _create(setup, "faultDisputeGame", "FaultDisputeGame", game_types.split(), *game),
    ]


def _create(setup: Setup, key: str, contract: str, types: list[str], *values: Any) -> Step:
    from eth_abi.abi import encode  # 0.1 s that only native services need

    creation = creation_code(contract) + encode(types, values)
    data = encode_call("deploy(bytes32,bytes)", salt(setup.chain_id, key), creation)
    return setup.factory, data, _DEPLOY_GAS + _BYTE_GAS * len(creation)


def _initializations(setup: Setup) -> list[Step]:
    at, owner = setup.at, setup.owner
    portal, config, factory = (
        at[key] for key in ("optimismPortal", "superchainConfig", "disputeGameFactory")
    )
    system = (
        *(owner, BASE_FEE_SCALAR, BLOB_BASE_FEE_SCALAR),
        *(_word(setup.batcher), GAS_LIMIT, owner, _RESOURCES, batch_inbox(setup.chain_id)),
        (
            *(at["l1CrossDomainMessenger"], at["l1Erc721Bridge"], at["l1StandardBridge"]),
            *(factory, portal, _ZERO, _ZERO),
        ),
    )
    system_types = ["address", "uint32", "uint32", "bytes32", "uint64", "address"]
    system_types += [_RESOURCE_TYPE, "address", _ADDRESSES_TYPE]
    messenger, system_config = at["l1CrossDomainMessenger"], at["systemConfig"]
    anchors = [(GAME_TYPE, (setup.output_root, 0))]
    calls: dict[str, tuple[list[str], tuple[Any, ...]]] = {
        "superchainConfig": (["address", "bool"], (owner, False)),
        "systemConfig": (system_types, system),
        "disputeGameFactory": (["address"], (setup.deployer,)),
        "anchorStateRegistry": (["(uint32,(bytes32,uint256))[]"], (anchors,)),
        "delayedWeth": (["address", "address"], (owner, config)),
        "optimismPortal": (
            ["address", "address", "address", "uint32"],
            (factory, system_config, config, GAME_TYPE),
        ),
        "l1CrossDomainMessenger": (["address"] * 3, (config, portal, system_config)),
        "l1StandardBridge": (["address"] * 3, (messenger, config, system_config)),
        "l1Erc721Bridge": (["address"] * 2, (messenger, config)),
    }
    return [_initialize(setup, key, types, values) for key, (types, values) in calls.items()]


def _initialize(setup: Setup, key: str, types: list[str], values: tuple[Any, ...]) -> Step:
    from eth_abi.abi import encode

    call = selector(f"initialize({','.join(types)})") + encode(types, values)
    implementation = bytes.fromhex(setup.at[implementation_of(key)][2:])
    return (
        setup.at[key],
        encode_call("upgradeToAndCall(address,bytes)", implementation, call),
        10**6,
    )


def _game(setup: Setup) -> list[Step]:
    """The factory makes games of one type, and gets its owner."""
    factory, game = setup.at["disputeGameFactory"], setup.at["faultDisputeGame"]
    calls = [
        encode_call("setImplementation(uint32,address)", GAME_TYPE, bytes.fromhex(game[2:])),
        encode_call("setInitBond(uint32,uint256)", GAME_TYPE, BOND),
        encode_call("transferOwnership(address)", bytes.fromhex(setup.owner[2:])),
    ]
    return [(factory, call, _CALL_GAS) for call in calls]


def _handing_over(setup: Setup) -> list[Step]:
    change = encode_call("changeAdmin(address)", bytes.fromhex(setup.owner[2:]))
    return [(setup.at[key], change, _CALL_GAS) for key in PROXIED]


def _word(address: Hex) -> bytes:
    return bytes.fromhex(address[2:]).rjust(32, b"\0")
