"""How often and how long to wait before something is tried again at a registry."""

from __future__ import annotations

from random import SystemRandom

ATTEMPTS = 3
_FIRST = 0.5
_random = SystemRandom()


def pause(attempt: int) -> float:
    """Seconds to wait after the failed try number `attempt` (from 1): doubling, and spread so that many do not meet."""
    return _FIRST * float(2 ** (attempt - 1)) * _random.uniform(0.5, 1.5)


def may_pass(status: int) -> bool:
    """Whether a request that was answered with this HTTP status may succeed a little later."""
    return status == 429 or (status >= 500 and status != 501)
