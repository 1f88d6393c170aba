"""The files of an image, named before they are copied: what decides whether it must be built."""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from control_plane.domain.errors import Failed

_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")
_USER: Final = 65532
_PASSWD: Final = f"nobody:x:{_USER}:{_USER}::/tmp:/sbin/nologin\n".encode()
_WRITABLE: Final = ("/tmp", "/data")  # noqa: S108
_GROUP: Final = f"nobody:x:{_USER}:\n".encode()


@dataclass(slots=True)
class Root:
    """An image's root file system: by path in the image, a file of this machine or its bytes."""

    files: dict[str, Path | bytes] = field(default_factory=dict)
    programs: set[str] = field(default_factory=set)
    """Paths of those that may be run."""

    @classmethod
    def empty(cls) -> "Root":
        """A user without rights, a place for temporary files, and one where volumes are mounted: a
        new volume takes its mode from there, so that the user can write to it."""
        files: dict[str, Path | bytes] = {f"{path}/.keep": b"" for path in _WRITABLE}
        return cls({"/etc/passwd": _PASSWD, "/etc/group": _GROUP, **files})

    def add_program(self, target: str, source: Path) -> None:
        """A program, with the shared libraries that it loads."""
        self.files[target] = source
        self.programs.add(target)
        self.add_libraries([source])

    def add_libraries(self, users: Iterable[Path]) -> None:
        """The shared libraries that `users` load, at the paths where they are here."""
        for library in shared_libraries(users):
            self.files.setdefault(str(library), library)
            self.programs.add(str(library))

    def fingerprint(self) -> str:
        """sha256 over all paths and contents."""
        whole = hashlib.sha256()
        for target, content in sorted(self.files.items()):
            data = content if isinstance(content, bytes) else content.read_bytes()
            run = target in self.programs
            whole.update(f"{target}\0{run}\0{hashlib.sha256(data).hexdigest()}\n".encode())
        return whole.hexdigest()

    def write(self, directory: Path) -> None:
        """Copy everything below `directory`, which is empty."""
        for target, content in self.files.items():
            path = directory / PurePosixPath(target).relative_to("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                shutil.copyfile(content, path)
            path.chmod(0o755 if target in self.programs else 0o644)
        for writable in _WRITABLE:
            (directory / writable[1:]).chmod(0o1777)


def shared_libraries(users: Iterable[Path]) -> Iterator[Path]:
    """What the loader would load for `users`, itself included; each once, by the paths it uses."""
    paths = [str(path) for path in users]
    if not paths:
        return
    done = subprocess.run(["ldd", *paths], capture_output=True, text=True, check=False)
    if "not found" in done.stdout:
        line = next(line for line in done.stdout.splitlines() if "not found" in line)
        raise Failed("A program's shared library is missing", line.strip())
    seen = set()
    for found in _LIBRARY.findall(done.stdout):
        if found not in seen:
            seen.add(found)
            yield Path(found)
