"""A Go that only plays: it builds programs that answer ``--version`` and writes down what it was
asked."""

import os
from pathlib import Path

GO = r"""#!/bin/sh
echo "$*" >>"$FAKE_GO_LOG"
if [ "$1" = env ]; then
    echo "go${FAKE_GO_VERSION:-1.26.8}"
    echo "${FAKE_GO_TOOLCHAIN:-local}"
    exit
fi
env | grep -E '^(CGO_ENABLED|GOFLAGS|GOOS|GOARCH|GOWORK)=' | sort >>"$FAKE_GO_LOG"
echo "go: downloading example.org/module v1.0.0" >&2
echo "example.org/module/package" >&2
case ${FAKE_GO_DOES:-builds} in
fails)
    echo "# example.org/module" >&2
    echo "file.go:1:2: undefined: Thing" >&2
    exit 1
    ;;
hangs)
    echo $$ >"$FAKE_GO_LOG.pid"
    exec sleep 60
    ;;
esac
while [ "$1" != -o ]; do shift; done
says=${FAKE_GO_SAYS:-$(basename "$2") version v1.17.0}
printf '#!/bin/sh\necho "%s"\n' "$says" >"$2"
chmod +x "$2"
"""


def program(path: Path, says: str) -> Path:
    """A program at `path` whose answer to everything is `says`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


class FakeGo:
    """Below `root`: ``bin/go``, ``cache`` and the log of what Go was asked."""

    def __init__(self, root: Path) -> None:
        self.cache = root / "cache"
        self.bin = root / "bin"
        self.log = root / "go.log"
        self.environ = {
            "PATH": f"{self.bin}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "FAKE_GO_LOG": str(self.log),
            "HOME": str(root),
        }
        self.bin.mkdir(parents=True, exist_ok=True)
        (self.bin / "go").write_text(GO)
        (self.bin / "go").chmod(0o755)

    def builds(self) -> list[str]:
        """Its builds, each as it was asked for."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if line.startswith("build ")]

    def remove(self) -> None:
        """As if Go had never been installed."""
        (self.bin / "go").unlink()
