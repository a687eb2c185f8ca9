"""Servers that say what no HTTP library would: each connection is a function of bytes in, bytes out."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bot.registry.access import RegistryAccess


@dataclass
class RawServer:
    """A running one; `connections` is how many came, `requests` the first line and headers of each request read."""

    host: str
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    def access(self, name: str = "r") -> RegistryAccess:
        return RegistryAccess(name, self.host, self.host, plain_http=True)

    def read(self, connection: socket.socket) -> bytes:
        """The head of one request, empty where there is none."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = connection.recv(1)
            if not byte:
                return b""
            head += byte
        self.requests.append(head)
        return head


@contextmanager
def serve(script: Callable[[RawServer, socket.socket, int], None]) -> Iterator[RawServer]:
    """Run `script` in a thread for each connection to a free loopback port; it is over where the client hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = RawServer(f"127.0.0.1:{listener.getsockname()[1]}")
        threads: list[threading.Thread] = []

        def handle(connection: socket.socket, number: int) -> None:
            connection.settimeout(10)
            with connection, contextlib.suppress(ConnectionError):
                script(server, connection, number)

        def accept() -> None:
            with contextlib.suppress(OSError):  # the listener is shut down at the end
                while True:
                    connection, _ = listener.accept()
                    threads.append(threading.Thread(target=handle, args=(connection, server.connections), daemon=True))
                    server.connections += 1
                    threads[-1].start()

        acceptor = threading.Thread(target=accept, daemon=True)
        acceptor.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for thread in threads:
                thread.join()


def answer(body: bytes = b"", *, status: str = "200 OK", headers: str = "") -> bytes:
    """A well-formed answer; `headers` are whole lines."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body
