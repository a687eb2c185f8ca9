"""What tests of commands share."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import pytest

from bot.cli import main


class Said(NamedTuple):
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The answer as JSON."""
        return json.loads(self.out)


Promobot: TypeAlias = Callable[..., Said]


@pytest.fixture
def promobot(capsys: pytest.CaptureFixture[str]) -> Promobot:
    """Run a command in this process."""

    def run(*argv: object) -> Said:
        capsys.readouterr()
        code = main([str(word) for word in argv], environ={})
        return Said(code, *capsys.readouterr())

    return run
