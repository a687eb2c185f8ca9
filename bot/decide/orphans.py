"""Merge requests of ours that no service or group stands behind any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bot.config import Config
from bot.decide.branch import (
    Branch,
    branch_behind,
    branch_name,
    branch_questions,
    open_request,
    open_requests_of,
    promotion_mark,
    unit_of,
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
    requests = {
        name: request
        for request in open_requests_of(ask, target.environment)
        if (name := unit_of(target.environment, request.source_branch)) not in units
    }
    ask.together(*(question for name in requests for question in branch_questions(ask, target, Unit(name, ()))))
    branches = for_each(requests.items(), lambda item: _branch(ask, config, target, *item))
    for (name, request), branch in zip(requests.items(), branches, strict=True):
        if branch is not None and branch.ours and not branch.foreign:
            yield Upkeep(
                Unit(name, ()),
                target.environment.name,
                _ending(reach, request, branch, name, *_reason(ask, config, reach, name)),
            )


def _branch(ask: Ask, config: Config, target: Snapshot, name: str, request: MergeRequest) -> Branch | None:
    """The branch; None where it isn't known, which keeps no other from its end."""
    try:
        return branch_behind(ask, target.rev, request, promotion_mark(config.author, target.environment, name))
    except NotKnown:
        return None


def _may_be_promoted(config: Config, target: Snapshot, service: str) -> bool:
    return service in target.manifests or bool(config.settings(target.environment.name, service).when_missing)


def _reason(ask: Ask, config: Config, reach: Reach, name: str) -> tuple[str, str]:
    """What became of the service or group, and the address of the merge request that it is in now, if there is one."""
    if holding := reach.holding(name):
        return f"no longer due: {name} goes together with others now, in {holding}", holding.request.url
    target, group = reach.target, config.group(name)
    if _is_fed(config, reach, name) and group is not None:
        instead = open_request(ask, target, branch_name(target.environment, Unit(group, ())))
        return f"no longer due: {name} goes with group {group} now", instead.url if instead is not None else ""
    return f"no longer due: {_lack(config, reach, name)}", ""


def _is_fed(config: Config, reach: Reach, name: str) -> bool:
    """Whether there still is such a service, on both sides."""
    target = reach.target
    return not config.skips(target.environment.name, name) and name in reach.sources and name in target.manifests


def _lack(config: Config, reach: Reach, name: str) -> str:
    target = reach.target.environment
    if config.skips(target.name, name):
        return f"by `skip`, {name} doesn't go to {target.name}"
    if name in reach.sources:
        return f"{target.name} has no manifest of {name} any more"
    if name in reach.target.manifests:
        sources = " and ".join(source.name for source in config.sources(target, name))
        return f"{sources} {'have' if ' and ' in sources else 'has'} no manifest of {name} any more"
    return f"there is no service or group named {name} any more"


def _ending(reach: Reach, request: MergeRequest, branch: Branch, name: str, reason: str, link: str) -> Step:
    environment, rev = reach.target.environment, reach.target.rev
    actions: list[Action] = [CloseRequest(rev.repository, request.number, reason, link)]
    if branch.head is not None:
        actions.append(DeleteBranch(rev.repository, branch.name, branch.head))
    read = {one.environment.name: one for before in reach.sources.values() for one in (*before, reach.target)}
    guards = tuple(Guard(head_of(one.environment), Found(one.rev.commit)) for one in read.values())
    return Step(
        Unit(name, ()), environment.name, rev.repository, branch.name, branch.head, guards, actions=tuple(actions)
    )
