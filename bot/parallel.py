"""Several things at once, given up at once when somebody interrupts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")

# Seconds. A signal that arrives right before Python begins to wait does not end that: who waited without an end would
# miss it.
_LOOK = 0.2


def in_parallel(function: Callable[[T], U], items: Iterable[T], *, workers: int) -> list[U]:
    """What `function` makes of each item, in their order; at most `workers` at a time.

    An interrupt does not wait for what runs: the threads go on until the process ends, and the programs that they
    started end with them.
    """
    pool = ThreadPoolExecutor(max_workers=workers)
    interrupted = False
    try:
        return [_result(future) for future in [pool.submit(function, item) for item in items]]
    except KeyboardInterrupt:
        interrupted = True
        raise
    finally:
        # After an error too: what the others still use is not to be closed under their hands.
        pool.shutdown(wait=not interrupted, cancel_futures=True)


def _result(future: Future[U]) -> U:
    while not future.done():
        wait([future], timeout=_LOOK)
    return future.result()
