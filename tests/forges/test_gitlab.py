"""GitLab alone: its own ways to say no, to take its time, and to have two of what there should be one of."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.errors import ConflictError, ForgeError
from bot.forges import FORGES, ForgeAccess
from bot.forges.closing import with_reason
from bot.forges.errors import LimitError, StatusError
from bot.forges.gitlab import GitLabForge
from bot.forges.gitlab.requests import LONGEST_BODY, Identity, body_of, request_of, title_of
from bot.network.pace import Pace
from bot.repositories import MergeRequest, RequestState, Reviewers
from tests.doubles.gitlab import DEVELOPER, GUEST, GitLab, Patience
from tests.doubles.gitlab.serving import serve_gitlab
from tests.doubles.http import Request, Response
from tests.doubles.server import Pass, serve
from tests.forges.places import GitLabPlace, gitlab_place
from tests.forges.racing import open_at_once
from tests.proxy import ALWAYS, Answer, AnswerAfter, CutAfter, CutBefore, CutMidway, Fault, Kind
from tests.registry.clients import Sleeps

OPEN, MERGED, CLOSED = RequestState.OPEN, RequestState.MERGED, RequestState.CLOSED
CREATE = "POST /projects/:id/merge_requests"
LIST = "GET /projects/:id/merge_requests"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[GitLabPlace]:
    with gitlab_place(tmp_path / "gitlab") as made:
        yield made


# --- reading --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("files", [101, 102])
def test_a_diff_is_read_to_the_end_and_says_where_gitlab_has_no_more(place: GitLabPlace, files: int) -> None:
    place.gitlab.shown = 101
    place.repository.commit("x", {f"f{number:03}": b"1\n" for number in range(files)})
    diff = place.forge.diff(place.project, place.open())
    assert diff.count("diff --git ") == 101
    assert diff.endswith("(101+ files change, and GitLab shows no more of them)\n") is (files > 101)


# --- opening --------------------------------------------------------------------------------------------


def test_opening_costs_two_requests_beside_what_is_asked_once_in_a_run(place: GitLabPlace) -> None:
    for branch in ("x", "y"):
        place.push(branch, branch)
    place.open("x")
    assert place.running.counts() == {
        "GET /user": 1,
        "GET /users": 2,
        "GET /projects/:id/members/all": 1,
        CREATE: 1,
        LIST: 1,
    }
    place.running.forget()
    place.open("y")
    assert place.running.counts() == {CREATE: 1, LIST: 1}
    request = place.made.requests[2]
    assert request.remove_source_branch
    assert (request.title, request.description, request.labels) == ("Promote web", "why", ["prod"])


def test_a_branch_that_was_just_pushed_is_waited_for(place: GitLabPlace) -> None:
    place.gitlab.patience.unseen = 3
    place.push("x", "2")
    assert place.open() == 1
    assert place.running.counts()[CREATE] == 4
    assert len(place.sleeps.seconds) == 3


def test_of_two_that_are_opened_at_once_the_first_stays(place: GitLabPlace) -> None:
    place.push("x", "2")
    for _ in range(5):
        place.gitlab.gap = partial(_meet, threading.Barrier(4))
        forges = [place.another() for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            opened = list(pool.map(lambda forge: forge.open(place.project, place.draft()), forges))
        for forge in forges:
            forge.close_connections()
        found = place.forge.open_requests(place.project)
        assert len(found) == 1
        assert found[0].number in {one.request.number for one in opened}
        assert sum(one.created for one in opened) <= 1
        ours = [r for r in place.forge.closed_requests(place.project, ["x"])["x"] if r.number > found[0].number]
        assert [request.reason for request in ours] == [f"!{found[0].number} is the same"] * 3
        assert {request.ended_by for request in ours} == {"promobot"}
        assert all(f"is the same (<{found[0].url}>)\n" in place.made.requests[each.number].description for each in ours)
        place.closed_by_ann(found[0].number)


def _meet(barrier: threading.Barrier) -> None:
    barrier.wait(10)


def test_processes_that_open_the_same_end_with_one(place: GitLabPlace, tmp_path: Path) -> None:
    place.push("x", "2")
    place.gitlab.gap = partial(time.sleep, 0.01)
    (tmp_path / "race").mkdir()
    ends = open_at_once("gitlab", place.running.url, place.token, place.project, tmp_path / "race")
    (left,) = place.forge.open_requests(place.project)
    assert left.number == min(number for number, _ in ends)


def test_a_forks_branch_of_the_same_name_is_another(place: GitLabPlace) -> None:
    place.push("x", "2")
    place.gitlab.open(place.made, place.ann, "x", title="From a fork", fork=99)
    opened = place.forge.open(place.project, place.draft())
    assert (opened.created, opened.request.number) == (True, 2)
    assert [request.source_branch for request in place.forge.open_requests(place.project)] == ["99:x", "x"]
    place.closed_by_ann(1)
    assert place.forge.closed_requests(place.project, ["x"]) == {"x": ()}


def test_what_was_closed_is_looked_for_in_as_few_requests_as_there_can_be(place: GitLabPlace) -> None:
    """301 make four pages: a look at how many there are, and one request for each branch, or all of the pages.

    Where GitLab doesn't count them, there is no end in sight.
    """
    numbers: dict[str, list[int]] = {f"x{number}": [] for number in range(50)}
    for number in range(40):
        place.push(f"x{number}", "2")
    for number in range(301):
        made = place.gitlab.open(place.made, place.bob, f"x{number % 40}", title="Bob's")
        place.closed_by_ann(made.iid)
        numbers[f"x{number % 40}"].insert(0, made.iid)
    place.forge.open_requests(place.project)
    for counted, branches, requests in ((301, 1, 1), (301, 2, 1 + 2), (301, 4, 4), (301, 50, 4), (300, 5, 1 + 5)):
        place.gitlab.counted = counted
        place.running.forget()
        found = place.forge.closed_requests(place.project, [*numbers][:branches])
        assert place.running.counts() == {LIST: requests}
        told = {branch: [request.number for request in closed] for branch, closed in found.items()}
        assert told == {branch: numbers[branch] for branch in [*numbers][:branches]}


# --- faults ---------------------------------------------------------------------------------------------

PASSING = [
    Answer(429, {"Retry-After": "5"}, b"Retry later\n"),
    Answer(429, {}, b"Retry later\n"),
    Answer(500, {}, b'{"message":"500 Internal Server Error"}'),
    Answer(502, {"Content-Type": "text/html"}, b"<html>bad gateway"),
    Answer(503),
    AnswerAfter(504),
    CutBefore(),
    CutAfter(),
    CutMidway(),
]


def _is_there(place: GitLabPlace) -> None:
    place.push("x", "2")
    place.open()


def _opened(place: GitLabPlace) -> MergeRequest:
    place.push("x", "2")
    return place.forge.open(place.project, place.draft()).request


def _updated(place: GitLabPlace) -> MergeRequest:
    return place.forge.update(place.project, 1, title="new", body="new")


def _closed(place: GitLabPlace) -> MergeRequest:
    return place.forge.close(place.project, 1, reason="old", by="promobot")


def _merged(place: GitLabPlace) -> MergeRequest:
    return place.forge.merge(place.project, 1, head=place.made.requests[1].sha, by="promobot")


EXPECTED = {
    "open": (_opened, ("Promote web", "why", OPEN)),
    "update": (_updated, ("new", "new", OPEN)),
    "close": (_closed, ("Promote web", "why", CLOSED)),
    "merge": (_merged, ("Promote web", "why", MERGED)),
}


@pytest.mark.parametrize("kind", PASSING, ids=str)
@pytest.mark.parametrize("what", EXPECTED)
def test_whatever_fails_once_is_done_once(tmp_path: Path, kind: Kind, what: str) -> None:
    """Each request of the work fails in its turn; it ends as without, and doing it again writes nothing."""
    work, expected = EXPECTED[what]
    for number in range(20):
        with gitlab_place(tmp_path / str(number)) as place:
            if work is not _opened:
                _is_there(place)
            place.running.forget()
            place.running.inject(Fault("", kind, skip=number))
            done = work(place)
            assert (done.title, done.body, done.state) == expected, place.running.log()
            enough = all(exchange.fault is None for exchange in place.running.exchanges)
            place.running.heal()
            assert place.forge.requests(place.project) == (done,)
            place.running.forget()
            if work is not _opened:
                work(place)
                assert not [route for route in place.running.counts() if not route.startswith("GET")]
        if enough:
            assert number >= 2
            return
    raise AssertionError("it never came to its end")


def test_a_forge_that_is_down_ends_it_and_a_second_run_completes(place: GitLabPlace) -> None:
    place.push("x", "2")
    place.running.inject(Fault("", Answer(503, {}, b"<html>"), ALWAYS))
    with pytest.raises(StatusError) as caught:
        place.open()
    assert caught.value.message.endswith("GET " + f"{place.running.url}/api/v4/user: the forge failed (HTTP 503)")
    place.running.heal()
    assert place.another().open(place.project, place.draft()).created


def test_a_limit_of_an_hour_ends_the_run_at_once(place: GitLabPlace) -> None:
    place.push("x", "2")
    place.running.inject(Fault("POST", Answer(429, {"Retry-After": "3600"}, b"Retry later\n"), ALWAYS))
    with pytest.raises(LimitError, match="wants 3600 s without any"):
        place.open()
    assert place.running.count("POST") == 1
    assert place.made.requests == {}


# --- words ----------------------------------------------------------------------------------------------


def test_a_missing_scope_is_named(place: GitLabPlace) -> None:
    reader = place.another(place.gitlab.token(place.ann, "read_api"))
    place.push("x", "2")
    assert reader.open_requests(place.project) == ()
    with pytest.raises(StatusError) as caught:
        reader.open(place.project, place.draft())
    words = f"forge work: POST {place.running.url}/api/v4/projects/platform%2Fteams%2Fgitops-prod/merge_requests: "
    assert caught.value.message.startswith(f"{words}the token lacks scope api (HTTP 403): The request requires higher")
    assert caught.value.hint == "make a token that has it, and put it into GITLAB_TOKEN"


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("expired", r"the token is not accepted \(HTTP 401\): Token is expired"),
        ("wrong", r"the token is not accepted \(HTTP 401\): 401 Unauthorized"),
        ("", r"the forge wants a token, and none is configured \(HTTP 401\)"),
    ],
)
def test_a_token_that_does_not_open(
    place: GitLabPlace, token: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    value = place.gitlab.token(place.ann, ended="expired") if token == "expired" else token and f"glpat-canary-{token}"
    forge = GitLabForge(ForgeAccess("work", place.running.url, value, "GITLAB_TOKEN"), sleep=Sleeps())
    with pytest.raises(StatusError, match=words) as caught:
        forge.open(place.project, place.draft())
    assert "canary" not in f"{caught.value} {caplog.text} {forge!r}"
    forge.close_connections()


def test_who_may_not_is_told_so(place: GitLabPlace) -> None:
    guest = place.gitlab.user("guest")
    place.gitlab.join(guest, place.made.namespace, GUEST)
    forge = place.another(place.gitlab.token(guest))
    place.push("x", "2")
    with pytest.raises(StatusError, match=r"the token's user may not do this \(HTTP 403\): 403 Forbidden"):
        forge.open(place.project, place.draft())
    stranger = place.another(place.gitlab.token(place.gitlab.user("stranger")))
    with pytest.raises(StatusError, match=r"the token has no access \(HTTP 404\): 404 Project Not Found"):
        stranger.open_requests(place.project)


def test_all_shapes_of_refusals_are_told(place: GitLabPlace) -> None:
    place.push("x", "2")
    for body, words in (
        (b'{"message":{"title":["is too long","is odd"],"base":["no"]}}', "title is too long; title is odd; base no"),
        (b'{"message":["one","two"]}', "one; two"),
        (b'{"error":"title is missing"}', "title is missing"),
        (b'{"error":["no","way"]}', "no; way"),
        (b'{"message":{"error":"too many notes"}}', "error too many notes"),
        (b"<html>", ""),
    ):
        place.running.inject(Fault("POST", Answer(422, {}, body)))
        with pytest.raises(StatusError) as caught:
            place.open()
        assert caught.value.message.endswith(f"the forge refuses (HTTP 422){words and f': {words}'}")


class Portal:
    """Signs people in, whatever is asked."""

    def route(self, request: Request) -> str:
        return str(request)

    def answer(self, _: Request) -> Response:
        return Response(200, b"<html>Sign in", {"Content-Type": "text/html; charset=utf-8"})

    def admit(self, project: str, request: Request, *, write: bool) -> Pass | Response:
        raise AssertionError(f"{request} for {project}, {write}")

    def pushed(self, project: str) -> None:
        """Nobody does."""


def test_a_login_page_is_no_gitlab() -> None:
    with serve(Portal()) as portal:
        forge = GitLabForge(ForgeAccess("work", portal.url, "x"), sleep=Sleeps())
        with pytest.raises(ForgeError, match="a web page, not that of a forge's API") as caught:
            forge.open_requests("a/b")
        assert "login page" in caught.value.hint
        forge.close_connections()


# --- reading --------------------------------------------------------------------------------------------


def test_lists_are_read_to_their_end_by_hundreds(place: GitLabPlace) -> None:
    head = place.push("x", "2")
    for number in range(105):
        place.repository.move(f"b{number}", head, None)
        place.gitlab.open(place.made, place.ann, f"b{number}")
    assert [r.number for r in place.forge.open_requests(place.project)] == list(range(1, 106))
    assert place.running.counts()[LIST] == 2
    assert all("per_page=100" in seen.path for seen in place.running.seen if "merge_requests" in seen.path)


def test_many_threads_share_a_forge(place: GitLabPlace) -> None:
    place.push("x", "2")
    place.open()
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: place.forge.get(place.project, 1).number, range(64)))
    assert found == [1] * 64
    assert place.running.counts()["GET /user"] == 1


@pytest.mark.parametrize("method", ["merge", "ff"])
@pytest.mark.parametrize("squash", ["never", "always"])
def test_where_a_merge_landed(place: GitLabPlace, method: str, squash: str) -> None:
    place.made.merge_method, place.made.squash_option = method, squash
    place.push("x", "1a")
    head = place.push("x", "2")
    merged = place.forge.merge(place.project, place.open(), head=head, by="ann")
    main = place.head("main")
    assert main is not None
    assert merged.merge_commit == main
    assert place.forge.merged(place.project, {main}) == {main: merged}


def test_that_commits_are_not_there_is_believed_of_a_repository_that_is_seen(place: GitLabPlace) -> None:
    gone = ["0" * 40, "1" * 40, "2" * 40]
    for ask in (place.forge.statuses, place.forge.merged):
        place.running.forget()
        assert ask(place.project, gone) == {}
        assert place.running.counts()["GET /projects/:id/repository/branches"] == 1
        place.running.inject(Fault("GET .*/repository/branches", Answer(404)))
        with pytest.raises(StatusError, match="HTTP 404"):
            ask(place.project, [*gone, "main"])
        place.running.heal()
    hidden = place.another(place.gitlab.token(place.gitlab.user("stranger")))
    with pytest.raises(StatusError, match="404 Project Not Found"):
        hidden.statuses(place.project, gone)
    hidden.close_connections()


# --- merging --------------------------------------------------------------------------------------------


def test_a_merge_waits_until_gitlab_knows_whether_it_can(place: GitLabPlace) -> None:
    place.gitlab.patience = Patience(mergeability=4)
    head = place.push("x", "2")
    place.open()
    assert place.forge.merge(place.project, 1, head=head, by="ann").state is MERGED
    assert place.running.counts()["PUT /projects/:id/merge_requests/:iid/merge"] == 1


def test_a_merge_that_gitlab_never_gets_to_is_a_conflict(place: GitLabPlace) -> None:
    place.gitlab.patience = Patience(mergeability=99)
    head = place.push("x", "2")
    place.open()
    with pytest.raises(ConflictError, match="!1 can't be merged yet"):
        place.forge.merge(place.project, 1, head=head, by="ann")
    assert place.made.requests[1].open


def _unapproved(place: GitLabPlace) -> None:
    place.gitlab.premium = True
    place.made.rules = [place.gitlab.rule("sre", 1, place.bob)]


def _without_pipeline(place: GitLabPlace) -> None:
    place.made.only_allow_merge_if_pipeline_succeeds = True


@pytest.mark.parametrize(
    ("arrange", "words"), [(_unapproved, "approvals are missing"), (_without_pipeline, "its pipeline has to succeed")]
)
def test_what_keeps_it_from_being_merged_is_said(
    place: GitLabPlace, arrange: Callable[[GitLabPlace], None], words: str
) -> None:
    arrange(place)
    head = place.push("x", "2")
    place.open()
    with pytest.raises(ConflictError, match=words):
        place.forge.merge(place.project, 1, head=head, by="ann")
    assert place.made.requests[1].open


def test_who_may_not_merge_is_told_so_without_a_try(place: GitLabPlace) -> None:
    place.gitlab.protect(place.made, "main")
    head = place.push("x", "2")
    place.open()
    with pytest.raises(ForgeError, match="the token's user may not merge into main"):
        place.forge.merge(place.project, 1, head=head, by="ann")
    assert place.running.counts()["PUT /projects/:id/merge_requests/:iid/merge"] == 0


# --- people ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("premium", [True, False])
def test_reviewers_are_who_may_push_of_the_groups_and_still_there(place: GitLabPlace, premium: bool) -> None:  # noqa: FBT001
    gitlab, place.gitlab.premium = place.gitlab, premium
    gitlab.user("sub", "platform/teams")
    gitlab.user("gone", "platform/teams").state = "blocked"
    gitlab.user("guest", "platform/teams", role=GUEST)
    gitlab.join(gitlab.accounts.tokens[place.token].user, gitlab.accounts.group("platform/teams"), DEVELOPER)
    place.push("x", "2")
    gitlab.user("left").state = "blocked"
    gitlab.user("outsider")
    names = Reviewers(("platform/teams", "no/group"), ("bob", "nobody", "left", "outsider"))
    opened = place.forge.open(place.project, replace(place.draft(), reviewers=names))
    assert opened.request.reviewers == (("ann", "bob", "sub") if premium else ("ann",))
    gone = (
        "nobody is asked of group no/group: there is none that the token's user sees",
        "nobody is not asked for a review: there is no such user",
        "left is not asked for a review: the account is blocked",
        f"outsider is not asked for a review: no Developer or more in {place.project}",
    )
    tier = "GitLab Free keeps one reviewer, ann: 2 more are not asked by name"
    assert opened.notes == (gone if premium else (*gone, tier))
    place.push("y", "3")
    again = place.forge.open(place.project, replace(place.draft("y"), reviewers=names))
    assert again.notes == gone, "what this GitLab is was said"
    assert place.running.counts()["GET /projects/:id/members/all"] == 1


def test_more_reviewers_than_gitlab_keeps_are_told(place: GitLabPlace) -> None:
    place.gitlab.premium = True
    group = place.gitlab.accounts.group("platform/teams")
    for number in range(199):  # beside Ann and Bob
        place.gitlab.user(f"u{number:03}", "platform/teams")
    place.gitlab.join(place.gitlab.accounts.tokens[place.token].user, group, DEVELOPER)
    place.push("x", "2")
    opened = place.forge.open(place.project, replace(place.draft(), reviewers=Reviewers((group.path,), ("ann",))))
    assert len(opened.request.reviewers) == 200
    assert opened.notes == (
        "1 of platform/teams and ann are not asked for a review: GitLab keeps 200 reviewers at most",
    )


def test_who_is_no_member_of_the_project_does_not_take_the_only_place(place: GitLabPlace) -> None:
    """A group of another part of the company, of whom one works here."""
    other = place.gitlab.accounts.group("sre")
    for name in ("away", "here"):
        place.gitlab.join(place.gitlab.user(name), other, DEVELOPER)
    place.gitlab.join(place.gitlab.user("here"), place.made.namespace, DEVELOPER)
    place.gitlab.join(place.gitlab.accounts.tokens[place.token].user, other, DEVELOPER)
    place.push("x", "2")
    opened = place.forge.open(place.project, replace(place.draft(), reviewers=Reviewers(("sre",))))
    assert (opened.request.reviewers, opened.notes) == (("here",), ())


def test_a_group_of_whom_nobody_may_push_is_told(place: GitLabPlace) -> None:
    other = place.gitlab.accounts.group("sre")
    place.gitlab.user("away", "sre")
    place.gitlab.join(place.gitlab.accounts.tokens[place.token].user, other, DEVELOPER)
    place.push("x", "2")
    opened = place.forge.open(place.project, replace(place.draft(), reviewers=Reviewers(("sre",))))
    assert opened.request.reviewers == ()
    assert opened.notes == (f"nobody is asked for a review: none of sre may push to {place.project}",)


# --- texts ----------------------------------------------------------------------------------------------

ME = Identity(7, "promobot")


def fields(**names: object) -> dict[str, Any]:
    return {
        "iid": 1,
        "title": "t",
        "description": None,
        "source_branch": "x",
        "target_branch": "main",
        "state": "opened",
        "sha": None,
        "web_url": "u",
        "author": {"id": 7, "username": "project_1_bot"},
        **names,
    }


def test_whose_a_merge_request_is() -> None:
    assert request_of(fields(), ME).author == "promobot"
    assert request_of(fields(author={"id": 8, "username": "ann"}), ME).author == "ann"
    assert request_of(fields(author={"id": 8, "username": "promobot"}), ME).author == "@promobot"
    assert request_of(fields(author=None), ME).author == ""


def test_only_we_are_believed_about_why_we_closed() -> None:
    body = with_reason("why", "stale", "bob", most=LONGEST_BODY)
    ours = fields(state="closed", description=body, closed_by={"id": 7, "username": "bot"})
    theirs = fields(state="closed", description=body, closed_by={"id": 8, "username": "ann"})
    assert [(r.ended_by, r.reason, r.body) for r in (request_of(ours, ME), request_of(theirs, ME))] == [
        ("bob", "stale", "why"),
        ("ann", "", "why"),
    ]
    forged = fields(state="closed", description="<!-- promobot:closed {not json} -->", closed_by={"id": 7})
    assert request_of(forged, ME).ended_by == "promobot"


def test_who_closes_it_by_our_account_in_the_browser_says_no() -> None:
    by_hand = fields(state="closed", description="why", closed_by={"id": 7, "username": "bot"})
    ours = {**by_hand, "description": with_reason("why", "", "promobot", most=LONGEST_BODY)}
    found = [request_of(each, ME) for each in (by_hand, ours)]
    assert [(one.ended_by, one.ended_by_us) for one in found] == [("promobot", False), ("promobot", True)]
    assert request_of(fields(state="merged", merge_user={"id": 7}), ME).ended_by_us


@pytest.mark.parametrize("reason", ["", "a --> b", "<!-- x -->", "@ann `code` *b*", "line\nbreak", '"quotes" \\'])
def test_a_reason_is_found_again_and_never_markup(reason: str) -> None:
    body = with_reason("why", reason, "ann", most=LONGEST_BODY)
    found = request_of(fields(state="closed", description=body, closed_by={"id": 7}), ME)
    assert (found.reason, found.body) == (reason, "why")
    shown = body.partition("<!-- promobot:closed")[0]
    assert "<!--" not in shown
    assert "@" not in shown
    assert with_reason(body, reason, "ann", most=LONGEST_BODY) == body


@pytest.mark.parametrize("prefix", ["Draft: ", "draft:", "[Draft] ", "(draft)"])
def test_a_draft_is_one_by_its_title(prefix: str) -> None:
    assert request_of(fields(title=f"{prefix}t", draft=True), ME).title == "t"


INERT = {
    "in code that a line of ours ends": "x `y\n/approve\n\n---\n\nClosed by promobot`\n\n<!-- promobot:closed {} -->",
    "in code": "```\n/approve\n/etc/hosts\n```",
    "in code that doesn't fit": f"```\n/approve\n{'x' * (LONGEST_BODY - 40)}\n```",
    "half of a line that doesn't fit": f"{'x' * (LONGEST_BODY - 9)}\n/approve-not",
    "in code, with carriage returns": "```\r\n/approve\r\n```",
}


@pytest.mark.parametrize("theirs", INERT.values(), ids=INERT)
def test_what_a_person_wrote_is_never_a_command_of_ours(place: GitLabPlace, theirs: str) -> None:
    """GitLab takes no command out of code; what we write around it may end the code elsewhere."""
    place.push("x", "2")
    place.open()
    request = place.made.requests[1]
    request.describe(theirs, place.gitlab.user("mallory"))
    assert request.commanded == [], "it was no command of theirs either"
    seen = place.forge.get(place.project, 1)
    place.forge.update(place.project, 1, title=seen.title, body=f"{seen.body}\n\nWhat we add.")
    place.forge.close(place.project, 1, reason="no longer due")
    assert request.commanded == []
    assert "\n/approve" not in request.description
    if "/etc" in theirs:
        assert "\n/etc/hosts\n" in request.description


def test_texts_that_no_database_takes() -> None:
    assert title_of("a\0\n\ud800b", draft=True) == "Draft: a ?b"
    assert title_of("", draft=False) == "Promotion"
    assert len(title_of("x" * 400, draft=True)) == 255
    assert body_of("a\0b\ud800") == "ab?"
    assert request_of(fields(state="locked"), ME).state is OPEN


# --- where it is ----------------------------------------------------------------------------------------


def test_below_a_path_by_https_with_a_ca_of_its_own(tmp_path: Path) -> None:
    gitlab = GitLab(tmp_path / "gitlab")
    with serve_gitlab(gitlab, prefix="/gitlab", tls_in=tmp_path) as running:
        place = GitLabPlace(gitlab, running)
        place.push("x", "2")
        request = place.forge.open(place.project, place.draft()).request
        assert request.url == f"{running.url}/{place.project}/-/merge_requests/1"
        assert place.forge.git_url(place.project) == f"{running.url}/{place.project}.git"
        place.forge.close_connections()
        forge = FORGES["gitlab"](ForgeAccess("work", running.url, "x"), sleep=Sleeps())
        with pytest.raises(ForgeError, match="its TLS certificate is not trusted"):
            forge.open_requests(place.project)


def test_git_may_go_by_ssh() -> None:
    forge = GitLabForge(ForgeAccess("work", "https://gitlab.example.com"), ssh="ssh://git@gitlab.example.com:2222")
    assert forge.git_url("a/b") == "ssh://git@gitlab.example.com:2222/a/b.git"


def test_a_pace_may_be_shared(place: GitLabPlace) -> None:
    pace = Pace(1, sleep=Sleeps())
    access = ForgeAccess("work", place.running.url, place.token)
    forges = [GitLabForge(access, pace=pace, sleep=Sleeps()) for _ in range(2)]
    place.running.inject(Fault("", Answer(429, {"Retry-After": "3600"})))
    for forge in forges:
        with pytest.raises(LimitError):
            forge.open_requests(place.project)
        forge.close_connections()
    assert place.running.count() == 1


def test_the_library_is_loaded_where_it_is_used() -> None:
    code = (
        "import sys\nfrom bot.cli import main\ntry:\n    main(['--help'], environ={})\nexcept SystemExit:\n    pass\n"
        "print(sorted({'gitlab', 'github', 'requests'} & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "usage: promobot" in done.stdout
    assert done.stderr == "[]\n"
