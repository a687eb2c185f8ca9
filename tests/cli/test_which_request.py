"""Which merge request is meant, and how little is asked to find it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from bot.cli.whichrequest import find_request
from bot.errors import UsageError
from bot.repositories import MergeRequest, RequestState
from bot.world import World
from tests.paper import CONFIG

ADDRESS = "https://forge.example.com/Shop/GitOps/pull/{}"
OPEN = MergeRequest(2, "t", "", "b", "main", "1" * 40, RequestState.OPEN, ADDRESS.format(2), "ann", ours=False)
CLOSED = replace(OPEN, number=1, state=RequestState.CLOSED, url=ADDRESS.format(1))


@dataclass
class Few:
    """A forge with one that is open and one that is closed, and what was asked of it."""

    asked: list[str] = field(default_factory=list)

    def open_requests(self, project: str) -> tuple[MergeRequest, ...]:
        self.asked.append(f"open of {project}")
        return (OPEN,)

    def requests(self, project: str) -> tuple[MergeRequest, ...]:
        self.asked.append(f"all of {project}")
        return CLOSED, OPEN


@dataclass
class Place:
    """As much of a World as it takes."""

    few: Few = field(default_factory=Few)
    config = CONFIG

    def forge(self, _: str) -> Few:
        return self.few


@pytest.mark.parametrize("words", ["{}", "shop/gitops!{}", "!{}", ADDRESS, f"{ADDRESS}/files#diff"])
def test_what_is_open_is_found_without_all_that_there_ever_was(words: str) -> None:
    place = Place()
    world = cast("World", place)
    assert find_request(world, words.format(2))[1] == OPEN
    assert place.few.asked == ["open of shop/gitops"]
    assert find_request(world, words.format(1))[1] == CLOSED
    with pytest.raises(UsageError, match="no merge request"):
        find_request(world, words.format(3))
