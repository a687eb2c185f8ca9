"""Judges one unit on its way into one environment: what is due for it, or why not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from bot.config import Config
from bot.decide.branch import branch_name, branch_questions, has_none_open, open_request, read_branch
from bot.decide.cautions import warnings
from bot.decide.companions import find_companions
from bot.decide.creation import Creation, create_missing
from bot.decide.environments import Snapshot
from bot.decide.facts import Ask, Forbidden, NotKnown, Outside, Refusal, Unanswered, asked_by, for_each
from bot.decide.moves import find_moves, hop_questions, questions_ahead
from bot.decide.objections import fingerprints
from bot.decide.orders import Orders
from bot.decide.pairing import Hop
from bot.decide.proposal import examine, propose
from bot.decide.proposed import Proposal
from bot.decide.soak import Soaked, must_have_soaked, passed_over
from bot.decide.text import Texts
from bot.decide.together import by_name
from bot.decide.trailers import PROMOTED_IMAGE, recorded, records
from bot.errors import ExitCode
from bot.plan import Standing, Verdict
from bot.promotion import Move, Promotion, Unit
from bot.questions import Question
from bot.repositories import Commit, MergeRequest

T = TypeVar("T")


@dataclass(frozen=True)
class Case:
    """A unit, the target as it is, and for each of its services the environments that it comes from.

    `manual` are those of its services that nobody named and that don't go by themselves. `looking`: nothing is done.
    """

    config: Config
    texts: Texts
    unit: Unit
    target: Snapshot
    sources: Mapping[str, tuple[Snapshot, ...]]
    now: datetime
    reopen: bool = False
    orders: Orders = field(default_factory=Orders)
    manual: frozenset[str] = frozenset()
    looking: bool = False

    def of(self, *services: str) -> Case:
        """The same for some of the services, under the same name."""
        return replace(self, unit=replace(self.unit, services=services))


def judge(ask: Ask, case: Case) -> tuple[Verdict, ...]:
    """The unit's verdict, and one for each service that can't go with the others of its group.

    Raises Refusal where all of it is refused.
    """
    kept = _kept(ask, case)
    case = case.of(*(service for service in case.unit.services if service not in case.manual or service in kept))
    if len(case.unit.services) == 1:
        return (_propose(ask, case),)
    held = _held(ask, case)
    _hold_all(ask, case, held, kept)
    for_each(kept - held.keys(), lambda service: _must_be_as_proposed(ask, case, service))
    together = _propose(ask, case.of(*(service for service in case.unit.services if service not in held)))
    return (together, *(_left_out(case, service, refusal) for service, refusal in held.items()))


def must_be_allowed(ask: Ask, case: Case) -> None:
    """Raise Refusal where `judge` would, whoever asks for it; what a text would tell isn't asked."""
    if len(case.unit.services) == 1:
        _with_proposal(ask, case, examine)
    else:
        _hold_all(ask, case, _held(ask, case), frozenset())


def _left_out(case: Case, service: str, refusal: Refusal) -> Verdict:
    # Who names services to go together is told of each that doesn't.
    outside = isinstance(refusal, Outside) and not case.unit.chosen
    standing = Standing.OUTSIDE if outside else Standing.BLOCKED
    return Verdict(Unit(service, (service,)), case.target.environment.name, standing, blocked=refusal.blocked)


def _kept(ask: Ask, case: Case) -> frozenset[str]:
    """Those of the manual services that an open merge request proposes, since somebody named them: they stay in it."""
    if not case.manual or _request(ask, case) is None:
        return frozenset()
    ask.together(*branch_questions(ask, case.target, case.unit))
    return frozenset(service for service in sorted(case.manual) if _is_proposed(ask, case, service))


def _request(ask: Ask, case: Case) -> MergeRequest | None:
    return open_request(ask, case.target, branch_name(case.target.environment, case.unit))


def _must_be_as_proposed(ask: Ask, case: Case, service: str) -> None:
    """Refuse to make something else of what a person proposed by name."""
    promotion = _with_proposal(ask, case.of(service), lambda _, proposal: proposal.promotion)
    branch, request = read_branch(ask, case.target, case.unit, case.config.author), _request(ask, case)
    command = by_name(case.unit, case.target.environment.name)
    said = {text for commit in branch.ours[:1] for text in commit.trailer(PROMOTED_IMAGE)}
    for move in promotion.moves:
        if request and move.before != move.after and recorded(move) not in said:
            raise Refusal(
                f"{service} is `promote: manual`, and {move.origin.environment} now runs {_runs(move)}, which nobody "
                f"has promoted by name; !{request.number} proposes {service} too, so it isn't updated",
                f"`{command}` updates !{request.number}; or merge or close !{request.number}",
            )


def _hold_all(ask: Ask, case: Case, held: Mapping[str, Refusal], kept: Collection[str]) -> None:
    """Raise what holds the whole group: all of them, or one, see `_holds_the_others`."""
    blocked = {service: refusal for service, refusal in held.items() if not isinstance(refusal, Outside)}
    if len(held) == len(case.unit.services):
        raise next(iter(blocked.values()), next(iter(held.values())))
    for service, refusal in blocked.items():
        if service in kept or _holds_the_others(ask, case, service, refusal):
            why = refusal.blocked
            kind = NotKnown if isinstance(refusal, NotKnown) else Refusal
            if isinstance(refusal, Forbidden) and _is_proposed(ask, case, service):
                kind = Forbidden
            raise kind(f"{case.unit.name} waits for {service}: {why.reason}", why.remedy, why.code)


def _holds_the_others(ask: Ask, case: Case, service: str, refusal: Refusal) -> bool:
    """Where it is all or nothing; and where it is proposed already, as what isn't known takes nothing back."""
    group = case.config.groups.get(case.unit.name)
    if group is not None and group.all_or_nothing:
        return True
    return isinstance(refusal, NotKnown) and _is_proposed(ask, case, service)


def _is_proposed(ask: Ask, case: Case, service: str) -> bool:
    """Whether the unit's branch has any of the service's images."""
    branch = read_branch(ask, case.target, case.unit, case.config.author)
    proposed = {record.source.name for record in records(branch.ours[:1]).values()}
    fields = [field for manifest in case.sources[service][0].manifests[service] for field in manifest.fields]
    return any(field.image is not None and field.image.name in proposed for field in fields)


def _held(ask: Ask, case: Case) -> dict[str, Refusal]:
    """The services of a group that would be refused alone, each with its refusal."""
    held: dict[str, Refusal] = {}
    questions: list[Question[object]] = []
    for service in case.unit.services:
        try:
            _with_proposal(ask, case.of(service), examine)
        except Unanswered as need:
            questions += need.questions
        except Refusal as refusal:
            if refusal.blocked.code is not ExitCode.CONFLICT:
                held[service] = refusal
    if questions:
        raise Unanswered([*questions, *asked_by(lambda: _propose(ask, case))])
    return held


def _propose(ask: Ask, case: Case) -> Verdict:
    return _with_proposal(ask, case, propose)


def _with_proposal(ask: Ask, case: Case, think: Callable[[Ask, Proposal], T]) -> T:
    """What is thought of what the case comes to. Raises Refusal where it comes to nothing."""
    unit = case.unit
    _refuse_odd_name(unit)
    target, creation = _with_missing(ask, case)
    orders = case.orders.beside(unit)
    hops = {
        service: [Hop(case.config, s, target, service, orders) for s in case.sources[service]]
        for service in unit.services
    }
    every = [hop for of_service in hops.values() for hop in of_service]
    for hop in every:
        _refuse_shared_file(hop)
    of_hops = (question for hop in every for question in hop_questions(ask, hop))
    ahead = questions_ahead(ask, every) if creation is None and has_none_open(ask, target, unit) else ()
    ask.together(*branch_questions(ask, target, unit), *of_hops, *ahead)
    branch = read_branch(ask, target, unit, case.config.author)
    agreed = for_each(hops.values(), lambda of_service: _agreed(ask, of_service, branch.ours, case.now))
    moves = tuple(move for of_service, _ in agreed for move in of_service)
    soaked = tuple(each for _, of_service in agreed for each in of_service)
    companions = tuple(companion for first, *_ in hops.values() for companion in find_companions(ask, first))
    created = tuple(copy.path for copy in creation.copies) if creation else ()
    marks = fingerprints(target.environment.name, moves, companions, created)
    told = (*warnings(target.environment.name, moves), *passed_over(hops, moves))
    promotion = Promotion(unit, target.environment.name, moves, marks, companions, created, told)
    sources = {service: case.sources[service][0] for service in unit.services}
    given = (case.config, case.texts, case.reopen, creation, soaked, case.looking)
    return think(ask, Proposal(sources, target, promotion, branch, *given))


def _with_missing(ask: Ask, case: Case) -> tuple[Snapshot, Creation | None]:
    """The target, with what is to be made for services that it lacks."""
    missing = [service for service in case.unit.services if service not in case.target.manifests]
    for service in missing:
        if case.config.settings(case.target.environment.name, service).when_missing is None:
            raise _lacks(case, service)
    if not missing:
        return case.target, None
    return create_missing(ask, case.config, {service: case.sources[service][0] for service in missing}, case.target)


def _lacks(case: Case, service: str) -> Outside:
    environment = case.target.environment
    name = case.config.name_of(service, environment.name)
    paths = ", ".join(path.replace("{service}", name) for path in environment.paths)
    return Outside(
        f"{service} has no manifest in {environment.name}: {case.target.rev.repository} has no {paths}",
        f"add the manifest, correct `paths` of environment {environment.name}, or set `when_missing: copy` there to "
        "have a draft proposed",
    )


def _agreed(
    ask: Ask, hops: list[Hop], claim: tuple[Commit, ...], now: datetime
) -> tuple[tuple[Move, ...], list[Soaked]]:
    """The moves from the first source, which all the others run too, and how they soaked in each.

    Raises Refusal while they differ, or soak.
    """
    moves = for_each(hops, lambda hop: find_moves(ask, hop, claim))
    for other in moves[1:]:
        theirs = {(move.destination, move.tag): move for move in other}
        for move in moves[0]:
            found = theirs.get((move.destination, move.tag))
            if found is None or found.digest != move.digest:
                raise Refusal(
                    f"{move.origin.environment} runs {_runs(move)}, but {other[0].origin.environment} "
                    + (f"runs {_runs(found)}" if found else f"runs {', '.join(map(_runs, other))}"),
                    f"{hops[0].target.environment.name} gets what all environments before it run: deploy the same "
                    "image to each",
                )
    soaked = for_each(zip(hops, moves, strict=True), lambda way: must_have_soaked(ask, *way, now))
    return moves[0], [each for each in soaked if each is not None]


def _runs(move: Move) -> str:
    return f"{move.service} {move.origin.image.tag} ({move.digest.short})"


def _refuse_odd_name(unit: Unit) -> None:
    # What git-check-ref-format(1) forbids of what a service may be called; one such name must not hold the others.
    if ".." in unit.name or unit.name.endswith(".lock"):
        raise Refusal(
            f"{unit.name} can't be part of a branch's name, as Git forbids `..` and `.lock` at its end",
            "rename the service",
            ExitCode.MANIFEST,
        )


def _refuse_shared_file(hop: Hop) -> None:
    ends = [{manifest.file.path for manifest in end.manifests[hop.service]} for end in (hop.source, hop.target)]
    shared = set.intersection(*ends) if hop.source.rev == hop.target.rev else set()
    if shared:
        names = f"{hop.source.environment.name} and {hop.target.environment.name}"
        raise Refusal(
            f"{min(shared)} is the manifest of {hop.service} in both {names}, so nothing can be promoted between them",
            "give each environment a manifest of its own, and correct `paths`",
            ExitCode.USAGE,
        )
