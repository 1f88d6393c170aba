"""What fakes answer, and tests look for."""

from datetime import UTC, datetime

HASH = "0x" + "ab" * 32
ADDRESS = "0x" + "11" * 20
KEY = "0x" + "5e" * 32
BORN = datetime(2026, 1, 31, 12, tzinfo=UTC)
