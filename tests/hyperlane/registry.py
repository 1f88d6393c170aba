"""A package registry that knows one version of everything: Hyperlane's CLI asks for its latest
version at every start, and does nothing where that can't be told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_VERSION = "0.0.0"


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        version = "0.0.0"
        body = json.dumps(
            {"dist-tags": {"latest": version}, "versions": {version: {"version": version}}}
        )
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def package_registry() -> Iterator[str]:
    """Its URL, while it runs."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answer) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()
