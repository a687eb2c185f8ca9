"""Plans and outcomes as JSON for programs; `views` has the same as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.cli.actions import action_text, detail
from bot.plan import Action, AlreadyDone, Done, Outcome, Stale, Upkeep, Verdict
from bot.promotion import Companion, Given, Move

if TYPE_CHECKING:
    from bot.apply import StepResult
    from bot.cli import answers


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
    notes = list(outcome.notes) if isinstance(outcome, Done | AlreadyDone) else []
    return {"action": action, "outcome": type(outcome).__name__, "detail": detail(outcome), "notes": notes}
