"""What people do between two effects of a promotion: it is seen, and nothing of theirs is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.apply import Event, Started
from bot.cli import main
from bot.configfile import load_config
from bot.decide import Intent, Texts
from bot.demo.oci import build_index
from bot.errors import ExitCode
from bot.forges.local import LocalForge
from bot.plan import Action, CloseRequest, CopyImage, PushBranch, SetNote, UpdateRequest
from bot.reconcile import run
from bot.repositories import RequestDraft, Reviewers
from bot.resources import load_templates
from bot.world import World
from tests.company import PROJECT, Company

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
    assert "ann@example.com, which isn't overwritten" in out
    if output == "json":
        (verdict,) = json.loads(out)["verdicts"]
        assert (verdict["standing"], verdict["actions"]) == ("blocked", [])


def newer(company: Company) -> None:
    """E2e gets a newer image."""
    company.push_e2e("inventory", "1.1.4-rc1", build_index("newer"))
    company.commit("main", "apps/inventory/e2e/helmrelease.yaml", company.manifest("inventory", "e2e", "1.1.4-rc1"))


def test_a_branch_that_meanwhile_names_a_newer_image_is_proposed_with_that_image(company: Company) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    def another_run() -> None:
        newer(company)
        world = World(load_config(company.folder / "promobot.yaml"), company.environ, company.folder / "another-cache")
        intent, watch = Intent(("inventory",), ("staging",)), before(CopyImage, die)
        with closing(world), suppress(KeyboardInterrupt):
            run(world, Texts(load_templates()), intent, clock=lambda: datetime.now(UTC), watch=watch)
        assert company.staging_digest("inventory", "1.1.4") is None

    assert main(PROMOTE, environ=company.environ, watch=before(CopyImage, another_run)) == 0
    (request,) = company.requests()
    assert request.title == "inventory 1.1.2 → 1.1.4 to staging"
    assert company.staging_digest("inventory", "1.1.4") == company.e2e_digest("inventory", "1.1.4-rc1")


def test_a_merge_request_that_is_closed_before_its_update_is_opened_anew(company: Company) -> None:
    assert company.promobot(*PROMOTE) == 0
    newer(company)
    watch = before(UpdateRequest, lambda: company.forge.close(PROJECT, 1, reason="no", by="ann"))
    assert main(PROMOTE, environ=company.environ, watch=watch) == 0
    assert [request.number for request in company.requests()] == [2]


def test_a_merge_request_that_is_closed_before_its_note_gets_none(company: Company) -> None:
    assert company.promobot(*PROMOTE) == 0
    company.commit(BRANCH, "notes.md", b"wait\n")
    watch = before(SetNote, lambda: company.forge.close(PROJECT, 1, reason="no", by="ann"))
    code = main(PROMOTE, environ=company.environ, watch=watch)
    assert company.forge.get(PROJECT, 1).note == ""
    assert code == ExitCode.BLOCKED, "it was decided again: whoever closes one says no"
    assert company.requests() == ()


def test_a_merge_request_that_is_merged_before_its_update_is_done(company: Company) -> None:
    assert company.promobot(*PROMOTE) == 0
    newer(company)

    def merge() -> None:
        company.forge.merge(PROJECT, 1, head=company.branches()[BRANCH], by="ann")

    watch = before(UpdateRequest, merge)
    assert main(PROMOTE, environ=company.environ, watch=watch) == 0
    assert company.requests() == ()
    assert company.content("main", FILE) == company.manifest("inventory", "staging", "1.1.4")


def test_a_merge_request_that_gets_a_persons_commit_before_its_end_stays_open(company: Company) -> None:
    assert company.promobot(*PROMOTE) == 0
    company.commit("main", FILE, company.manifest("inventory", "staging", "1.1.3"))
    watch = before(CloseRequest, lambda: company.commit(BRANCH, "notes.md", b"wait\n"))
    assert main(PROMOTE, environ=company.environ, watch=watch) == 0
    assert [request.number for request in company.requests()] == [1]
    assert company.content(BRANCH, "notes.md") == b"wait\n"


@pytest.mark.parametrize(("tag", "code"), [("1.1.3", ExitCode.DONE), ("1.1.4", ExitCode.CONFLICT)])
def test_a_persons_merge_request_for_it_is_neither_duplicated_nor_left_without_its_image(
    company: Company, capsys: pytest.CaptureFixture[str], tag: str, code: ExitCode
) -> None:
    company.commit("ann/bump", FILE, company.manifest("inventory", "staging", tag))
    ann = LocalForge(company.folder / "git", user="ann")
    theirs = ann.open(PROJECT, RequestDraft("ann/bump", "main", "Bump it", "", Reviewers(), ())).request
    assert main(PROMOTE, environ=company.environ) == code
    assert f"!{theirs.number}" in capsys.readouterr().out
    assert company.requests() == (replace(theirs, ours=False),)
    assert sorted(company.branches()) == ["ann/bump", "main"]
    copied = company.staging_digest("inventory", tag)
    assert copied == (company.e2e_digest("inventory", "1.1.3-rc2") if code is ExitCode.DONE else None)
    assert main(PROMOTE, environ=company.environ) == code
