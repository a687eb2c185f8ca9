"""An HTTP proxy that only makes tunnels, as companies have one between their machines and the rest."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Tunnel:
    """A running one; `asked` has the first line and headers of each request for a tunnel."""

    url: str
    asked: list[str] = field(default_factory=list)


@contextmanager
def serve_tunnel() -> Iterator[Tunnel]:
    """Run one on a free loopback port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        tunnel = Tunnel(f"http://127.0.0.1:{listener.getsockname()[1]}")
        threading.Thread(target=_accept, args=(listener, tunnel), daemon=True).start()
        try:
            yield tunnel
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, tunnel: Tunnel) -> None:
    with contextlib.suppress(OSError):  # the listener is shut down at the end
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_pass_on, args=(client, tunnel), daemon=True).start()


def _pass_on(client: socket.socket, tunnel: Tunnel) -> None:
    with client, contextlib.suppress(OSError):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        tunnel.asked.append(head.decode())
        host, _, port = head.split()[1].decode().rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as server:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            _join(client, server)


def _join(one: socket.socket, other: socket.socket) -> None:
    """Bytes from each to the other, until one of them ends."""
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in selector.select(10):
                data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                if not data:
                    return
                key.data.sendall(data)
