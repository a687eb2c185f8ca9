"""The proxy's server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer

from bot.demo.registries import RunningRegistry
from tests.proxy.exchange import Exchange
from tests.proxy.watched import FaultProxy, Gate


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # as many as connect at once; one that finds no room tries again only after a second


@contextmanager
def start_proxy(upstream: RunningRegistry, *, gate: Gate = lambda _: None) -> Iterator[FaultProxy]:
    """Run a plain HTTP proxy on a free loopback port in front of `upstream`, which may speak https.

    Bodies are passed on as they come, so that their size does not matter.
    """

    class Bound(Exchange):
        pass

    with _Server(("127.0.0.1", 0), Bound) as server:
        Bound.proxy = FaultProxy(upstream, f"127.0.0.1:{server.server_address[1]}", gate)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield Bound.proxy
        finally:
            Bound.proxy.heal()
            server.shutdown()
            thread.join()
