"""A promotion that a person took back stays taken back until somebody proposes it again."""

from __future__ import annotations

from bot.errors import ExitCode
from tests.company import Company

FILE = "apps/inventory/staging/helmrelease.yaml"
LOOK = ("reconcile", "--dry-run", "--exit-code")


def test_what_was_reverted_stays_so(company: Company) -> None:
    before = company.content("main", FILE)
    assert company.promobot(*LOOK) == ExitCode.DUE
    assert company.requests() == (), "it was only looked at"
    assert company.promobot("promote", "inventory", "--to", "staging") == 0
    assert company.promobot("mr", "merge", "1", "--as", "ann") == 0
    assert company.content("main", FILE) != before
    company.commit("main", FILE, before)
    assert company.promobot("reconcile") == 0
    assert company.promobot(*LOOK) == 0, "a pass would do nothing, so that a script need not start one"
    assert company.promobot(*LOOK, "--strict") == company.promobot("plan", "--exit-code") == ExitCode.BLOCKED
    assert company.promobot("promote", "inventory", "--to", "staging") == ExitCode.BLOCKED
    assert company.requests() == ()
    assert company.promobot("promote", "inventory", "--to", "staging", "--reopen") == 0
    (request,) = company.requests()
    assert "took back" in request.body
    assert company.promobot("plan", "--exit-code") == 0
