"""Which merge request a command line means: by its number, its project's name and number, or its address."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from itertools import chain

from bot.errors import UsageError
from bot.forges.local import NUMBER_MARK
from bot.repositories import MergeRequest, Repository
from bot.world import World

_NAMED = re.compile(r"(?:(?P<project>[^:]*)[!#])?(?P<number>[0-9]{1,18})")
# As GitLab, GitHub and the local forge have them; what leads to a part of the page may follow.
_ADDRESS = re.compile(
    rf"(?P<address>\w+://[^?#]+(?:/merge_requests/|/pull/|{NUMBER_MARK})(?P<number>[0-9]{{1,18}}))(?:[/?#].*)?"
)


def name_of(repository: Repository, request: MergeRequest) -> str:
    """As people write it."""
    return f"{repository.project}!{request.number}"


def repositories(world: World) -> Iterator[Repository]:
    """Each once, in the order of the environments."""
    yield from dict.fromkeys(env.repository.repository for env in world.config.environments)


def find_request(world: World, words: str) -> tuple[Repository, MergeRequest]:
    """The request that was named; its project may be left out where only one has that number. Raises UsageError."""
    found = _found(world, words)
    if len(found) == 1:
        return found[0]
    if found:
        names = " or ".join(shlex.quote(name_of(*one)) for one in found)
        raise UsageError(f"there are {len(found)} merge requests !{found[0][1].number}", hint=f"say which: {names}")
    raise UsageError(f"no merge request {words}", hint="`promobot mr list --all` shows what there is")


def _found(world: World, words: str) -> list[tuple[Repository, MergeRequest]]:
    if named := _NAMED.fullmatch(words):
        return [*_numbered(world, int(named["number"]), lambda one: named["project"] in {None, "", one})]
    if at := _ADDRESS.fullmatch(words):
        address = at["address"]
        # Only the forge knows its addresses; of projects that this one doesn't name, it needn't be asked. It knows a
        # project by whatever case.
        named_in = address.lower()
        requests = _numbered(world, int(at["number"]), lambda project: f"/{project.lower()}" in named_in)
        return [one for one in requests if one[1].url == address]
    raise UsageError(f"{words} is not a merge request", hint="write 3, 'platform/gitops!3' or its address")


def _numbered(world: World, number: int, wanted: Callable[[str], bool]) -> Iterator[tuple[Repository, MergeRequest]]:
    for repository in repositories(world):
        if wanted(repository.project):
            forge = world.forge(repository.forge)
            # Mostly it is among the few that are open; else all that there ever was is looked through.
            every = chain.from_iterable(look(repository.project) for look in (forge.open_requests, forge.requests))
            request = next((one for one in every if one.number == number), None)
            if request is not None:
                yield repository, request
