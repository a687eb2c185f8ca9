"""The pure part: given what is known, either ask for more or say what is due and why not.

No I/O and no clock here; imports of adapters are refused by CI.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from bot.config import Config, EnvironmentConfig
from bot.decide.branch import branch_questions, read_branch
from bot.decide.companions import find_companions
from bot.decide.creation import create_missing
from bot.decide.environments import Snapshot, read_environments
from bot.decide.facts import Ask, Facts, Outside, Refusal, Unanswered
from bot.decide.moves import Hop, find_moves, hop_questions
from bot.decide.proposal import Proposal, fingerprint, propose
from bot.decide.text import Texts
from bot.errors import ExitCode, UsageError
from bot.plan import Plan, Standing, Verdict
from bot.promotion import Promotion, Unit
from bot.questions import Need

__all__ = ["EVERYTHING", "Facts", "Intent", "Texts", "decide"]

T = TypeVar("T")

# Stands for whatever an environment holds, where its repository could not be read at all.
EVERYTHING = Unit("*", ())


@dataclass(frozen=True)
class Intent:
    """What a command asks for. Empty `services` or `targets`: all of them."""

    services: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    automatic: bool = False
    reopen: bool = False


def decide(config: Config, texts: Texts, intent: Intent, facts: Facts) -> Need | Plan:
    """Say what is due, or what must be known before that can be said.

    Raises UsageError where the intent names a service that the source environments don't have.
    """
    ask = Ask(facts)
    results: list[Verdict | Unanswered] = []
    known: set[str] = set()
    for source, target in _hops(config, intent):
        read = partial(_read, ask, source, target, intent)
        snapshots = _attempt(read, EVERYTHING, target.name, intent)
        if isinstance(snapshots, (Verdict, Unanswered)):
            results.append(snapshots)
            known.update(intent.services)
            continue
        known.update(snapshots[0].manifests)
        for unit in _units(snapshots[0]):
            judge = partial(_judge, ask, config, texts, intent, unit, snapshots)
            results.append(_attempt(judge, unit, target.name, intent))
    questions = [question for result in results if isinstance(result, Unanswered) for question in result.questions]
    if questions:
        return Need(tuple(dict.fromkeys(questions)))
    verdicts = tuple(result for result in results if isinstance(result, Verdict))
    return _all_found(ask, config, intent, known) or Plan(verdicts)


def _attempt(judge: Callable[[], T], unit: Unit, target: str, intent: Intent) -> T | Verdict | Unanswered:
    """What the judge says, or which questions it has, or the refusal as a verdict."""
    try:
        return judge()
    except Unanswered as need:
        return need
    except Outside as refusal:
        standing = Standing.BLOCKED if intent.services else Standing.OUTSIDE
        return Verdict(unit, target, standing, blocked=refusal.blocked)
    except Refusal as refusal:
        return Verdict(unit, target, Standing.BLOCKED, blocked=refusal.blocked)


def _hops(config: Config, intent: Intent) -> Iterator[tuple[EnvironmentConfig, EnvironmentConfig]]:
    for source, target in config.hops:
        if intent.targets and target.name not in intent.targets:
            continue
        if intent.automatic and target.promote != "auto":
            continue
        yield source, target


def _read(ask: Ask, source: EnvironmentConfig, target: EnvironmentConfig, intent: Intent) -> tuple[Snapshot, ...]:
    """Both environments. One without any service is a mistake in its patterns, not a company with nothing to do."""
    snapshots = read_environments(ask, (source, target), intent.services)
    for snapshot in snapshots:
        if not intent.services and not snapshot.manifests:
            environment = snapshot.environment
            raise Refusal(
                f"{', '.join(environment.paths)} matches no file of {environment.repository.repository} "
                f"at {environment.repository.branch}",
                f"correct `paths` of environment {environment.name}",
                ExitCode.USAGE,
            )
    return snapshots


def _units(source: Snapshot) -> Iterator[Unit]:
    for service in source.manifests:
        yield Unit(service, (service,))


def _judge(
    ask: Ask, config: Config, texts: Texts, intent: Intent, unit: Unit, snapshots: tuple[Snapshot, ...]
) -> Verdict:
    source, target = snapshots
    missing = [service for service in unit.services if service not in target.manifests]
    creation = None
    if missing and target.environment.when_missing == "copy":
        target, creation = create_missing(ask, source, target, unit)
    elif missing:
        paths = ", ".join(path.replace("{service}", missing[0]) for path in target.environment.paths)
        raise Outside(
            f"{missing[0]} has no manifest in {target.environment.name}: {target.rev.repository} has no {paths}",
            "add the manifest first, or let `when_missing: copy` make a draft of it",
        )
    _refuse_odd_ones(unit, source, target)
    hops = [Hop(config, source, target, service) for service in unit.services]
    ask.together(*branch_questions(target, unit), *(question for hop in hops for question in hop_questions(hop)))
    branch = read_branch(ask, target, unit, config.author)
    moves = tuple(move for hop in hops for move in find_moves(ask, hop, branch.ours))
    companions = tuple(companion for hop in hops for companion in find_companions(hop))
    mark = fingerprint(unit, target.environment.name, moves, companions)
    created = tuple(copy.path for copy in creation.copies) if creation else ()
    promotion = Promotion(unit, target.environment.name, moves, mark, companions, created)
    return propose(ask, Proposal(source, target, promotion, branch, config.author, texts, intent.reopen, creation))


def _refuse_odd_ones(unit: Unit, source: Snapshot, target: Snapshot) -> None:
    # What git-check-ref-format(1) forbids of what a service may be called; one such name must not hold the others.
    if ".." in unit.name or unit.name.endswith(".lock"):
        raise Refusal(f"{unit.name} can't be part of a branch's name", "call the service otherwise", ExitCode.MANIFEST)
    for service in unit.services:
        ends = [{manifest.file.path for manifest in snapshot.manifests[service]} for snapshot in (source, target)]
        shared = set.intersection(*ends) if source.rev == target.rev else set()
        if shared:
            names = f"{source.environment.name} and {target.environment.name}"
            raise Refusal(
                f"{min(shared)} describes {service} in both {names}, so nothing can be promoted between them",
                "give each environment a manifest of its own, and correct `paths`",
                ExitCode.USAGE,
            )


def _all_found(ask: Ask, config: Config, intent: Intent, known: set[str]) -> Need | None:
    """Refuse a service that nobody has; to say what was probably meant, every service's name is needed."""
    unknown = [service for service in intent.services if service not in known]
    if not unknown:
        return None
    try:
        sources = list(dict.fromkeys(source for source, _ in _hops(config, intent)))
        names = {name for snapshot in read_environments(ask, sources, ()) for name in snapshot.manifests}
    except Unanswered as need:
        return Need(need.questions)
    except Refusal:
        names = set()
    near = difflib.get_close_matches(unknown[0], sorted(names), n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(names)) or 'none'}"
    raise UsageError(f"no source environment has a service named {unknown[0]}", hint=hint)
