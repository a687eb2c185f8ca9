"""What every forge does, whatever it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.errors import ConflictError, ExitCode, ForgeError
from bot.repositories import CommitStatus, MergeRequest, RequestState, StatusState
from tests.forges.live import LIVE
from tests.forges.places import PLACES, Place

OPEN, MERGED, CLOSED = RequestState.OPEN, RequestState.MERGED, RequestState.CLOSED


@pytest.fixture(params=[*PLACES, *LIVE])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with {**PLACES, **LIVE}[request.param](tmp_path / "forge") as made:
        yield made


def test_what_is_opened_is_found(place: Place) -> None:
    head = place.push("promobot/prod/web", "2")
    opened = place.forge.open(place.project, place.draft("promobot/prod/web"))
    request = opened.request
    assert opened.created
    assert request == MergeRequest(
        number=request.number,
        title="Promote web",
        body="why",
        source_branch="promobot/prod/web",
        target_branch="main",
        head=head,
        state=OPEN,
        url=request.url,
        author="promobot",
        ours=True,
        reviewers=request.reviewers,
        approvals=request.approvals,
        labels=("prod",),
    )
    assert request.reviewers[0] == place.anns_name
    assert place.forge.open_requests(place.project) == (request,)
    assert place.forge.get(place.project, request.number) == request
    assert place.closed("promobot/prod/web") == []


def test_the_open_one_is_adopted_as_it_is(place: Place) -> None:
    place.push("x", "2")
    first = place.forge.open(place.project, place.draft(title="first"))
    again = place.forge.open(place.project, place.draft(title="second"))
    assert not again.created
    assert again.request == first.request
    assert len(place.requests()) == 1


def test_a_persons_is_adopted_and_stays_the_persons(place: Place) -> None:
    place.push("x", "2")
    number = place.opened_by_ann("x")
    opened = place.forge.open(place.project, place.draft())
    assert (opened.created, opened.request.number) == (False, number)
    assert (opened.request.author, opened.request.title) == (place.anns_name, "Ann's")


def test_another_target_is_another_merge_request(place: Place) -> None:
    place.push("release", "2")
    place.push("x", "3")
    first, second = (
        place.forge.open(place.project, place.draft("x", target=target)).request.number
        for target in ("main", "release")
    )
    assert second == first + 1


def test_the_head_is_the_branchs(place: Place) -> None:
    place.push("x", "2")
    number = place.open()
    moved = place.push("x", "3")
    assert place.forge.get(place.project, number).head == moved
    assert place.forge.open_requests(place.project)[0].head == moved


@pytest.mark.parametrize(("source", "target"), [("absent", "main"), ("x", "absent")])
def test_what_cannot_be_opened(place: Place, source: str, target: str) -> None:
    place.push("x", "2")
    with pytest.raises(ForgeError, match="has no branch absent") as caught:
        place.forge.open(place.project, place.draft(source, target=target))
    assert caught.value.exit_code is ExitCode.FORGE
    assert place.requests() == []


def test_an_update_changes_title_and_body_alone(place: Place) -> None:
    place.push("x", "2")
    before = place.forge.open(place.project, place.draft()).request
    number = before.number
    after = place.forge.update(place.project, number, title="new", body="körper\n\n<!-- promobot -->\n")
    assert after == replace(before, title="new", body="körper\n\n<!-- promobot -->\n")
    assert place.forge.get(place.project, number) == after
    assert place.forge.update(place.project, number, title="new", body=after.body) == after


def test_an_update_is_of_what_was_seen(place: Place) -> None:
    place.push("x", "2")
    before = place.forge.open(place.project, place.draft()).request
    seen = before.title, before.body
    place.edited_by_ann(before.number, "why not")
    with pytest.raises(ConflictError, match="somebody changed the text"):
        place.forge.update(place.project, before.number, title="new", body="new", seen=seen)
    assert place.forge.get(place.project, before.number) == replace(before, body="why not")
    seen = before.title, "why not"
    assert place.forge.update(place.project, before.number, title="new", body="new", seen=seen).body == "new"


def test_there_is_one_note_and_it_is_changed_in_place(place: Place) -> None:
    place.push("x", "2")
    number = place.open()
    place.noted_by_ann(number, "I wait for it. <!-- promobot:note -->")
    assert place.forge.note(place.project, number) == ""
    assert place.forge.set_note(place.project, number, "first")
    assert not place.forge.set_note(place.project, number, "first")
    assert place.notes_of_ours(number) == ["first"]
    assert place.forge.set_note(place.project, number, "second\n\n- *more*")
    assert place.notes_of_ours(number) == ["second\n\n- *more*"]
    assert place.forge.note(place.project, number) == "second\n\n- *more*"
    assert place.forge.get(place.project, number).body == "why"


@pytest.mark.parametrize("end", ["closed", "merged"])
def test_what_has_ended_gets_no_note(place: Place, end: str) -> None:
    place.push("x", "2")
    noted = place.open()
    assert place.forge.set_note(place.project, noted, "first")
    {"closed": place.closed_by_ann, "merged": place.merged_by_ann}[end](noted)
    assert not place.forge.set_note(place.project, noted, "first")
    with pytest.raises(ConflictError, match=f"!{noted} was {end} by {place.anns_name}"):
        place.forge.set_note(place.project, noted, "second")
    place.push("y", "3")
    silent = place.open("y")
    {"closed": place.closed_by_ann, "merged": place.merged_by_ann}[end](silent)
    with pytest.raises(ConflictError, match=f"!{silent} was {end} by {place.anns_name}"):
        place.forge.set_note(place.project, silent, "first")
    assert (place.forge.note(place.project, noted), place.forge.note(place.project, silent)) == ("first", "")


def test_who_approves_is_known_of_the_head_alone(place: Place) -> None:
    place.push("x", "2")
    number = place.open()
    assert place.forge.approvals(place.project, number) == ()
    if place.approved_by_ann(number):
        assert place.forge.approvals(place.project, number) == (place.anns_name,)
        place.push("x", "3")
        place.forge.get(place.project, number)
        assert place.forge.approvals(place.project, number) == ()


def test_closing_leaves_the_branch_and_another_may_be_opened(place: Place) -> None:
    head = place.push("x", "2")
    number = place.open()
    closed = place.forge.close(place.project, number, reason="not <this> *one*, @ann", by="ann")
    assert (closed.state, closed.reason, closed.ended_by) == (CLOSED, "not <this> *one*, @ann", "ann")
    assert (closed.title, closed.body, closed.head) == ("Promote web", "why", head)
    assert place.forge.close(place.project, number, reason="again", by="bob") == closed
    assert place.forge.get(place.project, number) == closed
    assert place.head("x") == head
    second = place.open()
    assert second == number + 1
    place.closed_by_ann(second)
    place.push("x", "3")
    again = [(request.number, request.ended_by) for request in place.closed("x")]
    assert again == [(second, place.anns_name), (number, "ann")]
    assert place.closed("y") == []
    assert place.forge.open_requests(place.project) == ()


def test_what_was_closed_of_several_branches(place: Place) -> None:
    """However many of one branch, whoever closed them, and no others."""
    for branch, times in (("x", 12), ("y", 1), ("z", 1)):
        for _ in range(times):
            place.push(branch, "2")
            place.closed_by_ann(place.open(branch))
    place.push("y", "3")
    place.merged_by_ann(place.open("y"))
    found = place.forge.closed_requests(place.project, ["w", "x", "y"])
    here = {branch: [r.number - place.before for r in requests] for branch, requests in found.items()}
    assert {branch: [n for n in numbers if n > 0] for branch, numbers in here.items()} == {
        "w": [],
        "x": [*range(12, 0, -1)],
        "y": [13],
    }
    assert place.forge.closed_requests(place.project, []) == {}


def test_what_we_close_for_ourselves_is_told_from_what_people_close(place: Place) -> None:
    place.push("x", "2")
    number = place.open()
    assert place.forge.close(place.project, number, reason="", by="promobot").ended_by == "promobot"


def test_a_merge_is_of_what_was_looked_at(place: Place) -> None:
    looked_at = place.push("x", "2")
    number = place.open()
    moved, main = place.push("x", "3"), place.head("main")
    with pytest.raises(ConflictError, match=f"is at {moved}, not at {looked_at}") as caught:
        place.forge.merge(place.project, number, head=looked_at, by="ann")
    assert caught.value.exit_code is ExitCode.CONFLICT
    assert (place.head("main"), place.head("x")) == (main, moved)
    merged = place.forge.merge(place.project, number, head=moved, by="ann")
    assert (merged.state, merged.head, merged.reason) == (MERGED, moved, "")
    tip = place.head("main")
    assert tip is not None
    assert place.repository.files(tip) == {"a": b"3\n", "b": b"1\n"}
    assert place.repository.contains(tip, moved)
    assert place.head("x") is None
    assert place.forge.merge(place.project, number, head=moved, by="bob") == merged
    assert place.head("main") == tip


def test_by_which_merge_request_a_branch_came_to_a_commit_is_known(place: Place) -> None:
    first = place.push("x", "2")
    merged = place.forge.merge(place.project, place.open(), head=first, by="ann")
    main = place.head("main")
    assert main is not None
    assert merged.merge_commit == main
    assert merged.merged_at is not None
    place.push("y", "3")
    place.closed_by_ann(place.open("y"))
    assert place.forge.merged(place.project, {main, first}) == {main: merged}
    assert place.forge.merged(place.project, ()) == {}


def test_branches_that_conflict_are_left_alone(place: Place) -> None:
    head = place.push("x", "mine")
    main = place.push("main", "theirs")
    number = place.open()
    with pytest.raises(ConflictError, match="the branches conflict"):
        place.forge.merge(place.project, number, head=head, by="ann")
    assert (place.head("main"), place.head("x")) == (main, head)
    assert place.forge.get(place.project, number).state is OPEN


def test_a_draft_is_merged_once_somebody_says_that_it_is_ready(place: Place) -> None:
    head = place.push("x", "2")
    opened = place.forge.open(place.project, replace(place.draft(), draft=True)).request
    number = opened.number
    assert opened.draft
    assert opened.title == "Promote web"
    main = place.head("main")
    with pytest.raises(ConflictError, match=f"!{number} is a draft") as caught:
        place.forge.merge(place.project, number, head=head, by="ann")
    assert caught.value.hint.endswith(f"`promobot mr ready '{place.project}!{number}'`")
    assert (place.head("main"), place.head("x")) == (main, head)
    updated = place.forge.update(place.project, number, title="t", body="b")
    assert (updated.draft, updated.title) == (True, "t"), "an update doesn't make it ready"
    ready = place.forge.ready(place.project, number)
    assert (ready.draft, ready.title) == (False, "t")
    assert place.forge.ready(place.project, number) == ready
    assert place.forge.merge(place.project, number, head=head, by="ann").state is MERGED
    with pytest.raises(ConflictError, match=f"!{number} was merged by"):
        place.forge.ready(place.project, number)


def test_what_has_ended_stays_ended(place: Place) -> None:
    head = place.push("x", "2")
    number = place.open()
    place.closed_by_ann(number)
    with pytest.raises(ConflictError, match=f"!{number} was closed by {place.anns_name}"):
        place.forge.merge(place.project, number, head=head, by="bob")
    with pytest.raises(ConflictError, match=f"!{number} was closed by {place.anns_name}"):
        place.forge.update(place.project, number, title="t", body="b")
    second = place.open()
    place.merged_by_ann(second)
    with pytest.raises(ConflictError, match=f"!{second} was merged by {place.anns_name}"):
        place.forge.close(place.project, second, reason="", by="bob")
    assert place.forge.get(place.project, second).ended_by == place.anns_name
    assert [request.state for request in place.requests()] == [CLOSED, MERGED]
    assert [request.number for request in place.requests(CLOSED)] == [number]


def test_a_source_branch_that_is_gone(place: Place) -> None:
    head = place.push("x", "2")
    number = place.open()
    place.repository.move("x", None, head)
    with pytest.raises(ConflictError):
        place.forge.merge(place.project, number, head=head, by="ann")
    assert place.forge.get(place.project, number).state is (CLOSED if place.closes_with_branch else OPEN)
    assert place.forge.close(place.project, number, reason="gone", by="ann").state is CLOSED


def test_what_a_merge_request_changes(place: Place) -> None:
    place.push("x", "2")
    head = place.push("x", "new", path="d/c")
    number = place.open()
    diff = place.forge.diff(place.project, number)
    assert "diff --git a/a b/a\n" in diff
    assert "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+2\n" in diff
    assert "new file mode 100644\n" in diff
    assert "--- /dev/null\n+++ b/d/c\n@@ -0,0 +1 @@\n+new\n" in diff
    place.forge.merge(place.project, number, head=head, by="ann")
    assert place.forge.diff(place.project, number) == ""


def test_what_is_not_there(place: Place) -> None:
    with pytest.raises(ForgeError, match=f"{place.project} has no merge request !777777"):
        place.forge.get(place.project, 777777)
    with pytest.raises(ForgeError, match=r"no such|no project|not found"):
        place.forge.open_requests("platform/nothing")


def test_a_status_is_on_a_commit_and_said_once(place: Place) -> None:
    head, other = place.push("x", "2"), place.push("y", "3")
    said = place.forge.statuses
    assert said(place.project, [head, other]) == {}
    waiting = CommitStatus(StatusState.PENDING, "registry prod: 503")
    again = CommitStatus(StatusState.PENDING, "registry prod: no answer")
    red = CommitStatus(StatusState.FAILURE, "shop/web:2 is not in registry prod")
    green = CommitStatus(StatusState.SUCCESS, "1 image is in registry prod")
    for status in (waiting, again, green, red, waiting, red, green):
        assert place.forge.set_status(place.project, head, status, branch="x")
        assert said(place.project, [head, other]) == {head: status}
        assert not place.forge.set_status(place.project, head, status, branch="x")
    assert said(place.project, []) == {}


def test_a_status_is_one_line_of_text_that_forges_take(place: Place) -> None:
    head = place.push("x", "2")
    long = CommitStatus(StatusState.FAILURE, "a\n\0\x1b[1m<b>`@ann` ß " + "x" * 300)
    assert place.forge.set_status(place.project, head, long, branch="x")
    assert not place.forge.set_status(place.project, head, long, branch="x")
    told = place.forge.statuses(place.project, [head])[head].description
    assert told.startswith("a [1m<b>`@ann` ß xxx")
    assert told.endswith("x…")


def test_a_commit_that_is_not_there_gets_no_status(place: Place) -> None:
    with pytest.raises(ForgeError):
        place.forge.set_status(place.project, "0" * 39 + "1", CommitStatus(StatusState.SUCCESS, ""), branch="x")


def test_a_commit_that_is_not_there_takes_nothing_from_the_others(place: Place) -> None:
    gone = ["0" * 40, "f" * 40]
    head = place.push("x", "2")
    green = CommitStatus(StatusState.SUCCESS, "1 image is in registry prod")
    place.forge.set_status(place.project, head, green, branch="x")
    assert place.forge.statuses(place.project, [*gone, head]) == {head: green}
    assert place.forge.statuses(place.project, gone) == {}
    merged = place.forge.merge(place.project, place.open(), head=head, by="ann")
    assert place.forge.merged(place.project, [*gone, merged.merge_commit]) == {merged.merge_commit: merged}
    assert place.forge.merged(place.project, gone) == {}


def test_a_project_that_is_not_there_has_no_answer_about_its_commits(place: Place) -> None:
    for ask in (place.forge.statuses, place.forge.merged):
        with pytest.raises(ForgeError, match=r"no such|no project|not found"):
            ask("platform/nothing", ["0" * 40])


@pytest.mark.parametrize("branch", ["ünï/cödé", "a'b;c$(d)", "promobot/prod/a+b", "x&state=closed", "a%2Fb#c?d"])
def test_hostile_branches_stay_names(place: Place, branch: str) -> None:
    if "?" in branch:
        branch = branch.replace("?", "!")
    head = place.push(branch, "2")
    number = place.open(branch)
    assert place.open(branch) == number
    assert place.forge.merge(place.project, number, head=head, by="ann").source_branch == branch
    assert set(place.repository.heads()) == {"main"}


@pytest.mark.parametrize("title", ["--amend", "'; rm -rf /", "<b>&amp;", "Promote `web` to ünï", "ß" * 120])
def test_hostile_titles_stay_text(place: Place, title: str) -> None:
    place.push("x", "2")
    number = place.open(title=title)
    assert place.forge.get(place.project, number).title == title
    assert place.forge.update(place.project, number, title=title, body="b").title == title
