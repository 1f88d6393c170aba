"""Several hubs that are one: over real sockets, in one process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from control_plane.adapters.alone.address import Address
from control_plane.adapters.alone.hub import SharedHub
from control_plane.domain.errors import PermanentFailure
from control_plane.domain.hub import Hub, Missed, News, Reorged, Standing, Wanted
from tests.nodes import free_port

TOKEN = bytes(range(32))


class Member:
    """A process' hub, with all that its agents hear."""

    def __init__(self, shared: SharedHub, hub: Hub, heard: "asyncio.Queue[News]") -> None:
        self.shared = shared
        self.hub = hub
        self.heard = heard

    def empty(self) -> list[News]:
        """What it heard and nobody looked at."""
        return [self.heard.get_nowait() for _ in range(self.heard.qsize())]

    async def hears(self, wanted: Callable[[News], bool]) -> News:
        async with asyncio.timeout(5):
            while True:
                news = await self.heard.get()
                if wanted(news):
                    return news

    async def hears_this(self, news: News) -> None:
        await self.hears(lambda heard: heard == news)


@asynccontextmanager
async def member(
    address: Address, service: str, *, token: bytes = TOKEN, teller: bool = False,
    serve: bool = False,
) -> AsyncIterator[Member]:  # fmt: skip
    hub = Hub()
    serve_at = address if serve else None
    shared = SharedHub(hub, address, token, service, teller=teller, serve_at=serve_at)
    async with hub.listen() as heard:
        task = asyncio.create_task(shared.run())
        try:
            async with asyncio.timeout(5):
                await shared.joined.wait()
            yield Member(shared, hub, heard)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(params=["unix", "tcp"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Address:
    if request.param == "unix":
        return Address(path=tmp_path / "hub.sock")
    return Address("127.0.0.1", free_port())


@asynccontextmanager
async def three(address: Address) -> AsyncIterator[tuple[Member, Member, Member]]:
    async with (
        member(address, "aggregator", serve=address.path is None) as first,
        member(address, "indexer") as second,
        member(address, "relayer") as third,
    ):
        yield first, second, third


async def test_what_one_tells_all_hear_once(address: Address) -> None:
    async with three(address) as members:
        for number, teller in enumerate(members):
            teller.hub.tell(Wanted(str(number)))
            for one in members:
                await one.hears_this(Wanted(str(number)))
        for one in members:
            await asyncio.sleep(0.05)
            assert not [news for news in one.empty() if isinstance(news, Wanted)]


async def test_who_lost_the_hub_comes_back_and_looks_again(address: Address) -> None:
    async with AsyncExitStack() as clients:
        async with member(address, "aggregator", serve=address.path is None):
            some = [await clients.enter_async_context(member(address, name)) for name in "ab"]
            for one in some:
                one.empty()
        async with member(address, "aggregator", serve=address.path is None) as again:
            for one in some:
                await one.hears(lambda news: isinstance(news, Missed))
                async with asyncio.timeout(5):
                    await one.shared.joined.wait()
            again.hub.tell(Reorged("op", 3))
            for one in some:
                await one.hears_this(Reorged("op", 3))


async def test_wish_told_meanwhile_is_not_lost() -> None:
    address = Address("127.0.0.1", free_port())
    async with AsyncExitStack() as clients:
        async with member(address, "aggregator", serve=True):
            one = await clients.enter_async_context(member(address, "one"))
            one.empty()
        await asyncio.sleep(0.1)  # it has noticed
        one.hub.tell(Wanted("now"))
        async with member(address, "aggregator", serve=True) as again:
            await again.hears_this(Wanted("now"))


async def test_all_look_again_when_a_teller_comes(address: Address) -> None:
    async with three(address) as members:
        for one in members:
            one.empty()
        async with member(address, "indexer", teller=True):
            for one in members:
                await one.hears(lambda news: isinstance(news, Missed))


async def test_standing_is_told_to_who_comes_later_and_ends_with_the_connection(
    address: Address,
) -> None:
    ready = Standing("guardian-1", alive=True, ready=True)
    async with member(address, "aggregator", serve=address.path is None) as aggregator:
        async with member(address, "guardian-1") as guardian:
            guardian.shared.stand(ready)
            await aggregator.hears_this(ready)
            async with member(address, "relayer") as late:
                await late.hears_this(ready)
        gone = await aggregator.hears(lambda news: isinstance(news, Standing))
        assert isinstance(gone, Standing)
        assert (gone.service, gone.alive, gone.ready) == ("guardian-1", False, False)


async def test_end_of_the_process_that_serves_is_told_to_all(tmp_path: Path) -> None:
    address = Address(path=tmp_path / "hub.sock")
    async with AsyncExitStack() as rest:
        async with member(address, "guardian-1") as server:
            others = [await rest.enter_async_context(member(address, name)) for name in "ab"]
            server.shared.stand(Standing("guardian-1", alive=True, ready=True))
        for one in others:
            gone = Standing("guardian-1", alive=False, ready=False, problem="its process is gone")
            await one.hears_this(gone)


async def test_wrong_token_is_refused(address: Address) -> None:
    async with member(address, "aggregator", serve=address.path is None) as server:
        stranger_hub = Hub()
        stranger = SharedHub(stranger_hub, address, bytes(32), "relayer")
        with pytest.raises(PermanentFailure, match="token"):
            async with asyncio.timeout(5):
                await stranger.run()
        stranger_hub.tell(Wanted("from a stranger"))
        await asyncio.sleep(0.05)
        assert Wanted("from a stranger") not in server.empty()


async def test_name_too_long_for_a_socket(tmp_path: Path) -> None:
    directory = tmp_path / ("x" * 100)
    directory.mkdir()
    address = Address(path=directory / "hub.sock")
    async with member(address, "a") as a, member(address, "b") as b:
        a.hub.tell(Wanted("long"))
        await b.hears_this(Wanted("long"))
