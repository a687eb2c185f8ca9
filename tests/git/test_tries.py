"""What fails and may pass is tried again: reads as they are, pushes after a look at the branch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.errors import GitError
from bot.git import Clone, Credential, LeaseLost, Pushed
from bot.git.command import Remote
from bot.git.server import Server
from bot.network.retry import ATTEMPTS
from bot.repositories import FileChange
from tests.forges.places import GitLabPlace, gitlab_place
from tests.git.conftest import BOT, NOON
from tests.proxy import ALWAYS, Answer, AnswerAfter, CutAfter, CutBefore, CutMidway, Fault, Kind
from tests.registry.clients import Sleeps

READS = (
    "/info/refs.service=git-upload-pack",
    "/git-upload-pack",
)
WRITES = ("/info/refs.service=git-receive-pack", "/git-receive-pack")
PASSING: tuple[Kind, ...] = (
    Answer(429),
    Answer(500),
    Answer(503),
    CutBefore(),
    CutAfter(),
    CutMidway(),
    AnswerAfter(502),
)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[GitLabPlace]:
    with gitlab_place(tmp_path / "gitlab") as place:
        yield place


class Far:
    """A clone of the place's project, whose server sleeps only on paper."""

    def __init__(self, place: GitLabPlace, folder: Path) -> None:
        url = place.forge.git_url(place.project)
        credential = Credential("oauth2", place.token)
        self.sleeps = Sleeps()
        self.clone = Clone(url, folder / "clone.git", BOT, credential=credential)
        self.clone._server = Server(Remote(url, credential, 20, {}), sleep=self.sleeps)


@pytest.fixture
def far(place: GitLabPlace, tmp_path: Path) -> Far:
    return Far(place, tmp_path)


@pytest.mark.parametrize("kind", PASSING, ids=str)
@pytest.mark.parametrize("match", READS)
def test_a_read_goes_on_after_what_passes(place: GitLabPlace, far: Far, match: str, kind: Kind) -> None:
    place.running.inject(Fault(match, kind))
    head = far.clone.fetch(["main"])["main"]
    assert head == place.head("main")
    place.running.inject(Fault(match, kind))
    assert [file.content for file in far.clone.files(head, ["a"])] == [b"1\n"]
    # What is cut before a byte of the answer came, curl itself sends again.
    assert len(far.sleeps.seconds) == 2 or isinstance(kind, CutBefore | CutAfter | CutMidway)


def test_what_does_not_pass_ends_in_the_last_words(place: GitLabPlace, far: Far) -> None:
    place.running.inject(Fault("git-upload-pack", Answer(503), ALWAYS))
    with pytest.raises(GitError, match="returned error: 503") as caught:
        far.clone.heads(["main"])
    assert "check the network and the server" in caught.value.hint
    assert len(far.sleeps.seconds) == ATTEMPTS - 1
    assert far.sleeps.seconds[0] < 1 <= far.sleeps.seconds[1] * 2


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_is_not_tried_again(place: GitLabPlace, far: Far, status: int) -> None:
    place.running.inject(Fault("git-upload-pack", Answer(status), ALWAYS))
    with pytest.raises(GitError):
        far.clone.heads(["main"])
    assert far.sleeps.seconds == []


@pytest.mark.parametrize("kind", PASSING, ids=str)
@pytest.mark.parametrize("match", WRITES)
def test_a_push_is_done_once_whatever_is_lost(place: GitLabPlace, far: Far, match: str, kind: Kind) -> None:
    head = far.clone.fetch(["main"])["main"]
    commit = far.clone.commit(head, [FileChange("a", b"2\n")], "bot", NOON)
    place.running.inject(Fault(match, kind))
    assert isinstance(far.clone.push("x", commit, None), Pushed)
    assert place.head("x") == commit
    place.running.inject(Fault(match, kind))
    assert far.clone.push("x", None, commit) == Pushed(changed=True) or kind == CutAfter()
    assert place.head("x") is None


def test_somebody_who_pushed_meanwhile_wins(place: GitLabPlace, far: Far) -> None:
    """The push never arrived, and when it would be done again the branch is somebody else's."""
    head = far.clone.fetch(["main"])["main"]
    commit = far.clone.commit(head, [FileChange("a", b"2\n")], "bot", NOON)
    place.running.inject(Fault("/git-receive-pack", Answer(503)))
    theirs: list[str] = []
    server = replace(far.clone._server, sleep=lambda _: theirs.append(place.push("x", "theirs")))
    assert isinstance(server.push(far.clone._git, "x", commit, None), LeaseLost)
    assert [place.head("x")] == theirs


def test_a_push_that_can_not_be_done_leaves_the_branch(place: GitLabPlace, far: Far) -> None:
    head = far.clone.fetch(["main"])["main"]
    commit = far.clone.commit(head, [FileChange("a", b"2\n")], "bot", NOON)
    place.running.inject(Fault("git-receive-pack", Answer(503), ALWAYS))
    with pytest.raises(GitError, match=r"cannot push branch x to .*returned error: 503"):
        far.clone.push("x", commit, None)
    assert place.head("x") is None
    assert len(far.sleeps.seconds) == ATTEMPTS - 1


def test_where_the_branch_is_somebody_elses_by_now_that_is_the_answer(place: GitLabPlace, far: Far) -> None:
    """And not that the push failed."""
    head = far.clone.fetch(["main"])["main"]
    commit = far.clone.commit(head, [FileChange("a", b"2\n")], "bot", NOON)
    theirs = place.push("x", "theirs")
    place.running.inject(Fault("git-receive-pack", Answer(503), ALWAYS))
    assert isinstance(far.clone.push("x", commit, None), LeaseLost)
    assert place.head("x") == theirs
