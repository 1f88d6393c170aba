"""One chain for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.evm.chains import TestChain, one_chain


@pytest.fixture
async def chain(tmp_path: Path) -> AsyncIterator[TestChain]:
    """An L1 with the baked genesis at block 0, not sealed by anybody."""
    async with one_chain(tmp_path) as found:
        yield found
