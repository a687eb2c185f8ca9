"""A way to a registry that brings its answers late: `python -m bench.late HOST:PORT SECONDS` prints where it listens.

Bytes go on as they come, answers after the delay and in their order, each connection for itself; it is a process of
its own, so that it takes no turn from who is measured. Connections open without a delay, which favours whoever opens
many of them.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.process import start

_READY_WITHIN = 10.0


@contextmanager
def start_late(host: str, delay: float) -> Iterator[str]:
    """Run it in front of `host`; the address it listens at."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output"
        output.touch()
        process = start(
            [sys.executable, "-m", "bench.late", host, str(delay)],
            output=output,
            env={"PYTHONPATH": ":".join(sys.path)},
        )
        try:
            yield _first_line(output)
        finally:
            process.stop()


def _first_line(output: Path) -> str:
    deadline = time.monotonic() + _READY_WITHIN
    while not (said := output.read_text()).endswith("\n"):
        if time.monotonic() > deadline:
            raise SystemExit(f"bench: the late way did not start: {said}")
        time.sleep(0.01)
    return said.strip()


class _End(asyncio.Protocol):
    """One end of a connection: what arrives here leaves at the other end, `delay` seconds later and in its order.

    Nothing is held back when the other end is slow: memory is bounded by what the benches send.
    """

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._arrived: list[bytes] = []
        self._leave: Callable[[bytes], None] = self._arrived.append
        self._loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def leads_to(self, other: _End) -> None:
        """From now on; what arrived before goes first."""
        self._leave = other.take
        for piece in self._arrived:
            other.take(piece)

    def take(self, piece: bytes) -> None:
        """Send on; nothing at all is the end."""
        if piece:
            self.transport.write(piece)
        else:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        if self._delay:
            # No two pieces of a connection arrive in the same nanosecond, so they stay in order.
            self._loop.call_later(self._delay, self._leave, data)
        else:
            self._leave(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the name is the base class's
        self.data_received(b"")


class _Way(_End):
    """A client's end, which opens the registry's."""

    def __init__(self, host: str, port: int, delay: float) -> None:
        super().__init__(0)
        self._target = host, port, delay
        self._opening: asyncio.Task[None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._opening = asyncio.create_task(self._open())

    async def _open(self) -> None:
        host, port, delay = self._target
        _, registry = await self._loop.create_connection(lambda: _End(delay), host, port)
        registry.leads_to(self)
        self.leads_to(registry)


async def _serve(host: str, port: int, delay: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Way(host, port, delay), "127.0.0.1", 0)
    print(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    address, _, number = sys.argv[1].rpartition(":")
    asyncio.run(_serve(address, int(number), float(sys.argv[2])))
