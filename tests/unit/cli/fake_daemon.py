"""The daemon with a control plane that runs nothing: ``python -m tests.unit.cli.fake_daemon``."""

import sys

from control_plane.main import main
from tests.unit.api.fakes import build_fake

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], build=build_fake))
