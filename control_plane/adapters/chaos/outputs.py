"""Outputs that are none, and a challenger who disputes an honest one: with real bonds, both."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

from control_plane.adapters.evm.rpc import connect
from control_plane.adapters.evm.sender import TransactionSender, one_sender
from control_plane.adapters.evm.signer import account
from control_plane.domain import rlp
from control_plane.domain.calls import selector
from control_plane.domain.errors import CalderaError, Conflict, TemporaryFailure
from control_plane.domain.hashing import keccak256
from control_plane.domain.header import encode_header
from control_plane.domain.hub import Head, News
from control_plane.domain.ids import Hex
from control_plane.domain.network import Chain, Network
from control_plane.domain.ports.chaos import Ground
from control_plane.domain.ports.node import Rpc
from control_plane.domain.rlp import Decoded
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement.disputes import (
    Game,
    Phase,
    answer_call,
    bond_call,
    challenge_call,
    decode_game,
    game_address,
    game_call,
    games_call,
)
from control_plane.domain.settlement.outputs import (
    Proposal,
    decode_final,
    decode_output,
    latest_final_call,
    next_index_call,
    oracle_address,
    output_call,
)
from control_plane.domain.settlement.proofs import MESSAGE_PASSER
from control_plane.domain.trie import prove_account

_PARENT, _STATE_ROOT, _NUMBER, _TIMESTAMP = 0, 3, 8, 11
"""Places of fields in a header."""
_AHEAD: Final = 3_600
"""Seconds by which a false timestamp is ahead."""
_LEAF: Final = b"\x20"
"""Hex prefix of a leaf with an even number of nibbles (yellow paper, appendix C)."""
_COINS: Final = 10**22
_PAYMENT_GAS: Final = 21_000
_GAS: Final = 1_000_000
_LONGEST_WAIT: Final = 5.0
"""Seconds without a block of the L1 after which the game is looked at all the same."""


class Forger:
    """Stands in a rollup's proposals: forges the next ones, and is over then."""

    def __init__(self, ground: Ground, chain: Chain, lie: str, times: int) -> None:
        self._ground = ground
        self._chain = chain
        self._lie = lie
        self._times = times
        self._made: list[bytes] = []
        """Hashes of the honest blocks instead of which something was proposed."""

    async def __call__(self, honest: Proposal) -> Proposal:
        """What is proposed instead; the same lie where an earlier try of it failed."""
        known = honest.block_hash in self._made
        if not known and len(self._made) >= self._times:
            return honest
        made = await forged(self._chain, honest, self._lie)
        if not known:
            self._made.append(honest.block_hash)
            told = (
                f"block {honest.number} is proposed as 0x{made.block_hash.hex()}, with a false"
                f" {self._lie.replace('-', ' ')}; it is 0x{honest.block_hash.hex()}"
            )
            await self._ground.tell(told, last=len(self._made) == self._times)
        return made


async def forged(chain: Chain, honest: Proposal, lie: str) -> Proposal:
    """`honest` with one lie in it, and all that has to fit for the oracle to take it."""
    if lie == "block-number":
        return await _renumbered(chain, honest)
    fields = rlp.decode_list(honest.header)
    if lie == "timestamp":
        later = int.from_bytes(_flat(fields[_TIMESTAMP])) + _AHEAD
        fields[_TIMESTAMP] = rlp.encode_int(later)
        return Proposal(honest.number, rlp.encode(fields), honest.account_proof)
    node = _passer(honest, lie)
    fields[_STATE_ROOT] = keccak256(node)
    return Proposal(honest.number, rlp.encode(fields), (node,))


def _passer(honest: Proposal, lie: str) -> bytes:
    """The only node of a trie that has nothing but the message passer: its hash is a state root,
    made up, against which the passer can be proven."""
    state_root = _flat(rlp.decode_list(honest.header)[_STATE_ROOT])
    found = prove_account(state_root, MESSAGE_PASSER, honest.account_proof)
    if found is None:
        raise Conflict("The rollup has no message passer", "it shows no OP Stack's predeploys")
    root, balance = found.storage_root, found.balance + 1
    if lie == "message-root":
        root, balance = _one_message(), found.balance
    fields = [rlp.encode_int(found.nonce), rlp.encode_int(balance), root, found.code_hash]
    return _leaf(MESSAGE_PASSER, rlp.encode(fields))


def _one_message() -> bytes:
    """Root of a passer's storage in which a withdrawal stands that nobody made."""
    withdrawal = keccak256(b"a withdrawal that nobody made")
    slot = keccak256(withdrawal + bytes(32))
    return keccak256(_leaf(slot, b"\x01"))


def _leaf(key: bytes, value: bytes) -> bytes:
    return rlp.encode([_LEAF + keccak256(key), value])


async def _renumbered(chain: Chain, honest: Proposal) -> Proposal:
    """The block before, once more, as though it was this one."""
    before = honest.number - 1
    rpc = await connect(chain.ws_url)
    try:
        block = await rpc.call("eth_getBlockByNumber", hex(before), False)
        passer = "0x" + MESSAGE_PASSER.hex()
        proof = await rpc.call("eth_getProof", passer, [], hex(before))
    finally:
        await rpc.close()
    fields = rlp.decode_list(encode_header(block))
    fields[_NUMBER] = rlp.encode_int(honest.number)
    fields[_PARENT] = bytes.fromhex(block["hash"][2:])
    nodes = tuple(bytes.fromhex(node[2:]) for node in proof["accountProof"])
    return Proposal(honest.number, rlp.encode(fields), nodes)


def _flat(item: Decoded) -> bytes:
    if not isinstance(item, bytes):
        raise TypeError("a header's fields are byte strings")
    return item


async def last_output(network: Network, chain: Chain) -> int:
    """Block of the rollup's newest output; 0 where there is none."""
    oracle = "0x" + oracle_address(network.contracts, int(chain.plan.chain_id)).hex()
    data = "0x" + selector("latestBlockNumber()").hex()
    rpc = await connect(network.chain(network.plan.l1.name).ws_url)
    try:
        return int(await rpc.call("eth_call", {"to": oracle, "data": data}, "latest"), 16)
    finally:
        await rpc.close()


class BadFaith:
    """A challenger who says of everything that it is wrong, once, about the newest output."""

    def __init__(self, ground: Ground, chain: Chain) -> None:
        self._ground = ground
        network = ground.network
        self._l1 = network.chain(network.plan.l1.name)
        self._game = game_address(network.contracts)
        self._oracle = oracle_address(network.contracts, int(chain.plan.chain_id))
        key = keccak256(b"bad faith" + ground.id.encode() + ground.keys.relayer.key)
        self._sender = TransactionSender(
            connect, self._l1.ws_url, account(key), self._l1.plan.chain_id,
            block_time=self._l1.plan.block_time,
        )  # fmt: skip
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Give it coins, and let it begin; Conflict when there is nothing to dispute."""
        faucet, l1 = self._ground.keys.faucet, self._l1
        rpc = await connect(l1.ws_url)
        try:
            game_id = await self._known(rpc)
            if game_id is None:
                to = self._sender.account.address
                async with one_sender(connect, l1.ws_url, faucet, l1.plan.chain_id) as purse:
                    await (await purse.send(to, b"", gas=_PAYMENT_GAS, value=_COINS)).receipt()
                game_id = await self._challenge(rpc)
        finally:
            await rpc.close()
        self._task = asyncio.create_task(self._play(game_id), name="a challenger in bad faith")

    async def close(self) -> None:
        """Do nothing more: what is begun is lost by its clock."""
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._sender.close()

    async def _known(self, rpc: Rpc) -> int | None:
        """Its game, where an earlier daemon began it."""
        (count,) = await self._ask(rpc, self._game, [games_call()])
        mine = bytes.fromhex(self._sender.account.address[2:])
        for game_id in range(int.from_bytes(count), 0, -1):
            game = await self._look(rpc, game_id)
            if game.challenger == mine and game.phase.is_open:
                return game_id
        return None

    async def _challenge(self, rpc: Rpc) -> int:
        count, final, bond = await self._ask(
            rpc, self._oracle, [next_index_call(), latest_final_call()]
        ) + await self._ask(rpc, self._game, [bond_call()])
        last = int.from_bytes(count) - 1
        if last < 0 or decode_final(final) == last:
            raise Conflict(
                "There is no output to dispute",
                "all that were proposed are final",
                "Send the rollup a transaction; an output follows when it is posted.",
            )
        (output,) = await self._ask(rpc, self._oracle, [output_call(last)])
        call = challenge_call(self._oracle, last, decode_output(output).block_hash)
        await self._send(call, int.from_bytes(bond))
        found = await self._known(rpc)
        if found is None:
            raise TemporaryFailure("The game that was opened is not there")
        return found

    async def _play(self, game_id: int) -> None:
        """Answer every claim with no, until the game is over."""
        async with self._ground.hub.listen() as news:
            while True:
                with contextlib.suppress(CalderaError, OSError):
                    if await self._move(game_id):
                        return
                await self._next(news)

    async def _next(self, news: "asyncio.Queue[News]") -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_WAIT):
                while True:
                    item = await news.get()
                    if isinstance(item, Head) and item.chain == self._l1.name:
                        return

    async def _move(self, game_id: int) -> bool:
        rpc = await connect(self._l1.ws_url)
        try:
            game = await self._look(rpc, game_id)
        finally:
            await rpc.close()
        if game.phase.is_challengers:
            await self._send(answer_call(game_id, game.claimed, False), 0)
        if game.phase.is_open:
            return False
        if game.phase is Phase.PROPOSER_WON:
            told = f"game {game_id} is lost, and the bond of {game.bond} wei with it"
        else:
            told = f"game {game_id} ended otherwise: {game.phase.name.lower()}"
        await self._ground.tell(f"output {game.index} was disputed: {told}", last=True)
        return True

    async def _look(self, rpc: Rpc, game_id: int) -> Game:
        (found,) = await self._ask(rpc, self._game, [game_call(game_id)])
        return decode_game(found)

    async def _send(self, data: bytes, value: int) -> None:
        to = Hex("0x" + self._game.hex())
        pending = await self._sender.send(to, data, gas=_GAS, value=value)
        receipt = await pending.receipt()
        if int(receipt["status"], 16) != 1:
            raise TemporaryFailure("A move in bad faith was refused", f"transaction {pending.hash}")

    @staticmethod
    async def _ask(rpc: Rpc, to: bytes, calls: Sequence[bytes]) -> list[bytes]:
        target = "0x" + to.hex()
        asked = [
            ("eth_call", ({"to": target, "data": "0x" + data.hex()}, "latest")) for data in calls
        ]
        answers = await rpc.batch(asked)
        for answer in answers:
            if isinstance(answer, RpcError):
                raise answer
        return [bytes.fromhex(answer[2:]) for answer in answers]
