"""Programs and deposits at random, run by a real op-geth and executed again: every hash."""

import contextlib
import os
import random
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from control_plane.adapters.derivation.replay import Differs, Replay
from control_plane.domain.channels import ChannelBlock
from control_plane.domain.rpc import RpcError
from tests.integration.derivation.geth_site import CHAIN_ID, GethSite, geth_site

pytestmark = pytest.mark.integration

RUNS = int(os.environ.get("CALDERA_RANDOM_PROGRAMS", "60"))
SEED = int(os.environ.get("CALDERA_RANDOM_SEED", "1"))
_AT_ONCE = 6
"""Programs in a block."""
_PLAIN = [*range(0x01, 0x0C), *range(0x10, 0x1E), *range(0x30, 0x3B), *range(0x3D, 0x4B)]
_PLAIN += [0x20, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x58, 0x59, 0x5A, 0x5B, 0x5C, 0x5D, 0x5E]
_PLAIN += [*range(0x80, 0xA0)]
_CALLS = ("f1", "f2", "f4", "fa")
_ENDS = ("00", "f3", "fd", "fe", "ff", "")


class Programs:
    """Made by chance, the same for the same seed."""

    def __init__(self, seed: int, accounts: list[str]) -> None:
        self._chance = random.Random(seed)
        self.known = [account[2:].lower() for account in accounts]
        self.known += [f"{number:040x}" for number in (1, 2, 3, 4, 5, 6, 9, 0x0B, 0x100)]
        self.known += ["42" + "0" * 36 + end for end in ("11", "15", "16", "19")]
        self.known += ["000f3df6d732807ef1319fb7b8bb8522d0beac02", "ee" * 20]

    def runtime(self) -> str:
        """Code that does this and that; most of it does not fail at once."""
        parts = []
        for _ in range(self._chance.randrange(3, 40)):
            kind = self._chance.random()
            if kind < 0.35:
                parts.append(self._operation())
            elif kind < 0.5:
                parts.append(self._storage())
            elif kind < 0.7:
                parts.append(self._call())
            elif kind < 0.8:
                parts.append(self._log())
            elif kind < 0.9:
                parts.append(self._creation())
            else:
                parts.append(self._word() + self._word() + "20" + "5f52")
        if self._chance.random() < 0.4:
            parts.append("5f" * 2 + self._chance.choice(_ENDS))
        return "".join(parts)

    def address(self) -> str:
        return self._chance.choice(self.known)

    def number(self, most: int) -> int:
        return self._chance.randrange(most)

    def bytes(self, most: int) -> bytes:
        return self._chance.randbytes(self._chance.randrange(most))

    def _word(self) -> str:
        size = self._chance.choice((1, 1, 1, 2, 4, 20, 32))
        if size == 20:
            return "73" + self.address()
        return f"{0x5F + size:02x}" + self._chance.randbytes(size).hex()

    def _small(self) -> str:
        return f"60{self._chance.randrange(4) * 8:02x}"

    def _operation(self) -> str:
        """One operation, with enough on the stack for any of them."""
        operands = "".join(self._small() for _ in range(17))
        return operands + f"{self._chance.choice(_PLAIN):02x}"

    def _storage(self) -> str:
        slot, value = self._small(), self._chance.choice((self._small(), self._word()))
        return value + slot + self._chance.choice(("55", "55", "5d")) + slot + "54" + "5f52"

    def _call(self) -> str:
        code = self._chance.choice(_CALLS)
        value = self._small() if code in {"f1", "f2"} else ""
        gas = self._chance.choice(("5a", "5a", "612710", "61ffff"))
        return f"60205f{self._small()}5f{value}73{self.address()}{gas}{code}5f523d602052"

    def _log(self) -> str:
        topics = self._chance.randrange(5)
        return self._small() * topics + f"{self._small()}5f{0xA0 + topics:02x}"

    def _creation(self) -> str:
        """Of a contract that destroys itself at once, reverts, or stays, by CREATE or CREATE2."""
        init = self._chance.choice(
            (
                "600160015530ff",
                "600160015560fe5f5360015ff3",
                "5f5ffd",
                f"73{self.address()}ff",
                "fe",
            )
        )
        size = len(init) // 2
        put = f"{0x5F + size:02x}{init}5f52"
        value = self._small()
        if self._chance.random() < 0.5:
            return put + f"60{size:02x}60{32 - size:02x}{value}f05f52"
        return put + f"{self._small()}60{size:02x}60{32 - size:02x}{value}f55f52"


async def scatter(site: GethSite, programs: Programs, codes: list[str]) -> None:
    """Calls, creations, authorizations and deposits in one block."""
    accounts = site.accounts
    for at, code in enumerate(codes):
        sender = accounts[at % len(accounts)]
        gas = programs.number(600_000) + 60_000
        kind = programs.number(6)
        if kind == 0:
            data = "0x" + programs.runtime()
            await offer(site, {"from": sender, "data": data, "gas": gas, "value": 3})
        elif kind == 1:
            await site.deposit(
                sender=bytes.fromhex(programs.address()),
                to=None if programs.number(3) == 0 else bytes.fromhex(code),
                mint=programs.number(10**6),
                value=programs.number(10**6),
                gas=programs.number(400_000),
                data=bytes.fromhex(programs.runtime()),
            )
        elif kind == 2:
            await authorize(site, programs, sender, code, gas)
        else:
            data = "0x" + programs.bytes(200).hex()
            fields = {"from": sender, "to": "0x" + code, "gas": gas, "data": data}
            await offer(site, {**fields, "value": programs.number(9)})
    await site.mine()


async def offer(site: GethSite, fields: dict[str, Any]) -> None:
    """To the pool, which may not want it: too little gas for its data, a sender with code."""
    with contextlib.suppress(RpcError):
        await site.send(**fields)


async def authorize(site: GethSite, programs: Programs, sender: str, code: str, gas: int) -> None:
    """Some account, the sender itself too, takes the code; the nonce is not always right."""
    authority = Account.from_key(site.keys[site.accounts[1 + programs.number(9)]])
    counts = await site.rpc.batch(
        [("eth_getTransactionCount", (each, "latest")) for each in (authority.address, sender)]
    )
    nonce = int(counts[0], 16) + (authority.address == sender) + (programs.number(5) == 0)
    target = code if programs.number(4) else "00" * 20
    fields = {"chainId": CHAIN_ID, "address": "0x" + target, "nonce": nonce}
    call = {
        "type": 4,
        "chainId": CHAIN_ID,
        "nonce": int(counts[1], 16),
        "to": bytes.fromhex(programs.address()),
        "value": programs.number(4),
        "data": "0x",
        "gas": gas,
        "maxFeePerGas": 10**11,
        "maxPriorityFeePerGas": 10**9,
        "authorizationList": [authority.sign_authorization(fields)],
    }
    made = Account.from_key(site.keys[sender]).sign_transaction(call)
    await site.force(bytes(made.raw_transaction))


async def deployed(site: GethSite, programs: Programs) -> list[str]:
    """Some programs, at their addresses."""
    sent = []
    for _ in range(_AT_ONCE):
        code = programs.runtime()
        init = f"61{len(code) // 2:04x}80600a5f395ff3{code}"
        sent.append(await site.send(data="0x" + init, gas=3_000_000, value=100))
    await site.mine()
    receipts = await site.rpc.batch([("eth_getTransactionReceipt", (each,)) for each in sent])
    return [str(receipt["contractAddress"])[2:] for receipt in receipts if receipt]


async def what_differs(site: GethSite, replay: Replay, block: ChannelBlock) -> str:
    """Of the transactions of a block, to see what to do about it."""
    found = await site.rpc.call("eth_getBlockReceipts", hex(block.number))
    lines = []
    for receipt, outcome in zip(found, replay.outcomes, strict=False):
        theirs = int(receipt["status"], 16), int(receipt["gasUsed"], 16), len(receipt["logs"])
        ours = int(outcome.succeeded), outcome.gas_used, len(outcome.logs)
        if theirs != ours:
            lines.append(f"{receipt['transactionHash']}: {theirs} there, {ours} here")
    return "\n".join(lines) or "no receipt"


async def test_random_programs(tmp_path: Path) -> None:
    async with geth_site(tmp_path) as site:
        programs = Programs(SEED, site.accounts)
        for _ in range(RUNS // _AT_ONCE):
            codes = await deployed(site, programs)
            programs.known += codes
            await scatter(site, programs, codes)
        replay, succeeded = Replay(site.genesis, bytes(32)), []
        for channel in await site.channels():
            for block in channel.blocks:
                try:
                    replay.execute(block)
                except Differs as error:
                    why = await what_differs(site, replay, block)
                    raise AssertionError(f"{error}\n{why}") from error
                succeeded += [outcome.succeeded for outcome in replay.outcomes[1:]]
        assert 0.2 < sum(succeeded) / len(succeeded) < 0.95, "chance makes neither sense nor faults"
