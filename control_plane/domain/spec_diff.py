"""What differs between the spec of a devnet that runs and a new one."""

from dataclasses import dataclass
from typing import Any, Final

from control_plane.domain.settlement.gas_tokens import coin_symbol
from control_plane.domain.spec_tokens import gas_token_of
from control_plane.domain.switching import RULES, switchable, switches_here
from control_plane.schemas.spec import RollupSpec, Spec

LIVE: Final = frozenset({"metalayer.epoch_interval", "save_interval", "tokens"})
"""Settings that a running devnet takes over. Rollups can be added and removed, and
switch (``switching.py``), too. Tokens go with the rollups whose coin they are."""

PINS: Final = frozenset({"port", "chain_id", "domain"})
"""What need not be named: a chain that runs keeps what it has when the name is taken away."""

_REASONS: Final = {
    "gas_token": " (every coin there stands for one that is locked on the L1, of the old kind)"
}
"""Why something can't change, where it isn't plain, by the last part of its path."""


@dataclass(frozen=True, slots=True)
class Change:
    path: str
    """A rollup is named by its name: ``rollups.game.block_time``."""
    old: Any
    new: Any
    live: bool
    """Can be applied to the running devnet; otherwise it needs a new one."""

    def __str__(self) -> str:
        if self.old is None and self.path.count(".") == 1 and self.path.startswith("rollups."):
            return f"{self.path} is added"
        if self.new is None and self.path.count(".") == 1 and self.path.startswith("rollups."):
            return f"{self.path} is removed"
        why = _REASONS.get(self.path.rpartition(".")[2], "")
        return f"{self.path}: {_shown(self.old)} → {_shown(self.new)}{why}"


def diff_specs(old: Spec, new: Spec) -> tuple[Change, ...]:
    """All differences, rollups matched by name; their order alone is none."""
    changes = _diff(_plain(old), _plain(new), "")
    old_rollups = {rollup.name: _rollup(rollup, old) for rollup in old.rollups}
    new_rollups = {rollup.name: _rollup(rollup, new) for rollup in new.rollups}
    here = switches_here(old.agents)
    for name in dict.fromkeys([*old_rollups, *new_rollups]):
        path, before, after = f"rollups.{name}", old_rollups.get(name), new_rollups.get(name)
        if before is None or after is None:
            changes.append(Change(path, before, after, live=True))
        else:
            also = RULES | switchable(before, after) if here else frozenset()
            changes += _diff(before, after, path, also)
    return tuple(changes)


def _plain(spec: Spec) -> dict[str, Any]:
    return spec.model_dump(mode="json", exclude={"rollups"})


def _rollup(rollup: RollupSpec, spec: Spec) -> dict[str, Any]:
    """With what its gas token is, not only what it is called: nothing of it can change."""
    token = gas_token_of(rollup, spec)
    kind = coin_symbol(token)
    if token is not None:
        kind += f" of {token.decimals} decimals" + (f" at {token.address}" * bool(token.address))
    return rollup.model_dump(mode="json") | {"gas_token": kind}


def _diff(
    old: dict[str, Any], new: dict[str, Any], path: str, also: frozenset[str] = frozenset()
) -> list[Change]:
    """`also`: keys at this level that are live, too."""
    changes: list[Change] = []
    for key in dict.fromkeys([*old, *new]):
        where = f"{path}.{key}" if path else key
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            changes += _diff(before, after, where)
        elif before != after:
            live = where in LIVE or key in also or (after is None and key in PINS)
            changes.append(Change(where, before, after, live))
    return changes


def _shown(value: Any) -> str:
    return "not set" if value is None else str(value)
