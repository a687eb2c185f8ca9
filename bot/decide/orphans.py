"""Merge requests of ours that no service or group stands behind any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bot.config import Config
from bot.decide.branch import (
    Branch,
    branch_behind,
    branch_prefix,
    branch_questions,
    open_requests_of,
    promotion_mark,
)
from bot.decide.environments import Snapshot, head_of
from bot.decide.facts import Ask, NotKnown, for_each
from bot.decide.units import Reach, find_units
from bot.plan import Action, CloseRequest, DeleteBranch, Guard, Step, Upkeep
from bot.promotion import Unit
from bot.questions import Found
from bot.repositories import MergeRequest


def find_orphans(ask: Ask, config: Config, reach: Reach) -> Iterator[Upkeep]:
    """What ends them. `reach` has all services: what could not be read has raised, so who isn't there is gone.

    A branch that a person worked on stays, and its merge request with it; so does what isn't known to be of this
    configuration, as another one may propose to an environment of the same name.
    """
    target = reach.target
    may = {service: before for service, before in reach.sources.items() if _may_be_promoted(config, target, service)}
    units = {unit.name for unit in find_units(config, replace(reach, sources=may))}
    prefix = branch_prefix(target.environment)
    requests = {
        name: request
        for request in open_requests_of(ask, target.environment)
        if (name := request.source_branch.removeprefix(prefix)) not in units
    }
    ask.together(*(question for name in requests for question in branch_questions(ask, target, Unit(name, ()))))
    branches = for_each(requests.items(), lambda item: _branch(ask, config, target, *item))
    for (name, request), branch in zip(requests.items(), branches, strict=True):
        if branch is not None and branch.ours and not branch.foreign:
            yield Upkeep(
                Unit(name, ()),
                target.environment.name,
                _ending(reach, request, branch, name, _reason(config, reach, name)),
            )


def _branch(ask: Ask, config: Config, target: Snapshot, name: str, request: MergeRequest) -> Branch | None:
    """The branch; None where it isn't known, which keeps no other from its end."""
    try:
        return branch_behind(ask, target.rev, request, promotion_mark(config.author, target.environment, name))
    except NotKnown:
        return None


def _may_be_promoted(config: Config, target: Snapshot, service: str) -> bool:
    return service in target.manifests or bool(config.settings(target.environment.name, service).when_missing)


def _reason(config: Config, reach: Reach, name: str) -> str:
    """What became of the service or group."""
    target = reach.target.environment
    if holding := reach.holding(name):
        why = f"{name} goes together with others now, in {holding}"
    elif config.skips(target.name, name):
        why = f"by `skip`, {name} doesn't go to {target.name}"
    elif name in reach.sources and name not in reach.target.manifests:
        why = f"{target.name} has no manifest of {name} any more"
    elif name in reach.sources:
        why = f"{name} goes with group {config.group(name)} now"
    elif name in reach.target.manifests:
        sources = " and ".join(source.name for source in config.sources(target, name))
        why = f"{sources} {'have' if ' and ' in sources else 'has'} no manifest of {name} any more"
    else:
        why = f"there is no service or group named {name} any more"
    return f"no longer due: {why}"


def _ending(reach: Reach, request: MergeRequest, branch: Branch, name: str, reason: str) -> Step:
    environment, rev = reach.target.environment, reach.target.rev
    actions: list[Action] = [CloseRequest(rev.repository, request.number, reason)]
    if branch.head is not None:
        actions.append(DeleteBranch(rev.repository, branch.name, branch.head))
    read = {one.environment.name: one for before in reach.sources.values() for one in (*before, reach.target)}
    guards = tuple(Guard(head_of(one.environment), Found(one.rev.commit)) for one in read.values())
    return Step(
        Unit(name, ()), environment.name, rev.repository, branch.name, branch.head, guards, actions=tuple(actions)
    )
