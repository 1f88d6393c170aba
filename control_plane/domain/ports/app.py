"""Where what is known of a devnet's apps is kept."""

from collections.abc import Sequence
from typing import Protocol

from control_plane.domain.apps.record import AppRecord


class AppRecords(Protocol):
    """One record for each app of a devnet; they go with the devnet. Raises StorageFailed."""

    def names(self, devnet: str) -> Sequence[str]: ...

    def get(self, devnet: str, app: str) -> AppRecord | None: ...

    def put(self, devnet: str, record: AppRecord) -> None:
        """Durable when this returns."""
        ...
