"""Promotions whose commits GitHub's API makes: signed, known again as promobot's, and nobody else's taken for that."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from bot.demo.oci import build_index
from bot.errors import ExitCode
from tests.company import Company
from tests.doubles.github import making
from tests.promotion.shops import ANN, GitHubAppShop, github_app_shop

PROMOTE = ("promote", "inventory", "--to", "staging")
BRANCH, FILE = "promobot/staging/inventory", "apps/inventory/staging/helmrelease.yaml"
# What a first promotion costs beside what one by git does: tree, commit, branch.
MORE = [f"POST /repos/:owner/:repo/git/{what}" for what in ("commits", "refs", "trees")]
REPLACE = "POST /graphql updateRefs"


@pytest.fixture
def shop(company: Company) -> Iterator[GitHubAppShop]:
    with github_app_shop(company) as shop:
        yield shop


def newer(shop: GitHubAppShop) -> None:
    shop.company.push_e2e("inventory", "1.1.4-rc1", build_index("newer", size=256))
    files = {"apps/inventory/e2e/helmrelease.yaml": shop.company.manifest("inventory", "e2e", "1.1.4-rc1")}
    shop.repository.commit("main", files, who=ANN)


def test_a_promotion_is_signed_by_github_and_repeating_it_writes_nothing(shop: GitHubAppShop) -> None:
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    assert shop.verified(BRANCH) == [True]
    assert shop.company.content(BRANCH, FILE) == shop.company.manifest("inventory", "staging", "1.1.3")
    counts = shop.running.counts(git=True)
    assert {route: counts[route] for route in counts if "/git/" in route} == dict.fromkeys(MORE, 1)
    assert counts["git git-receive-pack"] == 0
    for command in (PROMOTE, ("reconcile",), ("status",)):
        shop.running.forget()
        assert shop.promobot(*command) == ExitCode.DONE
        assert shop.writes() == []
    assert shop.states == ["open"]


def test_a_newer_image_replaces_the_commit_on_the_condition_that_nobody_moved_it(shop: GitHubAppShop) -> None:
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    newer(shop)
    shop.running.forget()
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert shop.verified(BRANCH) == [True]
    assert shop.company.content(BRANCH, FILE) == shop.company.manifest("inventory", "staging", "1.1.4")
    assert shop.running.counts()[REPLACE] == 1
    assert shop.states == ["open"]


def _with_a_comment(shop: GitHubAppShop, head: str) -> str:
    """The tree of a commit, where the promoted file has one more line."""
    content = shop.company.manifest("inventory", "staging", "1.1.3") + b"# mind the queue\n"
    return shop.repository.git("rev-parse", f"{shop.repository.write(head, {FILE: content}, 'm')}^{{tree}}")


def edits_on_the_site(shop: GitHubAppShop, head: str, message: str) -> str:
    """By the web editor: Ann is the author, by her account, and GitHub the committer, which signs it."""
    who, tree = making.private(shop.hub.account("ann")), _with_a_comment(shop, head)
    return making.commit(shop.repository, tree, (head,), message, author=who, now=shop.hub.now(), signed=True)


def amends(shop: GitHubAppShop, head: str, message: str) -> str:
    """Another commit in its place, by the same author: who amends one is its committer."""
    who, onto = making.private(shop.hub.accounts[shop.robot]), shop.repository.git("rev-parse", f"{head}^")
    tree = _with_a_comment(shop, head)
    return making.commit(shop.repository, tree, (onto,), message, author=who, now=shop.hub.now(), committer=ANN)


@pytest.mark.parametrize("work", [edits_on_the_site, amends])
def test_a_person_s_work_stays(shop: GitHubAppShop, work: Callable[[GitHubAppShop, str, str], str]) -> None:
    """Though it says, word for word, what promobot's commit says."""
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    head = shop.repository.head(BRANCH)
    assert head is not None
    theirs = work(shop, head, shop.repository.git("log", "-1", "--format=%B", head))
    assert shop.repository.move(BRANCH, theirs, head)
    newer(shop)
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert shop.repository.head(BRANCH) == theirs
    assert [len(request.notes) for request in shop.open()] == [1]


def test_what_git_made_before_is_still_promobot_s(shop: GitHubAppShop) -> None:
    file = shop.company.folder / "promobot.yaml"
    said = file.read_text()
    file.write_text(said.replace("commits: api", "commits: git"))
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    assert shop.verified(BRANCH) == [False]
    file.write_text(said)
    newer(shop)
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert shop.verified(BRANCH) == [True]
    assert shop.states == ["open"]


def test_a_check_says_who_makes_and_signs_them(shop: GitHubAppShop, capsys: pytest.CaptureFixture[str]) -> None:
    assert shop.promobot("check", "--online") == ExitCode.DONE
    assert "commits by the API: GitHub makes and signs them, as promo[bot]" in " ".join(capsys.readouterr().out.split())


def test_what_is_no_longer_due_is_closed_and_its_branch_goes(shop: GitHubAppShop) -> None:
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    shop.repository.commit("main", {FILE: shop.company.manifest("inventory", "staging", "1.1.3")}, who=ANN)
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert (shop.states, shop.repository.head(BRANCH)) == (["closed"], None)


def test_a_server_that_is_too_old_is_told_of_and_nothing_is_lost(
    shop: GitHubAppShop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.hub.older = True
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    head = shop.repository.head(BRANCH)
    newer(shop)
    assert shop.promobot("reconcile") == ExitCode.FORGE
    assert "this GitHub has no updateRefs" in "".join(capsys.readouterr())
    assert shop.repository.head(BRANCH) == head
