"""Several things at once, given up at once when somebody interrupts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")


def in_parallel(function: Callable[[T], U], items: Iterable[T], *, workers: int) -> list[U]:
    """What `function` makes of each item, in their order; at most `workers` at a time.

    An interrupt does not wait for what runs: the threads go on until the process ends, and the programs that they
    started end with them.
    """
    pool = ThreadPoolExecutor(max_workers=workers)
    wait = True
    try:
        return list(pool.map(function, items))
    except KeyboardInterrupt:
        wait = False
        raise
    finally:
        # After an error too: what the others still use is not to be closed under their hands.
        pool.shutdown(wait=wait, cancel_futures=True)
