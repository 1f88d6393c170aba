"""Apps brought onto rollups: once, in order, and finished after whatever happens."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from control_plane.domain.apps.manifest import read_manifest, salt_of
from control_plane.domain.apps.pieces import Pieces, make_pieces
from control_plane.domain.apps.record import Act, AppRecord
from control_plane.domain.apps.references import Scene, Where
from control_plane.domain.calls import selector, word
from control_plane.domain.errors import Conflict, Failed
from control_plane.domain.network import Network
from control_plane.domain.op_stack import create3_address
from control_plane.schemas.app import AppRollupView
from control_plane.services.apps.deploying import Deployment, Tools
from tests.unit.apps.chains import FACTORY, OWNER, FakeChain, Killed, sign
from tests.unit.apps.manifests import ARTIFACTS, manifest

WHERE = {name: Where(name, at, at) for at, name in enumerate(("op", "arb", "zk"), 901)}
NOT_TODAY = "0x" + (selector("NotToday(uint256)") + word(7)).hex()
_KEYS = {"app": "shop"}


class MemoryRecords:
    """Implements ``AppRecords``."""

    def __init__(self) -> None:
        self.rows: dict[str, AppRecord] = {}

    def names(self, devnet: str) -> list[str]:
        return sorted(self.rows)

    def get(self, devnet: str, app: str) -> AppRecord | None:
        return self.rows.get(app)

    def owned(self, devnet: str, app: str, owner: str) -> None:
        known = self.rows.get(app) or AppRecord(app, owner)
        self.rows[app] = replace(known, owner=owner)

    def noted(self, devnet: str, app: str, rollup: str, act: Act) -> None:
        self.rows[app] = self.rows[app].with_act(rollup, act)

    def forgotten(self, devnet: str, app: str, rollup: str, act: Act) -> None:
        self.rows[app] = self.rows[app].without(rollup, act)


@dataclass
class Bench:
    """Rollups, and an app that is to be on them."""

    chains: dict[str, FakeChain]
    raw: dict[str, Any] = field(default_factory=manifest)
    records: MemoryRecords = field(default_factory=MemoryRecords)
    events: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    owner: str = OWNER.address

    def pieces(self, on: tuple[str, ...]) -> dict[str, Pieces]:
        app = read_manifest(self.raw, ARTIFACTS)
        assert app.problems == ()
        addresses = {
            one.name: "0x"
            + create3_address(bytes.fromhex(FACTORY[2:]), salt_of(app.name, one.name)).hex()
            for one in app.contracts
        }
        found = {}
        for name in on or tuple(self.chains):
            peers = [WHERE[other] for other in self.chains if other != name]
            scene = Scene(self.owner, addresses, {"mailbox": "0x" + "c3" * 20}, WHERE[name], peers)
            found[name] = make_pieces(app, scene, [])
        return found

    def deployment(self, *on: str) -> Deployment:
        async def connect(url: str, *, deadline: float | None = None) -> FakeChain:
            return self.chains[url]

        async def publish(devnet: str, type: str, data: Mapping[str, Any]) -> None:
            self.events.append((type, data))

        def chain(name: str) -> Any:
            plan = SimpleNamespace(chain_id=WHERE[name].chain_id, block_time=0.0)
            return SimpleNamespace(name=name, ws_url=name, plan=plan)

        network = SimpleNamespace(devnet="net", chain=chain, contracts={"create3Factory": FACTORY})
        return Deployment(
            network=cast(Network, network),
            app="shop",
            account=OWNER,
            pieces=self.pieces(on),
            record=self.records.rows.get("shop") or AppRecord("shop", OWNER.address),
            tools=Tools(connect, sign, lambda data: f"decoded {data}", self.records, publish),
        )

    async def deploy(self, *on: str) -> dict[str, list[str]]:
        return _states(await self.deployment(*on).deploy())

    async def plan(self, *on: str) -> dict[str, list[str]]:
        return _states(await self.deployment(*on).plan())


def _states(views: Any) -> dict[str, list[str]]:
    """States of contracts and calls, by rollup."""

    def of(view: AppRollupView) -> list[str]:
        return [*(one.state for one in view.contracts), *(one.state for one in view.calls)]

    return {view.rollup: of(view) for view in views}


@pytest.fixture
def bench() -> Bench:
    return Bench({"op": FakeChain(), "arb": FakeChain()})


async def test_everything_once(bench: Bench) -> None:
    assert await bench.plan() == dict.fromkeys(("op", "arb"), ["planned"] * 4)
    assert [chain.made for chain in bench.chains.values()] == [[], []]
    done = ["deployed", "deployed", "made", "made"]
    assert await bench.deploy() == dict.fromkeys(("op", "arb"), done)
    stands = dict.fromkeys(("op", "arb"), ["stands"] * 4)
    assert await bench.deploy() == stands
    assert await bench.plan() == stands
    assert [len(chain.made) for chain in bench.chains.values()] == [4, 4]
    contracts = [data["contract"] for what, data in bench.events if what == "app.contract"]
    assert sorted(contracts) == ["bank", "bank", "token", "token"]
    assert bench.events[-1] == ("app.deployed", {**_KEYS, "rollups": ["op", "arb"]})


async def test_contracts_come_in_order_and_calls_when_all_stand(bench: Bench) -> None:
    await bench.deploy()
    for name, pieces in bench.pieces(()).items():
        sent = [*(one.data for one in pieces.contracts), *(one.data for one in pieces.calls)]
        assert bench.chains[name].made == ["0x" + data.hex() for data in sent]
    types = [what for what, _ in bench.events]
    assert types.index("app.call") > max(i for i, t in enumerate(types) if t == "app.contract")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("taken", [0, 1, 2, 3])
async def test_killed_anywhere_it_is_finished(bench: Bench, taken: int, after: bool) -> None:
    op = bench.chains["op"]
    op.kill_after, op.kill_before = (taken + 1, None) if after else (None, taken)
    with pytest.raises(Killed):
        await bench.deploy("op")
    assert len(op.made) == taken + after
    op.kill_after = op.kill_before = None
    await bench.deploy("op")
    assert len(op.made) == len(set(op.made)) == 4
    assert not any(act.is_under_way for act in bench.records.rows["shop"].acts("op").values())


async def test_what_was_noted_and_lost_its_nonce_is_sent_anew(bench: Bench) -> None:
    op = bench.chains["op"]
    op.kill_before = 2
    with pytest.raises(Killed):
        await bench.deploy("op")
    op.kill_before = None
    op.nonce += 1  # somebody used the account meanwhile
    assert (await bench.deploy("op"))["op"] == ["stands", "stands", "made", "made"]
    assert len(op.made) == 4


async def test_what_was_noted_for_a_nonce_ahead_is_forgotten(bench: Bench) -> None:
    op = bench.chains["op"]
    op.kill_before = 2
    with pytest.raises(Killed):
        await bench.deploy("op")
    op.kill_before = None
    op.nonce -= 1  # the chain lost a block
    assert (await bench.deploy("op"))["op"] == ["stands", "stands", "made", "made"]


async def test_nonces_that_others_take(bench: Bench) -> None:
    bench.chains["op"].steals = 3
    assert (await bench.deploy("op"))["op"] == ["deployed", "deployed", "made", "made"]
    bench.chains["arb"].steals = 9
    with pytest.raises(Failed, match="found no nonce"):
        await bench.deploy("arb")


async def test_calls_whose_block_was_lost_are_made_again(bench: Bench) -> None:
    await bench.deploy("op")
    bench.chains["op"].lose_blocks(1)
    assert (await bench.plan("op"))["op"] == ["stands", "stands", "stands", "planned"]
    assert (await bench.deploy("op"))["op"] == ["stands", "stands", "stands", "made"]


async def test_contracts_that_are_gone_are_deployed_again(bench: Bench) -> None:
    await bench.deploy("op")
    bench.chains["op"] = FakeChain()
    assert (await bench.deploy("op"))["op"] == ["deployed", "deployed", "made", "made"]


async def test_a_rollup_that_comes_later(bench: Bench) -> None:
    await bench.deploy()
    bench.chains["zk"] = FakeChain()
    assert await bench.deploy() == {
        "op": ["stands", "older", "stands", "stands", "made"],
        "arb": ["stands", "older", "stands", "stands", "made"],
        "zk": ["deployed", "deployed", "made", "made", "made"],
    }
    (bank,) = [one for view in await bench.deployment("op").plan() for one in view.contracts[1:]]
    assert bank.detail == "its arguments are those of when the app's other rollups were: arb"


async def test_other_code_is_a_conflict_before_anything_is_touched(bench: Bench) -> None:
    await bench.deploy("op")
    bench.raw["contracts"][0]["args"][0] = "Another"
    assert (await bench.plan())["op"][0] == "conflict"
    with pytest.raises(Conflict, match=r"token: what stands there .* \(on op\)") as raised:
        await bench.deploy()
    assert "another name" in raised.value.hint
    assert bench.chains["arb"].made == []


async def test_another_owner_is_a_conflict(bench: Bench) -> None:
    await bench.deploy("op")
    bench.owner = "0x" + "99" * 20
    assert (await bench.plan("op"))["op"][:2] == ["conflict", "stands"]
    bench.chains["zk"] = FakeChain()
    assert (await bench.plan("op"))["op"][:2] == ["conflict", "older"]


async def test_what_nobody_recorded_is_a_conflict(bench: Bench) -> None:
    await bench.deploy("op")
    bench.records.rows.clear()
    with pytest.raises(Conflict, match="no record knows of"):
        await bench.deploy("op")


async def test_a_rollup_that_fails_stops_no_other(bench: Bench) -> None:
    _, bank = bench.pieces(())["op"].contracts
    op = bench.chains["op"]
    op.reverts["0x" + bank.data.hex()] = "0xfactory"
    op.reverts["0x" + bank.creation.hex()] = "0x12345678"
    with pytest.raises(Failed, match=r"bank can't be deployed: decoded 0x12345678 \(on op\)"):
        await bench.deploy()
    assert len(bench.chains["arb"].made) == 2
    assert bench.events[-1][0] == "app.failed"
    op.reverts.clear()
    assert (await bench.deploy())["op"] == ["stands", "deployed", "made", "made"]
    assert [len(chain.made) for chain in bench.chains.values()] == [4, 4]


async def test_accounts_without_coins_are_named(bench: Bench) -> None:
    token, _ = bench.pieces(())["op"].contracts
    bench.chains["op"].reverts["0x" + token.data.hex()] = ""
    with pytest.raises(Failed, match=f"execution reverted \\(sent by {OWNER.address}\\)"):
        await bench.deploy("op")


async def test_constructors_that_fail_in_the_factory_alone(bench: Bench) -> None:
    token, _ = bench.pieces(())["op"].contracts
    bench.chains["op"].reverts["0x" + token.data.hex()] = NOT_TODAY
    with pytest.raises(Failed, match=r"NotToday\(day=7\); by itself .* msg.sender"):
        await bench.deploy("op")


async def test_calls_that_fail_tell_the_contracts_own_error(bench: Bench) -> None:
    _, link = bench.pieces(())["op"].calls
    bench.chains["op"].reverts["0x" + link.data.hex()] = NOT_TODAY
    why = r"token.link\(uint32,bytes32\) for arb fails: NotToday\(day=7\)"
    with pytest.raises(Failed, match=why):
        await bench.deploy("op")


async def test_transactions_that_revert_in_their_block(bench: Bench) -> None:
    op = bench.chains["op"]
    sealed = op._seal

    def reverting(tx: str, data: bytes) -> None:
        sealed(tx, data)
        if len(op.made) == 3:
            op.receipts[tx]["status"] = "0x0"

    op._seal = reverting  # type: ignore[method-assign]
    with pytest.raises(Failed, match="was reverted"):
        await bench.deploy("op")
    assert (await bench.deploy("op"))["op"] == ["stands", "stands", "made", "made"]


async def test_rollups_without_a_factory(bench: Bench) -> None:
    bench.chains["op"].code.clear()
    with pytest.raises(Failed, match="has no contract that deploys apps"):
        await bench.plan()


async def test_records_keep_no_transaction_that_is_done(bench: Bench) -> None:
    await bench.deploy("op")
    record = bench.records.rows["shop"]
    assert all(act.raw == "" and act.block_hash for act in record.acts("op").values())
    assert replace(record, rollups={}).acts("op") == {}
