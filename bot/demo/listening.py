"""Waiting for a server that was just started, by what it says of itself."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from bot.errors import BotError
from bot.process import Background

_READY_WITHIN = 20.0
_POLL = 0.002


def address_of(
    process: Background,
    log: Path,
    pattern: re.Pattern[str],
    *,
    failed: type[BotError],
    name: str,
    answers: Callable[[str], bool] = lambda _: True,
) -> str:
    """The address that a server says in its log, where the pattern's group is that, once it `answers` there.

    Raises `failed` where it doesn't come up.
    """
    deadline = time.monotonic() + _READY_WITHIN
    while time.monotonic() < deadline:
        ended = process.ended  # looked at before the log, so that the log is complete
        listening = pattern.search(log.read_text(errors="replace"))
        if listening is not None and answers(listening[1]):
            return listening[1]
        if ended:
            break
        time.sleep(_POLL)
    lines = log.read_text(errors="replace").splitlines() or ["it said nothing"]
    raise failed(f"{name} did not start: {lines[-1]}", hint=f"its log is {log}")
