"""Following a devnet's events for as long as it lives, over restarts of the daemon."""

import time
from collections.abc import Iterator
from typing import Final

from caldera_cli import render
from caldera_cli.client import Client, Event
from caldera_cli.daemon import connect_if_running
from caldera_cli.errors import FAILED, CliError

REMOVED: Final = "devnet.removed"
RESUMED: Final = Event("", "stream.resumed", {})
"""Comes first after the stream had broken. No event between was missed, but nobody was there to
tell of what does not make events."""
_PATIENCE: Final = 60.0
"""Seconds that a daemon may take to return."""
_LOOK: Final = 0.1
_UNAVAILABLE: Final = 503


def follow(
    client: Client, name: str, *, after: str | None = None, tail: int | None = None
) -> Iterator[Event]:
    """The devnet's events as :meth:`Client.events` gives them, until it is removed.

    When the daemon ends, this waits for the next one and goes on where it was. Raises CliError
    when none comes, or for what a daemon refuses.
    """
    last = after
    while True:
        try:
            with client.events(name, after=last, tail=tail) as events:
                for event in events:
                    last = event.id or last
                    yield event
                    if event.type == REMOVED:
                        return
        except CliError as error:
            if error.problem and error.problem.get("status") != _UNAVAILABLE:
                raise
        client = _next_daemon(name)
        yield RESUMED


def _next_daemon(name: str) -> Client:
    """A client of the next daemon. No event tells that somebody starts one."""
    render.say("The daemon ended; waiting for the next one (any caldera command starts it).")
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        time.sleep(_LOOK)
        client = connect_if_running()
        if client is not None:
            return client
    raise CliError(
        "The daemon ended",
        f"none came back within {_PATIENCE:g} s",
        f"`caldera status {name}` starts it",
        FAILED,
    )
