"""Promotions on GitLab, end to end: what a run asks, and what its status says there."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from bot.demo.oci import build_index, push
from bot.errors import ExitCode
from bot.forges.local import merging
from tests.company import PROJECT, Company
from tests.doubles.gitlab import DEVELOPER, REPORTER, life
from tests.doubles.gitlab.state import Status
from tests.promotion.shops import GitLabShop, gitlab_shop
from tests.proxy import Answer, AnswerAfter, CutAfter, CutBefore, Fault, Kind

WAITS = "0 of 1 approval of staging-approvers"
PROMOTE = ("promote", "inventory", "--to", "staging")


@pytest.fixture
def shop(company: Company) -> Iterator[GitLabShop]:
    with gitlab_shop(company) as shop:
        yield shop


def test_what_a_run_asks_of_the_api(shop: GitLabShop) -> None:
    """What is open, what people closed, and after the opening what is open now.

    Beyond what a run reads once it is four requests: the status, and the opening, with a look at what is open then and
    one at the pipeline that it goes by.
    """
    shop.promobot(*PROMOTE)
    listed = "GET /projects/:id/merge_requests"
    once = {
        "GET /user": 1,
        "GET /groups/:id/members/all": 1,
        "GET /projects/:id/members/all": 1,
        "GET /projects/:id/approval_rules": 1,
    }
    assert shop.running.counts() == {
        **once,
        listed: 3,
        "POST /projects/:id/merge_requests": 1,
        "GET /projects/:id/merge_requests/:iid": 1,
        "POST /projects/:id/statuses/:sha": 1,
    }


def test_what_waits_for_approvals_asks_two_more_in_each_pass_unless_gitlab_asks_for_them(shop: GitLabShop) -> None:
    shop.promobot(*PROMOTE)
    listed = "GET /projects/:id/merge_requests"
    shop.running.forget()
    shop.promobot("reconcile")
    assert shop.running.counts() == {
        "GET /user": 1,
        listed: 1,
        "GET /projects/:id/approval_rules": 1,
        "GET /projects/:id/merge_requests/:iid/approvals": 1,
        "GET /projects/:id/repository/commits/:sha/statuses": 1,
    }
    shop.gitlab.premium = True
    shop.project.rules = [shop.gitlab.rule("staging", 1, groups=("staging-approvers",))]
    shop.promobot("reconcile")
    assert said(shop)[-1] == ("external", "success", "1 image found in registry staging")
    shop.running.forget()
    shop.promobot("reconcile")
    assert shop.running.counts() == {
        "GET /user": 1,
        listed: 1,
        "GET /projects/:id/approval_rules": 1,
        "GET /projects/:id/protected_branches": 1,
    }


# --- the required status --------------------------------------------------------------------------------

FILE = "apps/inventory/staging/helmrelease.yaml"


def propose_by_hand(shop: GitLabShop, tag: str = "1.1.3") -> str:
    """Ann's merge request, and its head."""
    manifest = shop.company.manifest("inventory", "staging", tag)
    head = shop.project.repository.commit("ann/bump", {FILE: manifest})
    shop.gitlab.open(shop.project, shop.ann, "ann/bump", title="Bump")
    return head


def said(shop: GitLabShop) -> list[tuple[str, str, str]]:
    """What promobot says, by pipeline."""
    return [
        (pipeline.source, job.state, job.description or "")
        for pipeline in shop.project.pipelines
        for job in pipeline.statuses
        if job.name == "promobot"
    ]


def mergeable(shop: GitLabShop) -> bool:
    """Whether the button is there."""
    (request,) = [one for one in shop.project.requests.values() if one.open]
    return not life.why_not(shop.gitlab, shop.project, request)


@pytest.mark.parametrize("pipelines_for", ["", "push", "merge_request_event"])
def test_a_persons_is_red_until_its_image_is_there(shop: GitLabShop, pipelines_for: str) -> None:
    shop.project.pipelines_for, shop.project.only_allow_merge_if_pipeline_succeeds = pipelines_for, True
    propose_by_hand(shop, "1.1.4")
    assert shop.promobot("reconcile") == ExitCode.DONE
    if pipelines_for:
        shop.gitlab.finish(shop.project, "success")
    source = pipelines_for or "external"
    text = f"{shop.company.team}/inventory:1.1.4 is not in registry staging: promote it, or push it there"
    assert said(shop) == [(source, "failed", text)]
    assert not mergeable(shop)
    shop.running.forget()
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert shop.writes() == []
    push(shop.company.staging.access("staging"), f"{shop.company.team}/inventory", "1.1.4", build_index("by hand"))
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert said(shop)[-1] == (source, "success", "1 image found in registry staging")
    assert len(shop.project.pipelines) == 1
    assert mergeable(shop)


@pytest.mark.parametrize("several", [False, True])
def test_it_is_said_once_though_another_branch_has_the_same_commit(shop: GitLabShop, *, several: bool) -> None:
    """Each has a pipeline of its own, in which it is said where a merge request goes by that."""
    shop.project.pipelines_for = "push"
    head = propose_by_hand(shop, "1.1.4")
    shop.repository.move("ann/more", head, None)
    if several:
        shop.gitlab.open(shop.project, shop.ann, "ann/more", title="Bump, too")
    shop.gitlab.finish(shop.project, "success")
    for pipeline in shop.project.pipelines:
        job = Status(7000 + pipeline.id, "lint", pipeline.ref, "success", shop.ann, pipeline.created)
        pipeline.statuses.append(job)
    assert shop.promobot("reconcile") == ExitCode.DONE
    red = [(one.ref, job.state) for one in shop.project.pipelines for job in one.statuses if job.name == "promobot"]
    assert red == [("ann/bump", "failed"), ("ann/more", "failed")][: 1 + several]
    shop.running.forget()
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert shop.writes() == []
    assert shop.running.counts()["GET /projects/:id/repository/commits/:sha/statuses"] == 1 + several


def test_the_image_that_a_person_proposes_is_copied_and_then_it_is_green(shop: GitLabShop) -> None:
    shop.project.only_allow_merge_if_pipeline_succeeds = True
    propose_by_hand(shop)
    assert not mergeable(shop)
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    assert shop.company.staging_digest("inventory", "1.1.3") is not None
    assert mergeable(shop)
    shop.running.forget()
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert shop.writes() == []
    assert shop.states == ["open"]


@pytest.mark.parametrize("kind", [CutBefore(), CutAfter(), AnswerAfter(502), Answer(429)], ids=str)
def test_an_answer_about_the_status_that_is_lost_changes_nothing(shop: GitLabShop, kind: Kind) -> None:
    shop.project.pipelines_for = "push"
    shop.running.inject(Fault("POST .*/statuses/", kind))
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    assert said(shop) == [("push", "pending", WAITS)]
    assert shop.states == ["open"]


def test_who_may_not_say_it_opens_nothing_and_the_next_run_completes(shop: GitLabShop) -> None:
    refusal = Answer(403, {"Content-Type": "application/json"}, b'{"message":"403 Forbidden"}')
    shop.running.inject(Fault("POST .*/statuses/", refusal))
    assert shop.promobot(*PROMOTE) == ExitCode.FORGE
    assert shop.states == []
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    assert shop.states == ["open"]
    assert said(shop) == [("external", "pending", WAITS)]


def test_the_status_waits_for_the_approval_of_one_of_the_group(shop: GitLabShop) -> None:
    """The button is there once the next pass has seen it; GitLab itself asks for none."""
    shop.project.only_allow_merge_if_pipeline_succeeds = True
    stranger = shop.gitlab.user("stranger")
    shop.gitlab.join(stranger, shop.project.namespace, DEVELOPER)
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    (request,) = shop.project.requests.values()
    for user, expected in (
        (stranger, ("pending", WAITS)),
        (shop.ann, ("success", "1 image found in registry staging")),
    ):
        assert not mergeable(shop)
        request.approvals[user.id] = request.created
        assert shop.promobot("reconcile") == ExitCode.DONE
        assert said(shop)[-1] == ("external", *expected)
    assert mergeable(shop)
    shop.running.forget()
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert shop.writes() == []
    request.approvals.pop(shop.ann.id)
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert said(shop)[-1] == ("external", "pending", WAITS)


def test_what_was_approved_is_no_newer_image(shop: GitLabShop) -> None:
    """GitLab Free keeps an approval, whatever is pushed; it merges when a pipeline has succeeded."""
    shop.settle("merge: auto")
    shop.project.pipelines_for = "merge_request_event"
    shop.project.only_allow_merge_if_pipeline_succeeds = True
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    (request,) = shop.project.requests.values()
    shop.gitlab.approve(shop.project, request, shop.ann)
    for _ in range(2):
        assert shop.promobot("reconcile") == ExitCode.DONE
    assert request.auto_merge is not None, "all is well, and the pipeline runs"
    shop.company.push_e2e("inventory", "1.1.4-rc1", build_index("newer"))
    manifest = shop.company.manifest("inventory", "e2e", "1.1.4-rc1")
    shop.project.repository.commit("main", {FILE.replace("staging", "e2e"): manifest})
    for _ in range(3):
        assert shop.promobot("reconcile") == ExitCode.DONE
        shop.gitlab.finish(shop.project, "success")
        assert (request.state, said(shop)[-1][1:]) == ("opened", ("pending", WAITS))
    assert shop.ann.id in request.approvals
    request.approvals.clear()
    shop.gitlab.approve(shop.project, request, shop.ann)
    for _ in range(3):
        assert shop.promobot("reconcile") == ExitCode.DONE
        if request.state == "opened":
            shop.gitlab.finish(shop.project, "success")
    assert request.state == "merged"


def test_a_project_with_a_linear_history_gets_the_branch_anew_and_then_it_is_merged(shop: GitLabShop) -> None:
    shop.settle("merge: auto", required=0)
    shop.project.merge_method = "ff"
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    (request,) = shop.project.requests.values()
    for name in ("theirs", "more"):
        before, main = request.sha, shop.repository.commit("main", {name: b"1"})
        # GitLab finds out, and the pass that asked it to merge makes the branch anew.
        assert shop.promobot("reconcile") == ExitCode.DONE
        assert request.state == "opened"
        assert request.sha != before
        assert shop.repository.git("rev-parse", f"{request.sha}^") == main
        assert said(shop)[-1][1:] == ("success", "1 image found in registry staging")
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert (request.state, shop.repository.head("main")) == ("merged", request.sha)
    shop.running.forget()
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert shop.writes() == []


def test_where_people_merge_a_branch_that_has_to_be_rebased_is_left_to_them(shop: GitLabShop) -> None:
    shop.settle(required=0)
    shop.project.merge_method = "ff"
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    (request,) = shop.project.requests.values()
    shop.repository.commit("main", {"theirs": b"1"})
    life.look(shop.gitlab, shop.project)
    request.pending.clear()
    assert life.why_not(shop.gitlab, shop.project, request) == "need_rebase"
    shop.running.forget()
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert shop.writes() == []


# --- the pipeline that counts ----------------------------------------------------------------------------

PIPELINES = [
    ("", 0),
    ("", 2),
    ("push", 0),
    ("push", 2),
    ("merge_request_event", 0),
    ("merge_request_event", 2),
]
HOW = [f"{source or 'none'} after {looks} looks" for source, looks in PIPELINES]
GREEN = "1 image found in registry staging"


def with_pipelines(shop: GitLabShop, pipelines_for: str, looks: int) -> None:
    shop.project.pipelines_for, shop.project.only_allow_merge_if_pipeline_succeeds = pipelines_for, True
    shop.gitlab.patience.pipelines = looks


def all_succeed(shop: GitLabShop) -> None:
    """What is to be made is made, and what the project itself runs is green."""
    with shop.gitlab.lock:
        while shop.project.coming:
            life.go_on(shop.gitlab, shop.project)
        for pipeline in shop.project.pipelines:
            pipeline.built = "success"
            life.settle(pipeline)


def said_where_it_counts(shop: GitLabShop) -> tuple[str, str]:
    """What promobot says in the pipeline that the open merge request goes by; and nothing waits in another one."""
    (request,) = [one for one in shop.project.requests.values() if one.open]
    counts = life.head_pipeline(shop.project, request)
    assert counts is not None
    own = [pipeline for pipeline in shop.project.pipelines if pipeline.sha == request.sha]
    assert len([pipeline for pipeline in own if pipeline.source == "external"]) <= 1
    assert [pipeline.status for pipeline in own if pipeline is not counts and pipeline.status == "pending"] == []
    job = [job for job in counts.statuses if job.name == "promobot"][-1]
    return job.state, job.description or ""


@pytest.mark.parametrize(("pipelines_for", "looks"), PIPELINES, ids=HOW)
def test_what_is_opened_waits_from_the_beginning(shop: GitLabShop, pipelines_for: str, looks: int) -> None:
    with_pipelines(shop, pipelines_for, looks)
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    all_succeed(shop)
    assert not mergeable(shop)
    assert said_where_it_counts(shop) == ("pending", WAITS)
    (request,) = shop.project.requests.values()
    shop.gitlab.approve(shop.project, request, shop.ann)
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert said_where_it_counts(shop) == ("success", GREEN)
    assert mergeable(shop)
    shop.running.forget()
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert shop.writes() == []


@pytest.mark.parametrize(("pipelines_for", "looks"), PIPELINES, ids=HOW)
def test_what_waits_for_nobody_says_so_where_it_counts(shop: GitLabShop, pipelines_for: str, looks: int) -> None:
    shop.settle(required=0)
    with_pipelines(shop, pipelines_for, looks)
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    all_succeed(shop)
    assert said_where_it_counts(shop) == ("success", GREEN)
    assert mergeable(shop)


@pytest.mark.parametrize(("pipelines_for", "looks"), PIPELINES, ids=HOW)
def test_what_is_pushed_to_an_open_one_waits_from_the_beginning(
    shop: GitLabShop, pipelines_for: str, looks: int
) -> None:
    with_pipelines(shop, pipelines_for, 0)
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    (request,) = shop.project.requests.values()
    shop.gitlab.approve(shop.project, request, shop.ann)
    assert shop.promobot("reconcile") == ExitCode.DONE
    all_succeed(shop)
    assert mergeable(shop)
    before, shop.gitlab.patience.pipelines = request.sha, looks
    shop.company.push_e2e("inventory", "1.1.4-rc1", build_index("newer"))
    manifest = shop.company.manifest("inventory", "e2e", "1.1.4-rc1")
    shop.project.repository.commit("main", {FILE.replace("staging", "e2e"): manifest})
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    assert request.sha != before
    all_succeed(shop)
    assert not mergeable(shop)
    assert said_where_it_counts(shop) == ("pending", WAITS)


def test_one_whose_run_ended_before_its_pipeline_was_looked_at_waits_from_the_next_pass_on(shop: GitLabShop) -> None:
    with_pipelines(shop, "merge_request_event", 0)
    refusal = Answer(403, {"Content-Type": "application/json"}, b'{"message":"403 Forbidden"}')
    shop.running.inject(Fault("GET .*/merge_requests/1", refusal))
    assert shop.promobot(*PROMOTE) == ExitCode.FORGE
    assert shop.states == ["open"]
    all_succeed(shop)
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert not mergeable(shop)
    (request,) = shop.project.requests.values()
    shop.gitlab.approve(shop.project, request, shop.ann)
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert mergeable(shop)


@pytest.mark.parametrize(("pipelines_for", "more"), [("", 0), ("push", 0), ("merge_request_event", 2)])
def test_what_the_pipeline_that_counts_costs(shop: GitLabShop, pipelines_for: str, more: int) -> None:
    """Where opening begins one, promobot's status in it, and what was said before it is taken back."""
    with_pipelines(shop, pipelines_for, 0)
    shop.promobot(*PROMOTE)
    counts = shop.running.counts()
    assert counts["GET /projects/:id/merge_requests/:iid"] == 1
    assert counts["POST /projects/:id/statuses/:sha"] == 1 + more
    assert counts["GET /projects/:id/repository/commits/:sha/statuses"] == 0


def rebased_by_ann(shop: GitLabShop, head: str, onto: str) -> str:
    """As GitLab's button does it: the same author and message on another parent, and a committer who pressed it."""
    directory = shop.repository.directory
    head_lines, _, message = shop.repository.git("cat-file", "commit", head).partition("\n\n")
    author = next(line for line in head_lines.splitlines() if line.startswith("author "))
    tree = merging.merged_tree(directory, onto, head)
    made = f"tree {tree}\nparent {onto}\n{author}\ncommitter Ann <ann@example.com> 1900000000 +0000\n\n{message}\n"
    return directory.run("hash-object", "-t", "commit", "-w", "--stdin", stdin=made.encode()).stdout.decode().strip()


@pytest.mark.parametrize("merge", ["auto", "never"])
def test_what_somebody_rebases_is_theirs_from_then_on(shop: GitLabShop, merge: str) -> None:
    shop.settle(f"merge: {merge}", required=0)
    shop.project.merge_method = "ff"
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    (request,) = shop.project.requests.values()
    head, main = request.sha, shop.repository.commit("main", {"theirs": b"1"})
    rebased = rebased_by_ann(shop, head, main)
    assert shop.repository.move(request.source_branch, rebased, head)
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert (request.state, shop.repository.head(request.source_branch)) == ("opened", rebased)
    (shown,) = shop.open()
    (note,) = shown.notes
    assert note.startswith(f"Commit {rebased} on this branch isn't promobot's.")
    assert said(shop)[-1][1:] == ("success", "1 image found in registry staging")
    assert shop.project.pipelines[-1].sha == rebased
    shop.running.forget()
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert shop.writes() == []
    assert shop.merges(1, squash=False)


def test_who_can_t_be_asked_is_told_and_nothing_fails(shop: GitLabShop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.gitlab.accounts.group("staging-approvers").roles.clear()
    shop.gitlab.join(shop.gitlab.user("gone"), shop.gitlab.accounts.group("staging-approvers"), DEVELOPER)
    shop.gitlab.user("gone").state = "blocked"
    capsys.readouterr()
    assert shop.promobot(*PROMOTE, "-o", "json") == ExitCode.DONE
    outcomes = json.loads(capsys.readouterr().out)["results"][0]["outcomes"]
    notes = {outcome["action"]: outcome["notes"] for outcome in outcomes}
    why = "nobody is asked of group staging-approvers: no active member is Developer or more"
    assert notes == {"PushBranch": [], "CopyImage": [], "SetStatus": [], "OpenRequest": [why]}
    assert shop.states == ["open"]
    for command in ("plan", "reconcile"):  # as long as nobody is asked
        shop.promobot(command)
        assert f"! {why}\n" in capsys.readouterr().out


def test_a_group_that_is_not_there_is_told_before_and_once_after(
    shop: GitLabShop, capsys: pytest.CaptureFixture[str]
) -> None:
    file = shop.company.folder / "promobot.yaml"
    file.write_text(file.read_text().replace("[staging-approvers]", "[stagin]"))
    why = "! nobody is asked of group stagin: there is none that the token's user sees\n"
    capsys.readouterr()
    shop.promobot("plan", "inventory", "--to", "staging")
    assert why in capsys.readouterr().out
    shop.promobot(*PROMOTE)
    told = capsys.readouterr().out
    assert told.count(why) == 1
    assert f"✓ open merge request in {PROJECT}\n" in told


# --- before anything is tried ---------------------------------------------------------------------------


def checked(shop: GitLabShop, capsys: pytest.CaptureFixture[str], code: ExitCode) -> dict[str, tuple[bool | None, str]]:
    """What `check --online` finds out about the forge, by what it is about."""
    capsys.readouterr()
    assert shop.promobot("check", "--online", "-o", "json") == code
    (look,) = json.loads(capsys.readouterr().out)["forges"]
    return {right["about"]: (right["good"], right["found"]) for right in look["rights"]}


def test_a_check_tells_what_the_token_can_do(shop: GitLabShop, capsys: pytest.CaptureFixture[str]) -> None:
    found = checked(shop, capsys, ExitCode.DONE)
    path = shop.project.path
    assert found[f"project {path}"] == (True, "Developer, may push branches and open merge requests")
    assert found["group staging-approvers"] == (True, "1 who are active and Developer or more")
    assert found[f"git {path}"][0] is True
    needs = "staging needs 1 of staging-approvers"
    assert found[needs] == (None, "nothing on the forge makes sure of it")
    status = f"promobot's status on main of {path}"
    assert found[status][0] is None
    shop.project.only_allow_merge_if_pipeline_succeeds = True
    found = checked(shop, capsys, ExitCode.DONE)
    assert found[needs] == (True, "promobot's status, which is required, waits for them")
    assert found[status] == (True, "is required, by *Pipelines must succeed*")
    assert shop.writes() == []
    shop.gitlab.premium = True
    shop.project.rules = [shop.gitlab.rule("SREs", 1, groups=("staging-approvers",))]
    assert checked(shop, capsys, ExitCode.DONE)[needs] == (True, "project rule SREs found")
    assert shop.promobot("check", "--online") == ExitCode.DONE
    out = capsys.readouterr().out
    assert "✓ forge local: staging needs 1 of staging-approvers: project rule SREs found\n" in out
    assert f"! forge local: approval rules of {path}: merge requests can override them\n" in out
    assert f"merging into main of {path}" not in found, "people merge"


def test_a_check_tells_whether_promobot_may_merge_where_it_shall(
    shop: GitLabShop, capsys: pytest.CaptureFixture[str]
) -> None:
    into = f"merging into main of {shop.project.path}"
    shop.settle("merge: auto")
    assert checked(shop, capsys, ExitCode.DONE)[into] == (True, "the token's user may")
    file = shop.company.folder / "promobot.yaml"
    file.write_text(file.read_text().replace("    merge: auto\n", "") + "services: [{match: '*', merge: auto}]\n")
    assert checked(shop, capsys, ExitCode.DONE)[into][0] is True, "by a rule for services, too"
    shop.gitlab.protect(shop.project, "main")
    assert checked(shop, capsys, ExitCode.DONE)[into][0] is None


def test_a_check_says_what_is_missing_before_anything_is_tried(
    shop: GitLabShop, capsys: pytest.CaptureFixture[str]
) -> None:
    (token,) = shop.secrets
    bot = shop.gitlab.accounts.tokens[token].user
    shop.gitlab.join(bot, shop.project.namespace, REPORTER)
    shop.gitlab.premium = True
    shop.project.rules = [shop.gitlab.rule("SREs", 1, groups=("staging-approvers",))]
    found = checked(shop, capsys, ExitCode.FORGE)
    assert found[f"project {shop.project.path}"][0] is False
    needs = found["staging needs 1 of staging-approvers"]
    assert needs == (None, "whether the forge makes sure of it isn't known"), "it isn't told of rules either"
    shop.gitlab.accounts.tokens[token].ended = "expired"
    capsys.readouterr()
    assert shop.promobot("check", "--online") in {ExitCode.FORGE, ExitCode.GIT}
    out = capsys.readouterr().out
    assert ": token: " in out
    assert token not in out
