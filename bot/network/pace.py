"""The pace at which one endpoint is asked: so many requests at a time, and pauses that hold for everybody."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock
from typing import Protocol

from bot.errors import BotError

# Seconds. An endpoint that lets nobody through for longer than this has its requests fail, not wait.
LONGEST_PAUSE = 60.0
_NEVER = float("-inf")
# So many requests in a row that were waited for in vain, and nobody waits for the next until so many seconds later.
_HOPELESS = 3
_HOPE = 30.0


@dataclass(frozen=True)
class _Pause:
    """Until when nobody asks, how many seconds that is, and how many were waited in vain before it."""

    until: float = _NEVER
    seconds: float = 0.0
    before: float = 0.0


@dataclass(frozen=True)
class _Silence:
    """How many requests in a row were waited for in vain, until when, and what came of the last."""

    requests: int = 0
    at: float = _NEVER
    failure: Exception | None = None


class Place(Protocol):
    """What a request is about, as messages name it."""

    def limited(self, seconds: float) -> BotError:
        """The error where the endpoint wants no request for so long that nobody waits for it."""
        ...


class Pace:
    """Shared by every thread of a run, and every client, that talks to one endpoint.

    A thread that waits, be it for the end of a pause, holds no turn. Whoever finds the endpoint paused sleeps by
    itself until the pause's end, so that nobody has to be woken.
    """

    def __init__(
        self,
        concurrency: int,
        *,
        longest: float = LONGEST_PAUSE,
        tell: Callable[[float], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`longest` is the pause, in seconds, that is still waited for; `tell` hears of each wait for one."""
        self._longest = longest
        self._tell = tell
        self._turns = BoundedSemaphore(concurrency)
        self._clock = clock
        self._sleep = sleep
        self._lock = Lock()
        self._pause = _Pause()
        self._in_vain = False
        self._silence = _Silence()

    @property
    def silence(self) -> Exception | None:
        """What came of the last request, where so many were waited for in vain that the next would be, too."""
        silence = self._silence
        hopeless = silence.requests >= _HOPELESS and self._clock() < silence.at + _HOPE
        return silence.failure if hopeless else None

    @contextmanager
    def turn(self, place: Place) -> Iterator[None]:
        """A context for one request about `place`; waits while the endpoint is full or paused.

        Raises what `place` says of it where the pause is too long to be waited for.
        """
        waited = self.wait(place)
        self._turns.acquire()
        while self._pause.until > waited:  # set while we waited for the turn
            self._turns.release()
            waited = self.wait(place)
            self._turns.acquire()
        try:
            yield
        finally:
            self._turns.release()

    def wait(self, place: Place) -> float:
        """Wait until the endpoint is not paused, as before a program that asks it by itself; returns that time.

        Raises what `place` says of it where the pause is too long to be waited for.
        """
        waited = _NEVER
        while (pause := self._pause).until > waited:
            left = pause.until - self._clock()
            if left > 0:
                if pause.before + pause.seconds > self._longest:
                    raise place.limited(left)
                self._tell(left)
                self._sleep(left)
            waited = pause.until
        return waited

    def wait_for(self, seconds: float) -> None:
        """The endpoint wants everybody to wait this long from now."""
        with self._lock:
            now, last = self._clock(), self._pause
            if now < last.until:  # who is told this had asked before that pause, and hasn't waited for its end
                before, seconds, until = last.before, max(last.seconds, seconds), max(last.until, now + seconds)
            else:
                before, until = last.before + last.seconds, now + seconds
            self._pause = _Pause(until, seconds, before if self._in_vain else 0.0)
            self._in_vain = True
            self._silence = _Silence()

    def was_silent(self, failure: Exception) -> None:
        """A request was waited for as long as anybody waits, and got no answer."""
        with self._lock:
            self._silence = _Silence(self._silence.requests + 1, self._clock(), failure)

    def went_well(self) -> None:
        """The endpoint let a request through: what it asked for next is another matter."""
        self._in_vain = False
        self._silence = _Silence()
