"""What is due in environments beside promotions: floating tags, and what is to be done about merge requests."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import chain

from bot.config import Config, EnvironmentConfig
from bot.decide.branch import open_requests_of, unit_of
from bot.decide.environments import read_environments
from bot.decide.facts import Ask, Refusal, for_each
from bot.decide.floating import follow_branch, named_tags
from bot.decide.judged import Wanted
from bot.decide.orphans import find_orphans
from bot.decide.queued import judge_queue
from bot.decide.statuses import judge_requests
from bot.decide.units import read_reach
from bot.plan import Upkeep
from bot.promotion import Unit

# Stands for whatever an environment holds, where its repository could not be read at all.
EVERYTHING = Unit("*", ())


def find_upkeep(ask: Ask, config: Config, wanted: Wanted) -> tuple[Upkeep, ...]:
    """Everything of that kind, environments in the file's order. Raises Unanswered."""
    environments = [one for one in config.environments if not wanted.targets or one.name in wanted.targets]
    looks = [
        partial(look, ask, config, one, wanted) for one in environments for look in (_tags, _orphans, _statuses, _queue)
    ]
    return tuple(chain.from_iterable(for_each(looks, lambda look: look())))


def _tags(ask: Ask, config: Config, environment: EnvironmentConfig, wanted: Wanted) -> Sequence[Upkeep]:
    """A branch that can't be read is said here only if its tags would be moved, as its verdicts tell of promotions."""
    if not config.may_float(environment):
        return ()
    names = config.same_registry(environment.registry)
    sharing = [env for env in config.environments if env.registry in names]
    try:
        snapshots = read_environments(ask, config, sharing, ())
    except Refusal as refusal:
        return (Upkeep(EVERYTHING, environment.name, blocked=refusal.blocked),)
    snapshot = snapshots[sharing.index(environment)]
    services = {
        service
        for service in snapshot.manifests
        if not wanted.services or {service, config.group(service)}.intersection(wanted.services)
    }
    return tuple(follow_branch(ask, config, snapshot, services, named_tags(config, snapshots)))


def _statuses(ask: Ask, config: Config, environment: EnvironmentConfig, wanted: Wanted) -> Sequence[Upkeep]:
    """Only where promobot proposes: elsewhere its token may do no more than read. Why nothing is read, verdicts say."""
    if not environment.from_:
        return ()
    try:
        return tuple(judge_requests(ask, config, environment, wanted))
    except Refusal:
        return ()


def _queue(ask: Ask, config: Config, environment: EnvironmentConfig, wanted: Wanted) -> Sequence[Upkeep]:
    """The same of what a merge queue makes."""
    if not environment.from_:
        return ()
    try:
        return tuple(judge_queue(ask, config, environment, wanted))
    except Refusal:
        return ()


def _orphans(ask: Ask, config: Config, environment: EnvironmentConfig, wanted: Wanted) -> Sequence[Upkeep]:
    """Only where all could be read: what isn't known isn't gone.

    Of services that are named, what they had before they joined their group, which proposes the same lines now.
    """
    if not environment.from_:
        return ()
    groups = {config.group(service) or service for service in wanted.services}
    try:
        requests = open_requests_of(ask, environment)
        names = {unit_of(environment, request.source_branch) for request in requests}
        if wanted.services:
            names = {name for name in names if config.group(name) in groups - {name}}
        orphans = find_orphans(ask, config, read_reach(ask, config, environment, ())) if names else ()
        return tuple(orphan for orphan in orphans if orphan.unit.name in names)
    except Refusal:
        return ()
