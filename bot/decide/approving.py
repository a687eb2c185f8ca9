"""Who approves: whom the configuration names, how many of them it wants, and what on the forge makes sure of that."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.config import Config, EnvironmentConfig, ForgeConfig
from bot.counting import counted
from bot.decide.changes import Change
from bot.decide.codeowners import Owned, owned
from bot.decide.environments import Snapshot, service_at
from bot.decide.facts import Ask, Facts, Unanswered, for_each
from bot.promotion import Deployed, Promotion, Unit
from bot.questions import Approvals, Files, Members, Need, Protection, Question, Status
from bot.repositories import (
    OWN_RULE,
    ApprovalRule,
    BranchProtection,
    MergeRequest,
    Repository,
    Rev,
    Reviewers,
    StatusState,
)

# What says so in a body that its status waits.
WAITS = "<!-- promobot-waits -->"
_OWNERS = "CODEOWNERS"


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
    """What on the forge makes sure of a demand: `by` names it, empty where nothing does, as far as that is `known`.

    `why` may say more then: what comes nearest, or why it isn't known.
    """

    demand: Demand
    by: str = ""
    why: str = ""
    known: bool = True

    @property
    def by_rule(self) -> bool:
        """Whether it is a rule of the forge's for approvals."""
        return self.by not in {"", _OWNERS}


@dataclass(frozen=True)
class Needed:
    """What becomes of what is demanded, and by `mentioned` what tells a group of a text by standing in it, in words of
    the configuration alone; others aren't told so. What is `shared` with other merge requests waits for these, too.
    """

    assured: tuple[Assurance, ...] = ()
    mentioned: tuple[tuple[str, str], ...] = ()
    shared: bool = False

    @property
    def mark(self) -> str:
        """What the body of a merge request has whose status waits, for who has to take that back."""
        return "" if all(one.by for one in self.assured) and not self.shared else f"{WAITS}\n"

    def is_said_in(self, body: str) -> bool:
        """Whether a body has the mark if there is something to wait for, and else hasn't."""
        return (WAITS in body) is bool(self.mark)

    def waits_no_more(self, ask: Ask, repository: Repository, request: MergeRequest | None) -> bool:
        """Whether the status of an open one waits, and nothing of that kind has to be waited for."""
        if request is None or not is_marked(request) or self.mark:
            return False
        # What it says stays where people have approved it.
        status = ask.perhaps(Status(repository, request.head, request.source_branch))
        return status is None or status.state is not StatusState.SUCCESS


def is_marked(request: MergeRequest) -> bool:
    """Whether it says that its status waits for what no later pass would look for, or did so."""
    return request.ours and WAITS in request.body


def demands(config: Config, target: str, services: Iterable[str]) -> tuple[Demand, ...]:
    """What the services of one merge request ask for, each once; those that name nobody ask for nothing."""
    asked = (config.settings(target, service).approvers for service in services)
    found = (Demand(one.required, Reviewers(one.groups, one.users), one.rule) for one in asked)
    return tuple(dict.fromkeys(demand for demand in found if demand.of))


def rules_of(demanded: Iterable[Demand]) -> tuple[ApprovalRule, ...]:
    """What a merge request is asked to have of its own."""
    asked = (demand for demand in demanded if demand.rule and demand.required)
    return tuple(ApprovalRule(f"{OWN_RULE}{' and '.join(one.of.names)}", one.required, one.of) for one in asked)


def reviewers_of(demanded: Sequence[Demand]) -> Reviewers:
    """Who is asked, each once."""
    groups = dict.fromkeys(group for demand in demanded for group in demand.of.groups)
    users = dict.fromkeys(user for demand in demanded for user in demand.of.users)
    return Reviewers(tuple(groups), tuple(users))


def assurances(
    ask: Ask,
    config: Config,
    rev: Rev,
    environment: EnvironmentConfig,
    places: Mapping[str, str],
    *,
    closely: bool = False,
) -> tuple[Assurance, ...]:
    """What becomes of what an environment demands, on its branch at `rev`, where these paths of these services change.

    Nothing is said where nobody has to approve, or where the forge knows no approvals. Where the forge's rules name
    nobody, they are looked at only by who looks `closely`; what isn't looked at isn't known.
    """
    asked = {service: _awaited(config, environment, (service,)) for service in dict.fromkeys(places.values())}
    wanted = tuple(dict.fromkeys(demand for each in asked.values() for demand in each))
    if not wanted:
        return ()
    forge = config.forges[environment.repository.forge]
    ask.together(*_questions(config, rev, environment))
    files = Files(rev, forge.codeowners)
    there = {file.path: file.content for file in ask.perhaps(files) or ()}
    first = next((there[path] for path in forge.codeowners if path in there), b"").decode(errors="replace")
    owners: dict[Demand, list[tuple[Owned, ...]]] = {one: [] for one in wanted}
    for path, service in sorted(places.items()):
        for one in asked[service]:
            owners[one].append(owned(first, path, sections=forge.type == "gitlab"))
    fitting = {one for one in wanted if _are_owners(owners[one], one, _called(forge, rev, one))}
    if not fitting and not forge.rules_name_people and not closely:
        return tuple(Assurance(demand, known=False) for demand in wanted)
    protection = ask.perhaps(_protection(rev, environment))
    if protection is None:
        return tuple(Assurance(demand, known=False) for demand in wanted)
    if protection.owners and (unread := ask.why_unknown(files)):
        protection = replace(protection, unknown=unread)
    return tuple(
        Assurance(one, _OWNERS)
        if protection.owners and one in fitting
        else _by_rules(one, protection, _called(forge, rev, one))
        for one in wanted
    )


def _awaited(config: Config, environment: EnvironmentConfig, services: Iterable[str]) -> tuple[Demand, ...]:
    knows = config.forges[environment.repository.forge].approves
    return tuple(one for one in demands(config, environment.name, services) if one.required and knows)


def _questions(config: Config, rev: Rev, environment: EnvironmentConfig) -> tuple[Question[Any], ...]:
    """Where no rule says who has to approve, what protects the branch matters only if owners of code would do."""
    forge = config.forges[environment.repository.forge]
    files = Files(rev, forge.codeowners)
    return (files, _protection(rev, environment)) if forge.rules_name_people else (files,)


def _protection(rev: Rev, environment: EnvironmentConfig) -> Protection:
    return Protection(rev.repository, environment.repository.branch)


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
    forge = config.forges[environment.repository.forge]
    mentions = {group: forge.mention(group) for group in reviewers_of(demanded).groups}
    return Needed(assured, tuple((group, mention) for group, mention in mentions.items() if mention))


def assured_of(
    ask: Ask, config: Config, rev: Rev, touched: Iterable[tuple[EnvironmentConfig, str]]
) -> tuple[Assurance, ...]:
    """The same for manifests that are changed, each with its environment, of those that live on one branch."""
    places: dict[str, dict[str, str]] = {}
    for environment, path in touched:
        if service := service_at(config, environment, path):
            places.setdefault(environment.name, {})[path] = service
    found = ((config.environment(name), services) for name, services in places.items())
    return tuple(one for environment, each in found for one in assurances(ask, config, rev, environment, each))


def of_environments(
    config: Config, deployed: Iterable[Deployed], facts: Facts
) -> Need | tuple[tuple[str, Assurance], ...]:
    """What becomes of what each environment demands of a change of what it runs; or what must be known for that."""
    ask, places = Ask(facts), dict[tuple[str, Rev], dict[str, str]]()
    for item in deployed:
        if item.ours and item.path and config.environment(item.environment).from_:
            places.setdefault((item.environment, item.rev), {})[item.path] = item.service

    def look(name: str, rev: Rev) -> list[tuple[str, Assurance]]:
        environment = config.environment(name)
        return [(name, one) for one in assurances(ask, config, rev, environment, places[name, rev], closely=True)]

    try:
        found = for_each(places, lambda each: look(*each))
    except Unanswered as need:
        return Need(tuple(dict.fromkeys(need.questions)))
    return tuple(one for each in found for one in each)


def _called(forge: ForgeConfig, rev: Rev, demand: Demand) -> frozenset[str]:
    """Groups and users by the names that rules have for them."""
    groups = (forge.group(rev.repository.project, group) for group in demand.of.groups)
    return frozenset(name.lower() for name in (*groups, *demand.of.users))


def _by_rules(demand: Demand, protection: BranchProtection, called: Collection[str]) -> Assurance:
    for rule in protection.rules:
        names = {name.lower() for name in rule.of.names}
        if names and names.issubset(called) and rule.required >= demand.required:
            return Assurance(demand, rule.name)
    return Assurance(demand, why=protection.unknown or _instead(protection.rules), known=not protection.unknown)


def _are_owners(owners: Iterable[Iterable[Owned]], demand: Demand, called: Collection[str]) -> bool:
    """Whether every path of services that ask for it is owned by approvers alone, so many of whom have to approve."""
    return all(any(one.owners.issubset(called) and one.required >= demand.required for one in each) for each in owners)


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

    Without one, nobody can have approved yet. What is `pushed` now may end older approvals: the next pass looks again.
    Who is of a group is asked only where somebody else than the users approves, and these aren't enough.
    """
    wanted = [each.demand for each in assured if not each.by]
    return unmet(ask, repository, wanted, None if pushed else request)


def unmet(ask: Ask, repository: Repository, wanted: Sequence[Demand], request: MergeRequest | None) -> str:
    """Which of these approvals a merge request lacks, whatever the forge asks for; empty where none is missing."""
    wanted = [demand for demand in wanted if demand.required]
    if not wanted:
        return ""
    given = _given(ask, repository, request) if request is not None else frozenset[str]()
    return "; ".join(filter(None, for_each(wanted, lambda demand: _lacking(ask, repository, demand, given))))


def _given(ask: Ask, repository: Repository, request: MergeRequest) -> frozenset[str]:
    """Who approves, by names in lower case. Nobody approves their own; what a push ended isn't told."""
    found = request.approvals
    if found is None:
        found = ask.maybe(Approvals(repository, request.number)) or ()
    return frozenset(name.lower() for name in found if name != request.author)


def _lacking(ask: Ask, repository: Repository, demand: Demand, given: Collection[str]) -> str:
    able = {user.lower() for user in demand.of.users}
    if not able.issuperset(given) and len(able.intersection(given)) < demand.required:
        groups = [Members(repository, group) for group in demand.of.groups]
        ask.together(*groups)
        told = [ask.perhaps(group) for group in groups]
        if None in told:
            group = demand.of.groups[told.index(None)]
            are = "is" if demand.required == 1 else "are"
            return f"{counted(demand.required, 'approval')} {are} needed, and who is of {group} isn't known"
        able.update(name.lower() for names in told if names for name in names)
    count = len(able.intersection(given))
    needed = f"{counted(demand.required, 'approval')} of {' and '.join(demand.of.names)}"
    return f"{count} of {needed}" if count < demand.required else ""
