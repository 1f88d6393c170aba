from itertools import product
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.domain.errors import InvalidInput, NotAvailableYet, Problem
from control_plane.domain.plan import GasToken
from control_plane.domain.planner import make_plan
from control_plane.domain.spec_rollup import NOT_YET, PROOFS
from control_plane.domain.spec_rules import Facts
from control_plane.domain.validation import fill_names, set_rollup_count, validate_spec
from control_plane.schemas.spec import DataAvailability, Framework, Proof, Spec
from tests.unit.spec.specs import raw_specs

SMALL = Facts(cores=2, memory=8 * 10**9)


def problems(raw: dict[str, Any], facts: Facts | None = None) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        validate_spec(raw, facts)
    return {problem.path: problem.detail for problem in caught.value.problems}


def hint_of(raw: dict[str, Any]) -> str:
    with pytest.raises(InvalidInput) as caught:
        validate_spec(raw)
    return caught.value.problems[0].hint


def one(**rollup: Any) -> dict[str, Any]:
    return {"version": 1, "rollups": [{"name": "game", **rollup}]}


def test_only_the_version_is_needed() -> None:
    spec = validate_spec({"version": 1})
    assert [rollup.name for rollup in spec.rollups] == ["op"]
    assert spec.name == "default"


@given(raw_specs())
def test_valid_specs_stay_what_they_are(raw: dict[str, Any]) -> None:
    spec = validate_spec(raw, Facts(cores=64, memory=10**12))
    assert validate_spec(spec.model_dump(mode="json")) == spec
    for before, after in zip(raw["rollups"], spec.rollups, strict=True):
        kept = after.model_dump(mode="json")
        assert {key: kept[key] for key in before} == before


_KEYS = [*Spec.model_fields, "name", "da", "x"]
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from([*Spec.model_fields, "name", "da", "x"]), inner, max_size=4
        ),
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from([*Spec.model_fields, "x"]), _JSON, max_size=6))
def test_anything_is_valid_or_refused_with_paths(raw: dict[str, Any]) -> None:
    found: tuple[Problem, ...] = ()
    try:
        validate_spec(raw, SMALL)
    except InvalidInput as error:
        found = error.problems or (Problem("", ""),)
    assert all(problem.detail for problem in found)


@given(raw_specs(), st.data())
def test_one_wrong_field_is_the_one_told(raw: dict[str, Any], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(raw["rollups"]) - 1))
    raw["rollups"][at]["block_time"] = "soon"
    assert list(problems(raw)) == [f"rollups[{at}].block_time"]


@pytest.mark.parametrize(
    ("framework", "proof"), list(product(get_args(Framework), get_args(Proof)))
)
def test_proofs_go_with_their_frameworks(framework: str, proof: str) -> None:
    raw = one(framework=framework, proof=proof, da="ethereum-calldata")
    if proof in PROOFS[framework]:
        assert validate_spec(raw).rollups[0].proof == proof
    else:
        assert "does not go with" in problems(raw)["rollups[0].proof"]


def test_outputs_are_about_blocks_that_a_batcher_of_ours_posts() -> None:
    found = problems(one(proof="fraud"))
    assert "nothing posts them" in found["rollups[0].proof"]
    settled = {"da": "ethereum-calldata", "proof": "fraud"}
    native = {"engine": "op-geth", "services": "native"}
    assert NOT_YET in problems(one(**settled, **native))["rollups[0].proof"]
    for engine in ("anvil", "op-geth"):
        assert validate_spec(one(**settled, engine=engine)).rollups[0].proof == "fraud"
    found = problems({**one(**settled), "runtime": "compose", "agents": "containers"})
    assert NOT_YET in found["rollups[0].proof"]


def test_a_window_is_of_outputs_that_can_be_disputed() -> None:
    for proof in (None, "validity"):
        raw = one(da="ethereum-calldata", proof=proof, finalization_window=60)
        assert list(problems(raw)) == ["rollups[0].finalization_window"]
    raw = one(da="ethereum-calldata", proof="fraud", finalization_window=60)
    assert validate_spec(raw).rollups[0].finalization_window == 60


def test_a_sequencing_window_is_of_rollups_that_settle() -> None:
    posts = {"da": "ethereum-calldata", "proof": "fraud"}
    for raw in ({"sequencing_window": 60}, posts | {"sequencing_window": 9}):
        assert list(problems(one(**raw))) == ["rollups[0].sequencing_window"]
    raw = one(**posts, sequencing_window=10)
    assert validate_spec(raw).rollups[0].sequencing_window == 10
    early = problems(one(**posts, engine="op-geth", sequencing_window=39))
    assert "ahead of the clock" in early["rollups[0].sequencing_window"]
    validate_spec(one(**posts, engine="op-geth", sequencing_window=40))


@pytest.mark.parametrize(
    ("framework", "da"), list(product(get_args(Framework), get_args(DataAvailability)))
)
def test_every_da_goes_with_every_framework(framework: str, da: str) -> None:
    assert validate_spec(one(framework=framework, da=da)).rollups[0].da == da


def test_a_real_service_is_named_where_there_is_one() -> None:
    url = "http://127.0.0.1:26658"
    real = {"da": "celestia", "da_url": url, "da_token_file": "/run/token"}
    assert validate_spec(one(**real)).rollups[0].da_url == url
    assert "has no service" in problems(one(da="ethereum-blobs", da_url=url))["rollups[0].da_url"]
    assert "has no `da`" in problems(one(da_url=url))["rollups[0].da_url"]
    assert "several members" in problems(one(da="anytrust", da_url=url))["rollups[0].da_url"]
    found = problems(one(da="celestia", da_committee_file="/run/committee"))
    assert "go with `da: anytrust`" in found["rollups[0].da_committee_file"]
    for token in ({"da": "celestia"}, {"da": "eigenda", "da_url": url}):
        found = problems(one(**token, da_token_file="/run/token"))
        assert "tokens go with" in found["rollups[0].da_token_file"]


def test_batchers_stand_beside_nodes_of_ours_and_in_the_daemon_so_far() -> None:
    other = problems(one(engine="external", da="ethereum-calldata"))
    assert "beside external is not available yet" in other["rollups[0].da"]
    raw = one(da="ethereum-calldata") | {"runtime": "compose"}
    assert validate_spec(raw).rollups[0].da
    compose = problems(raw | {"agents": "containers"})
    assert "in containers are not available yet" in compose["rollups[0].da"]


@pytest.mark.parametrize("token", ["ETH", "USDC", "ERA"])
@pytest.mark.parametrize("framework", get_args(Framework))
def test_every_gas_token_goes_with_every_framework_that_settles(token: str, framework: str) -> None:
    settled = {"da": "ethereum-calldata", "proof": PROOFS[framework][0]}
    spec = validate_spec(one(framework=framework, gas_token=token, **settled))
    assert spec.rollups[0].gas_token == token
    # the L1's own coin needs no portal, another comes in by one
    if token == "ETH":
        validate_spec(one(framework=framework, gas_token=token))
    else:
        found = problems(one(framework=framework, gas_token=token))
        assert "by a portal" in found["rollups[0].gas_token"]


def test_tokens_are_described_once_and_used() -> None:
    settled = {"da": "ethereum-calldata", "proof": "fraud"}
    dai = {"symbol": "DAI", "decimals": 18, "address": "0x" + "Da" * 20}
    raw = one(gas_token="DAI", **settled) | {"tokens": [dai]}
    plan = make_plan(validate_spec(raw))
    assert plan.rollups[0].gas_token == GasToken("DAI", "DAI", 18, "0x" + "da" * 20)
    assert "did you mean 'USDC'" in hint_of(one(gas_token="USDT", **settled))
    assert "no rollup's gas token" in problems(one() | {"tokens": [dai]})["tokens[0]"]
    found = problems(raw | {"tokens": [dai, dai, dai | {"symbol": "ERA"}]})
    assert "tokens[0] too" in found["tokens[1].symbol"]
    assert "network's own token" in found["tokens[2].symbol"]
    found = problems(raw | {"tokens": [dai | {"decimals": 19, "name": "€" * 20}]})
    assert "out of range" in found["tokens[0].decimals"]
    found = problems(raw | {"tokens": [dai | {"name": "€" * 20}]})
    assert "longer than 32 bytes" in found["tokens[0].name"]
    # a preset can be told where it is
    usdc = {"symbol": "USDC", "decimals": 6, "address": "0x" + "c0" * 20}
    plan = make_plan(validate_spec(one(gas_token="USDC", **settled) | {"tokens": [usdc]}))
    assert plan.rollups[0].gas_token == GasToken("USDC", "USD Coin", 6, "0x" + "c0" * 20)


def test_native_services_need_op_stack_on_op_geth_and_eth() -> None:
    native = {"services": "native"}
    assert (
        "does not go with" in problems(one(**native, framework="zk-stack"))["rollups[0].services"]
    )
    assert "needs the engine" in problems(one(**native))["rollups[0].services"]
    paid = problems(one(**native, engine="op-geth", gas_token="USDC"))
    assert "pays gas in ETH" in paid["rollups[0].services"]
    real = {"da_url": "http://127.0.0.1:26658"}
    celestia = problems(one(**native, engine="op-geth", da="celestia", **real))
    assert "speaks alt-DA only" in celestia["rollups[0].da_url"]
    file = {"da": "anytrust", "da_committee_file": "/committee.json"}
    committee = problems(one(**native, engine="op-geth", **file))
    assert "speaks alt-DA only" in committee["rollups[0].da_committee_file"]
    compose = problems(one(**native, engine="op-geth") | {"runtime": "compose"})
    assert NOT_YET in compose["rollups[0].services"]


@pytest.mark.parametrize("da", get_args(DataAvailability))
def test_native_services_put_their_data_anywhere(da: str) -> None:
    raw = one(engine="op-geth", services="native", block_time=1, da=da)
    assert validate_spec(raw | {"l1": {"block_time": 1}}).rollups[0].da == da


def test_native_services_need_an_l1_that_makes_blocks_no_more_often_than_they() -> None:
    def native(l1: float, rollup: float) -> dict[str, Any]:
        fields = {"engine": "op-geth", "services": "native", "block_time": rollup}
        return one(**fields) | {"l1": {"block_time": l1}}

    for good in ((1, 1), (2, 1), (12, 2)):
        validate_spec(native(*good))
    assert "rollups[0].block_time" in problems(native(1, 0))
    for bad in ((0, 1), (1, 2), (0.5, 1)):
        assert "l1.block_time" in problems(native(*bad))


def test_a_program_is_named_for_an_engine_in_use_and_its_runtime() -> None:
    path, image = {"path": "/opt/op-geth"}, {"image": "op-geth:1"}
    validate_spec(one(engine="op-geth") | {"engines": {"op-geth": path}})
    found = problems(one(engine="op-geth") | {"engines": {"op-geth": image}})
    assert "runtime 'compose'" in found["engines.op-geth.image"]
    compose = one(engine="op-geth") | {"runtime": "compose"}
    found = problems(compose | {"engines": {"op-geth": path}})
    assert "runtime 'process'" in found["engines.op-geth.path"]
    assert "no chain" in problems(one() | {"engines": {"op-geth": path}})["engines.op-geth"]


def test_only_what_is_to_come_is_an_error_of_its_own() -> None:
    with pytest.raises(NotAvailableYet):
        validate_spec(one(surface="complete"))
    with pytest.raises(InvalidInput) as caught:
        validate_spec(one(surface="complete", block_time=-1))
    assert not isinstance(caught.value, NotAvailableYet)


def test_all_problems_are_told_at_once() -> None:
    raw = {
        "version": 2,
        "nmae": "x",
        "runtime": "compose",
        "rollups": [
            {"name": "a", "framework": "optimism", "da": "celestia"},
            {"name": "a", "port": 80},
            {"name": "l1", "chain_id": 900},
        ],
        "metalayer": {"guardians": 0, "finality": "final"},
        "origins": ["*", None],
    }
    assert set(problems(raw)) == {
        "version",
        "nmae",
        "rollups[0].framework",
        "rollups[1].name",
        "rollups[1].port",
        "rollups[2].name",
        "rollups[2].chain_id",
        "metalayer.guardians",
        "metalayer.finality",
        "origins[0]",
        "origins[1]",
    }


def test_two_hundred_rollups_on_a_small_machine_are_one_clear_error() -> None:
    raw = set_rollup_count({"version": 1}, 200)
    assert problems(raw, SMALL) == {
        "rollups": "200 are too many for this machine: 2 cores and 8.0 GB of free memory carry 31"
    }
    heavy = [{"name": f"r{n}", "engine": "op-geth"} for n in range(11)]
    told = problems({"version": 1, "rollups": heavy}, SMALL)["rollups"]
    assert told.endswith("carry 31, one on op-geth counted as 3")
    validate_spec({"version": 1, "rollups": heavy[:10]}, SMALL)
    assert len(validate_spec(raw, Facts(cores=32, memory=10**11)).rollups) == 200


def test_little_memory_carries_one_rollup_at_least() -> None:
    assert Facts(cores=1, memory=0).most_chains() == 2


def test_rollups_without_a_name_are_named_after_their_framework() -> None:
    raw = {"version": 1, "rollups": [{}, {"name": "op2"}, {}, {"framework": "zk-stack"}]}
    assert [r.name for r in validate_spec(raw).rollups] == ["op", "op2", "op3", "zk"]


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_the_number_of_rollups_can_be_set(count: int) -> None:
    raw = {"version": 1, "rollups": [{"name": "a"}, {"name": "b"}]}
    names = [r.name for r in validate_spec(set_rollup_count(raw, count)).rollups]
    assert len(names) == count
    assert names[:2] == ["a", "b"][:count]


@given(_JSON)
def test_names_are_filled_in_whatever_stands_there(value: Any) -> None:
    for raw in ({"rollups": value}, {"rollups": [value]}):
        filled = fill_names(raw)["rollups"]
        found = [one for one in filled if isinstance(one, dict)] if isinstance(filled, list) else []
        assert all(one["name"] is not None and one["name"] != "" for one in found)


@pytest.mark.parametrize(
    "origin", ["http://localhost:3000", "https://app.example", "http://[::1]:5"]
)
def test_origins(origin: str) -> None:
    assert validate_spec({"version": 1, "origins": [origin]}).origins == (origin,)


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "",
        "localhost",
        "http://a/",
        "http://a?b",
        "ftp://a",
        "http://A",
        "http://u@a",
        "http://*.a",
        "http://a:x",
    ],
)
def test_no_origins(origin: str) -> None:
    assert list(problems({"version": 1, "origins": [origin]})) == ["origins[0]"]
