"""One pass: decide, observe until it can be decided, apply, and decide again what became stale."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TypeAlias, TypeVar

from bot.apply import StepResult, Watch, apply
from bot.decide import EVERYTHING, Facts, Intent, Texts, decide
from bot.decide.approving import Assurance, of_environments
from bot.decide.coverage import Coverage, cover
from bot.decide.survey import survey, with_presence
from bot.errors import BotError, ConflictError, ExitCode
from bot.observe import observe
from bot.plan import Failed, Plan, Refused, Stale, Standing, StepKey, Upkeep, Verdict
from bot.promotion import Deployed
from bot.questions import Need
from bot.world import World

T = TypeVar("T")

# Each round of questions depends on the answers before. Some 30 follow one another where a unit has everything that can
# be asked about; a decision that asks for more is a bug, not patience.
ROUNDS = 60
_ATTEMPTS = 4

# Failures first, then what a person or a policy has to settle, then work that is merely due.
_RANK = (
    ExitCode.UNEXPECTED,
    ExitCode.USAGE,
    ExitCode.REGISTRY,
    ExitCode.FORGE,
    ExitCode.GIT,
    ExitCode.MANIFEST,
    ExitCode.CONFLICT,
    ExitCode.BLOCKED,
    ExitCode.DUE,
    ExitCode.DONE,
)


@dataclass(frozen=True)
class Pass:
    """What one pass decided, the last word on each unit, and what came of each step in the end."""

    plan: Plan
    results: tuple[StepResult, ...] = ()


def look(world: World, texts: Texts, intent: Intent, *, now: datetime) -> Plan:
    """Decide, without touching anything."""
    return settle(world, partial(decide, world.config, texts, replace(intent, looking=True), now=now))


def settle(world: World, think: Callable[[Facts], Need | T]) -> T:
    """What a pure function says once it knows enough, without touching anything."""
    return _settle(world, think, Facts())[0]


def look_around(world: World) -> tuple[Deployed, ...]:
    """What every environment runs, as its manifests say."""
    return _settle(world, partial(survey, world.config), Facts())[0]


def look_over(world: World) -> tuple[tuple[Deployed, ...], Coverage]:
    """What every environment runs, and what of the configuration finds nothing or too much."""
    deployed, facts = _settle(world, partial(survey, world.config), Facts())
    return deployed, _settle(world, partial(cover, world.config), facts)[0]


def look_at_approvals(world: World, deployed: Iterable[Deployed]) -> tuple[tuple[str, Assurance], ...]:
    """What on the forges makes sure of each environment's approvals, by the environment's name."""
    return _settle(world, partial(of_environments, world.config, tuple(deployed)), Facts())[0]


def look_at_all(world: World, texts: Texts, *, now: datetime) -> tuple[tuple[Deployed, ...], Plan]:
    """What every environment runs and how everything stands, from one set of facts."""

    def think(facts: Facts) -> Need | tuple[tuple[Deployed, ...], Plan]:
        """Both ask in the same rounds."""
        told, planned = survey(world.config, facts), decide(world.config, texts, Intent(looking=True), facts, now)
        if isinstance(told, Need) or isinstance(planned, Need):
            needs = [each for each in (told, planned) if isinstance(each, Need)]
            return Need(tuple(dict.fromkeys(question for need in needs for question in need.questions)))
        return told, planned

    (deployed, plan), facts = _settle(world, think, Facts())
    return tuple(with_presence(world.config, deployed, facts)), plan


def run(world: World, texts: Texts, intent: Intent, *, clock: Callable[[], datetime], watch: Watch) -> Pass:
    """Decide and act. A step whose world moved is decided again, at most three times.

    So is what waits for an open merge request fewer, where one could not be opened.
    """

    def think(facts: Facts, now: datetime, failed: frozenset[StepKey]) -> Need | Plan:
        return decide(world.config, texts, replace(intent, failed=failed), facts, now)

    return carry_out(world, think, clock=clock, watch=watch)


# What is to be done at a time, given the steps that were tried in vain.
Think: TypeAlias = Callable[[Facts, datetime, frozenset[StepKey]], Need | Plan]


def carry_out(world: World, think: Think, *, clock: Callable[[], datetime], watch: Watch) -> Pass:
    """Decide by `think` and act, as `run` does."""
    failed = frozenset[StepKey]()
    plan, facts = _settle(world, _at(clock(), failed, think), Facts())
    steps = plan.steps
    results: dict[StepKey, StepResult] = {}
    for _ in range(_ATTEMPTS):
        done = apply(steps, world, now=clock(), watch=watch)
        results.update({result.step.key: result for result in done})
        stale = {result.step.key for result in done if result.stale}
        vain = {result.step.key for result in done if result.opens_nothing}
        failed |= vain
        queued = {_name(verdict) for verdict in plan.verdicts if verdict.queued}
        if not stale and not (vain and queued):
            break
        again, facts = _settle(world, _at(clock(), failed, think), facts.lasting())
        plan = Plan(tuple(_revised(plan, again, stale)), tuple(_revised_upkeep(plan, again, stale)))
        moved_up = {verdict.step.key for verdict in again.verdicts if verdict.step and _name(verdict) in queued}
        steps = tuple(step for step in again.steps if step.key in stale | moved_up)
        for key in stale - {step.key for step in steps}:
            del results[key]  # somebody else did it, it is no longer due, or the plan says what is against it now
    return Pass(plan, tuple(map(_given_up, results.values())))


def _name(verdict: Verdict) -> tuple[str, str]:
    return verdict.target, verdict.unit.name


def _at(now: datetime, failed: frozenset[StepKey], think: Think) -> Callable[[Facts], Need | Plan]:
    """What is thought at one moment, however many rounds of questions that takes."""
    return lambda facts: think(facts, now, failed)


def _given_up(result: StepResult) -> StepResult:
    """What is still stale isn't looked at again: that is a conflict with whoever keeps changing things."""
    last = result.outcomes[-1]
    if not isinstance(last, Stale):
        return result
    error = ConflictError(
        f"{last.reason}, at each of {_ATTEMPTS} tries", hint="run again once others have stopped changing it"
    )
    action = result.step.actions[len(result.outcomes) - 1]
    return replace(result, outcomes=(*result.outcomes[:-1], Failed(action, error)))


def _revised(plan: Plan, again: Plan, stale: Collection[StepKey]) -> Iterator[Verdict]:
    """The plan's verdicts, those on what became stale or waits as they are now; none where the service is gone."""
    newer = {_name(verdict): verdict for verdict in again.verdicts}
    for verdict in plan.verdicts:
        if not verdict.queued and (verdict.step is None or verdict.step.key not in stale):
            yield verdict
        elif found := newer.get(_name(verdict)) or newer.get((verdict.target, EVERYTHING.name)):
            yield found


def _revised_upkeep(plan: Plan, again: Plan, stale: Collection[StepKey]) -> Iterator[Upkeep]:
    """The same for what is due beside promotions."""
    settled = [item for item in plan.upkeep if item.step is None or item.step.key not in stale]
    newer = (item for item in again.upkeep if item.step is None or item.step.key in stale)
    yield from dict.fromkeys((*settled, *newer))


def _settle(world: World, think: Callable[[Facts], Need | T], facts: Facts) -> tuple[T, Facts]:
    """Answer what a pure function asks until it knows enough, and return what it says with the facts it took."""
    for _ in range(ROUNDS):
        thought = think(facts)
        if not isinstance(thought, Need):
            return thought, facts
        facts = facts.learn(observe(world, thought.questions))
    raise BotError("the decision asks without end", hint="this is a bug in promobot, please report it")


def exit_code(outcome: Pass | Plan, *, blocked_is_fine: bool = False, due_is_news: bool = False) -> ExitCode:
    """The code that tells the worst of a pass: failures win over conflicts, conflicts over blocks, blocks over due."""
    plan, results = (outcome.plan, outcome.results) if isinstance(outcome, Pass) else (outcome, ())
    decided, done = set(_of_plan(plan, due_is_news=due_is_news)), set(_of_results(results))
    if blocked_is_fine:
        decided -= {ExitCode.BLOCKED, ExitCode.CONFLICT}
        done -= {ExitCode.BLOCKED}
    return worst(decided | done)


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """The code that wins; DONE where there is none."""
    return min({*codes, ExitCode.DONE}, key=_RANK.index)


def _of_results(results: Iterable[StepResult]) -> Iterator[ExitCode]:
    for result in results:
        match result.outcomes[-1]:
            case Failed(_, error):
                yield error.exit_code
            case Refused(_, _, code):
                yield code
            case _:
                pass


def _of_plan(plan: Plan, *, due_is_news: bool) -> Iterator[ExitCode]:
    for verdict in plan.verdicts:
        if verdict.standing is Standing.BLOCKED and verdict.blocked is not None:
            yield verdict.blocked.code
        if verdict.step is not None and due_is_news:
            yield ExitCode.DUE
    for item in plan.upkeep:
        if item.blocked is not None:
            yield item.blocked.code
        if item.step is not None and due_is_news:
            yield ExitCode.DUE
