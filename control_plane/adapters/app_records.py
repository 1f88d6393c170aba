"""Records of apps: ``devnets/NAME/apps/APP.jsonl``, to which each change adds a line.

Implements ``domain/ports/app.py``. A line that a kill cut off has no end, and never was.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import orjson

from control_plane.domain.apps.record import Act, AppRecord
from control_plane.domain.errors import StorageFailed

_VERSION: Final = 1
_SUFFIX: Final = ".jsonl"
_OWNED, _NOTED, _FORGOTTEN = "owned", "noted", "forgotten"


class AppFiles:
    """Below the directory of each devnet, which `root` names."""

    def __init__(self, root: Callable[[str], Path]) -> None:
        self._root = root

    def names(self, devnet: str) -> Sequence[str]:
        """See the port."""
        return sorted(path.stem for path in self._directory(devnet).glob(f"*{_SUFFIX}"))

    def get(self, devnet: str, app: str) -> AppRecord | None:
        """See the port."""
        path = self._path(devnet, app)
        try:
            *lines, _cut_off = path.read_bytes().split(b"\n")
            record = None
            for line in lines:
                record = _after(record, app, orjson.loads(line))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise StorageFailed(
                f"What is known of the app {app} can't be read",
                f"{path}: {error}",
                "Move the file away; what stands on the chains is then nobody's.",
            ) from error
        return record

    def owned(self, devnet: str, app: str, owner: str) -> None:
        """See the port."""
        self._add(devnet, app, {"version": _VERSION, _OWNED: owner})

    def noted(self, devnet: str, app: str, rollup: str, act: Act) -> None:
        """See the port."""
        self._add(devnet, app, {"rollup": rollup, _NOTED: asdict(act)})

    def forgotten(self, devnet: str, app: str, rollup: str, act: Act) -> None:
        """See the port."""
        self._add(devnet, app, {"rollup": rollup, _FORGOTTEN: asdict(act)})

    def _add(self, devnet: str, app: str, change: Mapping[str, Any]) -> None:
        path = self._path(devnet, app)
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            with path.open("ab+") as file:
                _cut(file.fileno())
                file.write(orjson.dumps(change, option=orjson.OPT_APPEND_NEWLINE))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageFailed(
                f"What is known of the app {app} can't be written",
                f"{path}: {error.strerror}",
                "Free some space or make the directory writable, then run the command again.",
            ) from error

    def _path(self, devnet: str, app: str) -> Path:
        return self._directory(devnet) / f"{app}{_SUFFIX}"

    def _directory(self, devnet: str) -> Path:
        return self._root(devnet) / "apps"


def _after(record: AppRecord | None, app: str, change: Mapping[str, Any]) -> AppRecord:
    """The record after a change."""
    if _OWNED in change:
        if change["version"] != _VERSION:
            raise ValueError(f"its version is {change['version']}, not {_VERSION}")
        return AppRecord(app, change[_OWNED], record.rollups if record else {})
    if record is None:
        raise ValueError("it has no beginning")
    if _NOTED in change:
        return record.with_act(change["rollup"], _act(change[_NOTED]))
    return record.without(change["rollup"], _act(change[_FORGOTTEN]))


def _act(found: Mapping[str, Any]) -> Act:
    return Act(**{**found, "peers": tuple(found["peers"])})


def _cut(file: int) -> None:
    """Take away what stands behind the last whole line."""
    size = os.fstat(file).st_size
    if size and os.pread(file, 1, size - 1) != b"\n":
        whole = os.pread(file, size, 0)
        os.ftruncate(file, whole.rfind(b"\n") + 1)
