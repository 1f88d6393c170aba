"""The program that a stand-in is."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("anytrust", "--assumed-honest", "4"), "as many members are honest as there are"),
        (("anytrust", "--members", "65"), "1 to 64 members"),
        (("celestia", "--host", "0.0.0.0"), "argument --host"),
        (("avail",), "invalid choice"),
    ],
)
def test_what_can_not_be_is_said(options: tuple[str, ...], said: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "control_plane.da_server", *options]
    ran = subprocess.run([*command, "--directory", str(tmp_path)], capture_output=True, text=True)
    assert ran.returncode != 0
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
