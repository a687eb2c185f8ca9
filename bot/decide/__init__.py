"""The pure part: given what is known, either ask for more or say what is due and why not.

No I/O and no clock here; imports of adapters are refused by CI.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bot.config import Config, EnvironmentConfig
from bot.decide.branch import branch_name, open_request, open_requests_of
from bot.decide.environments import read_environments
from bot.decide.facts import Ask, Facts, Forbidden, Outside, Refusal, Unanswered
from bot.decide.gaps import find_gaps
from bot.decide.judged import Wanted, Where
from bot.decide.judging import Case, judge, must_be_allowed
from bot.decide.limits import within_limits
from bot.decide.orders import Orders
from bot.decide.reviewed import is_outdated, reviewed
from bot.decide.text import Texts
from bot.decide.units import Reach, find_units, find_wanted, read_reach, refuse_taken
from bot.decide.upkeep import EVERYTHING, find_upkeep
from bot.errors import ExitCode, UsageError
from bot.plan import (
    Action,
    CopyImage,
    MoveTag,
    Plan,
    SetStatus,
    Standing,
    Step,
    StepKey,
    UpdateRequest,
    Upkeep,
    Verdict,
)
from bot.promotion import Unit
from bot.questions import Holds, Need, Question, TagDigest
from bot.repositories import Repository

__all__ = ["EVERYTHING", "Facts", "Intent", "Orders", "Texts", "decide"]

# So many services are named of what there is.
_FEW = 20


@dataclass(frozen=True)
class Intent:
    """What a command asks for. Empty `services` (or groups) or `targets`: all of them.

    `together` names the one unit that all the services make up; `orders` are what was said by name for one of them.
    With `looking` the plan is for people to see, and what only a merge request's text would tell isn't asked.
    `failed` are the keys of steps that this pass has tried in vain.
    """

    services: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    automatic: bool = False
    reopen: bool = False
    together: str | None = None
    looking: bool = False
    orders: Orders = field(default_factory=Orders)
    failed: frozenset[StepKey] = frozenset()


@dataclass(frozen=True)
class _Pass:
    """What holds for all of it."""

    config: Config
    texts: Texts
    intent: Intent
    now: datetime


@dataclass
class _Turn:
    """One look at everything: verdicts as far as they are known, questions where they aren't."""

    verdicts: list[Verdict]
    questions: list[Question[object]]
    # Every name that somebody may mean.
    known: set[str]
    # By its branch, why what is open of a promotion isn't to be merged; empty where no rule is against it.
    rules: dict[Where, str] = field(default_factory=dict)


def decide(config: Config, texts: Texts, intent: Intent, facts: Facts, now: datetime) -> Need | Plan:
    """Say what is due at the time `now`, or what must be known before that can be said.

    Raises UsageError where the intent names a service that the source environments don't have.
    """
    ask = Ask(facts)
    turn = _Turn([], [], set())
    for target in _targets(config, intent):
        _judge_target(ask, turn, _Pass(config, texts, intent, now), target)
    upkeep: tuple[Upkeep, ...] = ()
    _limit(ask, turn, config, intent)
    try:
        arriving = dict(_arriving(turn.verdicts))
        told = {(step.repository, step.branch) for verdict in turn.verdicts if (step := verdict.step) and _tells(step)}
        edits = dict(_edits(turn.verdicts))
        wanted = Wanted(intent.services, intent.targets, arriving, told, turn.rules, edits)
        upkeep = find_upkeep(ask, config, wanted)
    except Unanswered as need:
        turn.questions += need.questions
    if turn.questions:
        return Need(tuple(dict.fromkeys(turn.questions)))
    verdicts = tuple(_with_around(verdict, upkeep) for verdict in turn.verdicts)
    alone = tuple(item for item in upkeep if item.around is None)
    return _all_found(ask, config, intent, turn.known) or Plan(verdicts, alone)


def _limit(ask: Ask, turn: _Turn, config: Config, intent: Intent) -> None:
    """Once it is known how many would be opened; what waits brings no image that others could count on."""
    try:
        if not turn.questions:
            turn.verdicts = list(within_limits(ask, config, turn.verdicts, intent.failed))
    except Unanswered as need:
        turn.questions += need.questions


def _tells(step: Step) -> bool:
    return any(isinstance(action, SetStatus) for action in step.actions)


def _edits(verdicts: Iterable[Verdict]) -> Iterator[tuple[tuple[Repository, int], tuple[StepKey, UpdateRequest]]]:
    for step in (verdict.step for verdict in verdicts if verdict.step is not None):
        edits = (action for action in step.actions if isinstance(action, UpdateRequest))
        yield from (((edit.repository, edit.number), (step.key, edit)) for edit in edits)


def _arriving(verdicts: Iterable[Verdict]) -> Iterator[tuple[Question[Any], StepKey]]:
    """The questions whose answers change when the verdicts' steps are done, with the steps' keys."""
    for step in (verdict.step for verdict in verdicts if verdict.step is not None):
        for action in step.actions:
            if isinstance(action, CopyImage):
                yield Holds(action.destination, action.digest), step.key
                if action.tag is not None:
                    yield TagDigest(action.destination, action.tag), step.key
            elif isinstance(action, MoveTag):
                yield TagDigest(action.location, action.tag), step.key


def _with_around(verdict: Verdict, upkeep: Iterable[Upkeep]) -> Verdict:
    """The verdict, whose step says of merge requests what is so before and after it."""
    for item in upkeep:
        if verdict.step is not None and item.step is not None and item.around == verdict.step.key:
            actions = _together(item.step.actions, verdict.step.actions)
            verdict = replace(verdict, step=replace(verdict.step, actions=actions))
    return verdict


def _together(around: Sequence[Action], actions: Sequence[Action]) -> tuple[Action, ...]:
    """What a step does, and what is said around it; of two edits of a text, the one that knows of the other."""
    for index, edit in enumerate(around):
        if isinstance(edit, UpdateRequest):
            mine = (edit if isinstance(action, UpdateRequest) else action for action in actions)
            return (*around[:index], *mine, *around[index + 1 :])
    *before, after = around
    return (*before, *actions, after)


def _judge_target(ask: Ask, turn: _Turn, given: _Pass, target: EnvironmentConfig) -> None:
    config, intent = given.config, given.intent
    # Of what nobody names there is nothing to say but whether what is open of it may still be merged.
    unasked = intent.automatic and not config.may_be_automatic(target)
    try:
        if unasked and not open_requests_of(ask, target):
            return
        reach = read_reach(ask, config, target, _to_read(config, intent))
    except Unanswered as need:
        turn.questions += need.questions
        turn.known.update(intent.services)
    except Refusal as refusal:
        turn.verdicts += () if unasked else (_refused(EVERYTHING, target, refusal, intent),)
        turn.known.update(intent.services)
    else:
        turn.known.update(reach.sources, filter(None, map(config.group, reach.sources)))
        _judge_all(ask, turn, given, reach)
        if not unasked:
            _tell_gaps(ask, turn, config, intent, reach)


def _judge_all(ask: Ask, turn: _Turn, given: _Pass, reach: Reach) -> None:
    config, intent, target = given.config, given.intent, reach.target.environment
    misnamed = config.misnamed(reach.sources.keys())
    for unit in _units(config, intent, reach):
        case = Case(config, given.texts, unit, reach.target, reach.sources, given.now, intent.reopen, intent.orders)
        manual = frozenset(_unasked(config, intent, target, unit))
        case = replace(case, manual=manual, looking=intent.looking)
        try:
            if manual.issuperset(unit.services):
                turn.rules |= _rules(ask, reach, replace(case, manual=frozenset()))
            else:
                _judge_unit(ask, turn, given, reach, case, misnamed)
        except Unanswered as need:
            turn.questions += need.questions


def _judge_unit(ask: Ask, turn: _Turn, given: _Pass, reach: Reach, case: Case, misnamed: Collection[str]) -> None:
    target, unit = reach.target.environment, case.unit
    try:
        _refuse_misnamed(unit, misnamed)
        refuse_taken(given.config, reach, unit)
        turn.verdicts += judge(ask, case)
        turn.rules[reach.target.rev.repository, branch_name(target, unit)] = ""
    except Refusal as refusal:
        verdict = reviewed(ask, given.config, reach, refusal, _refused(unit, target, refusal, given.intent))
        turn.rules |= _rules_by(reach, verdict)
        turn.verdicts.append(verdict)


def _rules(ask: Ask, reach: Reach, case: Case) -> Mapping[Where, str]:
    """What the rules say of what is open of a unit that nobody names: they hold for that, too."""
    target = reach.target.environment
    branch = branch_name(target, case.unit)
    try:
        request = open_request(ask, reach.target, branch)
        if request is None:
            return {}
        must_be_allowed(ask, case)
        if is_outdated(ask, case.config, reach, case.unit, request):
            return {}  # what is allowed isn't what is open
    except Forbidden as refusal:
        verdict = _refused(case.unit, target, refusal, Intent())
        return _rules_by(reach, reviewed(ask, case.config, reach, refusal, verdict))
    except Refusal:
        return {}
    return {(reach.target.rev.repository, branch): ""}


def _rules_by(reach: Reach, verdict: Verdict) -> Mapping[Where, str]:
    if verdict.request is None or not verdict.forbidden:
        return {}
    return {(reach.target.rev.repository, verdict.request.source_branch): verdict.forbidden}


def _tell_gaps(ask: Ask, turn: _Turn, config: Config, intent: Intent, reach: Reach) -> None:
    """Of services that come from nowhere, though they are further up."""
    try:
        for gap in find_gaps(ask, config, reach, intent.services):
            turn.known.update({gap.service, config.group(gap.service) or gap.service})
            unit = Unit(gap.service, (gap.service,))
            verdict = _refused(unit, reach.target.environment, gap.refusal, intent)
            turn.verdicts.append(replace(verdict, note=gap.refusal.blocked.reason))
    except Unanswered as need:
        turn.questions += need.questions
        turn.known.update(intent.services)


def _units(config: Config, intent: Intent, reach: Reach) -> Iterator[Unit]:
    if intent.services:
        return find_wanted(config, reach, intent.services, intent.together)
    return find_units(config, reach)


def _refused(unit: Unit, target: EnvironmentConfig, refusal: Refusal, intent: Intent) -> Verdict:
    outside = isinstance(refusal, Outside) and not intent.services
    return Verdict(unit, target.name, Standing.OUTSIDE if outside else Standing.BLOCKED, blocked=refusal.blocked)


def _targets(config: Config, intent: Intent) -> Iterator[EnvironmentConfig]:
    for target in config.targets:
        if not intent.targets or target.name in intent.targets:
            yield target


def _to_read(config: Config, intent: Intent) -> tuple[str, ...]:
    """The services whose manifests are read; none: all, as who names one of a group means the others too."""
    return () if any(rule.group for rule in config.services) else intent.services


def _refuse_misnamed(unit: Unit, misnamed: Collection[str]) -> None:
    if unit.name in misnamed:
        raise Refusal(
            f"{unit.name} is the name of a group and of a service outside that group, so it isn't known which is meant",
            f"in `services`, rename the group, or let its `match` include service {unit.name}",
            ExitCode.USAGE,
        )


def _unasked(config: Config, intent: Intent, target: EnvironmentConfig, unit: Unit) -> Iterator[str]:
    """The services of a unit that don't go where nobody names them."""
    if intent.automatic:
        yield from (one for one in unit.services if config.settings(target.name, one).promote == "manual")


def _all_found(ask: Ask, config: Config, intent: Intent, known: set[str]) -> Need | None:
    """Refuse a service that nobody has; to say what was probably meant, every service's name is needed."""
    unknown = [service for service in intent.services if service not in known]
    if not unknown:
        return None
    sources = {env.name: env for target in _targets(config, intent) for env in config.upstream(target)}
    try:
        snapshots = read_environments(ask, config, list(sources.values()), ())
        names = {name for snapshot in snapshots for name in snapshot.manifests}
    except Unanswered as need:
        return Need(need.questions)
    except Refusal:
        names = set()
    raise UsageError(
        f"no source environment has a service named {unknown[0]} (sources are {', '.join(sources)})",
        hint=_instead(unknown[0], sorted(names), list(sources.values())),
    )


def _instead(name: str, names: Sequence[str], sources: Sequence[EnvironmentConfig]) -> str:
    """What was probably meant; where nothing is there at all, where it was looked for."""
    if near := difflib.get_close_matches(name, names, n=1):
        return f"did you mean {near[0]}?"
    if not names:
        paths = ", ".join(path for source in sources for path in source.paths)
        return f"no file matches their `paths` ({paths}): correct them; `promobot check` tells what comes near"
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return f"there are {', '.join(names[:_FEW])}{more}"
