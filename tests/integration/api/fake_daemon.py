"""The daemon's own program over a control plane that runs nothing, for tests of the process."""

import sys
from typing import TYPE_CHECKING

from control_plane.daemon_files import Listening
from control_plane.domain.errors import StorageFailed
from control_plane.main import main
from control_plane.settings import Settings

if TYPE_CHECKING:
    from control_plane.api.deps import Running


async def build(settings: Settings, here: Listening) -> "Running":
    """A fake; in a home whose name says so, a failure."""
    from tests.unit.api.fakes import build_fake

    if settings.home.name == "broken":
        raise StorageFailed("The database is broken", "it can't be read")
    return await build_fake(settings, here)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], build))
