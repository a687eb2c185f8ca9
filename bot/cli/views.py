"""The same facts twice: as JSON for programs, as text for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, assert_never

from rich.text import Text

from bot.decide import EVERYTHING
from bot.decide.text import step
from bot.plan import (
    Action,
    AlreadyDone,
    CloseRequest,
    CopyImage,
    DeleteBranch,
    Done,
    Failed,
    MoveTag,
    OpenRequest,
    Outcome,
    PushBranch,
    Refused,
    SetStatus,
    Stale,
    Standing,
    UpdateRequest,
    Upkeep,
    Verdict,
)
from bot.promotion import Companion, Given, Move, Unit

if TYPE_CHECKING:
    from bot.apply import StepResult
    from bot.cli import answers

_MARKS = {
    Standing.CURRENT: ("=", "green"),
    Standing.PROPOSED: ("…", "cyan"),
    Standing.DUE: ("↑", "yellow"),
    Standing.BLOCKED: ("✗", "red"),
    Standing.OUTSIDE: ("–", "dim"),
}

# So many services of a group are named where there is but a line for it.
_FEW_SERVICES = 6
# Columns for the name of a unit, and the most that it gets.
_NAME = 16
_WIDE_NAME = 32


def mark(standing: Standing) -> Text:
    """One coloured character for how something stands; the colour is never the only sign."""
    return Text(*_MARKS[standing])


# --- JSON -----------------------------------------------------------------------------------------------


def verdict_data(verdict: Verdict) -> answers.Verdict:
    """A verdict as `plan -o json` prints it."""
    blocked = verdict.blocked
    return {
        "unit": verdict.unit.name,
        "services": list(verdict.unit.services),
        "target": verdict.target,
        "standing": verdict.standing.value,
        "moves": [move_data(move) for move in verdict.promotion.moves] if verdict.promotion else [],
        "created": list(verdict.promotion.created) if verdict.promotion else [],
        "warnings": list(verdict.promotion.warnings) if verdict.promotion else [],
        "companions": [companion_data(one) for one in verdict.promotion.companions] if verdict.promotion else [],
        "actions": [action_data(action) for action in verdict.step.actions] if verdict.step else [],
        "diff": verdict.step.diff if verdict.step else "",
        "merge_request": verdict.request.url if verdict.request else None,
        "outdated": verdict.outdated,
        "reason": blocked.reason if blocked else verdict.note,
        "remedy": blocked.remedy if blocked else "",
        "exit_code": int(blocked.code) if blocked else 0,
    }


def upkeep_data(item: Upkeep) -> answers.Upkeep:
    """What is due beside promotions, as `plan -o json` prints it."""
    blocked = item.blocked
    return {
        "unit": item.unit.name,
        "environment": item.environment,
        "actions": [action_data(action) for action in item.step.actions] if item.step else [],
        "reason": blocked.reason if blocked else "",
        "remedy": blocked.remedy if blocked else "",
        "exit_code": int(blocked.code) if blocked else 0,
    }


def move_data(move: Move) -> answers.Move:
    """A move: what the target names now, what it would name, and the digest with how it is known."""
    return {
        "service": move.service,
        "file": move.path,
        "pointer": move.pointer,
        "line": move.line,
        "before": str(move.before),
        "after": str(move.after),
        "tag": move.tag,
        "digest": str(move.digest),
        "proof": move.proof.name.lower(),
        "from": {
            "environment": move.origin.environment,
            "commit": move.origin.commit,
            "image": str(move.origin.image),
            "given": isinstance(move.origin, Given),
            "unproven": move.origin.unproven if isinstance(move.origin, Given) else "",
        },
        "allowed": list(move.allowed),
    }


def companion_data(companion: Companion) -> answers.Companion:
    """A scalar that is carried with the images: what the target says there now, and what it would say."""
    return {
        "file": companion.path,
        "pointer": companion.pointer,
        "before": companion.before,
        "after": companion.after,
        "from": companion.origin,
    }


def action_data(action: Action) -> answers.Action:
    """An action: its kind and the sentence that people read."""
    return {"action": type(action).__name__, "summary": action_text(action)}


def result_data(result: StepResult) -> answers.Result:
    """What came of a step."""
    return {
        "unit": result.step.unit.name,
        "target": result.step.target,
        "outcomes": [_outcome_data(outcome) for outcome in result.outcomes],
    }


def _outcome_data(outcome: Outcome) -> answers.Outcome:
    action = None if isinstance(outcome, Stale) else type(outcome.action).__name__
    return {"action": action, "outcome": type(outcome).__name__, "detail": _detail(outcome)}


def _detail(outcome: Outcome) -> str:
    match outcome:
        case Done(_, detail) | AlreadyDone(_, detail):
            return detail
        case Stale(_, reason) | Refused(_, reason, _):
            return reason
        case Failed(_, error):
            return str(error)
        case _:
            assert_never(outcome)


# --- text -----------------------------------------------------------------------------------------------


def unit_text(unit: Unit) -> str:
    """Its name and, where it has several services or one of another name, some of those."""
    if unit.services in {(), (unit.name,)}:
        return _name(unit)
    more = f" and {len(unit.services) - _FEW_SERVICES} more" if len(unit.services) > _FEW_SERVICES else ""
    return f"{unit.name} ({', '.join(unit.services[:_FEW_SERVICES])}{more})"


def _name(unit: Unit) -> str:
    return "every service" if unit == EVERYTHING else unit.name


def service_lines(verdict: Verdict) -> Iterator[Text]:
    """What becomes of each service of a unit that has several, and how many stay as they are."""
    promotion = verdict.promotion
    if promotion is None or len(verdict.unit.services) == 1:
        return
    versions: dict[str, dict[str, None]] = {}
    for move in promotion.moves:
        if move.before != move.after:
            versions.setdefault(move.service, {})[_version(move)] = None
    longest = max(map(len, versions), default=0)
    for service, steps in versions.items():
        yield Text(f"{service.ljust(longest)}   {', '.join(steps)}")
    if versions and len(versions) < len(verdict.unit.services):
        yield Text(f"{len(verdict.unit.services) - len(versions)} more stay as they are", style="dim")


def verdict_line(verdict: Verdict, width: int = _NAME) -> Text:
    """One line: mark, unit in so many columns, versions, how it stands."""
    return Text.assemble(heading(verdict, width), "  ", (_standing(verdict), _MARKS[verdict.standing][1]))


def heading(verdict: Verdict, width: int = _NAME) -> Text:
    """Mark, unit and versions."""
    return Text.assemble(mark(verdict.standing), f" {_name(verdict.unit):<{width}} {_versions(verdict)}")


def name_width(verdicts: Iterable[Verdict]) -> int:
    """How many columns units take where they stand below each other; one that is far too long has to stick out."""
    lengths = (len(_name(verdict.unit)) for verdict in verdicts)
    return max((length for length in lengths if length <= _WIDE_NAME), default=_NAME)


def _versions(verdict: Verdict) -> str:
    if verdict.promotion is None:
        return ""
    if len(verdict.unit.services) > 1:
        return f"{len(verdict.unit.services)} services"
    if verdict.promotion.created:
        return ", ".join(dict.fromkeys(f"new: {move.tag}" for move in verdict.promotion.moves))
    carried = (
        f"{c.pointer.rpartition('/')[2]} {c.before} → {c.after}"
        for c in verdict.promotion.companions
        if c.before != c.after
    )
    return ", ".join(dict.fromkeys([*(_version(move) for move in verdict.promotion.moves), *carried]))


def _version(move: Move) -> str:
    return move.tag if move.before == move.after else step(move)


def _standing(verdict: Verdict) -> str:
    if verdict.blocked is not None:
        return verdict.blocked.reason
    if verdict.standing is Standing.CURRENT and verdict.step is not None:
        return f"{verdict.standing.value}: {tidying(verdict)}"
    if verdict.request is not None and verdict.standing is not Standing.CURRENT:
        return f"{verdict.standing.value}: !{verdict.request.number}"
    return f"{verdict.standing.value}: {verdict.note}" if verdict.note else verdict.standing.value


def tidying(verdict: Verdict) -> str:
    """What is left over of a proposal that is no longer due."""
    return f"!{verdict.request.number} is no longer due" if verdict.request else "its branch is left over"


def under_review(verdict: Verdict) -> Iterator[Text]:
    """The open merge request of a unit that is blocked: people may be looking at it."""
    if verdict.blocked is not None and verdict.request is not None:
        said = verdict.outdated or f"!{verdict.request.number} is open"
        yield Text.assemble(("! ", "yellow"), said, (f"  {verdict.request.url}", "dim"))


def warnings(verdict: Verdict) -> Iterator[Text]:
    """What should be known before it is approved."""
    for warning in verdict.promotion.warnings if verdict.promotion else ():
        yield Text.assemble(("! ", "yellow"), warning)


def upkeep_line(item: Upkeep) -> Text:
    """One line: mark, unit, environment, and what stands against it."""
    standing = Standing.BLOCKED if item.blocked else Standing.DUE
    reason = f"  {item.blocked.reason}" if item.blocked else ""
    style = _MARKS[standing][1] if item.blocked else ""
    return Text.assemble(mark(standing), f" {_name(item.unit):<{_NAME}} in {item.environment}", (reason, style))


def way_out(item: Upkeep) -> str:
    """What to do about upkeep that is blocked."""
    return f"→ {item.blocked.remedy}" if item.blocked and item.blocked.remedy else ""


def remedy(verdict: Verdict) -> str:
    """What to do about a blocked verdict; empty where nothing is."""
    if verdict.blocked is None or verdict.standing is not Standing.BLOCKED or not verdict.blocked.remedy:
        return ""
    return f"→ {verdict.blocked.remedy}"


def action_text(action: Action) -> str:
    """What an action does, in the imperative."""
    match action:
        case PushBranch(branch=branch, files=files, expected=expected):
            verb = "push" if expected is None else "rebuild"
            return f"{verb} branch {branch} with {', '.join(change.path for change in files)}"
        case DeleteBranch(branch=branch):
            return f"delete branch {branch}"
        case CopyImage(source, digest, destination, tag):
            to = f"{destination.registry} as {tag}" if tag else destination.registry
            return f"copy {source.repository}@{digest.short} from {source.registry} to {to}"
        case MoveTag(location, tag, expected, digest):
            was = f" (was {expected.short})" if expected else " (new)"
            return f"move tag {tag} of {location.repository} in {location.registry} → {digest.short}{was}"
        case SetStatus(branch=branch, status=status):
            return f"set status promobot of {branch} to {status.state.value}: {status.description}"
        case OpenRequest() | UpdateRequest() | CloseRequest():
            return _request_text(action)
        case _:
            assert_never(action)


def _request_text(action: OpenRequest | UpdateRequest | CloseRequest) -> str:
    match action:
        case OpenRequest(repository, draft):
            reviewers = f", for {', '.join(draft.reviewers)}" if draft.reviewers else ""
            kind = "draft merge request" if draft.draft else "merge request"
            return f"open {kind} in {repository.project}{reviewers}"
        case UpdateRequest(number=number):
            return f"update merge request !{number}"
        case CloseRequest(number=number, reason=reason):
            return f"close merge request !{number}: {reason}"
        case _:
            assert_never(action)


def outcome_lines(outcome: Outcome) -> Iterator[Text]:
    """What came of an action, and below it what people may want to know."""
    match outcome:
        case Done(action, detail):
            yield Text.assemble(("✓ ", "green"), action_text(action))
            if isinstance(action, OpenRequest | UpdateRequest):
                yield Text(f"  {detail}")
        case AlreadyDone(action):
            yield Text.assemble(("= ", "green"), f"already done: {action_text(action)}")
        case Stale(_, reason):
            yield Text(f"~ {reason}, looking again", style="yellow")
        case Refused(action, reason, _):
            yield Text(f"✗ not done: {action_text(action)}", style="red")
            yield Text(f"  {reason}")
        case Failed(action, error):
            yield Text(f"✗ failed: {action_text(action)}", style="red")
            yield Text(f"  {error.message}")
            if error.hint:
                yield Text(f"  → {error.hint}")
        case _:
            assert_never(outcome)
