"""The one note, whatever the network makes of it: never a second one, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from bot.forges.notes import marked
from tests.doubles.gitlab import life
from tests.forges.places import GitHubPlace, GitLabPlace, github_place, gitlab_place
from tests.proxy import Answer, AnswerAfter, CutAfter, CutBefore, Fault, Kind

Server = GitLabPlace | GitHubPlace
MAKERS: dict[str, Callable[[Path], AbstractContextManager[Server]]] = {"gitlab": gitlab_place, "github": github_place}
KINDS = [Answer(429), Answer(500), Answer(503), CutBefore(), CutAfter(), AnswerAfter(502)]


@pytest.fixture(params=MAKERS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with MAKERS[request.param](tmp_path / "forge") as made:
        made.push("x", "2")
        made.open()
        made.noted_by_ann(1, marked("I say it in promobot's words"))
        yield made


def add_of_ours(place: Server, text: str) -> None:
    """One more, as by a run that was as quick as another."""
    if isinstance(place, GitLabPlace):
        bot = next(user for user in place.gitlab.accounts.users.values() if user.bot)
        life.say(place.gitlab, place.made.requests[1], bot, marked(text))
    else:
        place.hub.comment(place.project, 1, "platform-robot", marked(text))


def ann_s(place: Server) -> list[str]:
    if isinstance(place, GitLabPlace):
        return [note.body for note in place.made.requests[1].notes if note.author == place.ann and not note.system]
    return [said.body for said in place.hub.pulls(place.project)[1].comments if said.login == "ann"]


def broken(place: Server, kind: Kind, texts: tuple[str, ...]) -> Iterator[None]:
    """Once for each request that it takes, with that one broken."""
    place.running.forget()
    for text in texts:
        place.forge.set_note(place.project, 1, text)
    for number in range(len(place.running.seen)):
        place.running.inject(Fault("", kind, skip=number))
        yield
        place.running.heal()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_whichever_request_is_broken_there_is_one(place: Server, kind: Kind) -> None:
    for number, _ in enumerate(broken(place, kind, ("first", "second"))):
        for text in (f"a {number}", f"b {number}"):
            place.forge.set_note(place.project, 1, text)
            assert place.notes_of_ours(1) == [text]
    assert ann_s(place) == [marked("I say it in promobot's words")]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_first_is_made_once(place: Server, kind: Kind) -> None:
    place.running.forget()
    place.running.inject(Fault("POST .*(notes|comments)", kind))
    assert place.forge.set_note(place.project, 1, "first")
    assert place.notes_of_ours(1) == ["first"]
    if isinstance(kind, CutAfter | AnswerAfter):
        posts = [route for route in place.running.seen if str(route).startswith("POST") and "graphql" not in str(route)]
        assert len(posts) == 1, "looked for before it is made again"


@pytest.mark.parametrize("kind", [None, *KINDS], ids=str)
def test_what_is_too_much_goes_and_the_oldest_stays(place: Server, kind: Kind | None) -> None:
    for text in ("oldest", "second", "third"):
        add_of_ours(place, text)
    if kind is not None:
        match = "DELETE .*/notes/" if isinstance(place, GitLabPlace) else "POST .*/graphql"
        place.running.inject(Fault(match, kind))
    assert place.forge.set_note(place.project, 1, "now")
    assert place.notes_of_ours(1) == ["now"]
    assert ann_s(place) == [marked("I say it in promobot's words")]
    assert not place.forge.set_note(place.project, 1, "now")


def test_what_the_account_s_person_says_of_it_stays(place: Server) -> None:
    """On a laptop the token is somebody's own, who may quote the note in a comment."""
    assert place.forge.set_note(place.project, 1, "first")
    quoted = "\n".join(f"> {line}" for line in marked("first").splitlines())
    if isinstance(place, GitLabPlace):
        bot = next(user for user in place.gitlab.accounts.users.values() if user.bot)
        life.say(place.gitlab, place.made.requests[1], bot, f"{quoted}\n\nI wait for it.")
    else:
        place.hub.comment(place.project, 1, "platform-robot", f"{quoted}\n\nI wait for it.")
    assert place.forge.set_note(place.project, 1, "second")
    first, mine = place.notes_of_ours(1)
    assert first == "second"
    assert mine.endswith("I wait for it.")
