"""What promobot closes leads people to what replaced it, by a link that the forge shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.demo.registries import RunningRegistry
from tests.company import PROJECT, Company
from tests.promotion.shops import Shop

FILE = "apps/inventory/staging/helmrelease.yaml"
PROMOTE = ("promote", "inventory", "--to", "staging")
PAGE = {"gitlab": f"{PROJECT}/-/merge_requests", "github": f"{PROJECT}/pull"}


@pytest.fixture
def company(tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry) -> Company:
    return Company.found(tmp_path / "company", e2e_registry, prod_registry, ["inventory", "payments"])


def leads_to(shop: Shop, forge: str, *, closed: int, to: int, words: str) -> None:
    assert shop.running is not None
    requests = {request.number: request for request in shop.requests()}
    assert (requests[closed].state, requests[closed].ended_by, requests[to].state) == ("closed", "us", "open")
    (line,) = [line for line in requests[closed].body.splitlines() if line.startswith("Closed by promobot")]
    assert words in line
    assert line.endswith(f" (<{shop.running.url}/{PAGE[forge]}/{to}>)")


def test_what_a_person_proposes_too(shop: Shop, forge: str) -> None:
    assert shop.promobot(*PROMOTE) == 0
    shop.company.commit("mine", FILE, shop.company.manifest("inventory", "staging", "1.1.3"))
    assert shop.opens("mine")
    assert shop.promobot("reconcile") == 0
    leads_to(shop, forge, closed=1, to=2, words="proposes the same")


def test_what_is_proposed_together_with_others(shop: Shop, forge: str) -> None:
    assert shop.promobot(*PROMOTE) == 0
    assert shop.promobot("promote", "inventory", "payments", "--to", "staging", "--together", "spring") == 0
    assert shop.promobot("reconcile") == 0
    leads_to(shop, forge, closed=1, to=2, words="inventory goes together with others now")


def test_what_goes_with_a_group_that_is_proposed_already(shop: Shop, forge: str) -> None:
    """A service joins the group after the group's merge request was opened."""
    file = shop.company.folder / "promobot.yaml"
    alone = file.read_text()
    assert shop.promobot(*PROMOTE) == 0
    file.write_text(f"{alone}services:\n  - {{match: payments, group: shop}}\n")
    assert shop.promobot("reconcile") == 0
    file.write_text(f"{alone}services:\n  - {{match: '*', group: shop}}\n")
    assert shop.promobot("reconcile") == 0
    leads_to(shop, forge, closed=1, to=2, words="inventory goes with group shop now")
