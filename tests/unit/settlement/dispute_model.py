"""``DisputeGame`` and ``L2OutputOracle`` in Python, as far as agents see them, and a made-up rollup
that can be derived at once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

from control_plane.domain.calls import selector, word
from control_plane.domain.formats import QuorumProof
from control_plane.domain.hashing import keccak256
from control_plane.domain.hub import Head, Hub
from control_plane.domain.ids import Hex
from control_plane.domain.network import Network
from control_plane.domain.rpc import RpcError
from control_plane.domain.settlement.disputes import Game, Phase, game_address
from control_plane.domain.settlement.outputs import PROPOSED, Output, Proposal
from control_plane.domain.settlement.tracing import DerivedBlock, Reach, Step, Trace
from control_plane.domain.settlement.verdicts import StepQuestion

FACTORY = Hex("0x" + "fa" * 20)
ORACLE = b"\x0a" * 20
PROPOSER, CHALLENGER = b"\x01" * 20, b"\x02" * 20
COMMITMENT = keccak256(b"all batches")
BOND = 10**18
CONTRACTS = {"create3Factory": FACTORY}
GAME = game_address(CONTRACTS)
TRANSACTIONS = 5
WINDOW = 60


def header(number: int) -> bytes:
    return b"header %d" % number


class Derived:
    """Implements ``ports.derivation.Derivation``: the truth, from a block's number alone."""

    def __init__(self, last: int) -> None:
        self.last = last

    async def follow(self) -> Reach:
        return Reach(self.last)

    async def block(self, number: int) -> DerivedBlock | None:
        if number > self.last:
            return None
        return DerivedBlock(number, keccak256(header(number)), header(number), TRANSACTIONS)

    async def trace(self, number: int) -> Trace | None:
        if number > self.last:
            return None
        steps = [
            Step(keccak256(b"state %d %d" % (number, at)), 21_000 * at, keccak256(b"%d" % at))
            for at in range(TRANSACTIONS + 1)
        ]
        hashes = keccak256(header(number - 1)), keccak256(header(number))
        return Trace(number, *hashes, tuple(steps))

    async def last_of(self, commitment: bytes) -> int | None:
        return self.last if commitment == COMMITMENT else None

    async def close(self) -> None:
        pass


@dataclass
class Model:
    """The L1. Time stands still unless a test moves it."""

    hub: Hub
    blocks: int
    outputs: list[Output] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)
    games: dict[int, Game] = field(default_factory=dict)
    credits: dict[bytes, int] = field(default_factory=dict)
    balances: dict[bytes, int] = field(default_factory=dict)
    moves: list[str] = field(default_factory=list)
    time: int = 1_000_000
    number: int = 0

    def propose(self, number: int, made: bytes, bond: int = BOND) -> None:
        """An output whose header is `made`."""
        self.proposals.append(Proposal(number, made, ()))
        roots = (bytes(32), keccak256(made), bytes(32), bytes(32), COMMITMENT)
        serial = len(self.proposals) - 1
        self.outputs.append(
            Output(*roots, number, 0, self.time, self.time + 10, serial, PROPOSER, bond)
        )

    # ------------------------------------------------------------------ transactions

    def send(self, sender: bytes, data: bytes, value: int) -> bool:
        """Whether it was taken."""
        name = {selector(each): each.partition("(")[0] for each in _MOVES}[data[:4]]
        words = [data[at : at + 32] for at in range(4, len(data), 32)]
        done = bool(getattr(self, f"_{name}")(sender, words, value, data))
        self.moves.append(name if done else f"{name} refused")
        self.number += 1
        self.hub.tell(Head("l1", self.number, "0x", self.time))
        return done

    def _challenge(self, sender: bytes, words: Sequence[bytes], value: int, _: bytes) -> bool:
        index = int.from_bytes(words[1])
        output = self.outputs[index]
        if words[2] != output.block_hash:
            return False
        low = self.outputs[index - 1].block_number if index else 0
        agreed = self.outputs[index - 1].block_hash if index else keccak256(header(0))
        game = Game(
            Phase.BLOCK_CLAIM, 0, WINDOW, low, output.block_number, ORACLE, output.serial, index,
            901, PROPOSER, 0, 0, sender, value, bytes(20), agreed, output.block_hash, bytes(32),
            COMMITMENT, bytes(32), bytes(32),
        )  # fmt: skip
        self.balances[sender] = self.balances.get(sender, 0) - value
        self.games[len(self.games) + 1] = self._next(game, Phase.BLOCK_CLAIM, Phase.REVEAL)
        return value == BOND

    def _claim(self, sender: bytes, words: Sequence[bytes], _: int, __: bytes) -> bool:
        id_, game = self._of(words)
        block, in_block = game.phase is Phase.BLOCK_CLAIM, game.phase is Phase.STEP_CLAIM
        if not (block or in_block) or sender != game.proposer:
            return False
        if int.from_bytes(words[1]) != game.middle or not any(words[2]):
            return False
        phase = Phase.BLOCK_ANSWER if block else Phase.STEP_ANSWER
        self.games[id_] = self._clock(replace(game, phase=phase, claimed=words[2]))
        return True

    def _answer(self, sender: bytes, words: Sequence[bytes], _: int, __: bytes) -> bool:
        id_, game = self._of(words)
        if not game.phase.is_challengers or sender != game.challenger or words[1] != game.claimed:
            return False
        if int.from_bytes(words[2]):
            moved = replace(game, low=game.middle, agreed=game.claimed)
        else:
            moved = replace(game, high=game.middle, disputed=game.claimed)
        block = game.phase is Phase.BLOCK_ANSWER
        ends = (
            (Phase.BLOCK_CLAIM, Phase.REVEAL) if block else (Phase.STEP_CLAIM, Phase.STEP_VERDICT)
        )
        self.games[id_] = self._next(moved, *ends)
        return True

    def _reveal(self, sender: bytes, words: Sequence[bytes], _: int, data: bytes) -> bool:
        id_, game = self._of(words)
        start = 4 + int.from_bytes(words[1])
        size = int.from_bytes(data[start : start + 32])
        shown = data[start + 32 : start + 32 + size]
        if game.phase is not Phase.REVEAL or keccak256(shown) != game.disputed:
            return False
        count = int.from_bytes(words[2])
        self.games[id_] = self._clock(
            replace(
                game, phase=Phase.STEP_CLAIM, block_number=game.high, transactions=count,
                parent_hash=game.agreed, block_hash=game.disputed, low=0, high=count + 2,
            )
        )  # fmt: skip
        return sender == game.proposer

    def _decide(self, _: bytes, words: Sequence[bytes], __: int, ___: bytes) -> bool:
        id_, game = self._of(words)
        if game.phase is not Phase.STEP_VERDICT:
            return False
        self._finish(id_, game, bool(int.from_bytes(words[1])))
        return True

    def _timeout(self, _: bytes, words: Sequence[bytes], __: int, ___: bytes) -> bool:
        id_, game = self._of(words)
        if self.time <= game.deadline:
            return False
        self._finish(id_, game, game.phase.is_challengers)
        return True

    def _close(self, _: bytes, words: Sequence[bytes], __: int, ___: bytes) -> bool:
        id_, game = self._of(words)
        self._credit(id_, game, Phase.VOIDED, game.challenger)
        return True

    def _withdraw(self, _: bytes, words: Sequence[bytes], __: int, ___: bytes) -> bool:
        account = words[0][12:]
        amount = self.credits.pop(account, 0)
        self.balances[account] = self.balances.get(account, 0) + amount
        return amount > 0

    # ------------------------------------------------------------------ parts

    def _of(self, words: Sequence[bytes]) -> tuple[int, Game]:
        id_ = int.from_bytes(words[0])
        return id_, self.games[id_]

    def _clock(self, game: Game) -> Game:
        return replace(game, deadline=self.time + WINDOW)

    def _next(self, game: Game, more: Phase, last: Phase) -> Game:
        return self._clock(replace(game, phase=more if game.high - game.low > 1 else last))

    def _credit(self, id_: int, game: Game, phase: Phase, winner: bytes) -> None:
        self.credits[winner] = self.credits.get(winner, 0) + game.bond
        self.games[id_] = replace(game, phase=phase)

    def _finish(self, id_: int, game: Game, proposer_won: bool) -> None:
        if proposer_won:
            self._credit(id_, game, Phase.PROPOSER_WON, game.proposer)
            return
        self._credit(id_, game, Phase.CHALLENGER_WON, game.challenger)
        gone = sum(output.bond for output in self.outputs[game.index :])
        self.balances[game.challenger] = self.balances.get(game.challenger, 0) + gone
        del self.outputs[game.index :]

    # ------------------------------------------------------------------ questions

    async def connect(self, url: str, *, deadline: float | None = None) -> Any:
        del deadline
        return Rpc(self, url)

    def ask(self, method: str, params: Sequence[Any]) -> Any:
        """What the L1 answers."""
        if method == "eth_call":
            return "0x" + self._call(bytes.fromhex(params[0]["data"][2:])).hex()
        if method == "eth_getBlockByNumber":
            return {"timestamp": hex(self.time)}
        if method == "eth_getLogs":
            assert params[0]["topics"][0] == "0x" + PROPOSED.hex()
            index = int(params[0]["topics"][2], 16)
            found = [n for n in range(len(self.outputs)) if n == index]
            return [{"transactionHash": hex(self.outputs[n].serial)} for n in found]
        if method == "eth_getTransactionByHash":
            return {"input": "0x" + self.proposals[int(params[0], 16)].encode().hex()}
        return "0x384"

    def _call(self, data: bytes) -> bytes:
        name = {selector(each): each.partition("(")[0] for each in _GETTERS}[data[:4]]
        number = int.from_bytes(data[4:36])
        answers: Mapping[str, Any] = {
            "games": lambda: [len(self.games)],
            "game": lambda: _words_of(self.games[number]),
            "stepOf": lambda: [self.step(number)],
            "nextOutputIndex": lambda: [len(self.outputs)],
            "latestFinalIndex": lambda: [0, 0],
            "output": lambda: _words_of(self.outputs[number]),
            "bond": lambda: [BOND],
            "credits": lambda: [self.credits.get(data[16:36], 0)],
        }
        found = answers[name]()
        return b"".join(each.encode() if isinstance(each, StepQuestion) else word(each)
                        for each in found)  # fmt: skip

    def step(self, id_: int) -> StepQuestion:
        """As ``stepOf``."""
        game = self.games[id_]
        return StepQuestion(
            GAME, id_, ORACLE, 901, COMMITMENT, game.block_number, game.parent_hash,
            game.block_hash, game.transactions, game.high, game.agreed, game.disputed,
        )  # fmt: skip


_MOVES = (
    "challenge(address,uint256,bytes32)",
    "claim(uint256,uint64,bytes32)",
    "answer(uint256,bytes32,bool)",
    "reveal(uint256,bytes,uint32)",
    "decide(uint256,bool,bytes)",
    "timeout(uint256)",
    "close(uint256)",
    "withdraw(address)",
)
_GETTERS = (
    "games()", "game(uint256)", "stepOf(uint256)", "nextOutputIndex()", "latestFinalIndex()",
    "output(uint256)", "bond()", "credits(address)",
)  # fmt: skip


def _words_of(record: Game | Output) -> list[int | bytes]:
    return [getattr(record, name) for name in record.__dataclass_fields__]


@dataclass
class Rpc:
    """Of the L1, or of the rollup's node, which has every block up to the last."""

    model: Model
    url: str

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        del timeout
        await asyncio.sleep(0)
        if self.url == "l1" or method == "eth_chainId":
            return self.model.ask(method, params)
        if method == "eth_getBlockByHash":
            return None
        number = int(params[0], 16)
        return {"hash": "0x" + keccak256(header(number)).hex()}

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], timeout: float | None = None
    ) -> list[Any]:
        found: list[Any] = []
        for method, params in calls:
            try:
                found.append(await self.call(method, *params, timeout=timeout))
            except LookupError as error:
                found.append(RpcError("reverted", repr(error)))
        return found

    async def close(self) -> None:
        pass


@dataclass
class Wallet:
    """Implements ``agents.disputing.Payer``."""

    model: Model
    account: bytes

    async def send(self, to: Hex, data: bytes, *, gas: int, value: int = 0) -> Any:
        del gas
        await asyncio.sleep(0)
        assert bytes.fromhex(to[2:]) == GAME
        taken = self.model.send(self.account, data, value)

        async def receipt() -> Mapping[str, Any]:
            return {"status": hex(int(taken))}

        return SimpleNamespace(hash="0x", receipt=receipt)


def network() -> Network:
    """As much of one as parties look at."""
    l1 = SimpleNamespace(name="l1", ws_url="l1", http_url="l1", plan=SimpleNamespace(name="l1"))
    op = SimpleNamespace(name="op", ws_url="op", http_url="op", plan=SimpleNamespace(name="op"))
    return cast(
        Network,
        SimpleNamespace(
            devnet="net",
            network_id=bytes(32),
            contracts=CONTRACTS,
            plan=SimpleNamespace(l1=l1.plan),
            chain=lambda name: {"l1": l1, "op": op}[name],
        ),
    )


SIGNED = QuorumProof((), (), (), bytes(256))
