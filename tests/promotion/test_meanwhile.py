"""What people do between two effects of a promotion: it is seen, and nothing of theirs is lost."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from bot.apply import Event, Started
from bot.cli import main
from bot.errors import ExitCode
from bot.promotion import Action, PushBranch
from tests.company import Company

BRANCH = "promobot/staging/inventory"
FILE = "apps/inventory/staging/helmrelease.yaml"
PROMOTE = ("promote", "inventory", "--to", "staging")


def before(kind: type[Action], do: Callable[[], object]) -> Callable[[Event], None]:
    """A watch that does something once, right before the first action of this kind."""
    waiting = [do]

    def watch(event: Event) -> None:
        if isinstance(event, Started) and isinstance(event.action, kind) and waiting:
            waiting.pop()()

    return watch


@pytest.mark.parametrize("output", ["text", "json"])
def test_a_refusal_after_a_lost_race_is_told(company: Company, capsys: pytest.CaptureFixture[str], output: str) -> None:
    watch = before(PushBranch, lambda: company.commit(BRANCH, FILE, b"by: ann\n"))
    code = main([*PROMOTE, "-o", output], environ=company.environ, watch=watch)
    out = capsys.readouterr().out
    assert code == ExitCode.CONFLICT
    assert "ann@example.com, left as it is" in out
    if output == "json":
        (verdict,) = json.loads(out)["verdicts"]
        assert (verdict["standing"], verdict["actions"]) == ("blocked", [])
