"""A squashed merge may drop our trailers: what it promoted is known by the forge, and what changed since is told."""

from __future__ import annotations

import shutil

import pytest

from bot.demo.oci import build_index
from tests.company import Company
from tests.promotion.shops import SHOPS, Shop
from tests.promotion.test_on_servers import BRANCH, FILE, PROMOTE, writes_nothing

SOURCE = "apps/inventory/e2e/helmrelease.yaml"
# Of a pass in which nothing is new: see test_budgets.py.
IDLE = {"gitlab": 5, "github": 3}
# By which merge request one commit came, which GitHub is asked as it is for the open and the closed ones and statuses.
BY_WHICH = {
    "gitlab": ("GET /projects/:id/repository/commits/:sha/merge_requests", 1),
    "github": ("POST /graphql repository", 4),
}


def promoted(shop: Shop, *, beside: bool) -> str:
    """Merge a promotion squashed, on GitHub of several commits, as it keeps the message of one; the source's commit."""
    source = shop.company.branches()["main"]
    assert shop.promobot(*PROMOTE) == 0
    if beside:
        shop.company.commit(BRANCH, "NOTES", b"looks good\n")
    assert shop.merges(1, squash=True)
    if BRANCH in shop.company.branches():
        shop.company.git("update-ref", "-d", f"refs/heads/{BRANCH}")  # what the button beside it does on GitHub
    assert shop.promobot("reconcile") == 0
    return source


def deploys(shop: Shop, extra: bytes) -> None:
    company = shop.company
    company.push_e2e("inventory", "1.1.4-rc1", build_index("inventory newer"))
    company.commit("main", SOURCE, company.manifest("inventory", "e2e", "1.1.4-rc1") + extra)


def trailers(shop: Shop) -> str:
    return shop.company.git("log", "--format=%(trailers:key=Promoted-From)", "main", "--", FILE).strip()


@pytest.mark.parametrize(
    ("forge", "beside"), [("gitlab", False), ("gitlab", True), ("github", True)], indirect=["forge"]
)
@pytest.mark.parametrize("fresh", [False, True], ids=["kept clone", "another machine"])
def test_what_changed_besides_is_told_after_a_squashed_merge(
    shop: Shop, forge: str, *, beside: bool, fresh: bool
) -> None:
    assert shop.running is not None
    source = promoted(shop, beside=beside)
    assert trailers(shop) == ""
    deploys(shop, b"    replicas: 2\n")
    if fresh:
        shutil.rmtree(shop.company.folder / "cache")
    shop.running.forget()
    assert shop.promobot(*PROMOTE) == 0
    route, once = BY_WHICH[forge]
    assert shop.running.counts()[route] == once, shop.running.log()
    (request,) = shop.open()
    assert f"where this changed too since commit `{source[:7]}`" in request.body
    assert "\n- `spec.values.replicas` added: `2`\n" in request.body
    assert "isn't known" not in request.body
    for _ in range(2):
        writes_nothing(shop, "reconcile")
        assert shop.running.counts().total() == IDLE[forge], shop.running.log()


def test_a_squashed_merge_that_keeps_the_trailers_asks_for_nothing_more(company: Company) -> None:
    with SHOPS["github"](company) as shop:
        source = promoted(shop, beside=False)
        assert source in trailers(shop)
        deploys(shop, b"    replicas: 2\n")
        assert shop.promobot(*PROMOTE) == 0
        (request,) = shop.open()
        assert f"since commit `{source[:7]}`" in request.body
        assert "promobot-since" not in request.body
