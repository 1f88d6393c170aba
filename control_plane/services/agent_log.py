"""One log file for each agent, though all agents share the daemon's process.

The supervisor names the agent whose task it starts in a context variable; what that task, and
every task made by it, logs goes to the agent's own file too.
"""

import logging
import os
import threading
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LARGEST: Final = 2_000_000
"""Bytes after which a log is put aside as ``.1``, replacing the one before."""


@dataclass(frozen=True, slots=True)
class LoggedAs:
    devnet: str
    service: str


logged_as: ContextVar[LoggedAs | None] = ContextVar("logged_as", default=None)


def agent_log_path(home: Path, devnet: str, service: str) -> Path:
    """Where the lines of an agent go: ``op/sequencer`` → ``logs/op.sequencer.log``."""
    return home / "devnets" / devnet / "logs" / f"{service.replace('/', '.')}.log"


class AgentLogHandler(logging.Handler):
    """Writes records of agents to their files. A file is opened for each line: agents log
    little, and a devnet that is removed leaves no open file behind."""

    def __init__(self, home: Path) -> None:
        super().__init__()
        self._home = home
        self._writing = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Append the record; a devnet whose directory is gone gets none."""
        agent = logged_as.get()
        if agent is None:
            return
        path = agent_log_path(self._home, agent.devnet, agent.service)
        try:
            line = self.format(record) + "\n"
            with self._writing:
                if not path.parent.is_dir():
                    if not path.parent.parent.is_dir():
                        return
                    path.parent.mkdir(mode=0o700)
                with path.open("a", encoding="utf-8") as file:
                    file.write(line)
                    full = file.tell() > _LARGEST
                if full:
                    _put_aside(path)
        except OSError:
            self.handleError(record)


def _put_aside(path: Path) -> None:
    """Copied and cut, not renamed: a program that the agent runs goes on appending to this very
    file."""
    path.with_name(path.name + ".1").write_bytes(path.read_bytes())
    os.truncate(path, 0)
