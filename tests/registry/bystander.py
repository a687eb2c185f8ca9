"""A service that has no part in what a registry does, and hears of it if it is asked."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Bystander:
    """A service that has no part in it: `touched` is how many connections came."""

    host: str
    touched: int = 0


@contextmanager
def start_bystander() -> Iterator[Bystander]:
    """Listen on a free loopback port, and answer nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        bystander = Bystander(f"127.0.0.1:{listener.getsockname()[1]}")

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                bystander.touched += 1
                connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield bystander
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
