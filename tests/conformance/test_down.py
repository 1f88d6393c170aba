"""The last tests of a devnet: it goes, and nothing of it stays."""

import pytest

from tests.conformance.devnet import Devnet
from tests.e2e.home import is_free, ports_of

pytestmark = pytest.mark.mixed


def test_down_leaves_nothing(devnet: Devnet) -> None:
    ports = ports_of(devnet.status)
    devnet.home.run("down", "net", "-y", timeout=90)
    assert devnet.left() == []
    devnet.home.assert_clean(*ports)
    assert all(is_free(port) for port in ports)
