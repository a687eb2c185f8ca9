"""What promotions cost on a forge, counted by its double: requests of the API, and those of git.

What one more merge request costs, and that a repository is read by so many requests whatever it holds, is counted in
`test_race.py`.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bot.demo.registries import RunningRegistry
from tests.company import Company
from tests.forges.places import PLACES, GitHubPlace, GitLabPlace
from tests.promotion.shops import SHOPS

PROMOTE = ("promote", "inventory", "--to", "staging")
GRAPH = "POST /graphql repository"
READS = ("GET", GRAPH)
# What a run reads once, whatever it does: who it is, the open and the closed merge requests, who approves and may.
ONCE = {
    "gitlab": Counter(
        {
            "GET /user": 1,
            "GET /projects/:id/merge_requests": 2,
            "GET /groups/:id/members/all": 1,
            "GET /projects/:id/members/all": 1,
            "GET /projects/:id/approval_rules": 1,
        }
    ),
    "github": Counter({"GET /user": 1, GRAPH: 2}),
}
# What one that waits for approvals takes more in each pass, where the forge asks for none: on GitLab the rules of the
# project, its approvals and its status; on GitHub the statuses of 50 together.
WAITING = {"gitlab": 3, "github": 1}
FIRST = {"gitlab": 4, "github": 5}
# Git asks without a password first.
LOOK = Counter({"git git-upload-pack": 3})
MANY = 50
# https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api: so much may be made in an hour; and
# GitLab's for one user in a minute, which its documentation has for gitlab.com.
MADE_IN_AN_HOUR, ASKED_IN_A_MINUTE = 500, 2000


@pytest.mark.parametrize("forge", ONCE)
def test_the_first_promotion_of_a_service(company: Company, forge: str) -> None:
    with SHOPS[forge](company) as shop:
        assert shop.running is not None
        assert shop.promobot(*PROMOTE) == 0
        counts = shop.running.counts()
        assert counts >= ONCE[forge]
        assert (counts - ONCE[forge]).total() <= FIRST[forge], shop.running.log()


@pytest.mark.parametrize("forge", ONCE)
def test_where_nothing_is_new_a_kept_clone_takes_one_look_at_the_branches(company: Company, forge: str) -> None:
    with SHOPS[forge](company) as shop:
        assert shop.running is not None
        assert shop.promobot(*PROMOTE) == 0
        for command in (("reconcile",), PROMOTE, ("status",), ("plan",)):
            shop.running.forget()
            assert shop.promobot(*command) == 0
            counts = shop.running.counts(git=True)
            assert counts - shop.running.counts() == LOOK, shop.running.log()
            assert shop.running.counts().total() == 2 + WAITING[forge], shop.running.log()
            assert shop.writes() == []
        shop.need_no_approvals()
        assert shop.promobot("reconcile") == 0
        shop.running.forget()
        assert shop.promobot("reconcile") == 0
        assert shop.running.counts().total() == 2, shop.running.log()


@pytest.mark.parametrize(("forge", "route"), [("gitlab", "GET /projects/:id/merge_requests"), ("github", GRAPH)])
def test_open_merge_requests_are_listed_by_pages_of_a_hundred(tmp_path: Path, forge: str, route: str) -> None:
    with PLACES[forge](tmp_path) as place:
        assert isinstance(place, GitLabPlace | GitHubPlace)
        head = place.push("theirs-0", "2")
        for number in range(101):
            assert place.repository.move(f"theirs-{number}", head, head if number == 0 else None)
        for opened, pages in ((100, 1), (101, 2)):
            for number in range(len(place.forge.open_requests(place.project)), opened):
                place.opened_by_ann(f"theirs-{number}")
            place.running.forget()
            assert len(place.forge.open_requests(place.project)) == opened
            assert place.running.counts()[route] == pages, place.running.log()


@pytest.mark.parametrize("forge", ONCE)
def test_who_lists_them_asks_for_none_by_itself(company: Company, forge: str) -> None:
    with SHOPS[forge](company) as shop:
        assert shop.running is not None
        for branch in ("one", "other"):
            shop.repository.commit(branch, {branch: b"1"})
            assert shop.opens(branch)
        shop.running.forget()
        assert shop.promobot("mr", "list") == 0
        # Beside the list who asks, and on GitHub the statuses of all of them.
        assert shop.running.counts(git=False).total() == {"gitlab": 2, "github": 3}[forge], shop.running.log()


@pytest.mark.long
@pytest.mark.parametrize("forge", ONCE)
def test_many_merge_requests_into_one_repository_in_one_run(
    tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry, forge: str
) -> None:
    """None is lost, all can be merged, and a forge that limits what one account does has no reason to."""
    services = [f"service-{number:02}" for number in range(MANY)]
    company = Company.found(tmp_path / "company", e2e_registry, prod_registry, services)
    with SHOPS[forge](company) as shop:
        assert shop.running is not None
        assert shop.promobot("reconcile") == 0
        counts = shop.running.counts()
        assert (counts - ONCE[forge]).total() <= FIRST[forge] * MANY
        assert sum(count for route, count in counts.items() if not route.startswith(READS)) <= MADE_IN_AN_HOUR
        assert counts.total() <= ASKED_IN_A_MINUTE
        assert len(shop.open()) == MANY
        for request in shop.open():
            assert shop.merges(request.number, squash=False), request
        for service in services:
            path = f"apps/{service}/staging/helmrelease.yaml"
            assert company.content("main", path) == company.manifest(service, "staging", "1.1.3")
        # GitHub leaves the branches of what people merge, unless its project says otherwise.
        assert shop.promobot("reconcile") == 0
        assert sorted(company.branches()) == ["main"]
        shop.running.forget()
        assert shop.promobot("reconcile") == 0
        assert shop.writes() == []
        assert shop.running.counts().total() == 2, shop.running.log()
