"""Has a stand-in for a data availability service withhold or corrupt what it keeps."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from control_plane.adapters.da.availability import PostedData
from control_plane.adapters.da.http import Service
from control_plane.adapters.da.places import ADMIN_TOKEN, directory_of, keeper_of
from control_plane.domain.errors import Conflict, TemporaryFailure
from control_plane.domain.faults import CommitteeSilent, DataCorrupted, DataWithheld
from control_plane.domain.network import Chain
from control_plane.domain.ports.chaos import Ground
from control_plane.domain.settlement import Carrier
from control_plane.domain.settlement.keepers import Keeper, keeps_elsewhere

DataFault = DataWithheld | DataCorrupted | CommitteeSilent

_WORDS: Final[Mapping[type[DataFault], Literal["withhold", "corrupt"]]] = {
    DataWithheld: "withhold",
    DataCorrupted: "corrupt",
}


def check(fault: DataFault, ground: Ground) -> None:
    """Conflict where no stand-in of the right kind keeps the rollup's data."""
    chain = ground.network.chain(fault.target)
    if not keeps_elsewhere(chain.plan) or chain.directory is None:
        raise Conflict(
            f"{fault.kind} is not to be had on {fault.target}",
            "its L1 has all of its data" if chain.plan.da else "its data are posted nowhere",
            "Name a rollup whose `da` is celestia, eigenda, anytrust or alt-da.",
        )
    if not _keeper(chain).stand_in:
        raise Conflict(
            f"{fault.kind} is not to be had on {fault.target}",
            "somebody else keeps its data, not a stand-in of ours",
            "Leave `da_url` or `da_committee_file` out of the spec.",
        )
    if isinstance(fault, CommitteeSilent) and chain.plan.da != "anytrust":
        raise Conflict(
            f"{fault.kind} is not to be had on {fault.target}",
            f"{chain.plan.da} has no committee",
            "Name a rollup whose `da` is anytrust.",
        )


async def begin(fault: DataFault, ground: Ground) -> None:
    """Break what `fault` says. Conflict when there is no such channel with its stand-in,
    TemporaryFailure when that does not answer."""
    chain = ground.network.chain(fault.target)
    if isinstance(fault, CommitteeSilent):
        for member in range(fault.members):
            await _ask(chain, "/admin/members", {"member": member, "down": True})
        return
    await _set(fault, ground, _WORDS[type(fault)])


async def end(fault: DataFault, ground: Ground) -> None:
    """Undo it. Errors as above."""
    chain = ground.network.chain(fault.target)
    if isinstance(fault, CommitteeSilent):
        for member in range(fault.members):
            await _ask(chain, "/admin/members", {"member": member, "down": False})
        return
    await _set(fault, ground, None)


async def _set(fault: DataWithheld | DataCorrupted, ground: Ground, what: str | None) -> None:
    chain = ground.network.chain(fault.target)
    for commitment in await _commitments(ground, chain, fault.channel):
        body = {"commitment": "0x" + commitment.hex(), "fault": what}
        await _ask(chain, "/admin/faults", body)


async def _commitments(ground: Ground, chain: Chain, channel: int) -> list[bytes]:
    posted = PostedData(ground.network, chain)
    try:
        frames = [one.frame for one in await posted.frames_of(channel)]
    finally:
        await posted.close()
    found = [frame.data for frame in frames if frame.carrier is Carrier.COMMITMENT]
    if not found:
        raise Conflict(
            f"{chain.name} has no channel {channel} with its {chain.plan.da} stand-in",
            "it is not posted yet, or its data are in the L1's calldata",
            "`caldera events` names each batch that is posted; channels count from 0.",
        )
    return found


async def _ask(chain: Chain, path: str, body: Mapping[str, Any]) -> None:
    token = _root(chain) / ADMIN_TOKEN
    try:
        headers = {"Authorization": f"Bearer {token.read_text().strip()}"}
    except OSError as error:
        raise TemporaryFailure("The stand-in's token can't be read", f"{token}: {error}") from error
    service = Service(f"The {chain.plan.da} stand-in", _keeper(chain).url, headers=headers)
    status, answer = await service.ask("POST", path, json.dumps(body).encode())
    if status != 200:
        raise service.refused(str(body), status, answer)


def _keeper(chain: Chain) -> Keeper:
    return keeper_of(_devnet(chain), chain.plan)


def _root(chain: Chain) -> Path:
    return directory_of(_devnet(chain), str(chain.plan.da))


def _devnet(chain: Chain) -> Path:
    if chain.directory is None:
        raise ValueError(f"{chain.name} is not run here")
    return chain.directory.parents[1]
