"""A devnet made by hand: real Anvils with the baked genesis and the Metalayer's agents in this
process. Messages are sent as a foreign client would send them, by JSON-RPC and the ABI alone."""

import asyncio
import contextlib
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import orjson
from eth_abi import encode  # type: ignore[attr-defined]

from control_plane.adapters.engine.anvil import AnvilEngine
from control_plane.adapters.engine.genesis import make_alloc
from control_plane.adapters.evm.rpc import WebSocketRpc, connect
from control_plane.adapters.evm.sender import TransactionSender
from control_plane.adapters.persistence.database import SqlDatabase
from control_plane.agents.guardian import Guardian
from control_plane.domain.hashing import keccak256
from control_plane.domain.hub import Hub
from control_plane.domain.ids import ChainId, Domain, Hex, Name
from control_plane.domain.network import Chain, GuardianKeys, Keys, Network
from control_plane.domain.plan import AccountsPlan, ChainPlan, GuardianPlan, MetalayerPlan, Plan
from control_plane.domain.ports.node import Account, NodeSpec
from control_plane.domain.records import EventRecord, MessageRecord
from control_plane.domain.settlement import settles
from control_plane.domain.states import MessageState
from control_plane.services.supervisor import AgentView, Supervisor
from tests.nodes import anvil_command, free_port

DEVNET = "lab"
STAKE = 100_000 * 10**18
_ROOT = Path(__file__).parents[3]


def selector(signature: str) -> str:
    return "0x" + keccak256(signature.encode())[:4].hex()


def account(number: int) -> Account:
    """A key of nobody; its address as the chain sees it."""
    from coincurve import PrivateKey

    key = keccak256(f"lab account {number}".encode())
    public = PrivateKey(key).public_key.format(compressed=False)[1:]
    return Account(Hex("0x" + keccak256(public)[12:].hex()), key)


def make_plan(
    rollups: Sequence[str] = ("op", "arb"),
    *,
    guardians: int = 4,
    block_time: float = 0,
    epoch_interval: float = 1.0,
    fees: str = "free",
    finality: str = "instant",
) -> Plan:
    names = ("l1", *rollups)
    chains = tuple(
        ChainPlan(
            name=Name(name),
            chain_id=ChainId(900 + index),
            domain=Domain(900 + index),
            port=free_port(),
            port_named=False,
            engine="anvil",
            block_time=block_time,
            phase=index / len(names),
            framework=None if index == 0 else "op-stack",
            is_l1=index == 0,
        )
        for index, name in enumerate(names)
    )
    return Plan(
        name=Name(DEVNET),
        runtime="process",
        chains=chains,
        metalayer=MetalayerPlan(
            GuardianPlan(guardians, STAKE), epoch_interval, fees, finality=finality
        ),
        accounts=AccountsPlan(
            10, 10**22, "test test test test test test test test test test test junk"
        ),
        save_interval=10.0,
        origins=(),
    )


def make_keys(guardians: int) -> Keys:
    return Keys(
        governor=account(1),
        relayer=account(2),
        faucet=account(3),
        rotation=account(4),
        guardians=tuple(
            GuardianKeys(index, account(10 + index), keccak256(b"seed %d" % index))
            for index in range(guardians)
        ),
    )


@dataclass
class Node:
    """One Anvil."""

    spec: NodeSpec
    program: Path
    process: subprocess.Popen[bytes] | None = None
    rpc: WebSocketRpc | None = None

    @property
    def chain(self) -> Chain:
        port = self.spec.chain.port
        return Chain(self.spec.chain, f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}")

    async def start(self, *, restore: bool = False) -> WebSocketRpc:
        self.spec = replace(self.spec, restore=restore)
        log = (self.spec.directory / "node.log").open("ab")
        with log:
            self.process = subprocess.Popen(  # noqa: ASYNC220 - a millisecond, in a test
                anvil_command(self.program, self.spec),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        deadline = time.monotonic() + 10
        while True:
            with contextlib.suppress(Exception):
                self.rpc = await connect(self.chain.ws_url)
                break
            assert time.monotonic() < deadline, f"no answer; log: {self.spec.directory}/node.log"
            await asyncio.sleep(0.01)
        await AnvilEngine().prepare(self.spec, self.rpc, None)
        return self.rpc

    async def call(self, method: str, *params: Any) -> Any:
        assert self.rpc is not None
        return await self.rpc.call(method, *params)

    async def kill(self) -> None:
        if self.rpc is not None:
            await self.rpc.close()
            self.rpc = None
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def genesis_for(spec: NodeSpec, keys: Keys, manifest: Mapping[str, Any]) -> bytes:
    kind = "l1" if spec.chain.is_l1 else "rollup"
    baked = orjson.loads((_ROOT / f"contracts/genesis/{kind}.json").read_bytes())
    values = {"governor": keys.governor.address, "domain": hex(spec.chain.domain)}
    slots = {
        patch["address"]: {patch["slot"]: values[patch["value"]]}
        for patch in manifest["patch_slots"].values()
    }
    if settles(spec.chain):
        path = _ROOT / "contracts/genesis/op-stack.json"
        baked["accounts"] |= orjson.loads(path.read_bytes())["accounts"]
    rich = [keys.governor, keys.relayer, keys.faucet, keys.rotation]
    rich += [guardian.account for guardian in keys.guardians]
    balances = {str(a.address): 10**24 for a in rich}
    alloc = make_alloc(baked["accounts"], slots, balances)
    return AnvilEngine().genesis(spec, alloc, int(time.time()) - 1)


@dataclass
class Lab:
    """The running devnet."""

    network: Network
    keys: Keys
    nodes: dict[str, Node]
    database: SqlDatabase
    hub: Hub = field(default_factory=Hub)
    supervisor: Supervisor = field(default_factory=Supervisor)
    events: list[EventRecord] = field(default_factory=list)
    sockets: list[WebSocketRpc] = field(default_factory=list)
    senders: list[TransactionSender] = field(default_factory=list)
    guardians: list[Guardian] = field(default_factory=list)
    """Who is asked to sign; more may be added."""

    async def stop_agents(self) -> None:
        """As when their process ends."""
        await self.supervisor.stop()
        for sender in self.senders:
            await sender.close()
        self.senders.clear()

    async def connect(self, url: str, *, deadline: float | None = None) -> WebSocketRpc:
        """What the agents connect with; :meth:`sever` breaks all that it made."""
        rpc = await connect(url, deadline=deadline)
        self.sockets.append(rpc)
        return rpc

    async def sever(self) -> None:
        """Drop every connection of the agents, as a network would: without a word."""
        sockets, self.sockets = self.sockets, []
        for rpc in sockets:
            rpc._socket.transport.abort()

    async def save(self, chain: str) -> None:
        node = self.nodes[chain]
        assert node.rpc is not None
        await AnvilEngine().save(node.spec, node.rpc)

    async def restore(self, chain: str) -> None:
        """Start a killed node from what was saved last."""
        await self.nodes[chain].start(restore=True)

    async def publish(
        self, type: str, data: Mapping[str, Any] | None = None, *, service: str | None = None
    ) -> None:
        async with self.database.begin() as unit:
            self.events.append(
                await unit.events.append(DEVNET, time.time(), type, service, dict(data or {}))
            )

    # ------------------------------------------------------------------ as a user would

    async def send(
        self, origin: str, to: str, data: str, *, value: int = 0, sender: int = 0
    ) -> str:
        """An unlocked account's transaction; its hash."""
        node = self.nodes[origin]
        accounts = await node.call("eth_accounts")
        # The gas is named: what the tree uses depends on who comes first in the block, and
        # clients that estimate without a margin would run out of it now and then.
        request = {"from": accounts[sender], "to": to, "data": data, "value": hex(value)}
        request["gas"] = hex(1_000_000)
        return str(await node.call("eth_sendTransaction", request))

    async def dispatch(
        self,
        origin: str,
        destination: str,
        body: bytes,
        *,
        to: str | None = None,
        sender: int = 0,
        value: int = 0,
    ) -> str:
        """`Mailbox.dispatch`; the transaction's hash."""
        recipient = to or self.network.contracts["testRecipient"]
        data = mailbox_dispatch(self.domain(destination), recipient, body)
        mailbox = self.network.contracts["mailbox"]
        return await self.send(origin, mailbox, data, sender=sender, value=value)

    def domain(self, chain: str) -> int:
        return int(self.network.chain(chain).domain)

    async def message_id(self, origin: str, tx: str) -> str:
        """Of the message dispatched in `tx`, from the receipt's DispatchId."""
        receipt = await self.receipt(origin, tx)
        assert receipt["status"] == "0x1", receipt
        topic = "0x" + keccak256(b"DispatchId(bytes32)").hex()
        (log,) = [log for log in receipt["logs"] if log["topics"][0] == topic]
        return str(log["topics"][1])

    async def receipt(self, chain: str, tx: str) -> dict[str, Any]:
        async def there() -> Any:
            return await self.nodes[chain].call("eth_getTransactionReceipt", tx)

        found: dict[str, Any] = await until(there, f"receipt of {tx} on {chain}")
        return found

    async def view(self, chain: str, contract: str, signature: str, data: bytes = b"") -> str:
        """An eth_call's result."""
        call = {"to": self.network.contracts[contract], "data": selector(signature) + data.hex()}
        return str(await self.nodes[chain].call("eth_call", call, "latest"))

    async def is_delivered(self, chain: str, message: str) -> bool:
        answer = await self.view(chain, "mailbox", "delivered(bytes32)", bytes.fromhex(message[2:]))
        return int(answer, 16) == 1

    # ------------------------------------------------------------------ looking

    async def record(self, message: str) -> MessageRecord | None:
        async with self.database.begin() as unit:
            return await unit.messages.get(DEVNET, message)

    async def wait_state(
        self, message: str, *states: MessageState, timeout: float = 15
    ) -> MessageRecord:
        async def there() -> MessageRecord | None:
            record = await self.record(message)
            return record if record and record.state in states else None

        try:
            return await until(there, f"{message} in {states}", timeout=timeout)
        except AssertionError as error:
            record = await self.record(message)
            views = [v for v in self.supervisor.views() if v.problem]
            raise AssertionError(f"{error}; it is {record}; agents: {views}") from None

    async def wait_for(
        self, message: str, good: Callable[[MessageRecord], bool], timeout: float = 15
    ) -> MessageRecord:
        async def there() -> MessageRecord | None:
            record = await self.record(message)
            return record if record and good(record) else None

        return await until(there, f"{message}; it is {await self.record(message)}", timeout=timeout)

    def agents(self) -> dict[str, AgentView]:
        return {view.name: view for view in self.supervisor.views()}

    async def wait_delivered(self, message: str, timeout: float = 15) -> MessageRecord:
        return await self.wait_state(message, MessageState.DELIVERED, timeout=timeout)

    async def counts(self) -> dict[MessageState, int]:
        async with self.database.begin() as unit:
            return await unit.messages.counts(DEVNET)


T = TypeVar("T")


async def until(look: Callable[[], Awaitable[T | None]], what: str, *, timeout: float = 15) -> T:
    """What `look` gives as soon as it gives something true."""
    deadline = time.monotonic() + timeout
    while True:
        found = await look()
        if found:
            return found
        assert time.monotonic() < deadline, f"after {timeout} s still waiting for {what}"
        await asyncio.sleep(0.01)


def mailbox_dispatch(domain: int, recipient: str, body: bytes) -> str:
    """Calldata of `Mailbox.dispatch(uint32,bytes32,bytes)`."""
    arguments = encode(
        ["uint32", "bytes32", "bytes"],
        [domain, bytes.fromhex(recipient[2:]).rjust(32, b"\0"), body],
    )
    return selector("dispatch(uint32,bytes32,bytes)") + arguments.hex()


def router_dispatch(
    domain: int,
    recipient: str,
    data: bytes,
    gas_limit: int = 0,
    *,
    reads: Sequence[tuple[int, str, bytes]] = (),
    finality: int = 0,
) -> str:
    """Calldata of `MetalayerRouter.dispatch` to an address."""
    types = ["uint32", "address", "(uint32,address,bytes)[]", "bytes", "uint8", "uint256"]
    arguments = encode(types, [domain, recipient, list(reads), data, finality, gas_limit])
    name = "dispatch(uint32,address,(uint32,address,bytes)[],bytes,uint8,uint256)"
    return selector(name) + arguments.hex()
