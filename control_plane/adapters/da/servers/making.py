"""Stand-ins by name."""

from pathlib import Path

from control_plane.adapters.da.servers.app import StandIn
from control_plane.adapters.da.servers.store import Store


def stand_in(service: str, directory: Path) -> StandIn:
    """The stand-in for `service`, a ``da`` of the spec, that keeps everything in `directory`.
    Raises ValueError for a service that has none."""
    if service == "celestia":
        from control_plane.adapters.da.servers.celestia import CelestiaStandIn

        return CelestiaStandIn(Store(directory))
    raise ValueError(f"there is no stand-in for {service}")
