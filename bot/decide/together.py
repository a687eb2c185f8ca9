"""Services that go together because somebody said so by name, and what the open merge requests remember of that."""

from __future__ import annotations

from dataclasses import dataclass

from bot.config import Config, EnvironmentConfig
from bot.decide.branch import (
    branch_behind,
    branches_of,
    open_requests_to,
    promotion_mark,
    questions_about,
    unit_of,
)
from bot.decide.environments import head_of
from bot.decide.facts import Ask, NotKnown, for_each
from bot.decide.trailers import PROMOTED_TOGETHER
from bot.promotion import Unit
from bot.questions import OpenRequests
from bot.repositories import MergeRequest, Rev

# In no service's or group's name, so that a branch tells by its name alone whose it is.
_PLUS = "+"


@dataclass(frozen=True)
class Together:
    """A unit that nobody but a command knows: its services, by the branch of its open merge request."""

    name: str
    services: tuple[str, ...]
    request: MergeRequest

    def __str__(self) -> str:
        return f"!{self.request.number} ({self.name}: {', '.join(self.services)})"


def together_name(name: str) -> str:
    """What a unit is called that somebody called so."""
    return name if _PLUS in name else f"{_PLUS}{name}"


def is_together(name: str) -> bool:
    """Whether a unit or branch of that name is of those that nobody but a command knows."""
    return _PLUS in name


def by_name(unit: Unit, target: str) -> str:
    """The command that promotes all of a unit."""
    names, name = (" ".join(unit.chosen), f" --together {unit.name}") if unit.chosen else (unit.name, "")
    return f"promobot promote {names} --to {target}{name}"


def read_together(ask: Ask, config: Config, target: EnvironmentConfig) -> tuple[Together, ...]:
    """Those that an open merge request from a branch of ours proposes, the oldest first, whoever opened it.

    What they are made of is what the newest of our commits on the branch says. Who may push there can say anything: it
    decides which services wait for each other, and nothing about what they become. Of a forge that doesn't answer each
    unit's own verdict tells.
    """
    repository = target.repository.repository
    ask.together(head_of(target), branches_of(target), OpenRequests(repository))
    head = ask.maybe(head_of(target))
    if head is None:
        return ()
    base = Rev(repository, head)
    try:
        requests = open_requests_to(ask, target)
    except NotKnown:
        return ()
    chosen = {request.source_branch: request for request in requests if is_together(request.source_branch)}
    ask.together(*(question for branch in chosen for question in questions_about(ask, target, base, branch)))
    found = for_each(chosen.values(), lambda request: _together(ask, config, base, target, request))
    return tuple(sorted((each for each in found if each.services), key=lambda each: each.request.number))


def _together(ask: Ask, config: Config, base: Rev, target: EnvironmentConfig, request: MergeRequest) -> Together:
    name = unit_of(target, request.source_branch)
    branch = branch_behind(ask, base, request, promotion_mark(config.author, target, name))
    said = [name for commit in branch.ours[:1] for text in commit.trailer(PROMOTED_TOGETHER) for name in text.split()]
    return Together(name, tuple(dict.fromkeys(said)), request)
