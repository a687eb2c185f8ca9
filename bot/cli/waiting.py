"""`promote --wait`: until every merge request has ended, or the time is up."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bot.errors import ExitCode, ForgeError
from bot.plan import AlreadyDone, Done, OpenRequest, Standing, Verdict
from bot.promotion import Unit
from bot.reconcile import Pass
from bot.repositories import MergeRequest, Repository, RequestState
from bot.world import World

# What a forge says once may be a hiccup; what it says so many times in a row is meant.
_HICCUPS = 10
# Several that wait shall not ask in step.
_JITTER = (0.8, 1.2)


@dataclass(frozen=True)
class Waiting:
    """A merge request that is waited for, as it was last seen."""

    unit: Unit
    target: str
    repository: Repository
    request: MergeRequest

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.repository.project}!{self.request.number}"


@dataclass(frozen=True)
class Patience:
    """How long to wait and how often to ask, in seconds, and the clock that tells."""

    timeout: float
    interval: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def open_requests(world: World, done: Pass) -> list[Waiting]:
    """The merge requests that a pass opened or found open. Raises ForgeError."""
    return [*_open_requests(world, done)]


def _open_requests(world: World, done: Pass) -> Iterator[Waiting]:
    results = {result.step.key: result for result in done.results}
    listed: dict[Repository, Sequence[MergeRequest]] = {}
    for verdict in done.plan.verdicts:
        result = results.get(verdict.step.key) if verdict.step else None
        if verdict.standing not in {Standing.DUE, Standing.PROPOSED}:
            continue
        if result is not None and not isinstance(result.outcomes[-1], Done | AlreadyDone):
            continue
        repository = world.config.environment(verdict.target).repository.repository
        request = verdict.request or _opened(world, verdict, listed)
        if request is not None:
            yield Waiting(verdict.unit, verdict.target, repository, request)


def _opened(world: World, verdict: Verdict, listed: dict[Repository, Sequence[MergeRequest]]) -> MergeRequest | None:
    """What the pass has just opened; of each repository what is open is `listed` once.

    Somebody may have been quick to merge it: only then all that there ever was is looked through.
    """
    step = verdict.step
    if step is None or not any(isinstance(action, OpenRequest) for action in step.actions):
        return None
    forge, project = world.forge(step.repository.forge), step.repository.project
    if step.repository not in listed:
        listed[step.repository] = forge.open_requests(project)
    return _newest(listed[step.repository], step.branch) or _newest(forge.requests(project), step.branch)


def _newest(requests: Iterable[MergeRequest], branch: str) -> MergeRequest | None:
    return max((one for one in requests if one.source_branch == branch), key=lambda one: one.number, default=None)


def wait(
    world: World, waiting: Sequence[Waiting], patience: Patience, tell: Callable[[Waiting], None]
) -> list[Waiting]:
    """Every merge request as it stood when it had ended, or the time was up; `tell` hears of each that ended.

    Raises ForgeError where the forge fails again and again, or at the very end.
    """
    deadline = patience.clock() + patience.timeout
    seen = list(waiting)
    failures = 0
    while True:
        trouble = None
        try:
            for index, now in enumerate(_look(world, seen)):
                if now.request.state is not RequestState.OPEN and seen[index].request.state is RequestState.OPEN:
                    tell(now)
                seen[index] = now
            failures = 0
        except ForgeError as error:
            failures, trouble = failures + 1, error
        left = deadline - patience.clock()
        if trouble is not None and (failures >= _HICCUPS or left <= 0):
            raise trouble
        if left <= 0 or all(one.request.state is not RequestState.OPEN for one in seen):
            return seen
        patience.sleep(min(left, patience.interval * random.uniform(*_JITTER)))  # noqa: S311  no secret


def _look(world: World, seen: Sequence[Waiting]) -> Iterator[Waiting]:
    """Each as it is now: one question for the open ones of a repository, and one for each that is open no more."""
    listed: dict[Repository, dict[int, MergeRequest]] = {}
    for one in seen:
        if one.request.state is not RequestState.OPEN:
            yield one
            continue
        forge = world.forge(one.repository.forge)
        if one.repository not in listed:
            found = forge.open_requests(one.repository.project)
            listed[one.repository] = {request.number: request for request in found}
        now = listed[one.repository].get(one.request.number)
        yield replace(one, request=now or forge.get(one.repository.project, one.request.number))


def code_of(ended: Waiting) -> ExitCode:
    """A person's no is a conflict with what was wanted; people who haven't decided yet block it, and nothing failed."""
    match ended.request.state:
        case RequestState.MERGED:
            return ExitCode.DONE
        case RequestState.CLOSED:
            # Another pass of ours may have found it done.
            return ExitCode.DONE if ended.request.ended_by_us else ExitCode.CONFLICT
        case RequestState.OPEN:
            return ExitCode.BLOCKED
