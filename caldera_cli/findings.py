"""What a check of `caldera doctor` found."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "failed", "missing"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    detail: str
    hint: str = ""
