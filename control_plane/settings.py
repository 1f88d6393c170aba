"""The daemon's settings: environment → frozen :class:`Settings`, read once.

Standard library only: the daemon reads them before anything else is imported.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from control_plane.domain.errors import InvalidInput, NotAvailableYet, Problem

DEFAULT_PORT: Final = 8420
DEFAULT_HOST: Final = "127.0.0.1"
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_DIALECTS: Final = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True)
class Settings:
    home: Path
    """``$CALDERA_HOME``, absolute; not necessarily there yet."""
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    port_named: bool = False
    """The user named the port, so a taken one is a conflict; otherwise it may move."""
    database_url: str | None = None
    """SQLAlchemy URL; None: SQLite in the home directory."""
    save_interval: float | None = None
    """Seconds between saves of a chain's state, where a spec names none."""
    origins: tuple[str, ...] = ()
    """Browser origins that may use the REST API; none by default."""
    hosts: tuple[str, ...] = ()
    """Host names besides the loopback ones under which the REST API may be addressed."""
    anvil: Path | None = None
    """The Anvil to run instead of the pinned one."""
    log_level: str = "INFO"
    transient: bool = False
    """A command started the daemon in the background: it ends with its last devnet."""


def load(environ: Mapping[str, str], **given: str | int | None) -> Settings:
    """Settings from `environ`, with what the command line has `given` before it.

    Keys of `given`: home, host, port. Raises InvalidInput with every faulty variable by name,
    NotAvailableYet for an address beyond loopback.
    """
    reader = _Reader({**environ, **_as_variables(given)})
    settings = Settings(
        home=reader.home(),
        host=reader.host(),
        port=reader.port(),
        port_named=bool(reader.text("CALDERA_PORT")),
        database_url=reader.database_url(),
        save_interval=reader.seconds("CALDERA_SAVE_INTERVAL"),
        origins=reader.origins(),
        hosts=reader.words("CALDERA_HOSTS"),
        anvil=reader.anvil(),
        log_level=reader.log_level(),
    )
    if reader.problems:
        raise InvalidInput(
            "The settings are not valid",
            "; ".join(f"{p.path}: {p.detail}" for p in reader.problems),
            "Correct or unset the variables named.",
            tuple(reader.problems),
        )
    _refuse_beyond_loopback(settings.host)
    return settings


def _as_variables(given: Mapping[str, str | int | None]) -> dict[str, str]:
    return {f"CALDERA_{k.upper()}": str(v) for k, v in given.items() if v is not None}


def _refuse_beyond_loopback(host: str) -> None:
    if host in LOOPBACK:
        return
    why = "beyond loopback the REST API needs API keys, which are not available yet"
    raise NotAvailableYet(
        f"Can't listen on {host}",
        why,
        "Leave CALDERA_HOST at 127.0.0.1 and forward the port (ssh -L).",
        (Problem("CALDERA_HOST", why),),
    )


class _Reader:
    """One variable after the other; faults are collected in `problems`."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[Problem] = []

    def text(self, name: str) -> str | None:
        return self._environ.get(name, "").strip() or None

    def words(self, name: str) -> tuple[str, ...]:
        """Comma-separated."""
        return tuple(w.strip() for w in (self.text(name) or "").split(",") if w.strip())

    def _fault(self, name: str, detail: str, hint: str = "") -> None:
        self.problems.append(Problem(name, detail, hint))

    def home(self) -> Path:
        text = self.text("CALDERA_HOME")
        if text and "\0" in text:
            self._fault("CALDERA_HOME", "holds a null character")
            return Path.home()
        return Path(text).expanduser().absolute() if text else Path.home() / ".caldera"

    def host(self) -> str:
        host = self.text("CALDERA_HOST") or DEFAULT_HOST
        return DEFAULT_HOST if host == "localhost" else host.strip("[]")

    def port(self) -> int:
        text = self.text("CALDERA_PORT")
        if text is None:
            return DEFAULT_PORT
        if not text.isascii() or not text.isdigit() or int(text) > 65535:
            self._fault("CALDERA_PORT", f"{text!r} is no port", "0 to 65535; 0: any free one")
            return DEFAULT_PORT
        return int(text)

    def seconds(self, name: str) -> float | None:
        text = self.text(name)
        if text is None:
            return None
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0.5 <= value <= 86_400:
            self._fault(name, f"{text!r} is no number of seconds from 0.5 to 86400")
            return None
        return value

    def database_url(self) -> str | None:
        url = self.text("CALDERA_DATABASE_URL")
        if url is None:
            return None
        scheme, separator, _ = url.partition("://")
        if not separator or scheme.partition("+")[0] not in _DIALECTS:
            # The URL may hold a password: it is not repeated.
            self._fault(
                "CALDERA_DATABASE_URL",
                "is the URL of no database that can be used",
                "sqlite+aiosqlite:///PATH or postgresql+asyncpg://USER@HOST/NAME",
            )
        return url

    def origins(self) -> tuple[str, ...]:
        origins = []
        for word in self.words("CALDERA_ORIGINS"):
            origin = word.rstrip("/").lower()
            try:
                parts = urlsplit(origin)
                _ = parts.port
            except ValueError:
                parts = urlsplit("")
            if (
                parts.scheme not in {"http", "https"}
                or f"{parts.scheme}://{parts.netloc}" != origin
            ):
                self._fault(
                    "CALDERA_ORIGINS", f"{word!r} is no origin", "e.g. http://localhost:3000"
                )
                continue
            origins.append(origin)
        return tuple(origins)

    def anvil(self) -> Path | None:
        text = self.text("ANVIL_BIN") or self.text("CALDERA_ANVIL")
        return Path(text).expanduser().absolute() if text else None

    def log_level(self) -> str:
        level = (self.text("CALDERA_LOG_LEVEL") or "INFO").upper()
        if level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            self._fault(
                "CALDERA_LOG_LEVEL", f"{level!r} is no level", "debug, info, warning or error"
            )
            return "INFO"
        return level
