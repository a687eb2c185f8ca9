"""What is due in environments beside promotions: floating tags, and what is to be done about merge requests."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.config import Config, EnvironmentConfig
from bot.decide.branch import branch_prefix, open_requests_of
from bot.decide.environments import read_environments
from bot.decide.facts import Ask, Refusal, Unanswered
from bot.decide.floating import follow_branch, named_tags
from bot.decide.orphans import find_orphans
from bot.decide.statuses import Wanted, judge_requests
from bot.decide.units import read_reach
from bot.plan import Upkeep
from bot.promotion import Unit
from bot.questions import Question


@dataclass(frozen=True)
class Scope:
    """What upkeep is looked for: of these services or groups and environments; none: of all.

    `everything` stands for whatever an environment holds that can't be read; `arriving` are the questions for
    images that promotions bring in this pass, with the keys of their steps, `told` the branches whose status they say.
    """

    services: tuple[str, ...]
    targets: tuple[str, ...]
    everything: Unit
    arriving: Mapping[Question[Any], tuple[str, str, str]] = field(default_factory=dict)
    told: Collection[str] = ()


def find_upkeep(ask: Ask, config: Config, scope: Scope) -> tuple[Upkeep, ...]:
    """Everything of that kind, environments in the file's order. Raises Unanswered."""
    found: list[Upkeep] = []
    questions: list[Question[object]] = []
    for environment in config.environments:
        if scope.targets and environment.name not in scope.targets:
            continue
        for look in (_tags, _orphans, _statuses):
            try:
                found += look(ask, config, environment, scope)
            except Unanswered as need:
                questions += need.questions
    if questions:
        raise Unanswered(questions)
    return tuple(found)


def _tags(ask: Ask, config: Config, environment: EnvironmentConfig, scope: Scope) -> Sequence[Upkeep]:
    """A branch that can't be read is said here only if its tags would be moved, as its verdicts tell of promotions."""
    if not config.may_float(environment):
        return ()
    names = config.same_registry(environment.registry)
    sharing = [env for env in config.environments if env.registry in names]
    try:
        snapshots = read_environments(ask, config, sharing, ())
    except Refusal as refusal:
        return (Upkeep(scope.everything, environment.name, blocked=refusal.blocked),)
    snapshot = snapshots[sharing.index(environment)]
    services = {
        service
        for service in snapshot.manifests
        if not scope.services or {service, config.group(service)}.intersection(scope.services)
    }
    return tuple(follow_branch(ask, config, snapshot, services, named_tags(config, snapshots)))


def _statuses(ask: Ask, config: Config, environment: EnvironmentConfig, scope: Scope) -> Sequence[Upkeep]:
    """Only where promobot proposes: elsewhere its token may do no more than read. Why nothing is read, verdicts say."""
    if not environment.from_:
        return ()
    try:
        wanted = Wanted(scope.services, scope.targets, scope.arriving, scope.told)
        return tuple(judge_requests(ask, config, environment, wanted))
    except Refusal:
        return ()


def _orphans(ask: Ask, config: Config, environment: EnvironmentConfig, scope: Scope) -> Sequence[Upkeep]:
    """Only where all could be read: what isn't known isn't gone.

    Of services that are named, what they had before they joined their group, which proposes the same lines now.
    """
    if not environment.from_:
        return ()
    groups = {config.group(service) or service for service in scope.services}
    try:
        requests = open_requests_of(ask, environment)
        names = {request.source_branch.removeprefix(branch_prefix(environment)) for request in requests}
        if scope.services:
            names = {name for name in names if config.group(name) in groups - {name}}
        orphans = find_orphans(ask, config, read_reach(ask, config, environment, ())) if names else ()
        return tuple(orphan for orphan in orphans if orphan.unit.name in names)
    except Refusal:
        return ()
