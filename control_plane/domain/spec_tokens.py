"""Rules for the tokens of a spec: those it describes, and those in which rollups pay for gas."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from control_plane.domain.errors import Problem
from control_plane.domain.settlement.gas_tokens import ERA, ETH, PRESETS, TEXT_BYTES, GasToken
from control_plane.domain.suggest import hint
from control_plane.schemas.spec import RollupSpec, Spec, TokenSpec

_RESERVED: Final = {ETH: "the L1's own coin", ERA: "the network's own token"}


def gas_token_of(rollup: RollupSpec, spec: Spec) -> GasToken | None:
    """The token that is `rollup`'s coin, as `spec` (which is valid) describes it; None for ETH."""
    if rollup.gas_token is None or rollup.gas_token == ETH:
        return None
    return _known(spec)[rollup.gas_token]


def used_tokens(spec: Spec) -> tuple[TokenSpec, ...]:
    """Those of the spec's tokens that are a rollup's coin."""
    used = {rollup.gas_token for rollup in spec.rollups}
    return tuple(token for token in spec.tokens if token.symbol in used)


def token_problems(spec: Spec) -> Iterator[Problem]:
    """Problems of the list, then of the rollups that name a token."""
    first: dict[str, int] = {}
    used = {rollup.gas_token for rollup in spec.rollups}
    for at, token in enumerate(spec.tokens):
        path = f"tokens[{at}]"
        if token.symbol in _RESERVED:
            why = f"'{token.symbol}' is {_RESERVED[token.symbol]}"
            yield Problem(f"{path}.symbol", why, "choose another")
        elif token.symbol in first:
            why = f"'{token.symbol}' is the symbol of tokens[{first[token.symbol]}] too"
            yield Problem(f"{path}.symbol", why, "symbols are unique")
        elif token.symbol not in used:
            why = f"no rollup's gas token is '{token.symbol}'"
            yield Problem(path, why, f"leave it out, or write `gas_token: {token.symbol}`")
        if len((token.name or "").encode()) > TEXT_BYTES:
            yield Problem(f"{path}.name", f"it is longer than {TEXT_BYTES} bytes", "shorten it")
        first.setdefault(token.symbol, at)
    for at, rollup in enumerate(spec.rollups):
        if rollup.gas_token is not None:
            yield from _named(f"rollups[{at}].gas_token", rollup, spec)


def _named(path: str, rollup: RollupSpec, spec: Spec) -> Iterator[Problem]:
    symbol = rollup.gas_token
    if symbol is None or symbol == ETH:
        return
    known = [ETH, *_known(spec)]
    if symbol not in known:
        others = hint(symbol, known, "tokens")
        yield Problem(
            path, f"there is no token '{symbol}'", f"{others}; others are described in `tokens`"
        )
    elif rollup.proof is None and rollup.services == "caldera":
        yield Problem(
            path,
            f"{symbol} comes in by a portal, which a rollup has once it settles",
            "name a `da` and a `proof`, or leave it out",
        )


def _known(spec: Spec) -> Mapping[str, GasToken]:
    described = {token.symbol: _token(token) for token in spec.tokens}
    return dict(PRESETS) | described


def _token(token: TokenSpec) -> GasToken:
    preset = PRESETS.get(token.symbol)
    name = token.name or (preset.name if preset else token.symbol)
    found = GasToken(token.symbol, name, token.decimals)
    return replace(found, address=token.address.lower()) if token.address else found
