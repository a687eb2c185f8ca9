"""`limits.open_requests`: which of the merge requests that are due are opened, and which wait."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from bot.config import Config, EnvironmentConfig
from bot.decide.branch import open_requests_of
from bot.decide.facts import Ask
from bot.plan import Blocked, OpenRequest, Standing, Verdict


def within_limits(ask: Ask, config: Config, verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
    """The verdicts; those that would open one merge request too many wait, the first by name go first.

    What is open already goes on: it is updated, and closed, whatever the limit.
    """
    verdicts = list(verdicts)
    waiting: dict[int, Blocked] = {}
    for environment in config.targets:
        if environment.limits.open_requests is not None:
            waiting.update(_waiting(ask, environment, environment.limits.open_requests, verdicts))
    for index, verdict in enumerate(verdicts):
        if index in waiting:
            yield replace(verdict, standing=Standing.BLOCKED, step=None, blocked=waiting[index])
        else:
            yield verdict


def _waiting(
    ask: Ask, environment: EnvironmentConfig, limit: int, verdicts: Sequence[Verdict]
) -> Iterator[tuple[int, Blocked]]:
    opening = [i for i, v in enumerate(verdicts) if v.target == environment.name and _opens(v)]
    if not opening:
        return
    are_open = len(open_requests_of(ask, environment))
    room = max(limit - are_open, 0)
    wait = Blocked(
        f"waits: {_how_many(are_open, room, environment.name)}",
        f"merge or close one that is open, or raise `limits.open_requests` of {environment.name}, which is {limit}",
    )
    yield from ((index, wait) for index in sorted(opening, key=lambda i: verdicts[i].unit.name)[room:])


def _how_many(are_open: int, room: int, environment: str) -> str:
    one = are_open + room == 1
    go_first = (" or goes first" if one else " or go first") if room else ""
    return (
        f"{are_open + room} merge request{'' if one else 's'} to {environment} {'is' if one else 'are'} open{go_first}"
    )


def _opens(verdict: Verdict) -> bool:
    return verdict.step is not None and any(isinstance(action, OpenRequest) for action in verdict.step.actions)
