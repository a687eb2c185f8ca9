"""Whether one request is sent again, and the wait before that."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.registry.errors import Place
from bot.registry.http.answers import NoAnswerError, Response
from bot.registry.http.pace import Pace
from bot.registry.retry import ATTEMPTS, asked_pause, pause

_log = logging.getLogger(__name__)

# How often one request is sent at most to an endpoint that asks for patience each time.
_PATIENCE = 8


@dataclass
class Tries:
    """The tries of one request so far: `failed` by itself, `limited` because the endpoint wants fewer requests."""

    place: Place
    repeatable: bool
    pace: Pace
    sleep: Callable[[float], None]
    failed: int = 0
    limited: int = 0

    def again_without(self, error: NoAnswerError) -> bool:
        """Whether to try again where no answer came; waits before that."""
        self.failed += 1
        if self.failed == ATTEMPTS or not error.cut or not self.repeatable:
            return False
        self._wait()
        return True

    def again_after(self, response: Response) -> bool:
        """Whether to try again after this answer; waits before that, or tells everybody at the endpoint to."""
        if response.status == 429 or (response.status == 503 and "Retry-After" in response.headers):
            self.limited += 1
            self.pace.wait_for(max(asked_pause(response.headers, time.time()), pause(self.limited)))
            return self.repeatable and self.limited < _PATIENCE
        self.pace.went_well()
        self.failed += 1
        if not (response.may_pass and self.repeatable) or self.failed == ATTEMPTS:
            return False
        self._wait()
        return True

    def _wait(self) -> None:
        wait = pause(self.failed)
        _log.debug("%s: try %d failed, the next in %.1f s", self.place, self.failed, wait)
        self.sleep(wait)
