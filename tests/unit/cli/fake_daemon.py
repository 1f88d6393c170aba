"""The daemon with a control plane that runs nothing: ``python -m tests.unit.cli.fake_daemon``.

A devnet called ``broken`` fails to start; all others are ready at once.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Literal, cast

from control_plane.adapters.templates import TemplateFiles
from control_plane.daemon_files import Listening
from control_plane.domain.errors import Conflict, ServiceFailed
from control_plane.domain.spec_diff import diff_specs
from control_plane.main import main
from control_plane.resources import templates_dir
from control_plane.schemas.devnet import ChangeView, CreateDevnet, DevnetStatus, DevnetSummary
from control_plane.schemas.epoch import EpochView, LeafView, ShardView
from control_plane.schemas.message import MessageView, TraceStep, TraceView
from control_plane.services.problems import problem_detail
from control_plane.services.queries import MessageFilter
from control_plane.services.specs import template_view, template_views
from control_plane.settings import Settings
from tests.unit.api.fake_devnets import FakeDevnets
from tests.unit.api.fake_queries import FakeQueries
from tests.unit.api.fakes import FakeRunning, fake_running
from tests.unit.api.values import BORN, HASH

TEMPLATES = TemplateFiles(templates_dir())


class Devnets(FakeDevnets):
    async def status(self, name: str) -> DevnetStatus:
        status = await super().status(name)
        if name != "broken":
            return status
        error = ServiceFailed(
            "op/node did not start",
            "port 9545: Address already in use",
            "stop the program that listens there",
            service="op/node",
            command=("anvil", "--port", "9545"),
            log="/somewhere/op/node.log",
            last_lines=("first line", "Address already in use"),
        )
        changes = {"state": "failed", "problem": str(error), "error": problem_detail(error)}
        return status.model_copy(update=changes)

    async def create(self, request: CreateDevnet) -> DevnetStatus:
        spec = self._load(request)
        before = self.specs.get(spec.name)
        if before is None or not request.update:
            return await super().create(request)
        changes = diff_specs(before, spec)
        if any(not change.live for change in changes):
            told = "; ".join(str(change) for change in changes)
            raise Conflict(f"{spec.name} can't become that while it exists", told)
        self.specs[spec.name] = spec
        views = tuple(ChangeView(path=c.path, old=c.old, new=c.new, live=c.live) for c in changes)
        resumed = "resumed" if spec.name in self.stopped else "unchanged"
        self.stopped.discard(spec.name)
        outcome = "updated" if changes else resumed
        return (await self.status(spec.name)).model_copy(
            update={"outcome": outcome, "changes": views}
        )

    async def start(self, name: str, *, wait: bool) -> DevnetStatus:
        status = await super().start(name, wait=wait)
        await self.events.publish(name, "devnet.ready", {"ms": 1})
        return status

    async def delete(self, name: str, *, wait: bool) -> DevnetSummary:
        self.stopped.discard(name)
        return await super().delete(name, wait=wait)


class Queries(FakeQueries):
    async def messages(self, name: str, wanted: MessageFilter) -> Sequence[MessageView]:
        (message,) = list(await super().messages(name, wanted))[:1]
        delivered = message.model_copy(
            update={
                "state": "delivered",
                "latency_ms": 98.7,
                "origin": 901,
                "destination": 902,
            }
        )
        reason = "recipient reverted: Error(nope)"
        failing = message.model_copy(update={"state": "failing", "reason": reason})
        return [failing, delivered]

    async def epoch(self, name: str, number: int | Literal["latest"]) -> EpochView:
        epoch = await super().epoch(name, number)
        leaf = LeafView(
            chain="op",
            domain=901,
            block_number=12,
            block_hash=HASH,
            state_root=HASH,
            message_root=HASH,
            message_count=3,
        )
        game = leaf.model_copy(update={"chain": "game", "domain": 904, "shard": 7})
        shards = (
            ShardView(id=0, root=HASH, leaves=1),
            ShardView(id=7, name="gaming", root=HASH, leaves=1),
        )
        changes = {"leaves": (leaf, game), "signers": (0, 1, 3), "absent": (2,), "shards": shards}
        return epoch.model_copy(update=changes)


async def trace(name: str, message_id: str) -> TraceView:
    def step(name: str, ms: int | None, chain: str, detail: str = "") -> TraceStep:
        at = None if ms is None else BORN + timedelta(milliseconds=ms)
        done = {"block": ms, "tx": HASH} if ms is not None else {}
        return TraceStep.model_validate(
            {"name": name, "at": at, "chain": chain, **done} | {"detail": detail}
        )

    return TraceView(
        id=HASH,
        state="failing",
        reason="the recipient reverted: Error(nope)",
        steps=(
            step("dispatched", 0, "op"),
            step("attested", 20, "op", "epoch 7, signed by 3 of 4"),
            step("certified", 31, "arb"),
            step("relayed", None, "arb", "tried twice"),
            step("delivered", None, "arb"),
        ),
    )


async def build(settings: Settings, _: Listening) -> FakeRunning:
    """As ``bootstrap.build``."""
    running = fake_running(Path(settings.home))
    plain = cast(FakeDevnets, running.services.devnets)
    devnets = Devnets(running.events, specs=plain.specs)
    running.services = replace(
        running.services,
        devnets=devnets,
        queries=Queries(devnets),
        trace=trace,
        retry=trace,
        templates=lambda: template_views(TEMPLATES),
        template=lambda name: template_view(TEMPLATES, name),
    )
    devnets.templates = TEMPLATES  # type: ignore[assignment] # the real ones
    return running


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], build=build))
