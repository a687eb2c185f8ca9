"""The commands over a real company: what people and programs see, and what they may rely on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from bot.demo.oci import build_index
from bot.demo.registries import RunningRegistry
from bot.errors import ExitCode
from bot.repositories import RequestState
from tests.company import E2E, PROJECT, STAGING, Company
from tests.promotion.test_kill import left_running
from tests.proxy import Answer, CutAfter, CutBefore, Delay, Fault, start_proxy

BRANCH = "promobot/staging/inventory"
FILE = "apps/inventory/staging/helmrelease.yaml"
PROMOTE = ("promote", "inventory", "--to", "staging")


def answer(company: Company, capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> Any:
    """What a command says as JSON."""
    capsys.readouterr()
    assert company.promobot(*argv, "-o", "json") == code
    return json.loads(capsys.readouterr().out)


def said(company: Company, capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> str:
    """What a command says to people, on both streams."""
    capsys.readouterr()
    assert company.promobot(*argv) == code
    out, err = capsys.readouterr()
    return out + err


# --- promote --------------------------------------------------------------------------------------------


def test_a_promotion_leaves_one_branch_one_request_and_the_same_bits(company: Company) -> None:
    assert company.promobot(*PROMOTE) == ExitCode.DONE
    assert company.staging_digest("inventory", "1.1.3") == company.e2e_digest("inventory", "1.1.3-rc2")
    assert sorted(company.branches()) == ["main", BRANCH]
    assert company.content(BRANCH, FILE) == company.manifest("inventory", "staging", "1.1.3")
    assert company.git("diff", "--numstat", "main", BRANCH).split() == ["1", "1", FILE]
    (request,) = company.requests()
    assert (request.title, request.reviewers) == ("inventory 1.1.2 → 1.1.3 to staging", ("staging-approvers",))


def test_a_plan_changes_nothing(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    before = company.git("for-each-ref")
    (verdict,) = answer(company, capsys, "plan")["verdicts"]
    assert [action["action"] for action in verdict["actions"]] == [
        "PushBranch",
        "CopyImage",
        "SetStatus",
        "OpenRequest",
    ]
    assert '+      tag: "1.1.3"\n' in verdict["diff"]
    answer(company, capsys, *PROMOTE, "--dry-run")
    assert company.git("for-each-ref") == before
    assert company.staging_digest("inventory", "1.1.3") is None


def test_after_a_promotion_the_plan_is_empty_and_a_second_run_writes_nothing(
    company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    assert company.promobot(*PROMOTE) == 0
    refs = company.git("for-each-ref")
    events: list[object] = []
    with start_proxy(company.e2e) as e2e, start_proxy(company.staging) as staging:
        company.connect(e2e=e2e, staging=staging)
        (verdict,) = answer(company, capsys, "plan")["verdicts"]
        assert (verdict["standing"], verdict["actions"]) == ("proposed", [])
        for command in (PROMOTE, ("reconcile",)):
            assert main(command, environ=company.environ, watch=events.append) == 0
        assert e2e.count() > 0
        assert staging.count() > 0
        assert e2e.count("^(PUT|POST|PATCH|DELETE)") == staging.count("^(PUT|POST|PATCH|DELETE)") == 0
    assert company.git("for-each-ref") == refs, "nothing was pushed, and no merge request was written"
    assert events == []


def test_after_the_merge_everything_is_current(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    assert company.promobot(*PROMOTE) == 0
    assert company.promobot("mr", "merge", "1", "--as", "ann") == 0
    assert company.content("main", FILE) == company.manifest("inventory", "staging", "1.1.3")
    assert list(company.branches()) == ["main"]
    (verdict,) = answer(company, capsys, *PROMOTE)["verdicts"]
    assert verdict["standing"] == "current"


def test_reconcile_proposes_what_is_due_by_itself(company: Company) -> None:
    assert company.promobot("reconcile") == 0
    assert [request.source_branch for request in company.requests()] == [BRANCH]


def test_a_reconcile_that_can_never_do_anything_is_a_mistake(
    company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    config = company.folder / "promobot.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace("promote: auto", "promote: manual"), encoding="utf-8")
    assert "no environment says `promote: auto`" in said(company, capsys, "reconcile", code=ExitCode.USAGE)
    assert "staging doesn't say" in said(company, capsys, "reconcile", "--to", "staging", code=ExitCode.USAGE)
    assert company.requests() == ()


def test_all_that_is_due_is_promoted_whether_by_itself_or_not(
    tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    company = Company.found(tmp_path / "company", e2e_registry, prod_registry, ["cart", "inventory", "web"])
    config = company.folder / "promobot.yaml"
    manual = config.read_text(encoding="utf-8").replace("promote: auto", "promote: manual")
    config.write_text(manual, encoding="utf-8")
    assert company.promobot("promote", "web", "--to", "staging") == ExitCode.DONE
    assert company.promobot("mr", "close", "1") == ExitCode.DONE
    assert "closed !1" in said(company, capsys, "promote", "--all", "--to", "staging", code=ExitCode.BLOCKED)
    assert {request.source_branch for request in company.requests() if request.state is RequestState.OPEN} == {
        "promobot/staging/cart",
        "promobot/staging/inventory",
    }
    assert "nothing is promoted to e2e" in said(company, capsys, "promote", "--all", "--to", "e2e", code=ExitCode.USAGE)


def test_a_newer_image_updates_the_same_merge_request(company: Company) -> None:
    from bot.demo.oci import build_index  # noqa: PLC0415

    assert company.promobot(*PROMOTE) == 0
    newer = company.push_e2e("inventory", "1.1.4-rc1", build_index("newer"))
    company.commit("main", "apps/inventory/e2e/helmrelease.yaml", company.manifest("inventory", "e2e", "1.1.4-rc1"))
    assert company.promobot(*PROMOTE) == 0
    (request,) = company.requests()
    assert (request.number, request.title) == (1, "inventory 1.1.2 → 1.1.4 to staging")
    assert company.staging_digest("inventory", "1.1.4") == newer
    assert company.git("rev-list", "--count", f"main..{BRANCH}").strip() == "1"


def test_what_a_person_merged_by_hand_closes_the_stale_request(company: Company) -> None:
    assert company.promobot(*PROMOTE) == 0
    company.commit("main", FILE, company.manifest("inventory", "staging", "1.1.3"))
    assert company.promobot(*PROMOTE) == 0
    assert company.requests() == ()
    assert list(company.branches()) == ["main"]
    (closed,) = company.all_requests()
    assert closed.ended_by == "promobot"
    assert "no longer due" in closed.reason


def test_what_is_only_to_be_tidied_up_is_not_due(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    assert company.promobot(*PROMOTE) == 0
    company.commit("main", FILE, company.manifest("inventory", "staging", "1.1.3"))
    (verdict,) = answer(company, capsys, "plan", "--exit-code", code=ExitCode.DUE)["verdicts"]
    assert verdict["standing"] == "current"
    assert [action["action"] for action in verdict["actions"]] == ["CloseRequest", "DeleteBranch"]
    words = said(company, capsys, "plan")
    assert "= inventory 1.1.3  current: !1 is no longer due\n      close merge request !1" in words
    assert words.endswith("1 current\n")
    words = said(company, capsys, "status")
    assert "1.1.3 =" in words
    assert "= inventory to staging: shop/gitops!1 is no longer due  " in words
    assert said(company, capsys, "status", "--due").startswith("Nothing is due.")
    assert company.promobot("reconcile") == 0
    assert company.promobot("plan", "--exit-code") == 0


def test_a_branch_that_is_left_over_is_not_due(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    assert company.promobot(*PROMOTE) == 0
    company.commit("main", FILE, company.manifest("inventory", "staging", "1.1.3"))
    company.forge.close(PROJECT, 1, reason="", by="ann")
    words = said(company, capsys, "plan", "--exit-code", code=ExitCode.DUE)
    assert "= inventory 1.1.3  current: its branch is left over\n      delete branch" in words


def test_a_text_that_somebody_changed_stays_and_is_noted(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    assert company.promobot(*PROMOTE) == 0
    company.forge.update(PROJECT, 1, title="x", body="y")
    words = said(company, capsys, "plan", "--exit-code", code=ExitCode.DUE)
    assert "… inventory 1.1.2 → 1.1.3  proposed: !1\n      note on merge request !1: Somebody changed" in words
    assert company.promobot(*PROMOTE) == 0
    (request,) = company.requests()
    assert (request.title, request.body.partition("\n")[0]) == ("x", "y")
    assert company.promobot("plan", "--exit-code") == 0
    assert company.promobot("mr", "show", "1") == 0
    assert "note of promobot:\nSomebody changed the text above" in capsys.readouterr().out


def test_what_is_newer_waits_where_people_want_that(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    file = company.folder / "promobot.yaml"
    file.write_text(file.read_text().replace("    promote: auto\n", "    promote: auto\n    supersede: wait\n"))
    assert company.promobot(*PROMOTE) == 0
    company.push_e2e("inventory", "1.1.4-rc1", build_index("newer"))
    path = "apps/inventory/e2e/helmrelease.yaml"
    company.commit("main", path, company.manifest("inventory", "e2e", "1.1.4-rc1"))
    waits = "inventory 1.1.4 waits for !1, which is open: staging says `supersede: wait`"
    for command, note in (
        (("plan",), "\n      note on merge"),
        (("status",), ""),
        (PROMOTE, "\n      ✓ note on merge"),
    ):
        company.promobot(*command)
        told = capsys.readouterr().out
        assert waits in " ".join(told.split()), command
        assert note in told, command
    assert company.promobot("reconcile") == 0
    assert company.content(BRANCH, FILE) == company.manifest("inventory", "staging", "1.1.3")
    assert company.promobot("mr", "merge", "1", "--as", "ann") == 0
    assert company.promobot(*PROMOTE) == 0
    assert company.content(BRANCH, FILE) == company.manifest("inventory", "staging", "1.1.4")


def test_what_may_be_merged_is_merged_by_the_pass_after(company: Company) -> None:
    file = company.folder / "promobot.yaml"
    settings = "    promote: auto\n    merge: auto\n"
    text = file.read_text().replace("    promote: auto\n", settings)
    file.write_text(text.replace("{groups: [staging-approvers]}", "{}"))
    assert company.promobot("reconcile") == 0
    assert [request.state.value for request in company.all_requests()] == ["open"]
    assert company.promobot("reconcile") == 0
    (request,) = company.all_requests()
    assert (request.state.value, request.ended_by) == ("merged", "promobot")
    assert company.content("main", FILE) == company.manifest("inventory", "staging", "1.1.3")
    assert sorted(company.branches()) == ["main"]


def test_a_persons_commit_is_never_lost(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    assert company.promobot(*PROMOTE) == 0
    theirs = company.commit(BRANCH, FILE, b"by: ann\n")
    assert "ann@example.com, which isn't overwritten" in said(company, capsys, *PROMOTE, code=ExitCode.CONFLICT)
    assert company.branches()[BRANCH] == theirs


def test_a_closed_request_is_a_no_until_reopened(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    assert company.promobot(*PROMOTE) == 0
    assert company.promobot("mr", "close", "1", "--as", "ann") == 0
    words = said(company, capsys, *PROMOTE, code=ExitCode.BLOCKED)
    assert "ann closed !1" in words
    assert "Nothing was done: 1 blocked." in words
    assert company.promobot("reconcile") == 0
    assert company.promobot("reconcile", "--strict") == ExitCode.BLOCKED
    assert company.requests() == ()
    assert company.promobot(*PROMOTE, "--reopen") == 0
    assert [request.number for request in company.requests()] == [2]


def test_what_has_ended_is_not_ended_otherwise(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    assert company.promobot(*PROMOTE) == 0
    assert company.promobot("mr", "close", "1", "--as", "ann", "--reason", "not before Monday") == 0
    assert "closed by ann (not before Monday)" in said(company, capsys, "mr", "show", "1")
    assert "!1 was closed by ann" in said(company, capsys, "mr", "merge", "1", code=ExitCode.CONFLICT)
    assert company.promobot(*PROMOTE, "--reopen") == 0
    assert company.promobot("mr", "merge", "2", "--as", "ann") == 0
    assert "!2 was merged by ann" in said(company, capsys, "mr", "close", "2", code=ExitCode.CONFLICT)
    assert "!2 was merged by ann already" in said(company, capsys, "mr", "merge", "2", "--as", "bob")


def test_a_version_that_is_taken_blocks(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    from bot.demo.oci import build_image, push  # noqa: PLC0415

    other = push(company.staging.access("staging"), f"{company.team}/inventory", "1.1.3", build_image("other"))
    assert "version taken" in said(company, capsys, *PROMOTE, code=ExitCode.BLOCKED)
    assert company.staging_digest("inventory", "1.1.3") == other
    assert list(company.branches()) == ["main"]


# --- faults ---------------------------------------------------------------------------------------------


def test_a_registry_that_is_down_is_not_an_absent_image(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    with start_proxy(company.e2e) as proxy:
        company.connect(e2e=proxy)
    words = said(company, capsys, *PROMOTE, code=ExitCode.REGISTRY)
    assert "registry e2e" in words
    assert company.promobot("reconcile") == ExitCode.REGISTRY
    assert list(company.branches()) == ["main"]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("^PUT .*/manifests/1.1.3", CutAfter()),
        Fault("^PUT .*/manifests/1.1.3", CutBefore()),
        Fault("^PATCH ", CutBefore()),
        Fault("^POST ", Answer(503)),
        Fault("^HEAD .*/manifests/1.1.3", Answer(500)),
    ],
    ids=lambda fault: f"{fault.match} {type(fault.kind).__name__}",
)
def test_a_fault_in_mid_copy_ends_in_the_right_bits(company: Company, fault: Fault) -> None:
    with start_proxy(company.staging) as proxy:
        company.connect(staging=proxy)
        proxy.inject(fault)
        assert company.promobot(*PROMOTE) == 0
        assert proxy.faults[0].times == 0, "the fault never happened"
    assert company.staging_digest("inventory", "1.1.3") == company.e2e_digest("inventory", "1.1.3-rc2")
    assert len(company.requests()) == 1


def test_without_the_image_there_is_no_merge_request_and_the_next_run_goes_on(
    company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    with start_proxy(company.staging) as proxy:
        company.connect(staging=proxy)
        proxy.inject(Fault("^(POST|PUT|PATCH) ", Answer(403), times=1000))
        said(company, capsys, *PROMOTE, code=ExitCode.REGISTRY)
    assert company.requests() == ()
    assert BRANCH in company.branches()
    company.connect()
    assert company.promobot(*PROMOTE) == 0
    assert len(company.requests()) == 1


def test_a_missing_password_is_told_before_anything_is_done(
    company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {name: value for name, value in company.environ.items() if name != "E2E_PASSWORD"}
    assert main(PROMOTE, environ=environ) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert "E2E_PASSWORD is not set" in out + err
    assert list(company.branches()) == ["main"]


def test_a_missing_repository_is_a_git_error(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    config = company.folder / "promobot.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace(PROJECT, "shop/gone"), encoding="utf-8")
    assert "shop/gone" in said(company, capsys, *PROMOTE, code=ExitCode.GIT)


def test_a_broken_manifest_is_named(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    company.commit("main", FILE, b"values: [\n")
    assert FILE in said(company, capsys, *PROMOTE, code=ExitCode.MANIFEST)


# --- looking --------------------------------------------------------------------------------------------


def test_status_shows_what_runs_where_and_what_is_proposed(
    company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "inventory   1.1.3-rc2   1.1.2 ↑ 1.1.3" in said(company, capsys, "status")
    assert company.promobot(*PROMOTE) == 0
    assert "inventory   1.1.3-rc2   1.1.2 … 1.1.3" in said(company, capsys, "status")
    assert f"inventory to staging: {PROJECT}!1" in said(company, capsys, "status")
    data = answer(company, capsys, "status")
    assert {item["image"] for item in data["deployed"]} == {
        f"{E2E}/{company.team}/inventory:1.1.3-rc2",
        f"{STAGING}/{company.team}/inventory:1.1.2",
    }


def test_an_added_digest_is_no_arrow_to_the_same_tag(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    assert company.promobot(*PROMOTE) == 0
    assert company.promobot("mr", "merge", "1", "--as", "ann") == 0
    config = company.folder / "promobot.yaml"
    pinning = config.read_text(encoding="utf-8").replace("promote: auto", "promote: auto\n    write: tag+digest")
    config.write_text(pinning, encoding="utf-8")
    assert "1.1.3-rc2   1.1.3 ↑\n" in said(company, capsys, "status")
    assert "1.1.3 with digest  due\n" in said(company, capsys, "plan")


def test_status_tells_what_cannot_be_read_from_what_is_not_there(
    company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    company.commit("main", FILE, b"values: [\n")
    assert "inventory   1.1.3-rc2   ? ✗\n" in said(company, capsys, "status", code=ExitCode.MANIFEST)


def test_check_lists_where_images_were_found(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    words = said(company, capsys, "check", "--online")
    assert f"{FILE}:8" in words
    assert "registry staging: reached" in words
    assert answer(company, capsys, "check")["problems"] == []


def test_check_tells_an_environment_that_matches_nothing(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    config = company.folder / "promobot.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace("/staging/", "/stagin/"), encoding="utf-8")
    out = said(company, capsys, "check", code=ExitCode.USAGE)
    assert "environments.1.paths.0: apps/{service}/stagin/helmrelease.yaml matches no file of" in out
    assert "→ did you mean apps/{service}/staging/helmrelease.yaml?" in out


def test_check_tells_a_repository_that_is_gone_by_its_exit_code(company: Company) -> None:
    config = company.folder / "promobot.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace(PROJECT, "shop/gone"), encoding="utf-8")
    assert company.promobot("check") == ExitCode.GIT


def test_check_tells_a_broken_manifest_by_its_exit_code(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    company.commit("main", FILE, b"values: [\n")
    assert FILE in answer(company, capsys, "check", code=ExitCode.MANIFEST)["problems"][0]


def test_check_names_an_image_that_it_cannot_read_and_goes_on(
    company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = company.manifest("inventory", "staging", "1.1.2") + b"    redis: {image: {tag: 7.4.1}}\n"
    company.commit("main", FILE, manifest)
    assert f"{FILE}:10: inherits repository from base" in said(company, capsys, "check")
    assert answer(company, capsys, "check")["problems"] == []


def test_check_tells_what_cannot_be_read(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    company.commit("main", FILE, b"values: [\n")
    assert f"✗ {FILE}:1: not YAML" in said(company, capsys, "check", code=ExitCode.MANIFEST)
    config = company.folder / "promobot.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace(PROJECT, "shop/gone"), encoding="utf-8")
    words = said(company, capsys, "check", code=ExitCode.GIT)
    assert words.count("has no repository shop/gone.git") == 1, "both environments are there, once is enough"
    assert "environments.0.repository.project: " in words
    assert "environments.1.repository.project: the same\n" in words


def test_check_tells_a_registry_that_is_down(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    with start_proxy(company.staging) as proxy:
        company.connect(staging=proxy)
    assert "\n✗ registry staging: " in said(company, capsys, "check", "--online", code=ExitCode.REGISTRY)


@pytest.mark.parametrize("output", ["text", "json"])
def test_a_reader_that_went_away_is_no_failure(company: Company, output: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    argv = [sys.executable, "-m", "bot", "status", "-o", output]
    ended = subprocess.run(argv, env=company.environ, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_full_disk_is_told_in_one_line(company: Company) -> None:
    with Path("/dev/full").open("wb") as full:
        argv = [sys.executable, "-m", "bot", "status"]
        ended = subprocess.run(argv, env=company.environ, stdout=full, stderr=subprocess.PIPE, check=False)
    assert ended.returncode == ExitCode.UNEXPECTED
    assert ended.stderr.startswith(b"promobot: [Errno 28] No space left on device\n")
    assert b"Traceback" not in ended.stderr


def test_plan_ends_with_ten_when_asked(company: Company) -> None:
    assert company.promobot("plan") == 0
    assert company.promobot("plan", "--exit-code") == ExitCode.DUE
    assert company.promobot(*PROMOTE) == 0
    assert company.promobot("plan", "--exit-code") == 0


def test_the_merge_request_as_its_approver_reads_it(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    assert company.promobot(*PROMOTE) == 0
    words = said(company, capsys, "mr", "show", "1")
    assert str(company.staging_digest("inventory", "1.1.3")) in words
    assert '+      tag: "1.1.3"' in words
    assert "for staging-approvers" in words
    listed = answer(company, capsys, "mr", "list")
    assert [(item["number"], item["state"]) for item in listed] == [(1, "open")]


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("promote", "inventroy", "--to", "staging"), "did you mean inventory?"),
        (("promote", "inventory", "--to", "stagin"), "did you mean staging?"),
        (("promote", "inventory", "--to", "e2e"), "nothing is promoted to e2e"),
        (("promote", "../inventory", "--to", "staging"), "is not a service's name"),
        (("promote", "*", "--to", "staging"), "is not a service's name"),
        (("mr", "show", "7"), "no merge request 7"),
        (("mr", "show", "seven"), "is not a merge request"),
        (("plan", "-c", "/nonexistent/promobot.yaml"), "No such file"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    company: Company, capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], says: str
) -> None:
    assert says in said(company, capsys, *argv, code=ExitCode.USAGE)


@pytest.mark.parametrize(
    "command", ["", "check", "demo", "mr list", "mr merge", "plan", "promote", "reconcile", "status"]
)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    assert ended.value.code == 0
    assert "promobot" in capsys.readouterr().out


def test_the_cache_may_be_lost(company: Company, tmp_path: Path) -> None:
    assert company.promobot(*PROMOTE) == 0
    (company.folder / "cache").rename(tmp_path / "lost")
    assert company.promobot(*PROMOTE) == 0
    assert len(company.all_requests()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupt_ends_a_copy_at_once_and_the_next_run_goes_on(company: Company, number: int) -> None:
    with start_proxy(company.staging) as proxy:
        company.connect(staging=proxy)
        proxy.inject(Fault("^PATCH ", Delay(300)))
        command = [sys.executable, "-m", "bot", *PROMOTE]
        with subprocess.Popen(command, env=company.environ, stderr=subprocess.PIPE, text=True) as process:
            while not proxy.count("^PATCH "):
                assert process.poll() is None
                time.sleep(0.01)
            process.send_signal(number)
            _, err = process.communicate(timeout=60)
        assert process.returncode == ExitCode.INTERRUPTED
        assert "interrupted; run it again to go on from here" in err
        assert left_running(company) == []
    company.connect()
    assert company.promobot(*PROMOTE) == 0
    assert len(company.requests()) == 1
