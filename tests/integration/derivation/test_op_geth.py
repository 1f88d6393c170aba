"""A real op-geth's blocks executed again: every hash, in every corner."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from tests.integration.derivation import test_deposits, test_replay
from tests.integration.derivation.geth_site import GethSite, geth_site

pytestmark = pytest.mark.integration

Case = Callable[[GethSite], Awaitable[None]]
CASES: dict[str, Case] = {}


def case(function: Case) -> Case:
    CASES[function.__name__] = function
    return function


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[GethSite]:
    async with geth_site(tmp_path) as site:
        yield site


@case
async def nothing_happens(site: GethSite) -> None:
    await site.mine()
    await site.mine()


@case
async def inputs_of_precompiles_are_a_little_too_long(site: GethSite) -> None:
    """For Jovian, that is."""
    longest = {8: 81_984 + 192, 12: 288_960 + 160, 14: 278_784 + 288, 15: 156_672 + 384}
    await test_deposits.precompiles_with(cast("Any", site), longest)


@case
async def every_precompile_of_its_own(site: GethSite) -> None:
    for number in (*range(1, 20), 0x100, 0x101):
        for gas in (21_000 + 2 * number, 60_000):
            await site.send(to=f"0x{number:040x}", gas=gas, value=number % 3)
    await site.mine()


def known_to_anvil() -> list[Any]:
    return [*test_replay.CASES.values(), *test_deposits.CASES.values()]


async def test_all_of_it_on_one_chain(site: GethSite) -> None:
    for run in known_to_anvil():
        print(run.__name__)
        await run(cast("Any", site))
    for case_ in CASES.values():
        print(case_.__name__)
        await case_(site)
    await site.replayed()
