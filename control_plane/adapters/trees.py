"""Directories that go as a whole."""

import shutil
import time
from pathlib import Path
from typing import Final

from control_plane.domain.errors import StorageFailed

_DEADLINE: Final = 0.5
"""Seconds. Who still writes there learns within moments that its devnet is gone."""
_PAUSE: Final = 0.01


def remove_tree(path: Path) -> None:
    """Remove the directory `path` with all in it; nothing happens when it is not there.

    A process that has not yet noticed may write a file (a log's line, a socket) into a folder that
    was just emptied: then it is emptied again. StorageFailed when something stays.
    """
    deadline = time.monotonic() + _DEADLINE
    while True:
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            if not path.exists():
                return
        except OSError as error:
            if time.monotonic() > deadline:
                raise StorageFailed(
                    f"{path} can't be removed", str(error), "Whose are the files in it?"
                ) from error
            time.sleep(_PAUSE)
        else:
            return
