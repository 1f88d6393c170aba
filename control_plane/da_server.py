"""A stand-in for a data availability service, as a process of its own.

Run as ``python -m control_plane.da_server SERVICE --directory DIRECTORY``; it says on stdout where
it listens (``listening on http://127.0.0.1:PORT``) as soon as it does, and keeps everything in the
directory: what it took, its keys and tokens. Killed and started again it has all of it.
"""

import argparse
import ipaddress
import logging
import socket
import sys
from pathlib import Path
from typing import Final

SERVICES: Final = ("celestia", "eigenda", "anytrust", "alt-da")


def main(arguments: list[str]) -> None:
    """Serve until a signal comes."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    parser = argparse.ArgumentParser(prog="python -m control_plane.da_server", description=__doc__)
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument("--directory", type=Path, required=True, help="where everything is kept")
    parser.add_argument("--host", type=_loopback, default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--members", type=int, default=3, help="of an AnyTrust committee")
    parser.add_argument("--assumed-honest", type=int, help="of them; by default more than half")
    parser.add_argument(
        "--generic-commitment", action="store_true", help="of alt-da: no hashes, as op-alt-da's"
    )
    asked = parser.parse_args(arguments)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((asked.host, asked.port))
        listener.listen(128)
        _serve(asked, listener)


def _loopback(text: str) -> str:
    """Nobody but this machine is served."""
    if not ipaddress.IPv4Address(text).is_loopback:
        raise ValueError(text)
    return text


def _serve(asked: argparse.Namespace, listener: socket.socket) -> None:
    import uvicorn

    from control_plane.adapters.da.servers.making import stand_in

    try:
        app = stand_in(
            asked.service,
            asked.directory,
            members=asked.members,
            assumed_honest=asked.assumed_honest,
            generic=asked.generic_commitment,
        ).app()
    except ValueError as error:
        raise SystemExit(f"no stand-in: {error}") from error
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    # What connects meanwhile waits in the kernel's queue.
    host, port = listener.getsockname()
    print(f"listening on http://{host}:{port}", flush=True)  # noqa: T201 - as promised above
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(sys.argv[1:])
