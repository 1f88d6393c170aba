"""Asks an agent's health: ``python3 -I -S health_probe.py PORT``; exit code 0 when it is ready.

A program of its own that imports two modules of the standard library: a container's health is
asked every few seconds, and starting Python with all of ours would cost ten times as much.
"""

import socket
import sys

_DEADLINE = 2.0


def main() -> int:
    """0 when the agent answers 200."""
    try:
        with socket.create_connection(("127.0.0.1", int(sys.argv[1])), _DEADLINE) as there:
            there.sendall(b"GET /v1/health HTTP/1.0\r\n\r\n")
            return 0 if b" 200 " in there.recv(64).partition(b"\r\n")[0] else 1
    except (OSError, ValueError, IndexError):
        return 1


if __name__ == "__main__":
    sys.exit(main())
