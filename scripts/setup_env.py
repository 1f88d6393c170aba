"""Make `.venv` what a lock file says: `setup_env.py runtime|dev`. Silent and quick when it is.

Runs on any Python >= 3.11 with nothing installed (standard library only). Everything is
installed by hash; bytecode is compiled at once, since a daemon without it starts in seconds
instead of half a second.
"""

import compileall
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OUR_PACKAGES = ("caldera_cli", "control_plane")
LEVELS = ("runtime", "dev")


class SetupError(Exception):
    """One sentence for the user: what failed and what to do."""


def main(arguments: list[str]) -> int:
    """Exit code 0 when the environment is as wanted, 2 wrong usage, 6 something is missing."""
    if len(arguments) != 1 or arguments[0] not in LEVELS:
        print(f"usage: setup_env.py {'|'.join(LEVELS)}", file=sys.stderr)
        return 2
    try:
        with exclusively():
            ensure(arguments[0])
    except SetupError as error:
        print(f"set-up failed: {error}", file=sys.stderr)
        return 6
    return 0


def ensure(level: str) -> None:
    """Create or update the environment where it differs from the lock."""
    # the dev lock holds everything that the runtime needs
    satisfied = any(is_current(name) for name in LEVELS[LEVELS.index(level) :])
    if not satisfied:
        started = time.monotonic()
        print(f"setting up .venv ({level}) …", file=sys.stderr, flush=True)
        install(level)
        print(f"set up in {time.monotonic() - started:.1f} s", file=sys.stderr)
    compile_ours()


def is_current(level: str) -> bool:
    """Whether the last set-up of `level` finished with these very locks."""
    try:
        return PYTHON.exists() and stamp(level).read_text() == wanted(level)
    except OSError:
        return False


def stamp(level: str) -> Path:
    """The file that says which lock was installed."""
    return VENV / f".caldera-{level}"


def wanted(level: str) -> str:
    """Changes whenever an environment of `level` has to be set up anew."""
    parts = [ROOT / "requirements" / f"{level}.lock", ROOT / "pyproject.toml", Path(__file__)]
    digest = hashlib.sha256(str(ROOT).encode())
    for part in parts:
        digest.update(hashlib.sha256(part.read_bytes()).digest())
    return digest.hexdigest()


def install(level: str) -> None:
    """Bootstrap uv by hash, then everything else of the lock, then the project itself."""
    make_venv()
    for name in LEVELS:
        stamp(name).unlink(missing_ok=True)
    uv = VENV / "bin" / "uv"
    if not uv.exists():
        bootstrap = ROOT / "requirements" / "bootstrap.lock"
        run(PYTHON, "-m", "pip", "install", "-q", "--require-hashes", "-r", bootstrap)
    lock = ROOT / "requirements" / f"{level}.lock"
    run(uv, "pip", "sync", "-q", "--require-hashes", "--python", PYTHON, lock)
    run(uv, "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index",
        "--python", PYTHON, "--editable", ROOT)  # fmt: skip
    stamp(level).write_text(wanted(level))


def make_venv() -> None:
    """A fresh `.venv` unless there is a working one of a fitting Python."""
    check = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    if PYTHON.exists() and subprocess.run([PYTHON, "-c", check], check=False).returncode == 0:
        return
    if sys.version_info < (3, 11):  # noqa: UP036 - this script may be run by any Python
        raise SetupError(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}")
    shutil.rmtree(VENV, ignore_errors=True)
    try:
        run(sys.executable, "-m", "venv", VENV)
    except SetupError as error:
        raise SetupError(f"{error}; on Debian or Ubuntu: apt install python3-venv") from error


def run(*command: str | Path) -> None:
    """Run `command` with its output shown only when it fails."""
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environ |= {"UV_COMPILE_BYTECODE": "1", "UV_NO_PROGRESS": "1", "UV_LINK_MODE": "copy"}
    environ.pop("VIRTUAL_ENV", None)
    words = [str(word) for word in command]
    done = subprocess.run(
        words, env=environ, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        errors="replace", check=False,
    )  # fmt: skip
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise SetupError(f"`{' '.join(words)}` ended with {done.returncode}\n{tail}")


def compile_ours() -> None:
    """Bytecode of our own packages too; unchanged files cost a stat each."""
    if Path(sys.prefix).resolve() != VENV.resolve():
        packages = [str(ROOT / name) for name in OUR_PACKAGES]
        run(PYTHON, "-m", "compileall", "-q", *packages)
        return
    for name in OUR_PACKAGES:
        compileall.compile_dir(ROOT / name, quiet=2, maxlevels=20)


@contextlib.contextmanager
def exclusively() -> Iterator[None]:
    """One set-up of this checkout at a time; the kernel drops the lock when its holder dies."""
    with (ROOT / "pyproject.toml").open() as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
