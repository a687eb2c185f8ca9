"""How verdicts are told."""

from __future__ import annotations

from bot.cli.views import name_width, unit_text, upkeep_line, verdict_line
from bot.decide import EVERYTHING
from bot.plan import Blocked, Standing, Upkeep, Verdict

BLOCKED = Blocked("local:shop/gitops has no branch mian", "push the branch")
WHOLE = Verdict(EVERYTHING, "staging", Standing.BLOCKED, blocked=BLOCKED)


def test_what_is_said_of_a_whole_environment_is_said_of_every_service() -> None:
    width = name_width([WHOLE])
    assert verdict_line(WHOLE, width).plain.split("  ")[0] == "✗ every service"
    assert unit_text(EVERYTHING) == "every service"
    assert "every service" in upkeep_line(Upkeep(EVERYTHING, "staging", blocked=BLOCKED)).plain
