"""Promotions on GitLab and GitHub, end to end: one branch, one merge request, whatever people and the network do."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from bot.configfile import load_config
from bot.errors import ExitCode
from bot.repositories import CommitStatus, StatusState
from bot.world import World
from tests.company import PROJECT
from tests.promotion.shops import ANN, SHOPS, Shop
from tests.proxy import AnswerAfter, CutAfter, CutBefore, Fault, Kind

BRANCH = "promobot/staging/inventory"
FILE = "apps/inventory/staging/helmrelease.yaml"
PROMOTE = ("promote", "inventory", "--to", "staging")
TITLE = "inventory 1.1.2 → 1.1.3 to staging"
# Whom GitLab asks are the group's members.
ASKED = {"gitlab": ("ann",), "github": ("staging-approvers",)}


def writes_nothing(shop: Shop, *argv: str) -> None:
    assert shop.running is not None
    shop.running.forget()
    assert shop.promobot(*argv) == ExitCode.DONE
    assert shop.writes() == []


def test_a_promotion_leaves_one_merge_request_and_repeating_it_writes_nothing(forge: str, shop: Shop) -> None:
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    company = shop.company
    assert company.staging_digest("inventory", "1.1.3") == company.e2e_digest("inventory", "1.1.3-rc2")
    (shown,) = shop.requests()
    assert (shown.number, shown.source, shown.target, shown.state) == (1, BRANCH, "main", "open")
    assert (shown.title, shown.labels, shown.reviewers) == (TITLE, ("promobot", "to-staging"), ASKED[forge])
    writes_nothing(shop, *PROMOTE)
    writes_nothing(shop, "reconcile")
    assert shop.states == ["open"]


def test_what_a_person_closed_is_not_proposed_again(shop: Shop) -> None:
    shop.promobot(*PROMOTE)
    assert shop.closes(1)
    assert shop.promobot(*PROMOTE) == ExitCode.BLOCKED
    assert shop.states == ["closed"]
    assert shop.promobot(*PROMOTE, "--reopen") == ExitCode.DONE
    assert shop.states == ["closed", "open"]


@pytest.mark.parametrize("squash", [False, True], ids=["merge", "squash"])
def test_what_is_merged_by_the_button_is_done(shop: Shop, *, squash: bool) -> None:
    """GitHub leaves the branch, unless its project says otherwise; the next pass tidies up."""
    shop.promobot(*PROMOTE)
    assert shop.merges(1, squash=squash)
    assert "1.1.3" in shop.company.content("main", FILE).decode()
    assert shop.promobot("reconcile") == ExitCode.DONE
    writes_nothing(shop, *PROMOTE)
    assert sorted(shop.company.branches()) == ["main"]


@pytest.mark.parametrize("forge", SHOPS)
@pytest.mark.parametrize("state", [StatusState.PENDING, StatusState.FAILURE], ids=lambda state: state.value)
def test_what_promobot_says_is_not_good_is_merged_on_purpose_only(
    shop: Shop, state: StatusState, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.promobot(*PROMOTE)
    world = World(load_config(shop.company.folder / "promobot.yaml"), shop.environ, shop.company.folder / "cache")
    forge = world.forge("local")
    head = forge.get(PROJECT, 1).head
    assert forge.set_status(PROJECT, head, CommitStatus(state, "0 of 2 approvals of sre"), branch=BRANCH)
    world.close()
    assert shop.promobot("mr", "merge", "1") == ExitCode.CONFLICT
    refused = f"promobot's status on merge request {PROJECT}!1 is {state.value}: 0 of 2 approvals of sre"
    assert refused in capsys.readouterr().err
    assert shop.states == ["open"]
    assert shop.promobot("mr", "merge", "1", "--despite-status") == ExitCode.DONE
    assert shop.states == ["merged"]


@pytest.mark.parametrize("forge", SHOPS)
def test_what_would_be_a_downgrade_by_now_is_not_merged(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """A hotfix came to staging by hand while what e2e runs was reviewed."""
    shop.need_no_approvals()
    shop.promobot(*PROMOTE)
    company, body = shop.company, shop.requests()[0].body
    before = company.content("main", FILE)
    shop.repository.commit("main", {FILE: company.manifest("inventory", "staging", "1.2.0")}, who=ANN)
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert shop.promobot("mr", "merge", "1") == ExitCode.CONFLICT
    assert "is failure: would be a downgrade: staging runs 1.2.0" in capsys.readouterr().err
    shop.repository.commit("main", {FILE: before}, who=ANN)
    for _ in range(2):
        assert shop.promobot("reconcile") == ExitCode.DONE
    assert shop.requests()[0].body == body
    assert shop.promobot("mr", "merge", "1") == ExitCode.DONE


@pytest.mark.parametrize("forge", SHOPS)
def test_nobody_gets_it_merged_by_another_of_the_same_commit(shop: Shop) -> None:
    """What a person proposes isn't promobot's to forbid; what promobot proposed stays forbidden."""
    shop.need_no_approvals()
    shop.promobot(*PROMOTE)
    company, body = shop.company, shop.requests()[0].body
    before = company.content("main", FILE)
    shop.repository.commit("main", {FILE: company.manifest("inventory", "staging", "1.2.0")}, who=ANN)
    assert shop.repository.move("ann/same", shop.repository.head("promobot/staging/inventory"), None)
    assert shop.opens("ann/same")
    for _ in range(2):
        assert shop.promobot("reconcile") == ExitCode.DONE
    if shop.running is not None:
        shop.running.forget()
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert shop.writes() == []
    assert shop.promobot("mr", "merge", "1") == ExitCode.CONFLICT
    assert shop.promobot("mr", "merge", "2") == ExitCode.CONFLICT
    assert shop.closes(2)
    shop.repository.commit("main", {FILE: before}, who=ANN)
    for _ in range(2):
        assert shop.promobot("reconcile") == ExitCode.DONE
    assert shop.requests()[0].body == body
    assert shop.promobot("mr", "merge", "1") == ExitCode.DONE


@pytest.mark.parametrize("forge", SHOPS)
def test_a_merge_request_is_named_by_its_address_too(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.promobot(*PROMOTE)
    capsys.readouterr()
    assert shop.promobot("mr", "list", "-o", "json") == ExitCode.DONE
    address = json.loads(capsys.readouterr().out)[0]["url"]
    for words in (address, f"{address}/files?tab=1#note_2", f"{PROJECT}#1", f"{PROJECT}!1"):
        assert shop.promobot("mr", "show", words) == ExitCode.DONE
        assert TITLE in capsys.readouterr().out
    for wrong in (f"{address}1", f"https://elsewhere.example.com/{PROJECT}/pull/1", "https://elsewhere.example.com/x"):
        assert shop.promobot("mr", "merge", wrong) == ExitCode.USAGE
        assert "merge request" in capsys.readouterr().err
    assert shop.promobot("mr", "close", address) == ExitCode.DONE
    assert shop.states == ["closed"]


@pytest.mark.parametrize("kind", [CutBefore(), CutAfter(), AnswerAfter(502)], ids=str)
@pytest.mark.parametrize("match", ["POST /api/v./.*/(merge_requests|pulls)$", "POST .*/git-receive-pack"])
def test_an_answer_that_is_lost_leaves_one_merge_request(shop: Shop, kind: Kind, match: str) -> None:
    """What may not have arrived is looked for, and done again."""
    assert shop.running is not None
    shop.running.inject(Fault(match, kind))
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    assert any(exchange.fault for exchange in shop.running.exchanges)
    assert shop.states == ["open"]
    assert sorted(shop.company.branches()) == ["main", BRANCH]


def test_merge_requests_from_the_shell(forge: str, shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.promobot(*PROMOTE)
    capsys.readouterr()
    assert shop.promobot("check", "--online") == ExitCode.DONE
    assert shop.promobot("status") == ExitCode.DONE
    assert shop.promobot("mr", "list") == ExitCode.DONE
    listed = capsys.readouterr().out
    assert TITLE in listed
    asked = forge == "github"
    assert ("STATUS" in listed, "pending" in listed) == (asked, asked)
    world = World(load_config(shop.company.folder / "promobot.yaml"), shop.environ, shop.company.folder / "cache")
    assert world.forge("local").set_note(PROJECT, 1, "Somebody should look at **this**.")
    world.close()
    assert shop.promobot("mr", "show", "1") == ExitCode.DONE
    shown = capsys.readouterr().out
    assert '+      tag: "1.1.3"' in shown
    lines = [line.strip() for line in shown.splitlines()]
    assert "Evidence" in lines
    noted = lines.index("note of promobot:")
    assert lines[noted - 1 : noted + 3] == ["", "note of promobot:", "Somebody should look at this.", ""]
    assert lines[noted + 3].startswith("diff --git")
    assert all(one or other for one, other in pairwise(lines)), "no two blank lines"
    assert shop.promobot("mr", "show", "1", "-o", "json") == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["note"] == "Somebody should look at **this**."
    assert shop.promobot("mr", "close", "1", "--reason", "not now", "--as", "ann") == ExitCode.DONE
    assert shop.promobot("mr", "show", "1") == ExitCode.DONE
    assert "not now" in capsys.readouterr().out
    assert shop.promobot("mr", "close", "1", "--reason", "another") == ExitCode.DONE
    assert f"{PROJECT}!1 was closed by ann (not now) already: " in capsys.readouterr().out
    assert shop.promobot("mr", "merge", "1") == ExitCode.CONFLICT
    assert "`promobot promote inventory --to staging --reopen` proposes it again" in capsys.readouterr().err
    assert shop.promobot(*PROMOTE) == ExitCode.BLOCKED
    assert "ann closed !1" in capsys.readouterr().out
    assert shop.promobot(*PROMOTE, "--reopen") == ExitCode.DONE
    assert shop.promobot("mr", "merge", f"{PROJECT}!2", "--despite-status") == ExitCode.DONE
    assert f"{PROJECT}!2 merged by " in capsys.readouterr().out
    assert shop.promobot("mr", "merge", f"{PROJECT}!2") == ExitCode.DONE
    assert f"{PROJECT}!2 was merged by " in capsys.readouterr().out
    assert shop.states == ["closed", "merged"]
    assert sorted(shop.company.branches()) == ["main"]
