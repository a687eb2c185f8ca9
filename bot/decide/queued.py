"""promobot's status on the commits that a merge queue makes, which are what the target's branch is to be next."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from bot.config import Config, EnvironmentConfig
from bot.decide.facts import Ask, NotKnown, both, for_each
from bot.decide.judged import Judged, Place, Theirs, Wanted, files_of, judged, said, waiting
from bot.decide.statuses import is_about, place_of, requests_into, status_of, touching
from bot.plan import Guard, SetStatus, Step, Upkeep
from bot.promotion import Unit
from bot.questions import Branches, BranchHead, Commits, Found, OpenRequests, Status
from bot.repositories import MergeRequest, RequestState, StatusState

# GitHub's name of one, after its target's: https://github.com/pulumi/pulumi/pull/18488.
_NAME = re.compile(r"pr-([1-9][0-9]{0,9})-[0-9a-f]{40,64}")


@dataclass(frozen=True)
class _Entry:
    """A merge request in the queue, and the branch of the queue's own that has it on top of those before it."""

    number: int
    branch: str
    head: str


@dataclass(frozen=True)
class _Own:
    """What a merge request in the queue comes to by itself, and whether it is known to change anything of ours."""

    judged: Judged
    ours: bool = False


@dataclass(frozen=True)
class _Group:
    """What that branch would bring to the target, what its content alone comes to, and the commits that it has."""

    entry: _Entry
    theirs: Theirs
    content: Judged
    commits: frozenset[str] | None = None


def judge_queue(ask: Ask, config: Config, environment: EnvironmentConfig, wanted: Wanted) -> Iterator[Upkeep]:
    """What is to be said of what a merge queue is about to merge into an environment's branch.

    The queue's branches are seen in the look at the branches that a pass takes anyway. Like `judge_requests`, the first
    environment of a branch speaks for all of them. Raises Unanswered, and Refusal where nothing can be read.
    """
    entries = tuple(_entries(ask, config, environment))
    place = place_of(ask, config, environment, wanted) if entries else None
    if place is None:
        return
    owns, groups = both(
        lambda: for_each(entries, lambda one: _own(ask, place, one)),
        lambda: for_each(entries, lambda one: _group(ask, place, one)),
    )
    by_entry = dict(zip(entries, owns, strict=True))
    about = (group for group in groups if not wanted.services or is_about(place, group.theirs))
    yield from filter(None, for_each(about, lambda one: _upkeep(ask, place, one, by_entry)))


def _entries(ask: Ask, config: Config, environment: EnvironmentConfig) -> Iterator[_Entry]:
    repository = environment.repository.repository
    begin = config.forges[repository.forge].queues
    if not begin:
        return
    prefix = f"{begin}/{environment.repository.branch}/"
    # A queue makes commits of its own: who calls a merge request's head so gets no other status for it.
    proposed = {request.head for request in ask.known(OpenRequests(repository)) or ()}
    for name, head in (ask.maybe(Branches(repository, prefix, passing=True)) or {}).items():
        if (found := _NAME.fullmatch(name.removeprefix(prefix))) and head not in proposed:
            yield _Entry(int(found[1]), name, head)


def _own(ask: Ask, place: Place, entry: _Entry) -> _Own:
    """The merge request, in the queue or not; pending where it isn't known."""
    try:
        request = next((one for one in requests_into(ask, place) if one.number == entry.number), None)
        if request is None:
            return _Own(Judged(waiting("it is not among those that are open")))
        question = Commits(place.rev.repository, place.rev.commit, request.head, paths=True)
        theirs = touching(place, request, ask.maybe(question) or ())
        found, now = status_of(ask, place, theirs)
    except NotKnown as refusal:
        return _Own(Judged(waiting(refusal.blocked.reason), unsure=True))
    # Where it is about nothing of ours, another configuration may have said that.
    return _Own(Judged(now) if now is not None and not theirs.touched else found, bool(theirs.touched))


def _group(ask: Ask, place: Place, entry: _Entry) -> _Group:
    """Its content, as if a person proposed all of that by a merge request of their own."""
    target = place.environment.repository.branch
    request = MergeRequest(
        entry.number, "", "", entry.branch, target, entry.head, RequestState.OPEN, "", "", ours=False
    )
    theirs = touching(place, request, ())
    try:
        commits = ask.maybe(Commits(place.rev.repository, place.rev.commit, entry.head, paths=True)) or ()
        theirs = touching(place, request, commits)
        ask.together(Status(place.rev.repository, entry.head, entry.branch), *files_of(place, theirs))
        return _Group(entry, theirs, judged(ask, place, theirs), frozenset(commit.sha for commit in commits))
    except NotKnown as refusal:
        return _Group(entry, theirs, Judged(waiting(refusal.blocked.reason), unsure=True))


def _upkeep(ask: Ask, place: Place, group: _Group, owns: Mapping[_Entry, _Own]) -> Upkeep | None:
    """What is to be said, unless that is said already, or the target has all of it by now."""
    entry, repository = group.entry, place.rev.repository
    unit = Unit(f"!{entry.number} in the merge queue", ())
    target = next((environment.name for environment, _ in group.theirs.touched), place.environment.name)
    try:
        now = ask.maybe(Status(repository, entry.head, entry.branch))
    except NotKnown as refusal:
        return Upkeep(unit, target, blocked=refusal.blocked)
    found = _whole(group, owns)
    known = group.commits is not None
    ours = bool(group.theirs.touched) or (not known and owns[entry].ours)
    # Of what is about nothing of ours, no later pass would take back that it waits.
    left = not ours and (found.status.state is StatusState.PENDING or (known and now is not None))
    if left or (known and not group.commits) or found.is_said_by(now):
        return None
    say = SetStatus(repository, entry.head, entry.branch, found.status, queued=entry.number)
    # What was merged or taken out of the queue meanwhile has no branch there any more, which is no failure.
    there = Guard(BranchHead(repository, entry.branch), Found(entry.head))
    return Upkeep(unit, target, Step(unit, target, repository, entry.branch, entry.head, (there,), (say,)))


def _whole(group: _Group, owns: Mapping[_Entry, _Own]) -> Judged:
    """Green where the content is, and all is that is merged with it: a queue may merge what failed with what passed."""
    own, content = owns[group.entry].judged, group.content
    if content.status.state is StatusState.FAILURE:
        return content
    if own.status.state is not StatusState.SUCCESS:
        words = f"merge request !{group.entry.number}: {own.status.description}"
        return Judged(said(own.status.state, words), unsure=own.unsure)
    for one, its in ((one, each.judged) for one, each in owns.items()):
        if one.head in (group.commits or ()) and its.status.state is not StatusState.SUCCESS:
            words = f"merge request !{one.number}, which goes first: {its.status.description}"
            return Judged(waiting(words), unsure=its.unsure)
    return replace(content, then=None, around=None)
