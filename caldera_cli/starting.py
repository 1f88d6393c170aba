"""Bringing a devnet up and waiting for it; shared by `up`, `run` and `start`."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final

from caldera_cli import render
from caldera_cli.client import Client, Event, segment
from caldera_cli.daemon import reconnect
from caldera_cli.errors import FAILED, TIMED_OUT, CliError, from_problem
from caldera_cli.signals import no_signals, signals_interrupt

Json = dict[str, Any]

DOWN_DEADLINE: Final = 60.0
BUILDING: Final = "program.progress"
"""A node program is built, which takes minutes once; every word of it gives more time."""
_NEXT_WORD: Final = 300.0
_STEPS: Final = 100
"""Events before now that are looked through for steps of this start."""
_SETTLED: Final = frozenset({"ready", "degraded", "failed", "stopped"})


class Progress:
    """Steps as they end, on a terminal; elsewhere only what takes minutes, and nothing of what was
    before it was made."""

    def __init__(self, *, shown: bool) -> None:
        self._talks = shown
        self.shown = shown and sys.stderr.isatty()
        self._since = datetime.now(UTC)

    def event(self, event: Event) -> None:
        """Tell of one event if it is worth it."""
        if not (self.shown or (self._talks and event.type == BUILDING)) or not event.type:
            return
        if datetime.fromisoformat(event.data["at"]) < self._since:
            return
        data = event.data.get("data", {})
        if event.type == "step.done":
            render.say(f"  {data.get('ms', 0):>7.0f} ms  {data.get('step')}")
        elif event.type == "plan.port_moved":
            render.say(f"  port {data.get('from')} is taken, {data.get('to')} instead")
        elif event.type == BUILDING:
            render.say(f"  {data.get('line')}")


def create(client: Client, body: Json) -> tuple[Client, Json]:
    """POST a devnet; the daemon's answer, its status, and a client of the daemon that gave it:
    another one when the first was just ending."""
    try:
        status: Json = client.post("/v1/devnets", body)
    except CliError as error:
        client = reconnect(error)
        status = client.post("/v1/devnets", body)
    return client, status


def wait_settled(client: Client, name: str, timeout: float, progress: Progress) -> Json:
    """Wait until the devnet is ready, degraded, stopped or failed; its status.

    Raises CliError: failed (with the daemon's reason), or not settled in time.
    """
    deadline = time.monotonic() + timeout
    path = f"/v1/devnets/{segment(name)}"
    tail = _STEPS if progress.shown else 0
    with client.events(name, tail=tail, silence=timeout) as events:
        status: Json = client.get(path)  # after the stream is open: nothing falls in between
        while status["state"] not in _SETTLED:
            for event in events:
                progress.event(event)
                if event.type == BUILDING:
                    deadline = max(deadline, time.monotonic() + _NEXT_WORD)
                if event.type.startswith("devnet.") or time.monotonic() > deadline:
                    break
            else:
                raise CliError(
                    "The daemon ended while the devnet was starting",
                    f"'{name}'",
                    f"`caldera up --devnet {name}` goes on where it was; see `caldera doctor`",
                )
            status = client.get(path)
            if time.monotonic() > deadline and status["state"] not in _SETTLED:
                raise _late(status, timeout)
    if status["state"] == "failed":
        raise _failure(status)
    return status


def remove(client: Client, name: str) -> None:
    """Take a devnet down and wait until it is gone."""
    client.delete(f"/v1/devnets/{segment(name)}", {"wait": True}, timeout=DOWN_DEADLINE)


@contextmanager
def undone_when_interrupted(client: Client, name: str) -> Iterator[None]:
    """Take the devnet `name` down when the body is interrupted, by Ctrl-C or a signal."""
    with signals_interrupt():
        try:
            yield
        except KeyboardInterrupt:
            render.say(f"interrupted: taking {name} down")
            with suppress(CliError), no_signals():
                remove(client, name)
            raise


def _failure(status: Json) -> CliError:
    error = status.get("error")
    if error:
        return from_problem(error, int(error.get("status", 500)))
    return CliError(
        f"{status['name']} did not start",
        str(status.get("problem") or ""),
        f"see `caldera logs {status['name']}`",
        FAILED,
    )


def _late(status: Json, timeout: float) -> CliError:
    return CliError(
        f"{status['name']} is not ready",
        f"after {timeout:g} s it is {status['state']}",
        f"see `caldera status {status['name']}` and `caldera logs {status['name']}`",
        TIMED_OUT,
    )
