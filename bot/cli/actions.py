"""Actions and what came of them as text for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from rich.text import Text

from bot.cli.views import link
from bot.cli.visible import without_comments
from bot.plan import (
    AboutRequest,
    Action,
    AlreadyDone,
    CloseRequest,
    CopyImage,
    DeleteBranch,
    Done,
    Failed,
    HoldMerge,
    Merge,
    MoveTag,
    OpenRequest,
    Outcome,
    PushBranch,
    Refused,
    SetNote,
    SetStatus,
    Stale,
    UpdateRequest,
)


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
        case SetStatus(branch=branch, status=status, queued=queued):
            where = f"!{queued} in the merge queue" if queued else branch
            return f"set the status on {where}: {status.state.value}, {status.description}"
        case OpenRequest() | UpdateRequest() | SetNote() | CloseRequest() | Merge() | HoldMerge():
            return _request_text(action)
        case _:
            assert_never(action)


def _request_text(action: AboutRequest) -> str:
    match action:
        case OpenRequest(repository, draft):
            reviewers = f", for {', '.join(draft.reviewers.names)}" if draft.reviewers else ""
            kind = "draft merge request" if draft.draft else "merge request"
            return f"open {kind} in {repository.project}{reviewers}"
        case UpdateRequest(number=number):
            return f"update {'' if _is_seen(action) else 'the hidden marks of '}merge request !{number}"
        case SetNote(number=number, text=text):
            return f"note on merge request !{number}: {_first_sentences(text)}"
        case CloseRequest(number=number, reason=reason):
            return f"close merge request !{number}: {reason}"
        case Merge(number=number, head=head):
            return f"merge !{number} at {head[:12]}, now or as soon as the forge may"
        case HoldMerge(number=number):
            return f"let the forge no longer merge !{number} by itself"
        case _:
            assert_never(action)


def _first_sentences(text: str) -> str:
    """Of its first line, without one that leads to what comes below."""
    line, _, below = text.partition("\n")
    return f"{line.rpartition('. ')[0]}." if below and line.endswith(":") and ". " in line else line


def _is_seen(action: UpdateRequest) -> bool:
    """Whether people see anything of it, since a body has hidden marks too."""
    new, old = (action.title, action.body), action.seen
    return old is None or [*map(_plain, new)] != [*map(_plain, old)]


def _plain(text: str) -> str:
    return " ".join(without_comments(text).split())


def detail(outcome: Outcome) -> str:
    match outcome:
        case Done(_, detail) | AlreadyDone(_, detail):
            return detail
        case Stale(_, reason) | Refused(_, reason):
            return reason
        case Failed(_, error):
            return str(error)
        case _:
            assert_never(outcome)


def outcome_lines(outcome: Outcome) -> Iterator[Text]:
    """What came of an action, and below it what people may want to know."""
    match outcome:
        case Done(action, detail, notes) | AlreadyDone(action, detail, notes):
            done = ("✓ ", "green") if isinstance(outcome, Done) else ("= already done: ", "green")
            yield Text.assemble(done, action_text(action))
            if isinstance(action, OpenRequest | UpdateRequest) and detail:
                yield Text(f"  {link(action.repository.project, detail)}")
            yield from (Text(f"  ! {note}", style="yellow") for note in notes)
        case Stale(_, reason):
            yield Text(f"~ {reason}, looking again", style="yellow")
        case Refused(action, reason, _, advice):
            yield Text(f"✗ not done: {action_text(action)}", style="red")
            yield Text(f"  {reason}")
            if advice:
                yield Text(f"  → {advice}")
        case Failed(action, error):
            yield Text(f"✗ failed: {action_text(action)}", style="red")
            yield Text(f"  {error.message}")
            if error.hint:
                yield Text(f"  → {error.hint}")
        case _:
            assert_never(outcome)
