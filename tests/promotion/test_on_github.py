"""`merge: auto` on GitHub, end to end: branches that have to be up to date, and the merge queue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.demo.registries import RunningRegistry
from bot.errors import ExitCode
from tests.company import PROJECT, Company
from tests.doubles.github.state import Protection, Pull
from tests.promotion.shops import ANN, GitHubShop, github_shop
from tests.proxy import Answer, Fault

PROMOTE = ("promote", "inventory", "--to", "staging")
BRANCH = "promobot/staging/inventory"


@pytest.fixture
def shop(company: Company) -> Iterator[GitHubShop]:
    with github_shop(company) as shop:
        yield shop


def strict(shop: GitHubShop, *contexts: str, approvals: int = 0, dismiss: bool = False) -> None:
    """A target that wants what is merged into it up to date with it, and promobot's status on that."""
    asked = Protection(approvals, ("promobot", *contexts), dismiss, up_to_date=True)
    shop.hub.projects[PROJECT].rules["main"] = asked


def pull(shop: GitHubShop, number: int = 1) -> Pull:
    return shop.hub.pulls(PROJECT)[number]


def commits(shop: GitHubShop, name: str) -> str:
    return shop.repository.commit("main", {name: b"1"}, who=ANN)


def reconcile(shop: GitHubShop) -> list[str]:
    """What a pass writes."""
    shop.running.forget()
    assert shop.promobot("reconcile") == ExitCode.DONE
    return shop.writes()


def test_a_branch_that_has_to_be_up_to_date_is_made_anew_and_then_it_is_merged(shop: GitHubShop) -> None:
    shop.settle("merge: auto", required=0)
    strict(shop)
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    for name in ("theirs", "more"):
        before, main = pull(shop).head, commits(shop, name)
        # GitHub finds out, and the pass that asked it to merge makes the branch anew.
        reconcile(shop)
        assert (pull(shop).open, pull(shop).auto_merge) == (True, None)
        assert pull(shop).head != before
        assert shop.repository.git("rev-parse", f"{BRANCH}^") == main
    reconcile(shop)
    assert pull(shop).merged
    assert reconcile(shop) == []


def test_what_github_was_to_merge_is_made_anew_as_soon_as_that_alone_is_in_the_way(shop: GitHubShop) -> None:
    """Its check runs while the target moves on; a pass that waits for that costs no request more."""
    shop.settle("merge: auto", required=0)
    strict(shop, "ci", approvals=1, dismiss=True)
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    reconcile(shop)
    head = pull(shop).head
    assert pull(shop).auto_merge is not None
    commits(shop, "theirs")
    for _ in range(2):
        assert reconcile(shop) == [], "it lacks an approval"
        assert shop.running.counts().total() == 2, shop.running.log()
    shop.approves(1)
    shop.hub.projects[PROJECT].pulls[1].computing = 1
    assert reconcile(shop) == [], "GitHub doesn't know yet"
    reconcile(shop)
    assert pull(shop).head != head
    assert shop.repository.contains(pull(shop).head, str(shop.repository.head("main")))
    for name in ("more", "and more"):
        head = pull(shop).head
        reconcile(shop)
        commits(shop, name)
        assert reconcile(shop) == [], "what was approved is no more, and it isn't made anew once more"
        assert pull(shop).head == head


def test_where_people_merge_a_branch_that_is_behind_is_left_to_them(shop: GitHubShop) -> None:
    shop.settle(required=0)
    strict(shop)
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    commits(shop, "theirs")
    for _ in range(2):
        assert reconcile(shop) == []


def test_what_a_person_worked_on_is_not_made_anew(shop: GitHubShop) -> None:
    shop.settle("merge: auto", required=0)
    strict(shop)
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    theirs = shop.repository.commit(BRANCH, {"notes": b"1"}, who=ANN)
    commits(shop, "theirs")
    for _ in range(2):
        reconcile(shop)
        assert (shop.repository.head(BRANCH), pull(shop).open) == (theirs, True)
    assert reconcile(shop) == []


def test_several_that_leave_each_other_behind_are_merged_one_a_pass(
    tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry
) -> None:
    services = ["cart", "inventory", "web"]
    company = Company.found(tmp_path / "company", e2e_registry, prod_registry, services)
    with github_shop(company) as shop:
        shop.settle("merge: auto", required=0)
        strict(shop)
        assert shop.promobot("reconcile") == ExitCode.DONE
        commits(shop, "theirs")
        merged = []
        for _ in range(1 + len(services)):
            writes = reconcile(shop)
            merged.append(shop.states.count("merged"))
            assert writes
        assert merged == [0, 1, 2, 3]
        reconcile(shop)
        assert reconcile(shop) == []
        for service in services:
            path = f"apps/{service}/staging/helmrelease.yaml"
            assert company.content("main", path) == company.manifest(service, "staging", "1.1.3")


def test_what_is_in_the_queue_is_left_to_it(shop: GitHubShop) -> None:
    shop.settle("merge: auto", required=0)
    shop.hub.projects[PROJECT].queues.add("main")
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    reconcile(shop)
    assert pull(shop).queued is not None
    commits(shop, "theirs")
    assert reconcile(shop) == ["POST /repos/:owner/:repo/statuses/:sha"], "of the queue's own commit"
    assert reconcile(shop) == []
    assert shop.running.counts().total() == 3, shop.running.log()
    shop.hub.land(PROJECT)
    assert pull(shop).merged


def test_what_a_person_worked_on_is_taken_out_of_the_queue(shop: GitHubShop) -> None:
    shop.settle("merge: auto", required=0)
    shop.hub.projects[PROJECT].queues.add("main")
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    reconcile(shop)
    shop.repository.commit(BRANCH, {"notes": b"1"}, who=ANN)
    reconcile(shop)
    assert (pull(shop).open, pull(shop).queued) == (True, None)
    assert reconcile(shop) == []


# --- before anything is tried ---------------------------------------------------------------------------


@pytest.mark.parametrize("status", [403, 404])
def test_a_check_does_not_know_what_it_is_not_told(
    shop: GitHubShop, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    needs = "staging needs 1 of staging-approvers: "
    nothing = f"! forge local: {needs}nothing on the forge makes sure of it\n"
    assert shop.promobot("check", "--online") == ExitCode.DONE
    assert nothing in capsys.readouterr().out
    shop.running.inject(Fault("GET .*/rules/branches/main", Answer(status), times=9))
    assert shop.promobot("check", "--online") == ExitCode.DONE
    out = capsys.readouterr().out
    assert nothing not in out
    assert (
        f"! forge local: {needs}whether the forge makes sure of it isn't known: GitHub tells nothing of rulesets" in out
    )
