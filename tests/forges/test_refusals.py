"""What forges refuse, and how: the doubles' tables of it, tried on the doubles and on a real forge alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.github.refusals import Refused
from tests.doubles.gitlab.behaviour import REFUSALS
from tests.forges.live import LIVE
from tests.forges.places import PLACES, GitLabPlace, Place

NOWHERE = "0" * 39 + "1"


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """With a merge request from `x`; `y` has a commit of its own, and `same` none."""
    with {**PLACES, **LIVE}[request.param](tmp_path / "forge") as made:
        made.push("x", "2")
        made.push("y", "3")
        assert made.repository.move("same", made.head("main"), None)
        yield made


def opening(source: str = "y", target: str = "main", title: str | None = "t") -> dict[str, str]:
    """What opens a merge request on GitLab, and on GitHub in the other's words."""
    named = {"source_branch": source, "target_branch": target, "head": source, "base": target}
    return named if title is None else {**named, "title": title}


def gitlab_opening(**of: Any) -> dict[str, str]:
    return {name: text for name, text in opening(**of).items() if name not in {"head", "base"}}


def github_opening(**of: Any) -> dict[str, str]:
    return {name: text for name, text in opening(**of).items() if not name.endswith("_branch")}


def shape(said: Any) -> str:
    """Which of GitLab's shapes an error has, in the words of the table."""
    match said:
        case {"message": str()}:
            return "message"
        case {"message": [*_]}:
            return "array"
        case {"message": {}}:
            return "fields"
        case {"error": [*_]}:
            return "errors"
        case {"error": str(), "error_description": str()}:
            return "oauth"
        case {"error": str()}:
            return "error"
        case _:
            return f"none: {said}"


def gitlab_draft(place: Place) -> tuple[int, Any]:
    number = place.open()
    place.rest("PUT", f"/merge_requests/{number}", {"title": "Draft: t"})
    return place.rest("PUT", f"/merge_requests/{number}/merge", {})


def gitlab_moved(place: Place) -> tuple[int, Any]:
    return place.rest("PUT", f"/merge_requests/{place.open()}/merge", {"sha": NOWHERE})


def gitlab_again(place: Place) -> tuple[int, Any]:
    place.open()
    return place.rest("POST", "/merge_requests", gitlab_opening(source="x"))


def asked(method: str, path: str, body: object = None) -> Callable[[Place], tuple[int, Any]]:
    return lambda place: place.rest(method, path, body)


GITLAB: dict[str, Callable[[Place], tuple[int, Any]]] = {
    "nobody": lambda place: place.rest.stranger()("GET", ""),
    "route": asked("GET", "/nothing"),
    "parameter": asked("POST", "/merge_requests", gitlab_opening(title=None)),
    "absent": asked("GET", "/merge_requests/777777"),
    "duplicate": gitlab_again,
    "same branch": asked("POST", "/merge_requests", gitlab_opening(source="main")),
    "branch unseen": asked("POST", "/merge_requests", gitlab_opening(source="nothing")),
    "title": asked("POST", "/merge_requests", gitlab_opening(title="t" * 256)),
    "head moved": gitlab_moved,
    "not mergeable": gitlab_draft,
    "branch exists": asked("POST", "/repository/branches?branch=x&ref=main"),
    "branch": asked("GET", "/repository/branches/nothing"),
    "file": asked("GET", "/repository/files/nothing?ref=main"),
    "commit": asked("GET", f"/repository/commits/{NOWHERE}"),
}
# What GitLab's own description forbids to ask.
UNDESCRIBED = {"route", "parameter"}


@pytest.mark.parametrize("place", ["gitlab", *LIVE.keys() & {"live-gitlab"}], indirect=True)
@pytest.mark.parametrize("why", GITLAB)
def test_gitlab_refuses(place: Place, why: str) -> None:
    status, said = GITLAB[why](place)
    assert (status, shape(said)) == (REFUSALS[why].status, REFUSALS[why].shape), said
    if why in UNDESCRIBED and isinstance(place, GitLabPlace):
        place.running.complaints.clear()


def github_draft(place: Place) -> tuple[int, Any]:
    _, made = place.rest("POST", "/pulls", {**github_opening(), "draft": True})
    return place.rest("PUT", f"/pulls/{made['number']}/merge", {})


def github_moved(place: Place) -> tuple[int, Any]:
    number = place.open()
    place.rest("GET", f"/pulls/{number}")
    return place.rest("PUT", f"/pulls/{number}/merge", {"sha": NOWHERE})


def github_again(place: Place) -> tuple[int, Any]:
    place.open()
    return place.rest("POST", "/pulls", github_opening(source="x"))


def github_ref(place: Place) -> tuple[int, Any]:
    return place.rest("POST", "/git/refs", {"ref": "refs/heads/x", "sha": place.head("main")})


GITHUB: dict[Refused, Callable[[Place], tuple[int, Any]]] = {
    Refused.BAD_CREDENTIALS: lambda place: place.rest.stranger()("GET", ""),
    Refused.NOT_FOUND: asked("GET", "/pulls/777777"),
    Refused.EXISTS: github_again,
    Refused.NO_COMMITS: asked("POST", "/pulls", github_opening(source="same")),
    Refused.NO_HEAD: asked("POST", "/pulls", github_opening(source="nothing")),
    Refused.NO_BASE: asked("POST", "/pulls", github_opening(target="nothing")),
    Refused.HEAD_MOVED: github_moved,
    Refused.DRAFT: github_draft,
    Refused.REF_EXISTS: github_ref,
    Refused.NO_OBJECT: asked("POST", "/git/refs", {"ref": "refs/heads/z", "sha": NOWHERE}),
    Refused.NO_BRANCH: asked("GET", "/branches/nothing"),
}


@pytest.mark.parametrize("place", ["github", *LIVE.keys() & {"live-github"}], indirect=True)
@pytest.mark.parametrize("kind", GITHUB, ids=lambda kind: kind.name)
def test_github_refuses(place: Place, kind: Refused) -> None:
    status, said = GITHUB[kind](place)
    assert (status, said["message"]) == (kind.value.status, kind.value.message)
    told = [error for error in kind.value.errors if not isinstance(error, str)]
    assert [error["code"] for error in said.get("errors", ())] == [error["code"] for error in told]
