"""Runs a program that can write below some directories only. A program of its own, for Linux::

    python -I -S confined.py DIRECTORY... -- PROGRAM ARGUMENT...

op-geth's ``debug`` calls write profiles and traces into any file that the caller names, and whoever
reaches a chain's port may call them. Landlock (landlock(7)) takes the right to write, make or
remove anything elsewhere from the process, before it becomes PROGRAM; what is open already stays
so. Reading, sockets and the rest are as before. Without Landlock in the kernel PROGRAM runs as it
is.

It is started by a bare interpreter: no imports but these.
"""

import ctypes
import os
import struct
import sys

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""System calls, by the same numbers on every architecture."""
_VERSION = 1
_PATH_BENEATH = 1
_NO_NEW_PRIVILEGES = 38
"""prctl(2)."""

_WRITE_FILE, _TRUNCATE = 1 << 1, 1 << 14
_REMOVE = 1 << 4 | 1 << 5
_MAKE = 0b1111111 << 6
"""Devices, directories, files, sockets, pipes, links."""
_REFER = 1 << 13
"""Move between directories."""


def confine(directories: list[str]) -> bool:
    """Let this process write below `directories` alone; False where the kernel can't do that.

    Raises OSError for a directory that is not there.
    """
    call = ctypes.CDLL(None, use_errno=True).syscall
    version = call(CREATE_RULESET, None, 0, _VERSION)
    if version < 1:
        return False
    rights = _WRITE_FILE | _REMOVE | _MAKE
    rights |= _REFER if version >= 2 else 0
    rights |= _TRUNCATE if version >= 3 else 0
    rules = call(CREATE_RULESET, struct.pack("Q", rights), 8, 0)
    if rules < 0:
        return False
    for path in directories:
        _allow(call, rules, path, rights)
    _allow(call, rules, os.devnull, rights & (_WRITE_FILE | _TRUNCATE))
    ctypes.CDLL(None).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    return bool(call(RESTRICT_SELF, rules, 0) == 0)


def _allow(call: "ctypes._NamedFuncPointer", rules: int, path: str, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    call(ADD_RULE, rules, _PATH_BENEATH, struct.pack("=Qi", rights, place), 0)
    os.close(place)


def main() -> None:
    """Become the program; 127 and a line on stderr when it can't be run."""
    cut = sys.argv.index("--")
    program = sys.argv[cut + 1 :]
    try:
        confine(sys.argv[1:cut])
        os.execv(program[0], program)  # noqa: S606 - no shell
    except OSError as error:
        sys.stderr.write(f"Fatal: {program[0]} can't be run: {error}\n")
        sys.exit(127)


if __name__ == "__main__":
    main()
