"""Frameworks' own development nodes, as Compose files: data in ``compose/frameworks/``.

No devnet runs on them: they start without Caldera's contracts. Each file's ``x-caldera`` says what
it needs and lacks; the table of docs/concepts/frameworks.md is made of them.
"""

from typing import Any, Final

import yaml

from control_plane.domain.errors import NotFound
from control_plane.domain.spec_errors import FRAMEWORK_NODES
from control_plane.domain.suggest import nearest
from control_plane.resources import compose_dir

NAMES: Final = tuple(FRAMEWORK_NODES)


def read(name: str) -> dict[str, Any]:
    """``text``, the Compose file, and what ``x-caldera`` says of the node: ``framework``,
    ``chain_id``, ``funding``, ``ready`` and ``lacks``. Raises NotFound."""
    if name not in NAMES:
        close = nearest(name, NAMES)
        hint = f"did you mean '{close}'?" if close else f"known: {', '.join(NAMES)}"
        raise NotFound(f"There is no framework's node '{name}'", hint=hint)
    text = (compose_dir() / "frameworks" / f"{name}.yaml").read_text(encoding="utf-8")
    return {"name": name, "text": text, **yaml.safe_load(text)["x-caldera"]}
