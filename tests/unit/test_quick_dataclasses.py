"""Frozen classes made the quick way refuse what those made the usual way refuse."""

import copy
import dataclasses
import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError, dataclass, replace

import pytest

from control_plane import quick_dataclasses


@dataclass(frozen=True)
class Usual:
    a: int
    b: str = "b"


def quick() -> type:
    """A class made while the quick way is in force, as it is once the module was imported."""

    @dataclass(frozen=True, slots=True)
    class Quick:
        a: int
        b: str = "b"

    return Quick


@pytest.mark.parametrize("make", [lambda: Usual, quick])
def test_nothing_is_assigned_or_deleted(make: "type") -> None:
    made = make()(1)
    for name in ("a", "b", "c"):
        with pytest.raises((FrozenInstanceError, TypeError), match=r"cannot assign|super"):
            setattr(made, name, 2)
        with pytest.raises((FrozenInstanceError, TypeError), match=r"cannot delete|super"):
            delattr(made, name)
    assert (made.a, made.b) == (1, "b")


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="Python makes them quickly by itself")
def test_it_is_in_force() -> None:
    assert vars(dataclasses)["_frozen_get_del_attr"] is quick_dataclasses._refusals


def test_they_are_values_as_before() -> None:
    from control_plane.domain.plan import GuardianPlan

    made = GuardianPlan(4, 10)
    assert made == GuardianPlan(4, 10) == copy.copy(made) == pickle.loads(pickle.dumps(made))
    assert hash(made) == hash(GuardianPlan(4, 10))
    assert replace(made, count=5) == GuardianPlan(5, 10)
    assert repr(made) == "GuardianPlan(count=4, stake=10)"


def test_the_daemon_makes_its_classes_so() -> None:
    program = (
        "import control_plane.main, control_plane.domain.plan as p\n"
        "print(p.GuardianPlan.__setattr__.__module__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    if sys.version_info < (3, 13):
        assert done.stdout.strip() == "control_plane.quick_dataclasses"
