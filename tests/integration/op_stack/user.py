"""What users do with the OP Stack's contracts: by JSON-RPC and the ABI alone."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

from eth_abi.abi import decode, encode

from control_plane.adapters.evm.signer import Transaction, sign
from control_plane.domain.errors import CalderaError
from control_plane.domain.hashing import keccak256
from control_plane.domain.ports.node import Account

T = TypeVar("T")
BRIDGE = "0x4200000000000000000000000000000000000010"
PASSER = "0x4200000000000000000000000000000000000016"
GAME_TYPE, BOND = 255, 10**15
CHALLENGER_WINS, DEFENDER_WINS = 1, 2
_WITHDRAWAL = "(uint256,address,address,uint256,uint256,bytes)"
_ROOT_PROOF = "(bytes32,bytes32,bytes32,bytes32)"


class Caller(Protocol):
    """A connection to a node."""

    async def call(self, method: str, *params: Any) -> Any: ...


async def until(what: str, look: Callable[[], Awaitable[T | None]], seconds: float = 60.0) -> T:
    """What `look` gives, as soon as it gives something."""
    deadline = time.monotonic() + seconds
    while True:
        if found := await look():
            return found
        assert time.monotonic() < deadline, f"{what} did not come in {seconds:g} s"
        await asyncio.sleep(0.1)


class Chain:
    """One chain with one account."""

    def __init__(self, rpc: Caller, chain_id: int, account: Account) -> None:
        self.rpc = rpc
        self.chain_id = chain_id
        self.account = account

    async def send(
        self, to: str, data: bytes = b"", *, value: int = 0, gas: int = 2_000_000
    ) -> Mapping[str, Any]:
        """A transaction that succeeds; its receipt."""
        receipt = await self.try_to_send(to, data, value=value, gas=gas)
        assert receipt["status"] == "0x1", receipt
        return receipt

    async def try_to_send(
        self, to: str, data: bytes = b"", *, value: int = 0, gas: int = 2_000_000
    ) -> Mapping[str, Any]:
        nonce = int(
            await self.rpc.call("eth_getTransactionCount", self.account.address, "latest"), 16
        )
        target = bytes.fromhex(to[2:])
        fields = (self.chain_id, nonce, target, value, data, gas, 100 * 10**9, 10**9)
        raw, hash_ = sign(Transaction(*fields), self.account.key)
        await self.rpc.call("eth_sendRawTransaction", "0x" + raw.hex())

        async def receipt() -> Any:
            return await self.rpc.call("eth_getTransactionReceipt", hash_)

        return await until(f"the receipt of {hash_}", receipt, 30)

    async def read(self, to: str, function: str, *values: Any) -> bytes:
        request = {"to": to, "data": "0x" + call(function, *values).hex()}
        return bytes.fromhex((await self.rpc.call("eth_call", request, "latest"))[2:])

    async def number(self, to: str, function: str, *values: Any) -> int:
        return int.from_bytes((await self.read(to, function, *values))[:32])

    async def balance(self, address: str) -> int:
        return int(await self.rpc.call("eth_getBalance", address, "latest"), 16)


def call(function: str, *values: Any) -> bytes:
    """Calldata of ``name(types)``."""
    types = _split(function[function.index("(") + 1 : -1])
    return keccak256(function.encode())[:4] + encode(types, values)


def _split(text: str) -> list[str]:
    parts, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part for part in parts if part]


class Withdrawal:
    """A withdrawal of coins from a rollup, step by step."""

    def __init__(self, rollup: Chain, l1: Chain, at: Mapping[str, str], to: str) -> None:
        self.rollup, self.l1, self.at, self.to = rollup, l1, at, to
        self.fields: tuple[Any, ...] = ()
        self.hash = b""
        self.block = 0
        self.game = ""

    async def initiate(self, value: int) -> None:
        start = call("initiateWithdrawal(address,uint256,bytes)", self.to, 100_000, b"")
        await self._begin(PASSER, start, value)

    async def initiate_by_bridge(self, value: int) -> None:
        """Through the standard bridge and the messengers of both sides."""
        start = call("bridgeETHTo(address,uint32,bytes)", self.to, 200_000, b"")
        await self._begin(BRIDGE, start, value)

    async def _begin(self, contract: str, data: bytes, value: int) -> None:
        receipt = await self.rollup.send(contract, data, value=value, gas=1_000_000)
        (log,) = [entry for entry in receipt["logs"] if entry["address"].lower() == PASSER]
        types = ["uint256", "uint256", "bytes", "bytes32"]
        amount, gas, message, self.hash = decode(types, bytes.fromhex(log["data"][2:]))
        nonce, sender, target = (topic[2:] for topic in log["topics"][1:])
        addresses = ("0x" + sender[-40:], "0x" + target[-40:])
        self.fields = (int(nonce, 16), *addresses, amount, gas, message)
        self.block = int(receipt["blockNumber"], 16)

    async def prove(self) -> None:
        """Against the first game that covers it."""
        index, self.game, number = await until("a game", self._covering, 60)
        rpc = self.rollup.rpc
        block = await rpc.call("eth_getBlockByNumber", hex(number), False)
        slot = "0x" + keccak256(self.hash + bytes(32)).hex()
        proof = await rpc.call("eth_getProof", PASSER, [slot], hex(number))
        parts = (block["stateRoot"], proof["storageHash"], block["hash"])
        root = (bytes(32), *(bytes.fromhex(part[2:]) for part in parts))
        nodes = [bytes.fromhex(node[2:]) for node in proof["storageProof"][0]["proof"]]
        function = f"proveWithdrawalTransaction({_WITHDRAWAL},uint256,{_ROOT_PROOF},bytes[])"
        data = call(function, self.fields, index, root, nodes)
        await self.l1.send(self.at["optimismPortal"], data)

    async def _covering(self) -> tuple[int, str, int] | None:
        async for index, game in games(self.l1, self.at):
            number = await self.l1.number(game, "l2BlockNumber()")
            if number >= self.block:
                return index, game, number
        return None

    async def finalize(self) -> None:
        """As soon as the portal lets it."""
        data = call(f"finalizeWithdrawalTransaction({_WITHDRAWAL})", self.fields)

        async def allowed() -> bool:
            request = {
                "from": self.l1.account.address,
                "to": self.at["optimismPortal"],
                "data": "0x" + data.hex(),
            }
            try:
                await self.l1.rpc.call("eth_call", request, "latest")
            except CalderaError:  # not yet
                return False
            return True

        await until("the withdrawal's finalization", allowed, 90)
        await self.l1.send(self.at["optimismPortal"], data)


async def games(l1: Chain, at: Mapping[str, str]) -> Any:
    """Index and address of every dispute game."""
    factory = at["disputeGameFactory"]
    for index in range(await l1.number(factory, "gameCount()")):
        found = await l1.read(factory, "gameAtIndex(uint256)", index)
        yield index, decode(["uint32", "uint64", "address"], found)[2]


async def resolved(l1: Chain, game: str, seconds: float = 90) -> int:
    """How the game ended."""

    async def status() -> int:
        return await l1.number(game, "status()")

    return await until("the game's end", status, seconds)


async def claim_falsely(l1: Chain, at: Mapping[str, str], block: int) -> str:
    """A game that claims nonsense of the rollup's `block`; its address."""
    root = b"\x77" * 32
    create = "create(uint32,bytes32,bytes)"
    extra = encode(["uint256"], [block])
    await l1.send(
        at["disputeGameFactory"], call(create, GAME_TYPE, root, extra), value=BOND, gas=3_000_000
    )
    found = [game async for _, game in games(l1, at)]
    (mine,) = [game for game in found if await l1.read(game, "rootClaim()") == root]
    return str(mine)
