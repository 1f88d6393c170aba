"""What a home has at a Docker engine, and engines of a test's own."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from control_plane.adapters.runtime.compose.images import read_images
from control_plane.adapters.runtime.compose.project import home_id
from control_plane.resources import compose_dir
from tests.acceptance.world import until
from tests.docker import lacks_engine
from tests.e2e.home import is_alive

_DOCKERD = (Path("/opt/docker-for-tests/docker.io/usr/sbin"), Path("/usr/sbin"))
"""Beside PATH: where scripts/docker-for-tests puts it."""


@dataclass(frozen=True)
class Docker:
    """The command line, at one engine."""

    host: str | None = None
    """As ``DOCKER_HOST``; None: the machine's own."""

    @property
    def environment(self) -> dict[str, str]:
        return {"DOCKER_HOST": self.host} if self.host else {}

    def __call__(self, *words: str, check: bool = True) -> str:
        done = subprocess.run(
            ["docker", *words],
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert not check or done.returncode == 0, f"docker {' '.join(words)}: {done.stderr}"
        return done.stdout.strip()

    def containers(self, home: Path) -> dict[str, str]:
        """Ids by service of the containers of `home`, running or not."""
        words = '{{.ID}} {{.Label "dev.caldera.devnet"}}:{{.Label "dev.caldera.service"}}'
        lines = self("ps", "-a", "--no-trunc", "--format", words, *_of(home)).splitlines()
        return {name.partition(":")[2]: id_ for id_, _, name in (li.partition(" ") for li in lines)}

    def listing(self) -> dict[str, list[str]]:
        """Everything that the engine has, whoever made it: whole lines but for ages, sorted."""
        wanted = {
            "containers": ("ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.State}}"),
            "volumes": ("volume", "ls", "--format", "{{.Driver}} {{.Name}}"),
            "networks": ("network", "ls", "--no-trunc", "--format", "{{.ID}} {{.Name}}"),
        }
        return {kind: sorted(self(*words).splitlines()) for kind, words in wanted.items()}

    def left(self, home: Path) -> dict[str, str]:
        """All that the engine has of `home`, by kind; empty when it has nothing."""
        found = {
            "containers": self("ps", "-a", "-q", *_of(home)),
            "volumes": self("volume", "ls", "-q", *_of(home)),
            "networks": self("network", "ls", "-q", *_of(home)),
        }
        return {kind: ids for kind, ids in found.items() if ids}

    def inspect(self, container: str) -> dict[str, Any]:
        return dict(json.loads(self("inspect", container))[0])


def _of(home: Path) -> tuple[str, str]:
    return "--filter", f"label=dev.caldera.home={home_id(home)}"


def needs_images(*names: str) -> pytest.MarkDecorator:
    """A mark for tests of containers that run these images of ours."""
    why = lacks_engine() or _lacks_images(names)
    return pytest.mark.skipif(why is not None, reason=str(why))


@cache
def _lacks_images(names: tuple[str, ...]) -> str | None:
    images = read_images(compose_dir())
    for name in names:
        if not Docker()("image", "ls", "-q", images[name].local, check=False):
            return f"the engine has no image {images[name].local} (`caldera images build`)"
    return None


class PrivateEngine(Docker):
    """A dockerd for one test, which may end it as it likes."""

    def __init__(self, directory: Path, data: Path) -> None:
        super().__init__(f"unix://{directory}/docker.sock")
        object.__setattr__(self, "_directory", directory)
        object.__setattr__(self, "_data", data)
        object.__setattr__(self, "_process", None)

    _directory: Path
    _data: Path
    _process: "subprocess.Popen[bytes] | None"

    def start(self, *, live_restore: bool = False) -> None:
        """Start it and wait until it answers. With `live_restore` containers that outlived the
        one before go on, without they are ended."""
        program = _dockerd()
        log = (self._directory / "dockerd.log").open("ab")
        command = [
            *(str(program), "--host", str(self.host), "--data-root", str(self._data)),
            *("--exec-root", f"{self._directory}/exec", "--pidfile", f"{self._directory}/pid"),
            *(("--live-restore",) if live_restore else ()),
            *("--bridge", "none", "--iptables=false", "--ip6tables=false", "--ip-masq=false"),
        ]
        environment = os.environ | {
            "PATH": f"{program.parent}:{program.parent.parent}/bin:{os.environ['PATH']}"
        }
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env=environment, start_new_session=True
        )
        log.close()
        object.__setattr__(self, "_process", process)
        until(
            lambda: bool(self("info", "-f", "{{.ServerVersion}}", check=False)),
            60,
            f"dockerd answers, see {log.name}",
        )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it; its containers end with it, at the latest when it comes back."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(60)
            object.__setattr__(self, "_process", None)
            self._bury_containerd()

    def _bury_containerd(self) -> None:
        """It dies with a dockerd that is killed; where nobody reaps it, the next dockerd would take
        it for alive and wait ten seconds for it."""
        record = self._directory / "exec" / "containerd" / "containerd.pid"
        if record.exists():
            pid = int(record.read_text())
            until(lambda: not is_alive(pid), 10, "containerd ends with its dockerd")
            record.unlink()

    @property
    def is_dead(self) -> bool:
        return self._process is None

    def load(self, *names: str) -> None:
        """Give it images that the machine's engine has."""
        tags = [read_images(compose_dir())[name].local for name in names]
        with subprocess.Popen(["docker", "save", *tags], stdout=subprocess.PIPE) as saving:
            subprocess.run(
                ["docker", "load", "-q"],
                stdin=saving.stdout,
                env=os.environ | self.environment,
                check=True,
                stdout=subprocess.DEVNULL,
                timeout=120,
            )


def _dockerd() -> Path:
    found = shutil.which("dockerd")
    if found:
        return Path(found)
    for directory in _DOCKERD:
        if (directory / "dockerd").exists():
            return directory / "dockerd"
    pytest.skip("there is no dockerd here (scripts/test-tools brings one)")


@contextlib.contextmanager
def private_engine(data: Path | None = None) -> Iterator[PrivateEngine]:
    """An engine of the test's own; `data` is where it keeps images."""
    if os.geteuid() != 0:
        pytest.skip("an engine of the test's own takes root")
    directory = Path(tempfile.mkdtemp(prefix="cal-dockerd-"))
    engine = PrivateEngine(directory, data or directory / "data")
    try:
        with _forwarding():
            engine.start()
            yield engine
    finally:
        with contextlib.suppress(Exception):
            if engine.is_dead:  # its containers are not: nobody else would end them
                engine.start()
            for container in engine("ps", "-aq", check=False).split():
                engine("rm", "-f", container, check=False)
        engine.stop()
        for mount in sorted(_mounts_below(directory), reverse=True):
            subprocess.run(["umount", "-l", mount], check=False, capture_output=True)
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def _forwarding() -> Iterator[None]:
    """The machine's own engine drops what is forwarded between networks that it does not know;
    a private one makes no rules, so as not to be in its way. This is where users add theirs."""
    rule = ("DOCKER-USER", "-s", "10.0.0.0/8", "-d", "10.0.0.0/8", "-j", "ACCEPT")
    added = subprocess.run(["iptables", "-I", *rule], capture_output=True, check=False)
    try:
        yield
    finally:
        if added.returncode == 0:
            subprocess.run(["iptables", "-D", *rule], capture_output=True, check=False)


def _mounts_below(directory: Path) -> list[str]:
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return [line.split()[1] for line in lines if line.split()[1].startswith(f"{directory}/")]
