"""Where a devnet's stand-ins for data availability services listen and keep what they take.

Below the devnet's directory, ``da/TYPE/``: the port, drawn once, and everything else that the
server writes there. It goes with the devnet.
"""

import json
import os
import random
import zlib
from pathlib import Path
from typing import Any, Final

from control_plane.adapters.runtime.identity import is_alive
from control_plane.adapters.runtime.ports import LOOPBACK, is_taken
from control_plane.adapters.runtime.programs import RECORD
from control_plane.domain.errors import Conflict, StorageFailed
from control_plane.domain.network import Chain
from control_plane.domain.plan import ChainPlan
from control_plane.domain.ports.program import ProgramSpec
from control_plane.domain.settlement.keepers import (
    Keeper,
    keeps_elsewhere,
    namespace_of,
    stand_in_service,
)
from control_plane.domain.switching import forms

_FIRST_PORT: Final = 26_000
_PORTS: Final = 5_000
"""Below those that systems draw for connections, and beside those of chains."""
_TRIES: Final = 200
_PORT: Final = "port.json"
COMMITTEE: Final = "committee.json"
ADMIN_TOKEN: Final = "admin.token"  # noqa: S105 - a file's name
"""Beside the items: who may have the server break something."""


def directory_of(root: Path, type_: str) -> Path:
    """Of the stand-in of that type in the devnet whose directory is `root`."""
    return root / "da" / type_


def keeper_of(root: Path, chain: ChainPlan) -> Keeper:
    """Who keeps the data of `chain`, which are not on its L1. Conflict while its stand-in never
    ran, StorageFailed."""
    type_ = str(chain.da)
    namespace = namespace_of(chain) if type_ == "celestia" else None
    if chain.da_url is not None:
        return Keeper(
            type_, chain.da_url, stand_in=False, namespace=namespace, token_file=chain.da_token_file
        )
    if chain.da_committee_file is not None:
        return Keeper(type_, "", stand_in=False, committee=chain.da_committee_file)
    directory = directory_of(root, type_)
    port = _known_port(directory)
    if port is None:
        raise Conflict(
            f"The {type_} stand-in has no address yet",
            f"{directory / _PORT} is not there: it is made when the devnet starts",
        )
    return Keeper(
        type_,
        f"http://{LOOPBACK}:{port}",
        stand_in=True,
        namespace=namespace,
        token_file=str(directory / "write.token") if type_ == "celestia" else None,
        committee=str(directory / COMMITTEE) if type_ == "anytrust" else None,
    )


def keepers_of(chain: Chain) -> list[dict[str, Any]]:
    """The JSON of whoever keeps data of a rollup that is run here, or did before it switched; none
    where its L1 has all of them. Errors as of :func:`keeper_of`."""
    if chain.directory is None:
        return []
    return [each.to_json() for each in ever_keepers(chain.directory.parents[1], chain.plan)]


def ever_keepers(root: Path, chain: ChainPlan) -> list[Keeper]:
    """Whoever keeps data of `chain`, whose devnet's directory is `root`, or did before it
    switched, the present one last. Errors as of :func:`keeper_of`."""
    return [keeper_of(root, form) for form in forms(chain) if keeps_elsewhere(form)]


def stand_in_program(root: Path, type_: str) -> ProgramSpec:
    """How the stand-in is run; draws its port when it has none, or somebody took it. Conflict when
    no port is free, StorageFailed."""
    directory = directory_of(root, type_)
    port = _known_port(directory)
    if port is None or (is_taken(port) and not _runs(directory)):
        port = _draw(directory)
    service = stand_in_service(type_)
    return ProgramSpec(
        service=service,
        program="python",
        arguments=(
            *("-P", "-m", "control_plane.da_server", type_),
            *("--port", str(port), "--directory", str(directory)),
        ),
        directory=directory,
        log=root / "logs" / f"{service}.log",
        host=LOOPBACK,
        port=port,
        question="/health",
    )


def _known_port(directory: Path) -> int | None:
    try:
        return int(json.loads((directory / _PORT).read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise _storage(directory / _PORT, error) from error


def _runs(directory: Path) -> bool:
    try:
        record = json.loads((directory / RECORD).read_text())
        return is_alive(int(record["pid"]), str(record["identity"]))
    except (OSError, ValueError, KeyError):
        return False


def _draw(directory: Path) -> int:
    """A free port, the same for the same directory as long as nobody else has it."""
    start = zlib.crc32(os.fsencode(directory)) % _PORTS
    for at in range(_TRIES):
        port = _FIRST_PORT + (start + at) % _PORTS
        if not is_taken(port):
            _write(directory, port)
            return port
    raise Conflict(
        "No port is free for a stand-in",
        f"{_TRIES} from {_FIRST_PORT + start} on are taken on {LOOPBACK}",
        "End what listens there, or name a `da_url`.",
    )


def _write(directory: Path, port: int) -> None:
    draft = directory / f".{_PORT}.{random.randrange(2**32):08x}"  # noqa: S311 - no secret
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.write_text(json.dumps(port))
        draft.replace(directory / _PORT)
    except OSError as error:
        raise _storage(directory, error) from error


def _storage(path: Path, error: Exception) -> StorageFailed:
    return StorageFailed(
        "A stand-in's directory can't be used",
        f"{path}: {error}",
        "Check its permissions and the free space on its disk.",
    )
