"""From what a user asks for to a valid spec: template, file or JSON, then changes, then rules."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from control_plane.domain.errors import InvalidInput, NotFound, Problem
from control_plane.domain.overrides import apply_overrides
from control_plane.domain.ports.machine import Templates
from control_plane.domain.spec_rules import Facts
from control_plane.domain.spec_text import parse_spec_text
from control_plane.domain.spec_tokens import used_tokens
from control_plane.domain.suggest import hint
from control_plane.domain.validation import (
    fill_names,
    set_rollup_count,
    validate_rollup,
    validate_spec,
)
from control_plane.schemas.devnet import CreateDevnet
from control_plane.schemas.names import DEFAULT_DEVNET, DEFAULT_TEMPLATE
from control_plane.schemas.plan import TemplateView
from control_plane.schemas.spec import Spec


def load_spec(
    request: CreateDevnet,
    templates: Templates,
    facts: Facts | None = None,
    running: Callable[[str], Spec | None] = lambda _: None,
    defaults: Mapping[str, Any] | None = None,
) -> Spec:
    """The spec that `request` asks for.

    `running` gives the spec of a devnet that exists: a request that names no template, spec or
    source means that one, changed as it asks. `defaults` are top-level fields for a spec that
    does not name them, before those of the format (settings of this daemon). Raises InvalidInput
    (NotAvailableYet) with every problem, NotFound for an unknown template.
    """
    raw, source = _base(request, templates, running)
    for key, value in (defaults or {}).items():
        raw.setdefault(key, value)
    if request.name is not None:
        raw["name"] = request.name
    if request.runtime is not None:
        raw["runtime"] = request.runtime
    if request.rollups is not None:
        raw = set_rollup_count(raw, request.rollups)
    if request.set:
        raw = apply_overrides(fill_names(raw), request.set)
    return validate_spec(raw, facts, source=source)


def change_spec(spec: Spec, assignments: Sequence[str], facts: Facts | None = None) -> Spec:
    """`spec` with ``path=value`` changes made to it. Raises as :func:`load_spec` does."""
    raw = apply_overrides(spec.model_dump(mode="json"), assignments)
    return validate_spec(raw, facts, source="The changed spec")


def add_rollup(spec: Spec, rollup: Mapping[str, Any], facts: Facts | None = None) -> Spec:
    """`spec` with one rollup more, as in a spec. Raises as :func:`load_spec` does."""
    return validate_rollup(rollup, spec, facts)


def remove_rollup(spec: Spec, name: str) -> Spec:
    """`spec` without the rollup `name`, nor the token that was its coin alone.

    Raises NotFound for an unknown name, InvalidInput for the last one.
    """
    names = [rollup.name for rollup in spec.rollups]
    if name not in names:
        raise NotFound(f"{spec.name} has no rollup '{name}'", hint=hint(name, names, "rollups"))
    rest = tuple(rollup for rollup in spec.rollups if rollup.name != name)
    if not rest:
        raise InvalidInput(
            f"'{name}' is the last rollup of {spec.name}",
            "a devnet has at least one",
            f"`caldera down {spec.name}` removes the devnet",
        )
    left = spec.model_copy(update={"rollups": rest})
    return left.model_copy(update={"tokens": used_tokens(left)})


def template_views(templates: Templates) -> tuple[TemplateView, ...]:
    """All templates, without their text."""
    return tuple(
        template_view(templates, name).model_copy(update={"source": None})
        for name in templates.names()
    )


def template_view(templates: Templates, name: str) -> TemplateView:
    """One template with its text. Its description is the text's first comment line."""
    text = templates.text(name)
    spec = validate_spec(parse_spec_text(text, name))
    first = text.partition("\n")[0]
    return TemplateView(
        name=name,
        description=first.lstrip("# ").rstrip() if first.startswith("#") else "",
        rollups=tuple(rollup.name for rollup in spec.rollups),
        source=text,
    )


def _base(
    request: CreateDevnet, templates: Templates, running: Callable[[str], Spec | None]
) -> tuple[dict[str, Any], str]:
    """The plain data to start from, and what to call it."""
    given = {
        "template": request.template,
        "spec": request.spec,
        "source": request.source,
    }
    named = [key for key, value in given.items() if value is not None]
    if len(named) > 1:
        raise InvalidInput(
            "The request names more than one spec",
            " and ".join(named),
            "give one of template, spec and source",
            tuple(Problem(key, "only one of these can be given") for key in named),
        )
    if request.source is not None:
        name = request.source_name or "The spec"
        return parse_spec_text(request.source, name), name
    if request.spec is not None:
        return dict(request.spec), "The spec"
    if request.template is None:
        existing = running(request.name or DEFAULT_DEVNET)
        if existing is not None:
            return existing.model_dump(mode="json"), f"The spec of {existing.name}"
    template = DEFAULT_TEMPLATE if request.template is None else request.template
    return parse_spec_text(templates.text(template), template), "The spec"
