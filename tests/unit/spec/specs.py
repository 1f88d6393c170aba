"""Valid specs, drawn at random."""

from typing import Any

from hypothesis import strategies as st

from control_plane.domain.validation import validate_spec
from control_plane.schemas.spec import Spec

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True).filter(lambda name: name != "l1")
BLOCK_TIMES = st.one_of(st.just(0), st.floats(0, 3600, allow_nan=False))


@st.composite
def raw_specs(draw: st.DrawFn, most: int = 6) -> dict[str, Any]:
    """Plain data of a valid spec; ids and ports named for some chains only."""
    names = draw(st.lists(NAMES, min_size=1, max_size=most, unique=True))
    size = len(names) + 1
    ids = draw(st.lists(st.integers(1, 2**32 - 1), min_size=size, max_size=size, unique=True))
    ports = draw(st.lists(st.integers(1024, 65535), min_size=size, max_size=size, unique=True))
    frameworks = ["op-stack", "arbitrum-nitro", "zk-stack", "polygon-cdk"]
    rollups = []
    for name, number, port in zip(names, ids[1:], ports[1:], strict=True):
        rollup: dict[str, Any] = {"name": name, "framework": draw(st.sampled_from(frameworks))}
        rollup |= draw(_some({"chain_id": number, "port": port, "block_time": draw(BLOCK_TIMES)}))
        rollups.append(rollup)
    return {
        "version": 1,
        "name": draw(NAMES),
        "l1": draw(_some({"port": ports[0], "block_time": draw(BLOCK_TIMES)})),
        "rollups": [r for r in rollups if r.get("chain_id") != 900] or [{"name": "op"}],
        "metalayer": {"guardians": draw(st.integers(1, 100))},
        "save_interval": draw(st.floats(0.5, 86_400)),
    }


@st.composite
def specs(draw: st.DrawFn, most: int = 6) -> Spec:
    """A valid spec."""
    return validate_spec(draw(raw_specs(most)))


def _some(fields: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any part of `fields`."""
    return st.sets(st.sampled_from(sorted(fields))).map(lambda keys: {k: fields[k] for k in keys})
