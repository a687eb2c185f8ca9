"""`limits.open_requests`: which of the merge requests that are due are opened, and which wait."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain, takewhile

from bot.config import Config, EnvironmentConfig
from bot.counting import counted
from bot.decide.branch import branch_behind, open_requests_of, promotion_mark, unit_of
from bot.decide.environments import fields_at, head_of, manifests_at
from bot.decide.facts import Ask, NotKnown, for_each
from bot.plan import Blocked, OpenRequest, Standing, StepKey, Verdict
from bot.promotion import FromEnvironment
from bot.questions import Landed
from bot.repositories import File, Landing, MergeRequest, Repository, Rev

# What somebody named goes first, what nothing is known of last.
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def within_limits(
    ask: Ask, config: Config, verdicts: Iterable[Verdict], failed: Collection[StepKey] = ()
) -> Iterator[Verdict]:
    """The verdicts; those that would open one merge request too many wait, what is due for longest goes first.

    All environments of a repository share it, as its people share the reviews. What is open already goes on: it is
    updated, and closed, whatever the limit. The steps `failed` already in this pass, by their keys, hold up nobody.
    Raises Unanswered.
    """
    verdicts = list(verdicts)

    def wait(repository: Repository, environments: dict[str, EnvironmentConfig]) -> tuple[tuple[int, Blocked], ...]:
        opening = [
            index
            for index, verdict in enumerate(verdicts)
            if verdict.target in environments and verdict.step and verdict.step.key not in failed and _opens(verdict)
        ]
        return tuple(_waiting(ask, config, repository, environments, verdicts, opening))

    waiting = dict(chain.from_iterable(for_each(_repositories(config).items(), lambda item: wait(*item))))
    for index, verdict in enumerate(verdicts):
        if index in waiting:
            yield replace(verdict, standing=Standing.BLOCKED, step=None, blocked=waiting[index], queued=True)
        else:
            yield verdict


def _repositories(config: Config) -> dict[Repository, dict[str, EnvironmentConfig]]:
    found: dict[Repository, dict[str, EnvironmentConfig]] = {}
    for environment in config.targets:
        found.setdefault(environment.repository.repository, {})[environment.name] = environment
    return found


def _waiting(
    ask: Ask,
    config: Config,
    repository: Repository,
    environments: dict[str, EnvironmentConfig],
    verdicts: Sequence[Verdict],
    opening: Sequence[int],
) -> Iterator[tuple[int, Blocked]]:
    limits = {name: environment.limits.open_requests for name, environment in environments.items()}
    lowest = min((limit for limit in limits.values() if limit is not None), default=None)
    if not opening or lowest is None:
        return
    are_open = sum(for_each(environments.values(), lambda one: _are_open(ask, config, one)))
    if are_open < max(map(_most, limits.values())) and are_open + len(opening) > lowest:
        opening = _by_age(ask, config, verdicts, opening)
    going: set[int] = set()
    for index in opening:
        if are_open + len(going) < _most(limits[verdicts[index].target]):
            going.add(index)
    for index in opening:
        if index not in going:
            target = verdicts[index].target
            yield index, _wait(_how_many(are_open, len(going), repository), target, limits[target])


def _most(limit: int | None) -> float:
    return float("inf") if limit is None else limit


def _wait(how_many: str, target: str, limit: int | None) -> Blocked:
    remedy = "merge or close one that is open, or raise `limits.open_requests`"
    return Blocked(f"waits: {how_many}", f"{remedy} of {target}, which is {limit}")


def _how_many(are_open: int, go_first: int, repository: Repository) -> str:
    one = are_open + go_first == 1
    more = (" or goes first" if one else " or go first") if go_first else ""
    requests = counted(are_open + go_first, "merge request")
    return f"{requests} of promobot in {repository} {'is' if one else 'are'} open{more}"


def _opens(verdict: Verdict) -> bool:
    """Whether it would be one more; who finishes what an earlier run began to open, opens nothing."""
    actions = verdict.step.actions if verdict.step is not None else ()
    return verdict.request is None and any(isinstance(action, OpenRequest) for action in actions)


# --- those that are open --------------------------------------------------------------------------------


def _are_open(ask: Ask, config: Config, environment: EnvironmentConfig) -> int:
    requests = open_requests_of(ask, environment)
    return sum(for_each(requests, lambda request: _counts(ask, config, environment, request)))


def _counts(ask: Ask, config: Config, environment: EnvironmentConfig, request: MergeRequest) -> bool:
    """Whether it is of this configuration: what another one made holds nothing up here. What isn't known counts."""
    mark = promotion_mark(config.author, environment, unit_of(environment, request.source_branch))
    try:
        head = ask.maybe(head_of(environment))
        if head is None:
            return True
        branch = branch_behind(ask, Rev(environment.repository.repository, head), request, mark)
    except NotKnown:
        return True
    return bool(branch.ours) or not branch.foreign


# --- those that are due ---------------------------------------------------------------------------------


def _by_age(ask: Ask, config: Config, verdicts: Sequence[Verdict], opening: Sequence[int]) -> list[int]:
    """What has been due for longest first, else by name."""
    since = for_each(opening, lambda index: _since(ask, config, verdicts[index]))
    ages = dict(zip(opening, since, strict=True))
    return sorted(opening, key=lambda index: (ages[index], verdicts[index].unit.name, index))


def _since(ask: Ask, config: Config, verdict: Verdict) -> datetime:
    """Since when the branch that it comes from has named the first of its images, without a break."""
    moves = verdict.promotion.moves if verdict.promotion is not None else ()
    changing = [move for move in moves if move.before != move.after] or moves
    origins = dict.fromkeys(move.origin for move in changing if isinstance(move.origin, FromEnvironment))
    return min(for_each(origins, lambda origin: _named_since(ask, config, origin)), default=_FIRST)


def _named_since(ask: Ask, config: Config, origin: FromEnvironment) -> datetime:
    environment = config.environment(origin.environment)
    head = ask.maybe(head_of(environment))
    landed = Landed(Rev(environment.repository.repository, head), origin.path) if head is not None else None
    landings = (ask.perhaps(landed) if landed is not None else None) or ()
    named = tuple(takewhile(lambda landing: _names(environment, origin, landing), landings))
    return named[-1].at if named else _LAST


def _names(environment: EnvironmentConfig, origin: FromEnvironment, landing: Landing) -> bool:
    manifests = manifests_at(environment, File(origin.path, "100644", b""))
    return any(field.image == origin.image for one in manifests for field in fields_at(one, landing.content))
