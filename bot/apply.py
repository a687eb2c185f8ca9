"""Carries out a plan's steps. A step's actions run in their order; one that does not succeed ends that step only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias, assert_never

from bot.errors import BotError, ConflictError, ExitCode
from bot.forges import Forge, Made
from bot.git import LeaseLost, Pushed
from bot.observe import observe
from bot.parallel import in_parallel
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
    Step,
    UpdateRequest,
)
from bot.questions import Absent, Found, Unknown
from bot.registry import Progress, TagTakenError
from bot.repositories import Repository, Reviewers
from bot.world import World

# Copies dominate, and the registries at both ends are usually the same for all of them.
# Some more than the skopeos that run at a time, whose turns the requests before and after each then don't take.
_WORKERS = 16
# What is said about a merge request is about what its branch was seen to hold.
_ABOUT_REQUESTS = (OpenRequest, UpdateRequest, SetNote, CloseRequest, Merge, HoldMerge)


@dataclass(frozen=True)
class Started:
    """An action is about to touch the world."""

    step: Step
    action: Action


@dataclass(frozen=True)
class Ended:
    """An action has come to its outcome."""

    step: Step
    outcome: Outcome


@dataclass(frozen=True)
class Progressing:
    """A copy is under way; told a few times a second, between its action's beginning and end."""

    step: Step
    action: CopyImage
    progress: Progress


Event: TypeAlias = Started | Progressing | Ended
Watch: TypeAlias = Callable[[Event], None]


@dataclass(frozen=True)
class StepResult:
    """What came of a step, action by action; the last outcome says how it ended."""

    step: Step
    outcomes: tuple[Outcome, ...]

    @property
    def stale(self) -> bool:
        """Whether the world moved, so that this has to be decided again."""
        return any(isinstance(outcome, Stale) for outcome in self.outcomes)

    @property
    def opens_nothing(self) -> bool:
        """Whether it was to open a merge request and failed before."""
        done = (outcome.action for outcome in self.outcomes if isinstance(outcome, Done | AlreadyDone))
        opening = any(isinstance(action, OpenRequest) for action in self.step.actions)
        failed = isinstance(self.outcomes[-1], Failed | Refused)
        return failed and opening and not any(isinstance(action, OpenRequest) for action in done)


def apply(steps: Iterable[Step], world: World, *, now: datetime, watch: Watch) -> tuple[StepResult, ...]:
    """Carry out every step, several at once; no two steps share a branch. `watch` sees every effect from both sides."""
    return tuple(in_parallel(lambda step: _carry_out(step, world, now, watch), steps, workers=_WORKERS))


def _carry_out(step: Step, world: World, now: datetime, watch: Watch) -> StepResult:
    moved = _look_again(step, world)
    if moved is not None:
        watch(Ended(step, moved))
        return StepResult(step, (moved,))
    outcomes: list[Outcome] = []
    head = step.head
    for action in step.actions:
        outcome = _act(replace(step, head=head), action, world, now, watch)
        head = _head_after(outcome, head)
        outcomes.append(outcome)
        if not isinstance(outcome, Done | AlreadyDone):
            break
    if isinstance(outcomes[-1], Refused) and step.head is None and head is not None:
        # Somebody was quicker with other bits: a branch that names them for ours has no use, and could be merged.
        undo = DeleteBranch(step.repository, step.branch, head)
        outcomes.insert(-1, _act(replace(step, head=head), undo, world, now, watch))
    return StepResult(step, tuple(outcomes))


def _act(step: Step, action: Action, world: World, now: datetime, watch: Watch) -> Outcome:
    watch(Started(step, action))
    outcome = _attempt(step, action, world, now, watch)
    watch(Ended(step, outcome))
    return outcome


def _look_again(step: Step, world: World) -> Outcome | None:
    """Ask the guards' questions once more; None where all is as it was decided upon."""
    answers = observe(world, [guard.question for guard in step.guards])
    for guard in step.guards:
        answer = answers[guard.question]
        if isinstance(answer, Unknown):
            return Failed(step.actions[0], answer.error)
        if answer != guard.answer:
            return Stale(step, f"{_what_changed(step, answer)} changed meanwhile")
    return None


def _what_changed(step: Step, answer: Found[Any] | Absent) -> str:
    """The files, where it is about files."""
    files = sorted(answer.value) if isinstance(answer, Found) and isinstance(answer.value, frozenset) else ()
    return f"{', '.join(files)} of {step.repository}" if files else str(step.repository)


def _attempt(step: Step, action: Action, world: World, now: datetime, watch: Watch) -> Outcome:
    try:
        if isinstance(action, _ABOUT_REQUESTS) and _branch_now(step, world) != step.head:
            return Stale(step, f"branch {step.branch} moved")
        return _perform(step, action, world, now, watch)
    except TagTakenError as error:
        return Refused(action, str(error), ExitCode.BLOCKED)
    except ConflictError as error:
        return Stale(step, error.message)
    except BotError as error:
        return Failed(action, error)


def _branch_now(step: Step, world: World) -> str | None:
    """A copy takes minutes: what the branch holds by then may be a person's, or name another image."""
    return world.clone(step.repository).heads([step.branch]).get(step.branch)


def _head_after(outcome: Outcome, head: str | None) -> str | None:
    match outcome:
        case Done(PushBranch(), commit):
            return commit
        case Done(DeleteBranch()):
            return None
        case _:
            return head


def _perform(step: Step, action: Action, world: World, now: datetime, watch: Watch) -> Outcome:
    match action:
        case PushBranch():
            return _push(step, action, world, now)
        case DeleteBranch(repository, branch, expected):
            lost = isinstance(world.clone(repository).push(branch, None, expected), LeaseLost)
            return Stale(step, f"branch {branch} moved") if lost else Done(action, branch)
        case CopyImage(source, digest, destination, tag):
            copied = world.copy(
                source, digest, destination, tag or str(digest), watch=partial(_progressing, step, action, watch)
            )
            return Done(action, str(digest)) if copied else AlreadyDone(action, str(digest))
        case MoveTag(location, tag, expected, digest):
            moved = world.move_tag(location, tag, expected=expected, digest=digest)
            return (Done if moved else AlreadyDone)(action, str(digest))
        case SetStatus():
            return _say(step, action, world)
        case OpenRequest() | UpdateRequest() | SetNote() | CloseRequest() | Merge() | HoldMerge():
            return _about_request(action, world)
        case _:
            assert_never(action)


def _say(step: Step, action: SetStatus, world: World) -> Outcome:
    about = action.commit or step.head
    assert about is not None, "a step says nothing of a branch that it has neither found nor pushed"  # noqa: S101
    said = _forge(world, action.repository).set_status(
        action.repository.project, about, action.status, branch=action.branch, new=action.new, request=action.request
    )
    return (Done if said else AlreadyDone)(action, action.status.description)


def _about_request(action: AboutRequest, world: World) -> Outcome:
    match action:
        case OpenRequest(repository, draft, status):
            named = replace(draft, assignees=world.hosts.assignees(repository.forge, draft.assignees))
            opened = _forge(world, repository).open(repository.project, named, status=status)
            took = OpenRequest(repository, replace(named, reviewers=Reviewers(users=opened.request.reviewers)))
            return (Done if opened.created else AlreadyDone)(took, opened.request.url, opened.notes)
        case UpdateRequest(repository, number, title, body, seen):
            request = _forge(world, repository).update(repository.project, number, title=title, body=body, seen=seen)
            return Done(action, request.url)
        case SetNote(repository, number, text):
            said = _forge(world, repository).set_note(repository.project, number, text)
            return (Done if said else AlreadyDone)(action, text)
        case CloseRequest(repository, number, reason, link):
            request = _forge(world, repository).close(repository.project, number, reason=reason, link=link)
            return Done(action, request.url)
        case Merge():
            return _merge(action, world)
        case HoldMerge(repository, number):
            return (Done if _forge(world, repository).hold(repository.project, number) else AlreadyDone)(action)
        case _:
            assert_never(action)


def _merge(action: Merge, world: World) -> Outcome:
    project = action.repository.project
    told = _forge(world, action.repository).merge_when_ready(project, action.number, head=action.head, into=action.into)
    if told.waits:
        return Refused(action, told.waits, ExitCode.BLOCKED, told.remedy)
    return Done(action, told.request.url)


def _progressing(step: Step, action: CopyImage, watch: Watch, progress: Progress) -> None:
    watch(Progressing(step, action, progress))


def _push(step: Step, action: PushBranch, world: World, now: datetime) -> Outcome:
    clone = world.clone(action.repository)
    commit = clone.commit(action.base, action.files, action.message, now)
    forge = world.committing(action.repository)
    match forge.make(clone, action, commit) if forge else clone.push(action.branch, commit, action.expected):
        case LeaseLost():
            return Stale(step, f"branch {action.branch} moved")
        case Made(made, notes):
            return Done(action, made, notes)
        case Pushed():
            return Done(action, commit)


def _forge(world: World, repository: Repository) -> Forge:
    return world.forge(repository.forge)
