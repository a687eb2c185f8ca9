"""How often and how long to wait before something is tried again."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from random import SystemRandom

ATTEMPTS = 3
# A server's way of saying that it took too long: GitLab's where its database did.
_TOOK_TOO_LONG = 408
_FIRST = 0.5
_DOUBLED = 5
_random = SystemRandom()


def pause(attempt: int) -> float:
    """Seconds to wait after the failed try number `attempt` (from 1): doubling, and spread so that many do not meet."""
    return _FIRST * float(2 ** min(attempt - 1, _DOUBLED)) * _random.uniform(0.5, 1.5)


def asked_pause(headers: Mapping[str, str], now: float) -> float:
    """The seconds that an answer asks to wait, 0 if it does not say; `now` is the time since the epoch.

    In seconds or as a date: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    asked = headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdecimal():
        return float(asked[:9])
    try:
        return max(0.0, parsedate_to_datetime(asked).timestamp() - _said(headers, now))
    except (ValueError, OverflowError):
        return 0.0


def _said(headers: Mapping[str, str], now: float) -> float:
    """What time it is for who wrote the answer: clocks differ."""
    try:
        return parsedate_to_datetime(headers.get("Date", "")).timestamp()
    except (ValueError, OverflowError):
        return now


def is_failure(status: int) -> bool:
    """Whether this HTTP status says that the server failed, and not that it refuses."""
    return status >= 500 or status == _TOOK_TOO_LONG


def may_pass(status: int) -> bool:
    """Whether a request that was answered with this HTTP status may succeed a little later."""
    return status == 429 or (is_failure(status) and status != 501)
