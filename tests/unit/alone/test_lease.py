"""One process has a role at a time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from control_plane.adapters.alone.lease import lease, lease_path
from control_plane.domain.errors import Conflict

_HOLD = """
import sys, time
from pathlib import Path
from control_plane.adapters.alone.lease import lease
with lease(Path(sys.argv[1]), "op/sequencer", "another"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_second_holder_is_told_of_the_first(tmp_path: Path) -> None:
    with lease(tmp_path, "relayer", "the daemon"):
        with (
            pytest.raises(Conflict, match=f"by the daemon, process {os.getpid()} on ") as refused,
            lease(tmp_path, "relayer", "me"),
        ):
            pass
        assert "caldera stop --service relayer" in refused.value.hint
        with lease(tmp_path, "indexer", "me"):
            pass
    with lease(tmp_path, "relayer", "me"):
        assert json.loads(lease_path(tmp_path, "relayer").read_text())["holder"] == "me"


def test_role_of_a_killed_process_is_free(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(Conflict, match="another"), lease(tmp_path, "op/sequencer", "me"):
            pass
        other.kill()
    with lease(tmp_path, "op/sequencer", "me"):
        pass


def test_lock_is_private(tmp_path: Path) -> None:
    with lease(tmp_path / "agents", "op/sequencer", "me"):
        path = lease_path(tmp_path / "agents", "op/sequencer")
        assert path.name == "op.sequencer.lock"
        assert path.stat().st_mode & 0o777 == 0o600
