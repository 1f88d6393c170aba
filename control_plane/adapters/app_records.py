"""Records of apps, a JSON file each, ``devnets/NAME/apps/APP.json``.

Implements ``domain/ports/app.py``.
"""

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import orjson

from control_plane.domain.apps.record import Act, AppRecord
from control_plane.domain.errors import StorageFailed

_VERSION: Final = 1


class AppFiles:
    """Below the directory of each devnet, which `root` names."""

    def __init__(self, root: Callable[[str], Path]) -> None:
        self._root = root

    def names(self, devnet: str) -> Sequence[str]:
        """See the port."""
        return sorted(path.stem for path in self._directory(devnet).glob("*.json"))

    def get(self, devnet: str, app: str) -> AppRecord | None:
        """See the port."""
        path = self._path(devnet, app)
        try:
            found = orjson.loads(path.read_bytes())
            rollups = {
                rollup: {id_: _act(act) for id_, act in acts.items()}
                for rollup, acts in found["rollups"].items()
            }
            _must_be_known(found["version"])
            return AppRecord(found["name"], found["owner"], rollups)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise StorageFailed(
                f"What is known of the app {app} can't be read",
                f"{path}: {error}",
                "Move the file away; what stands on the chains is then nobody's.",
            ) from error

    def put(self, devnet: str, record: AppRecord) -> None:
        """See the port."""
        path = self._path(devnet, record.name)
        draft = path.with_suffix(".tmp")
        content = orjson.dumps({"version": _VERSION, **asdict(record)}, option=orjson.OPT_INDENT_2)
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            with draft.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise StorageFailed(
                f"What is known of the app {record.name} can't be written",
                f"{path}: {error.strerror}",
                "Free some space or make the directory writable; the app is then gone on with.",
            ) from error

    def _path(self, devnet: str, app: str) -> Path:
        return self._directory(devnet) / f"{app}.json"

    def _directory(self, devnet: str) -> Path:
        return self._root(devnet) / "apps"


def _must_be_known(version: object) -> None:
    if version != _VERSION:
        raise ValueError(f"its version is {version}, not {_VERSION}")


def _act(found: dict[str, object]) -> Act:
    peers = found.pop("peers", ())
    return Act(**found, peers=tuple(peers))  # type: ignore[arg-type]
