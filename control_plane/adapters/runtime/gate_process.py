"""The gate: lets programs reach the nodes, and keeps web pages out. A program of its own.

Anvil checks neither Origin nor Host: any web page could drive the chains over a WebSocket, and
by DNS rebinding over HTTP as well. So nodes listen on a loopback address that cannot be
guessed, and this process listens on the ports that users know. Of each connection it reads
the first request's head and refuses foreign Host names and browser origins that the spec does
not allow. Then it passes bytes on as they are:

- a request without any of a browser's marks, or a WebSocket: for as long as the connection
  lasts (a browser sends Origin with every POST and every WebSocket, so none can follow here);
- anything else: for this one request, then both sides are closed.

It is imported by a bare interpreter (`python -I -S`) and uses few parts of the standard library
only (12 MB, ready in 30 ms), and it outlives the daemon as the nodes do. Routes come as JSON
lines over a Unix socket in the current directory, named in argv; a route ends with its node, the
process with its last route.

In a container (`--routes FILE`) it keeps to the routes of a file and runs until it is told to end.
It then listens on all addresses of its container; who may reach those is the engine's matter.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import selectors
import signal
import socket
import sys
import time

# ruff: noqa: PTH105, PTH108, PTH116, PTH123
# Neither pathlib nor typing: each takes longer to import than much of the rest.

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Callback = Callable[[Any, int], None]

HEAD_LIMIT = 32 * 1024
"""Bytes of a request's head."""
BUFFER_LIMIT = 1024 * 1024
"""Bytes that wait for a slow reader before its writer has to wait too."""
CHUNK = 64 * 1024
QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
"""Anvil leaves Nagle's algorithm on: an answer that follows a notification waits until that is
acknowledged, which takes 40 ms unless it is done at once."""
HEAD_SECONDS = 15.0
"""A connection that has not sent its head by then is closed."""
FIRST_ORDER_SECONDS = 3.0
EXTENSIONS = ("chrome-extension", "moz-extension", "safari-web-extension")
"""Schemes of browser extensions (wallets): installed by the user, impossible for a web page."""

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


# ---------------------------------------------------------------- whom to let in


def host_is_local(value: str) -> bool:
    """Whether a Host header names this machine; a foreign name means DNS rebinding."""
    host = value.strip().lower()
    if host.startswith("["):
        return host.partition("]")[0] == "[::1"
    host = host.partition(":")[0]
    if host in {"localhost", "host.docker.internal"} or host.endswith(".localhost"):
        return True
    parts = host.split(".")
    return len(parts) == 4 and parts[0] == "127" and all(part.isdecimal() for part in parts)


def origin_is_allowed(origin: str, allowed: frozenset[str]) -> bool:
    """Whether a page of `origin` may use the node."""
    return origin in allowed or origin.partition("://")[0] in EXTENSIONS


def parse_head(head: bytes) -> tuple[str, dict[str, list[str]]]:
    """Method and headers (lower-case names, lists of values) of a request's head; ValueError."""
    lines = head.decode("latin-1").split("\r\n")
    method, _, version = lines[0].split(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError("not HTTP/1")
    headers: dict[str, list[str]] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise ValueError("not a header")
        headers.setdefault(name.lower(), []).append(value.strip())
    return method, headers


def judge(method: str, headers: dict[str, list[str]], allowed: frozenset[str]) -> tuple[str, str]:
    """What to do with a request: ``("refuse", why)``, ``("pipe", "")`` or ``("once", "")``."""
    hosts, origins = headers.get("host", []), headers.get("origin", [])
    if len(hosts) > 1 or len(origins) > 1:
        return "refuse", "several Host or Origin headers"
    if hosts and not host_is_local(hosts[0]):
        return "refuse", f"the Host header names another machine: {hosts[0]}"
    trusted = bool(origins) and origin_is_allowed(origins[0], allowed)
    if origins and not trusted:
        return "refuse", f"origin {origins[0]} is not among the spec's `origins`"
    site = headers.get("sec-fetch-site", ["none"])[0]
    if not trusted and site not in {"none", "same-origin"}:
        return "refuse", "a page of another site asks"
    if any("websocket" in value.lower() for value in headers.get("upgrade", [])):
        return "pipe", ""
    browser = bool(origins) or any(name.startswith("sec-fetch-") for name in headers)
    return ("once" if browser or method != "POST" else "pipe"), ""


def last_request(head: bytes) -> bytes:
    """The head, changed so that the server closes the connection after its answer."""
    hop = (b"connection:", b"keep-alive:")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(hop)]
    return b"\r\n".join([*lines, b"Connection: close"])


def refusal(why: str) -> bytes:
    """The answer to a request that is not let in; without CORS headers no page can read it."""
    error = {"code": -32003, "message": f"refused: {why}"}
    body = json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode()
    head = (
        "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


# ---------------------------------------------------------------- connections


class End:
    """One socket of a pair, and what still has to be sent to it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.out = bytearray()
        self.connected = True
        self.sends = True
        """It may still send us something."""
        self.told_end = False
        """It knows that we send no more."""
        self.events = 0


class Pair:
    """A client and, once it is let in, its node."""

    def __init__(self, gate: Gate, route: Route, client: socket.socket) -> None:
        self.gate = gate
        self.route = route
        self.client = End(client)
        self.node: End | None = None
        self.head = bytearray()
        self.deadline = time.monotonic() + HEAD_SECONDS
        self.closed = False
        self.watch()

    def ready(self, end: End, mask: int) -> None:
        """One of the sockets can be read or written."""
        try:
            if mask & WRITE:
                self.write(end)
            if mask & READ:
                self.read(end)
        except BlockingIOError:
            pass
        except OSError:
            self.close()
        if not self.closed:
            self.pass_ends()
        if not self.closed:
            self.watch()

    def read(self, end: End) -> None:
        data = end.sock.recv(CHUNK)
        if end is self.node and QUICKACK is not None:
            end.sock.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)  # holds until the next packet
        if not data:
            end.sends = False
        elif self.node is None:
            self.take_head(data)
        else:
            self.send(self.node if end is self.client else self.client, data)

    def send(self, end: End, data: bytes) -> None:
        """Send at once what the socket takes; the rest waits."""
        if not end.out and end.connected:
            with contextlib.suppress(BlockingIOError):
                data = data[end.sock.send(data) :]
        if data:
            end.out += data

    def write(self, end: End) -> None:
        if not end.connected:
            error = end.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                raise OSError(error, "connect")
            end.connected = True
        if end.out:
            del end.out[: end.sock.send(end.out)]

    def take_head(self, data: bytes) -> None:
        self.head += data
        end = self.head.find(b"\r\n\r\n")
        if (end if end >= 0 else len(self.head)) > HEAD_LIMIT:
            self.refuse("the request's head is too long")
            return
        if end < 0:
            return
        head, rest = bytes(self.head[:end]), bytes(self.head[end:])
        try:
            verdict, why = judge(*parse_head(head), self.route.origins)
        except ValueError:
            verdict, why = "refuse", "this is not HTTP/1.1"
        if verdict == "refuse":
            self.refuse(why)
        else:
            self.connect((head if verdict == "pipe" else last_request(head)) + rest)

    def connect(self, first: bytes) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.node = End(sock)
        code = sock.connect_ex(self.route.target)
        if code not in {0, errno.EINPROGRESS}:
            self.close()
            return
        self.node.connected = code == 0
        self.head.clear()
        self.send(self.node, first)

    def refuse(self, why: str) -> None:
        with contextlib.suppress(OSError):
            self.client.sock.send(refusal(why))
            self.client.sock.shutdown(socket.SHUT_WR)
        self.close()

    def pass_ends(self) -> None:
        """Pass on that one side sends no more; close when the answer is complete."""
        if self.node is None:
            if not self.client.sends:
                self.close()
            return
        self.pass_end(self.client, self.node)
        self.pass_end(self.node, self.client)
        if not self.node.sends and not self.client.out:
            self.close()

    def pass_end(self, end: End, peer: End) -> None:
        if not end.sends and not peer.out and not peer.told_end:
            peer.told_end = True
            with contextlib.suppress(OSError):
                peer.sock.shutdown(socket.SHUT_WR)

    def watch(self) -> None:
        """Wait for what can go on: reading stops while the other side is too slow."""
        client, node = self.client, self.node
        self.set_events(client, client.sends and (node is None or len(node.out) < BUFFER_LIMIT))
        if node is not None:
            self.set_events(node, node.sends and node.connected and len(client.out) < BUFFER_LIMIT)

    def set_events(self, end: End, reads: bool) -> None:
        events = (READ if reads else 0) | (WRITE if end.out or not end.connected else 0)
        if events != end.events:
            self.gate.change(end.sock, end.events, events, (self.ready, end))
            end.events = events

    def close(self) -> None:
        """Close both sockets; idempotent."""
        if self.closed:
            return
        self.closed = True
        for end in (self.client, self.node):
            if end is not None:
                self.gate.change(end.sock, end.events, 0, None)
                end.sock.close()
        self.route.pairs.discard(self)


def watch_process(pid: int) -> int | None:
    """A descriptor that is readable when the process has ended; None where there is no such
    thing: there the daemon closes the route. ProcessLookupError when it has ended already."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        raise
    except OSError:
        return None


class Route:
    """A public port and the node behind it.

    OSError when the port can't be had, ProcessLookupError when the node has ended.
    """

    def __init__(self, gate: Gate, order: dict[str, Any]) -> None:
        self.gate = gate
        self.port: int = order["port"]
        self.target: tuple[str, int] = (order["target"][0], order["target"][1])
        self.pid: int | None = order["pid"]
        self.origins = frozenset(order["origins"])
        self.pairs: set[Pair] = set()
        self.node = None if self.pid is None else watch_process(self.pid)
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind((order.get("host", "127.0.0.1"), self.port))
            self.listener.listen(512)
            self.listener.setblocking(False)
        except OSError:
            self.listener.close()
            if self.node is not None:
                os.close(self.node)
            raise
        gate.change(self.listener, 0, READ, (self.accept, None))
        if self.node is not None:
            gate.change(self.node, 0, READ, (self.node_ended, None))

    def is_for(self, order: dict[str, Any]) -> bool:
        """Whether `order` asks for what is there already, but perhaps for the origins."""
        return (self.pid, [*self.target]) == (order["pid"], order["target"])

    def node_ended(self, _end: object, _mask: int) -> None:
        if self.gate.routes.get(self.port) is self:
            self.gate.remove(self.port)

    def accept(self, _end: object, _mask: int) -> None:
        with contextlib.suppress(OSError):
            for _ in range(64):
                client, _address = self.listener.accept()
                client.setblocking(False)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.pairs.add(Pair(self.gate, self, client))

    def close(self) -> None:
        """Close the port and every connection through it."""
        self.gate.change(self.listener, READ, 0, None)
        self.listener.close()
        if self.node is not None:
            self.gate.change(self.node, READ, 0, None)
            os.close(self.node)
        for pair in list(self.pairs):
            pair.close()


class Control:
    """A daemon's connection: JSON lines in, one JSON line out for each."""

    def __init__(self, gate: Gate, sock: socket.socket) -> None:
        self.gate = gate
        self.sock = sock
        self.data = bytearray()
        gate.change(sock, 0, READ, (self.ready, None))

    def ready(self, _end: object, _mask: int) -> None:
        try:
            data = self.sock.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.gate.change(self.sock, READ, 0, None)
            self.sock.close()
            return
        *lines, rest = (bytes(self.data) + data).split(b"\n")
        self.data[:] = rest
        for line in lines:
            answer = json.dumps(self.gate.obey(json.loads(line))).encode() + b"\n"
            with contextlib.suppress(OSError):
                self.sock.send(answer)


class Gate:
    """All routes, and the loop."""

    def __init__(self, control: socket.socket | None = None) -> None:
        self.selector = selectors.DefaultSelector()
        self.routes: dict[int, Route] = {}
        self.had_orders = False
        if control is not None:
            self.change(control, 0, READ, (self.accept_control, control))

    def change(
        self, sock: socket.socket | int, old: int, new: int, data: tuple[Callback, object] | None
    ) -> None:
        """Wait for events `new` instead of `old`; `data`: callback and its first argument."""
        if new and old:
            self.selector.modify(sock, new, data)
        elif new:
            self.selector.register(sock, new, data)
        elif old:
            self.selector.unregister(sock)

    def accept_control(self, control: socket.socket, _mask: int) -> None:
        with contextlib.suppress(OSError):
            sock, _address = control.accept()
            sock.setblocking(False)
            Control(self, sock)

    def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """``open`` (port, target, origins, pid) or ``close`` (port)."""
        self.had_orders = True
        port: int = order["port"]
        known = self.routes.get(port)
        if order["op"] == "close":
            self.remove(port)
            return {"ok": True}
        if known is not None and known.is_for(order):
            known.origins = frozenset(order["origins"])
            return {"ok": True}
        self.remove(port)
        try:
            self.routes[port] = Route(self, order)
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            return {"ok": False, "taken": taken, "error": error.strerror or str(error)}
        return {"ok": True}

    def remove(self, port: int) -> None:
        """Close a route; nothing when there is none."""
        route = self.routes.pop(port, None)
        if route is not None:
            route.close()

    def run(self) -> None:
        """Until the last route is gone, or no order came."""
        started = looked = time.monotonic()
        while self.routes or not self.had_orders:
            for key, mask in self.selector.select(1.0):
                # An event of this round may have closed this one's socket.
                current = self.selector.get_map().get(key.fd)
                if current is not None and current.fileobj is key.fileobj:
                    callback, end = key.data
                    callback(end, mask)
            now = time.monotonic()
            if not self.had_orders and now - started > FIRST_ORDER_SECONDS:
                return
            if now - looked > 5.0:
                looked = now
                self.drop_late(now)

    def drop_late(self, now: float) -> None:
        """Close connections that never said what they want."""
        for route in self.routes.values():
            for pair in list(route.pairs):
                if pair.node is None and pair.deadline < now:
                    pair.close()


def main() -> None:
    """``SOCKET``: take orders there. ``--routes FILE``, ``--check PORT``: see the functions."""
    if sys.argv[1] == "--routes":
        keep_routes(sys.argv[2])
    elif sys.argv[1] == "--check":
        socket.create_connection(("127.0.0.1", int(sys.argv[2])), timeout=5).close()
    else:
        take_orders(sys.argv[1])


def keep_routes(file: str) -> None:
    """Serve the routes (a list of port, target, origins) of a JSON file until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # the first process has no default
    with open(file) as text:
        routes = json.load(text)
    gate = Gate()
    for route in routes:
        answer = gate.obey({"op": "open", "host": "0.0.0.0", "pid": None, **route})  # noqa: S104
        if not answer["ok"]:
            sys.exit(f"port {route['port']}: {answer['error']}")
    gate.run()


def take_orders(name: str) -> None:
    """Listen for orders under the name of a Unix socket in the current directory."""
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    temporary = f"{name}.{os.getpid()}"
    os.umask(0o177)
    control.bind(temporary)
    control.listen(16)
    control.setblocking(False)
    os.replace(temporary, name)  # from here on it answers; a dead gate's name is replaced
    mine = os.stat(name)
    try:
        Gate(control).run()
    finally:
        with contextlib.suppress(OSError):
            now = os.stat(name)
            if (now.st_ino, now.st_dev) == (mine.st_ino, mine.st_dev):
                os.unlink(name)


if __name__ == "__main__":
    main()
