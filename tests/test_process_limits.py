"""A system at its limits is an error like any other, not a crash."""

from __future__ import annotations

import pytest

from bot.errors import BotError
from bot.process import run


def test_a_program_that_the_system_cannot_start_is_an_error_that_says_so() -> None:
    with pytest.raises(BotError, match="could not be started: Argument list too long"):
        run(["true", "x" * (1 << 20)], timeout=5)
