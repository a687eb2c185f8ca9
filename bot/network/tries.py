"""Whether one request is sent again, and the wait before that."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.network.failures import Trouble
from bot.network.pace import Pace, Place
from bot.network.retry import ATTEMPTS, asked_pause, may_pass, pause

_log = logging.getLogger(__name__)

# How often one request is sent at most to an endpoint that asks for patience each time.
_PATIENCE = 8


def pause_after(status: int, headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer wants everybody to wait, 0 if it doesn't say; None if it is no answer of that kind."""
    if status == 429 or (status == 503 and "Retry-After" in headers):
        return asked_pause(headers, time.time())
    return None


@dataclass
class Tries:
    """The tries of one request so far: `failed` by itself, `limited` because the endpoint wants fewer requests.

    What is `repeatable` is sent again where a failure may pass, what is `patient` where the endpoint limits the rate,
    which it does before any work.
    """

    place: Place
    repeatable: bool
    pace: Pace
    sleep: Callable[[float], None]
    patient: bool
    failed: int = 0
    limited: int = 0

    def again_without(self, failure: Exception, trouble: Trouble, *, may_pass: bool) -> bool:
        """Whether to try again where no answer came; waits before that, or tells everybody not to."""
        self.failed += 1
        if self.failed == ATTEMPTS or not may_pass or not self.repeatable:
            if trouble.waited_for:
                self.pace.was_silent(failure)
            return False
        self._wait()
        return True

    def again_after(self, status: int, asked: float | None) -> bool:
        """Whether to try again after this answer; waits before that, or tells everybody at the endpoint to.

        `asked` is the pause that it wants everybody to make, see `pause_after`.
        """
        if asked is not None:
            self.limited += 1
            self.pace.wait_for(max(asked, pause(self.limited)))
            return self.patient and self.limited < _PATIENCE
        self.pace.went_well()
        self.failed += 1
        if not (may_pass(status) and self.repeatable) or self.failed == ATTEMPTS:
            return False
        self._wait()
        return True

    def _wait(self) -> None:
        wait = pause(self.failed)
        _log.debug("%s: try %d failed, the next in %.1f s", self.place, self.failed, wait)
        self.sleep(wait)
