"""What a person writes while we try again stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.errors import ConflictError
from bot.forges import Forge
from tests.forges.places import PLACES, GitHubPlace, GitLabPlace
from tests.proxy import CutBefore, Fault
from tests.registry.clients import Sleeps


@pytest.fixture(params=["gitlab", "github"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GitLabPlace | GitHubPlace]:
    with PLACES[request.param](tmp_path) as made:
        assert isinstance(made, GitLabPlace | GitHubPlace)
        yield made


WRITES: dict[str, Callable[[Forge, str, int], object]] = {
    "update": lambda forge, project, number: forge.update(
        project, number, title="new", body="new", seen=(forge.get(project, number).title, "why")
    ),
    "close": lambda forge, project, number: forge.close(project, number, reason="stale"),
}


@pytest.mark.parametrize("write", WRITES)
def test_what_a_person_writes_in_a_pause_stays(
    place: GitLabPlace | GitHubPlace, write: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.push("x", "2")
    number = place.forge.open(place.project, place.draft()).request.number
    monkeypatch.setattr(Sleeps, "__call__", lambda _, __: place.edited_by_ann(number, "Ann's"))
    place.running.inject(Fault("(PUT|PATCH) .*", CutBefore()))
    try:
        WRITES[write](place.forge, place.project, number)
    except ConflictError:
        assert write == "update"
    assert place.forge.get(place.project, number).body == "Ann's"
