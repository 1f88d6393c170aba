"""Makes clients of data availability services out of what a devnet says of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from control_plane.adapters.da.carriers import Blobs, Calldata, External
from control_plane.adapters.da.kzg import Kzg
from control_plane.adapters.da.late import Late
from control_plane.adapters.da.reading import FrameReader
from control_plane.domain.errors import InvalidInput, TemporaryFailure
from control_plane.domain.plan import ChainPlan
from control_plane.domain.ports.da import Carries, CommitmentType, DataAvailability
from control_plane.domain.settlement.keepers import Keeper

_TYPES = {
    "celestia": CommitmentType.CELESTIA,
    "eigenda": CommitmentType.EIGENDA,
    "anytrust": CommitmentType.ANYTRUST,
    "alt-da": CommitmentType.ALT_DA,
}


def open_reader(
    l1_url: str, das: Sequence[Mapping[str, Any]], kzg: Kzg | None = None
) -> FrameReader:
    """Reads the frames of a rollup on the L1 at `l1_url`; `das` are the JSON of keepers.
    InvalidInput."""
    try:
        keepers = [Keeper.from_json(each) for each in das]
        found = {int(_TYPES[each.type]): late_client(each) for each in keepers}
    except (TypeError, KeyError) as error:
        raise InvalidInput("That is no data availability service", f"{das}: {error}") from error
    return FrameReader(l1_url, found, kzg)


def carrying(chain: ChainPlan, keeper: Keeper | None, kzg: Kzg) -> Carries:
    """Carries the frames of `chain` to where its spec says."""
    if keeper is not None:
        return External(late_client(keeper), committee=keeper.type == "anytrust")
    return Blobs(kzg) if chain.da == "ethereum-blobs" else Calldata()


def late_client(keeper: Keeper) -> DataAvailability:
    """A client that is made when it is first used: what a stand-in writes at its start, its
    token say, may not be there yet."""
    return Late(lambda: client_of(keeper))


def client_of(keeper: Keeper) -> DataAvailability:
    """A client of the service. TemporaryFailure when a file that it names can't be read,
    InvalidInput for a URL that is none."""
    try:
        return _client(keeper)
    except ValueError as error:
        raise InvalidInput(f"{keeper.type} can't be used", f"{keeper.url}: {error}") from error


def _client(keeper: Keeper) -> DataAvailability:
    if keeper.type == "celestia":
        from control_plane.adapters.da.celestia import CelestiaClient
        from control_plane.adapters.da.shares import namespace

        own = namespace(bytes.fromhex((keeper.namespace or "0x").removeprefix("0x")))
        return CelestiaClient(keeper.url, own, _read(keeper.token_file))
    if keeper.type == "eigenda":
        from control_plane.adapters.da.eigenda import EigenDaClient

        return EigenDaClient(keeper.url)
    if keeper.type == "anytrust":
        from control_plane.adapters.da.committee import committee_of

        return committee_of(Path(keeper.committee or ""), keeper.url)
    if keeper.type == "alt-da":
        from control_plane.adapters.da.alt_da import AltDaClient

        return AltDaClient(keeper.url)
    raise ValueError(f"there is no client for {keeper.type}")


def _read(path: str | None) -> str | None:
    if path is None:
        return None
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise TemporaryFailure(
            "A token can't be read", f"{path}: {error}", "Its path stands in `da_token_file`."
        ) from error
