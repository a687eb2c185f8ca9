"""Who approves: whom the configuration names, how many of them it wants, and what on the forge makes sure of that."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.config import Config, EnvironmentConfig, ForgeConfig
from bot.decide.changes import Change
from bot.decide.codeowners import Owned, owned
from bot.decide.environments import Snapshot
from bot.decide.facts import Ask
from bot.promotion import Promotion, Unit
from bot.questions import Approvals, Files, Members, Protection, Question
from bot.repositories import OWN_RULE, ApprovalRule, BranchProtection, MergeRequest, Repository, Rev, Reviewers


@dataclass(frozen=True)
class Demand:
    """So many of these have to approve."""

    required: int
    of: Reviewers
    rule: bool = False

    def __str__(self) -> str:
        return f"{self.required} of {' and '.join(self.of.names)}"


@dataclass(frozen=True)
class Assurance:
    """What on the forge makes sure of a demand: `by` names it, empty where nothing does; else `why` may say more."""

    demand: Demand
    by: str = ""
    why: str = ""
    known: bool = True


@dataclass(frozen=True)
class Needed:
    """Who is asked, by which rules of a merge request's own, what becomes of what is demanded, and by `mentioned` what
    tells a group of a text by standing in it, in words of the configuration alone; others aren't told so.
    """

    reviewers: Reviewers = field(default_factory=Reviewers)
    rules: tuple[ApprovalRule, ...] = ()
    assured: tuple[Assurance, ...] = ()
    mentioned: tuple[tuple[str, str], ...] = ()


def demands(config: Config, target: str, services: Iterable[str]) -> tuple[Demand, ...]:
    """What the services of one merge request ask for, each once; those that name nobody ask for nothing."""
    asked = (config.settings(target, service).approvers for service in services)
    found = (Demand(one.required, Reviewers(one.groups, one.users), one.rule) for one in asked)
    return tuple(dict.fromkeys(demand for demand in found if demand.of))


def _rules_of(demanded: Iterable[Demand]) -> tuple[ApprovalRule, ...]:
    """What a merge request is asked to have of its own."""
    asked = (demand for demand in demanded if demand.rule and demand.required)
    return tuple(ApprovalRule(f"{OWN_RULE}{' and '.join(one.of.names)}", one.required, one.of) for one in asked)


def reviewers_of(demanded: Sequence[Demand]) -> Reviewers:
    """Who is asked, each once."""
    groups = dict.fromkeys(group for demand in demanded for group in demand.of.groups)
    users = dict.fromkeys(user for demand in demanded for user in demand.of.users)
    return Reviewers(tuple(groups), tuple(users))


def assurances(
    ask: Ask, config: Config, rev: Rev, environment: EnvironmentConfig, places: Mapping[str, str]
) -> tuple[Assurance, ...]:
    """What becomes of what an environment demands, on its branch at `rev`, where these paths of these services change.

    Nothing is said where nobody has to approve, or where the forge knows no approvals.
    """
    wanted = _awaited(config, environment, places.values())
    if not wanted:
        return ()
    forge = config.forges[environment.repository.forge]
    question, files = _questions(config, rev, environment)
    ask.together(question, files)
    protection = ask.perhaps(question)
    if protection is None:
        return tuple(Assurance(demand, known=False) for demand in wanted)
    there = {file.path: file.content for file in ask.perhaps(files) or ()}
    first = next((there[path] for path in forge.codeowners if path in there), b"").decode(errors="replace")
    owners = [owned(first, path, sections=forge.type == "gitlab") for path in sorted(places)]
    return tuple(_assurance(demand, protection, owners, _called(forge, rev, demand)) for demand in wanted)


def _awaited(config: Config, environment: EnvironmentConfig, services: Iterable[str]) -> tuple[Demand, ...]:
    knows = config.forges[environment.repository.forge].approves
    return tuple(one for one in demands(config, environment.name, services) if one.required and knows)


def _questions(config: Config, rev: Rev, environment: EnvironmentConfig) -> tuple[Protection, Files]:
    files = Files(rev, config.forges[environment.repository.forge].codeowners)
    return Protection(rev.repository, environment.repository.branch), files


def first_questions(config: Config, target: Snapshot, unit: Unit) -> tuple[Question[Any], ...]:
    """What `find_needed` begins with, so that it can be asked with other things."""
    awaited = _awaited(config, target.environment, unit.services)
    return _questions(config, target.rev, target.environment) if awaited else ()


def find_needed(ask: Ask, config: Config, target: Snapshot, promotion: Promotion, changes: Iterable[Change]) -> Needed:
    """What a promotion that makes these changes needs."""
    paths = {change.path for change in changes}
    places = {move.path: move.service for move in promotion.moves if move.path in paths}
    environment = target.environment
    assured = assurances(ask, config, target.rev, environment, places)
    demanded = demands(config, environment.name, promotion.unit.services)
    reviewers, forge = reviewers_of(demanded), config.forges[environment.repository.forge]
    mentions = {group: forge.mention(group) for group in reviewers.groups}
    told = tuple((group, mention) for group, mention in mentions.items() if mention)
    return Needed(reviewers, _rules_of(demanded), assured, told)


def _called(forge: ForgeConfig, rev: Rev, demand: Demand) -> frozenset[str]:
    """Groups and users by the names that rules have for them."""
    groups = (forge.group(rev.repository.project, group) for group in demand.of.groups)
    return frozenset(name.lower() for name in (*groups, *demand.of.users))


def _assurance(
    demand: Demand, protection: BranchProtection, owners: Sequence[Sequence[Owned]], called: Collection[str]
) -> Assurance:
    for rule in protection.rules:
        names = {name.lower() for name in rule.of.names}
        if names and names.issubset(called) and rule.required >= demand.required:
            return Assurance(demand, rule.name)
    if protection.owners and owners and all(any(_suffices(one, demand, called) for one in each) for each in owners):
        return Assurance(demand, "CODEOWNERS")
    return Assurance(demand, why=_instead(protection.rules), known=not protection.unknown)


def _suffices(one: Owned, demand: Demand, called: Collection[str]) -> bool:
    return one.owners.issubset(called) and one.required >= demand.required


def _instead(rules: Iterable[ApprovalRule]) -> str:
    """What comes nearest."""
    most = max(rules, key=lambda rule: rule.required, default=None)
    if most is None or not most.required:
        return ""
    return f"{most.name} asks for {most.required} of {' and '.join(most.of.names) or 'anybody'}"


# --- what is missing ------------------------------------------------------------------------------------


def missing(
    ask: Ask,
    repository: Repository,
    assured: Iterable[Assurance],
    request: MergeRequest | None,
    *,
    pushed: bool = False,
) -> str:
    """Which approvals a merge request still lacks that nothing on the forge asks for; empty where none is missing.

    Without one, nobody can have approved yet; nor where what is `pushed` now ends older approvals. Who is of a group is
    asked only where somebody else than the users approves.
    """
    wanted = [each for each in assured if not each.by]
    if not wanted:
        return ""
    given = _given(ask, repository, request, pushed=pushed) if request is not None else frozenset[str]()
    lacks = (_lacking(ask, repository, each.demand, given) for each in wanted)
    return "; ".join(filter(None, lacks))


def _given(ask: Ask, repository: Repository, request: MergeRequest, *, pushed: bool) -> frozenset[str]:
    """Who approves, by names in lower case. Nobody approves what is their own."""
    found = request.approvals
    if found is None:
        found = ask.maybe(Approvals(repository, request.number)) or ()
    protection = ask.known(Protection(repository, request.target_branch)) or BranchProtection()
    head = "" if pushed else request.head
    fresh = (one for one in found if not protection.stale or one.commit in {"", head})
    return frozenset(one.by.lower() for one in fresh if one.by != request.author)


def _lacking(ask: Ask, repository: Repository, demand: Demand, given: Collection[str]) -> str:
    able = {user.lower() for user in demand.of.users}
    if not able.issuperset(given):
        groups = [Members(repository, group) for group in demand.of.groups]
        ask.together(*groups)
        told = [ask.perhaps(group) for group in groups]
        if None in told:
            group = demand.of.groups[told.index(None)]
            return f"{demand.required} approvals are needed, and who is of {group} isn't known"
        able.update(name.lower() for names in told if names for name in names)
    count = len(able.intersection(given))
    plural = "" if demand.required == 1 else "s"
    names = " and ".join(demand.of.names)
    return f"{count} of {demand.required} approval{plural} of {names}" if count < demand.required else ""
