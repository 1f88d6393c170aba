"""Where what is known of a devnet's apps is kept."""

from collections.abc import Sequence
from typing import Protocol

from control_plane.domain.apps.record import Act, AppRecord


class AppRecords(Protocol):
    """One record for each app of a devnet, which goes with the devnet. What is written is durable
    when the call returns. Raises StorageFailed."""

    def names(self, devnet: str) -> Sequence[str]: ...

    def get(self, devnet: str, app: str) -> AppRecord | None: ...

    def owned(self, devnet: str, app: str, owner: str) -> None:
        """Who deploys it; begins the record of a new app."""
        ...

    def noted(self, devnet: str, app: str, rollup: str, act: Act) -> None:
        """In place of the act with its id."""
        ...

    def forgotten(self, devnet: str, app: str, rollup: str, act: Act) -> None:
        """As if it had never been."""
        ...
