"""Node programs that are built from public Go modules, at the versions that we pin.

Each comes from a wrapper module below ``compose/engines``: its ``go.mod`` names the versions,
its ``go.sum`` their hashes. The programs of one module share its version and its directory in the
cache.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from control_plane.resources import compose_dir

FLAGS: Final = ("-mod=readonly", "-trimpath", "-buildvcs=false")
ENVIRONMENT: Final = {"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
"""Static programs, the same wherever they are built."""

_OPTIMISM: Final = "github.com/ethereum-optimism/optimism"
_GO_LINE = re.compile(r"^go (\d+)\.(\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class GoModule:
    """A directory of ``compose/engines``."""

    name: str
    origin: str
    """The module path whose version is the programs' version."""

    @property
    def directory(self) -> Path:
        return compose_dir() / "engines" / self.name

    def version(self) -> str:
        """As ``go.mod`` has it, with its v."""
        pattern = rf"{re.escape(self.origin)} (v\S+)"
        found = re.search(pattern, self._read("go.mod"))
        if found is None:
            raise ValueError(f"{self.directory / 'go.mod'} names no version of {self.origin}")
        return found[1]

    def oldest_go(self) -> tuple[int, int]:
        """The Go that the module asks for."""
        found = _GO_LINE.search(self._read("go.mod"))
        return (int(found[1]), int(found[2])) if found else (1, 24)

    def key(self) -> str:
        """Version and a hash of all that decides what is built: a cache directory's name."""
        whole = hashlib.sha256()
        for name in ("go.mod", "go.sum"):
            whole.update(self._read(name).encode() + b"\0")
        stamps = [program.stamps for program in GO_PROGRAMS.values() if program.module == self]
        whole.update(repr((FLAGS, sorted(ENVIRONMENT.items()), stamps)).encode())
        return f"{self.version()}-{whole.hexdigest()[:12]}"

    def _read(self, name: str) -> str:
        return (self.directory / name).read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class GoProgram:
    """One program of a module."""

    name: str
    module: GoModule
    package: str
    """Import path of its main package."""
    stamps: tuple[str, ...]
    """Variables that the linker sets to what ``--version`` shows; ``{version}`` is replaced."""
    known_good: re.Pattern[str] = re.compile("")
    """Versions that are taken from PATH, where nobody named them."""
    called: tuple[str, ...] = ()
    """How it names itself in ``--version``, where that is not its name."""

    def cached(self, store: Path) -> Path:
        """Where it lies in the cache `store`, built or not."""
        return store / "engines" / self.module.name / self.module.key() / self.name

    def linker_flags(self) -> str:
        """For ``-ldflags``: no symbol tables, and the version."""
        version = self.module.version()
        stamps = [f"-X {stamp.format(version=version)}" for stamp in self.stamps]
        return " ".join(["-s", "-w", *stamps])


_OP_GETH: Final = GoModule("op-geth", "github.com/ethereum-optimism/op-geth")
_OP_STACK: Final = GoModule("optimism", _OPTIMISM)


def _service(name: str, package: str, *stamps: str) -> GoProgram:
    return GoProgram(name, _OP_STACK, f"{_OPTIMISM}/{package}", stamps)


_ALL: Final = (
    GoProgram(
        "op-geth",
        _OP_GETH,
        "github.com/ethereum/go-ethereum/cmd/geth",
        ("github.com/ethereum/go-ethereum/version.gitTag={version}",),
        known_good=re.compile(r"^1\.1017\d\d\."),
        called=("op-geth", "geth"),
    ),
    _service(
        "op-node",
        "op-node/cmd",
        f"{_OPTIMISM}/op-node/version.Version={{version}}",
        f"{_OPTIMISM}/op-node/version.Meta=",
    ),
    _service("op-batcher", "op-batcher/cmd", "main.Version={version}"),
    _service("op-proposer", "op-proposer/cmd", "main.Version={version}"),
    _service(
        "op-challenger",
        "op-challenger/cmd",
        f"{_OPTIMISM}/op-challenger/version.Version={{version}}",
        f"{_OPTIMISM}/op-challenger/version.Meta=",
    ),
    _service("da-server", "op-alt-da/cmd/daserver", "main.Version={version}"),
)

GO_PROGRAMS: Final[Mapping[str, GoProgram]] = {program.name: program for program in _ALL}
"""By name, in the order in which they are shown and built."""

OP_STACK: Final = tuple(program.name for program in _ALL if program.module == _OP_STACK)
"""The OP Stack's own services."""
