"""Promotions on GitHub, end to end: one branch, one pull request, whatever people and the network do meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.errors import ExitCode
from tests.company import PROJECT, Company
from tests.promotion.shops import GitHubShop, github_shop
from tests.proxy import AnswerAfter, CutAfter, CutBefore, Fault, Kind

BRANCH = "promobot/staging/inventory"
PROMOTE = ("promote", "inventory", "--to", "staging")


@pytest.fixture
def shop(company: Company) -> Iterator[GitHubShop]:
    with github_shop(company) as shop:
        yield shop


def test_a_promotion_leaves_one_pull_request_and_repeating_it_writes_nothing(shop: GitHubShop) -> None:
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    company = shop.company
    assert company.staging_digest("inventory", "1.1.3") == company.e2e_digest("inventory", "1.1.3-rc2")
    (pull,) = shop.hub.pulls(PROJECT).values()
    assert (pull.title, pull.source) == ("inventory 1.1.2 → 1.1.3 to staging", BRANCH)
    assert (pull.teams, pull.labels) == (["staging-approvers"], ["promobot", "to-staging"])
    shop.running.forget()
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert shop.writes() == []
    assert shop.states == ["open"]


def test_what_a_person_closed_is_not_proposed_again(shop: GitHubShop) -> None:
    shop.promobot(*PROMOTE)
    shop.hub.close(PROJECT, 1, "ann")
    assert shop.promobot(*PROMOTE) == ExitCode.BLOCKED
    assert shop.states == ["closed"]
    assert shop.promobot(*PROMOTE, "--reopen") == ExitCode.DONE
    assert shop.states == ["closed", "open"]


@pytest.mark.parametrize("method", ["merge", "squash"])
def test_what_is_merged_by_the_button_is_done(shop: GitHubShop, method: str) -> None:
    shop.promobot(*PROMOTE)
    shop.hub.merge(PROJECT, 1, "ann", method)
    assert "1.1.3" in shop.company.content("main", "apps/inventory/staging/helmrelease.yaml").decode()
    assert shop.promobot("reconcile") == ExitCode.DONE
    shop.running.forget()
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    assert shop.writes() == []
    assert sorted(shop.company.branches()) == ["main"]


@pytest.mark.parametrize("kind", [CutBefore(), CutAfter(), AnswerAfter(502)], ids=str)
@pytest.mark.parametrize("match", ["POST /api/v3/.*/pulls$", "POST .*/git-receive-pack"])
def test_an_answer_that_is_lost_leaves_one_pull_request(shop: GitHubShop, kind: Kind, match: str) -> None:
    """A push that never arrived is an error to read, and the next run completes it."""
    shop.running.inject(Fault(match, kind))
    first = shop.promobot(*PROMOTE)
    assert first in {ExitCode.DONE, ExitCode.GIT}
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    assert shop.states == ["open"]
    assert sorted(shop.company.branches()) == ["main", BRANCH]


def test_merge_requests_are_seen_and_merged_from_the_shell(
    shop: GitHubShop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.promobot(*PROMOTE)
    capsys.readouterr()
    assert shop.promobot("mr", "list") == ExitCode.DONE
    assert "inventory 1.1.2 → 1.1.3 to staging" in capsys.readouterr().out
    assert shop.promobot("mr", "merge", f"{PROJECT}!1") == ExitCode.DONE
    assert shop.states == ["merged"]
    assert sorted(shop.company.branches()) == ["main"]
