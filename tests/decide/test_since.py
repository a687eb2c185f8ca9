"""What reviewers are told of the source's other changes where a squashed merge dropped our trailers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.config import Config
from bot.decide.text import read, signed
from bot.errors import ForgeError
from bot.questions import (
    Answer,
    Branches,
    BranchHead,
    ClosedRequests,
    Labels,
    Landed,
    MergedBy,
    OpenRequests,
    Question,
    Unknown,
)
from bot.repositories import Commit
from tests.paper import Paper, configured
from tests.paperwork import Desk, desk_with, e2e, staging

AUTO = configured(staging={"promote": "auto"})
CARRIED_NOT = "**Not carried** from `apps/a/e2e/values.yaml` of `e2e`, where this changed too since commit `m2`"
NOT_KNOWN = (
    "What else changed in `apps/a/e2e/values.yaml` of `e2e` since the last promotion **isn't known**: look, as only "
    "what is named above is carried.\n"
)


def run(desk: Desk, config: Config = AUTO) -> None:
    desk.carry_out(desk.paper.plan(config=config))


def merged(*, squash: bool) -> Desk:
    """2.0.0 of `a`, which e2e ran at its commit m2, was promoted; then e2e changes two things."""
    desk = desk_with("a")
    run(desk)
    desk.merge(1, squash=squash)
    run(desk)
    trailers = [dict(each.trailers) for each in desk.paper.history["apps/a/staging/values.yaml"]]
    assert any("Promoted-From" in each for each in trailers) is not squash
    desk.commit(e2e("a", "3.0.0", extra="replicas: 3\n"))
    return desk


def squashed() -> Desk:
    return merged(squash=True)


def body(desk: Desk) -> str:
    run(desk)
    (request,) = desk.paper.opened
    return request.body


def stays(desk: Desk, text: str) -> None:
    """One more pass says the same, and doesn't ask how the image came."""
    desk.paper.asked.clear()
    assert body(desk) == text
    assert not {MergedBy, Landed} & set(kinds(desk.paper))


def forge(desk: Desk, change: Callable[[str], str]) -> None:
    """Somebody changes the line that is remembered, and what says whose words they are."""
    (request,) = desk.paper.opened
    part = read(request.title, request.body).part
    (mark,) = [line for line in part.splitlines(keepends=True) if "promobot-since" in line]
    desk.change(request.number, body=signed(request.title, part.replace(mark, change(mark))))


def fails(paper: Paper, monkeypatch: pytest.MonkeyPatch, kind: type[Question[object]]) -> None:
    """Answers to such questions can't be found out."""
    answer = paper.answer

    def answered(question: Question[object]) -> Answer[object]:
        return Unknown(ForgeError("503", hint="later")) if isinstance(question, kind) else answer(question)

    monkeypatch.setattr(paper, "answer", answered)


def kinds(paper: Paper) -> list[type[object]]:
    return [type(question) for question in paper.asked]


def test_the_merge_request_that_brought_the_image_tells_the_commit() -> None:
    text = body(squashed())
    assert CARRIED_NOT in text
    assert "\n- `replicas` added: `3`\n" in text
    assert "isn't known" not in text


def test_what_is_remembered_is_not_asked_again_and_stays_true() -> None:
    """A pass in which nothing is new asks the forge no more than where the trailers are there."""
    desk = squashed()
    stays(desk, body(desk))
    desk.commit(e2e("a", "3.0.0", extra="replicas: 3\ndebug: true\n"))
    assert "\n- `debug` added: `true`\n" in body(desk)
    assert MergedBy not in kinds(desk.paper)


def test_where_the_trailers_tell_nothing_more_is_asked() -> None:
    desk = merged(squash=False)
    desk.paper.asked.clear()
    assert CARRIED_NOT in body(desk)
    asked = Counter(kind.__name__ for kind in kinds(desk.paper) if kind not in {BranchHead, Branches, OpenRequests})
    assert asked == Counter(Files=3, History=2, TagDigest=2, Landed=1, ClosedRequests=1, Labels=1)


def test_what_people_closed_takes_no_look_for_its_text() -> None:
    desk = squashed()
    run(desk)
    desk.close(2)
    desk.paper.asked.clear()
    run(desk)
    assert ClosedRequests in kinds(desk.paper)
    assert not {MergedBy, Labels} & set(kinds(desk.paper))


@pytest.mark.parametrize("squash", [True, False], ids=["remembered", "older trailers"])
def test_what_is_known_of_older_promotions_is_not_taken_for_the_last_one(*, squash: bool) -> None:
    """The newest promotion was squashed, whatever the one before was."""
    desk = merged(squash=squash)
    run(desk)
    desk.merge(2, squash=True)
    desk.commit(e2e("a", "4.0.0", extra="replicas: 4\n"))
    assert "\n- `replicas` `3` → `4`\n" in body(desk)


def test_after_a_change_by_hand_the_last_promotion_is_the_one_before() -> None:
    desk = merged(squash=False)
    desk.commit(staging("a", "2.5.0"))
    text = body(desk)
    assert CARRIED_NOT in text
    stays(desk, text)


def test_where_nothing_was_promoted_nothing_is_said() -> None:
    desk = desk_with("a")
    desk.commit(staging("a", "1.5.0"))
    desk.commit(e2e("a", "3.0.0", extra="replicas: 3\n"))
    text = body(desk)
    assert "isn't known" not in text
    assert "Not carried" not in text


@pytest.mark.parametrize("kind", [MergedBy, Landed])
def test_what_cannot_be_found_out_is_said_and_looked_for_again(
    monkeypatch: pytest.MonkeyPatch, kind: type[Question[object]]
) -> None:
    """`Landed` alone would block, as what people took back is a no; once it is proposed it only informs."""
    desk = squashed()
    if kind is Landed:
        body(desk)
        forge(desk, lambda _: "")
    with monkeypatch.context() as patch:
        fails(desk.paper, patch, kind)
        text = body(desk)
    assert NOT_KNOWN in text
    assert "Not carried" not in text
    assert CARRIED_NOT in body(desk)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda commit: replace(commit, trailers=()),
        lambda commit: replace(commit, trailers=tuple((k, v.replace(":2.0.0", ":1.9.0")) for k, v in commit.trailers)),
        lambda commit: replace(
            commit,
            trailers=tuple((k, v.replace(":2", ":1") if k == "Promoted-Image" else v) for k, v in commit.trailers),
        ),
        lambda commit: replace(commit, trailers=tuple((k, v.replace("e2e@m2", "e2e@m1")) for k, v in commit.trailers)),
        lambda commit: replace(commit, trailers=tuple((k, v.replace("e2e@", "dev@")) for k, v in commit.trailers)),
    ],
    ids=[
        "no trailers",
        "another image",
        "another image in the target",
        "a commit that never ran it",
        "another environment",
    ],
)
def test_a_branch_that_says_something_else_tells_nothing(spoil: Callable[[Commit], Commit]) -> None:
    desk = squashed()
    desk.paper.ahead = {ends: tuple(map(spoil, commits)) for ends, commits in desk.paper.ahead.items()}
    text = body(desk)
    assert NOT_KNOWN in text
    stays(desk, text)


@pytest.mark.parametrize("claim", ["m1", "m4", "m5", "gone", "m2/../..", "m2 x"])
def test_a_commit_that_somebody_wrote_into_the_text_has_to_name_the_image(claim: str) -> None:
    """At m1 there was no manifest, at m5 e2e had the next image; at m4 it had this one: that may be told."""
    desk = squashed()
    body(desk)
    desk.paper.trees["gone"] = {}
    forge(desk, lambda mark: mark.replace(" m2 ", f" {claim} "))
    text = body(desk)
    if claim == "m4":
        assert "since commit `m4`" in text
    elif claim in ("m1", "m5", "gone"):
        assert NOT_KNOWN in text
    else:
        assert CARRIED_NOT in text, "it is no mark of ours"


def test_a_branch_that_is_gone_for_good_tells_nothing() -> None:
    desk = squashed()
    (merged,) = desk.paper.merged.values()
    desk.paper.lost = frozenset({merged.head})
    assert NOT_KNOWN in body(desk)


def test_a_service_that_was_made_by_a_squashed_promotion_has_been_promoted() -> None:
    """Its image came with its manifest, which says nothing where nobody but people makes any."""
    config = configured(staging={"promote": "auto", "when_missing": "copy"})
    desk = desk_with("a", "b")
    desk.commit(staging("b", "2.0.0"))
    desk.commit({"apps/a/staging/values.yaml": None})
    del desk.paper.landed["apps/a/staging/values.yaml"], desk.paper.history["apps/a/staging/values.yaml"]
    run(desk, config)
    assert "isn't known" not in desk.paper.opened[0].body
    desk.merge(1, squash=True)
    desk.commit(e2e("a", "3.0.0", extra="replicas: 3\n"))
    run(desk, config)
    assert CARRIED_NOT in desk.paper.opened[0].body


def test_where_no_manifest_is_made_one_that_never_changed_asks_the_forge_nothing() -> None:
    desk = desk_with("a")
    run(desk)
    assert MergedBy not in kinds(desk.paper)


def test_an_image_that_was_there_before_all_that_is_read_may_have_been_promoted() -> None:
    desk = squashed()
    (newest, *_) = desk.paper.landed["apps/a/staging/values.yaml"]
    desk.paper.landed["apps/a/staging/values.yaml"] = (newest,) * 60
    assert NOT_KNOWN in body(desk)
    assert MergedBy not in kinds(desk.paper)


def test_a_group_is_told_of_each() -> None:
    config = configured(staging={"promote": "auto"}, services=[{"match": "*", "group": "shop"}])
    desk = desk_with("a", "b")
    run(desk, config)
    desk.merge(1, squash=True)
    for service in ("a", "b"):
        desk.commit(e2e(service, "3.0.0", extra="replicas: 3\n"))
    desk.paper.ahead.clear()
    run(desk, config)
    text = desk.paper.opened[0].body
    assert (
        "What else changed in `apps/a/e2e/values.yaml` of `e2e`, `apps/b/e2e/values.yaml` of `e2e` since the last "
        "promotion **isn't known**" in text
    )
