"""Stand-ins by name."""

from pathlib import Path

from control_plane.adapters.da.servers.app import StandIn
from control_plane.adapters.da.servers.store import Store


def stand_in(
    service: str,
    directory: Path,
    *,
    members: int = 3,
    assumed_honest: int | None = None,
    generic: bool = False,
) -> StandIn:
    """The stand-in for `service`, a ``da`` of the spec, that keeps everything in `directory`;
    `members` and `assumed_honest` are of an AnyTrust committee, `generic` is of a plain
    alt-DA server. Raises ValueError for a service that has none, and for what is no committee."""
    if service == "celestia":
        from control_plane.adapters.da.servers.celestia import CelestiaStandIn

        return CelestiaStandIn(Store(directory))
    if service == "eigenda":
        from control_plane.adapters.da.servers.eigenda import EigenDaStandIn

        return EigenDaStandIn(Store(directory))
    if service == "anytrust":
        from control_plane.adapters.da.servers.anytrust import AnyTrustStandIn

        return AnyTrustStandIn(
            Store(directory),
            members=members,
            assumed_honest=members // 2 + 1 if assumed_honest is None else assumed_honest,
        )
    if service == "alt-da":
        from control_plane.adapters.da.servers.alt_da import AltDaStandIn

        return AltDaStandIn(Store(directory), generic=generic)
    raise ValueError(f"there is no stand-in for {service}")
