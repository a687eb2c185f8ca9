"""promobot's status on merge requests: whether all images that they name are there. Ours get it as they are made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, compress

from bot.config import Config, EnvironmentConfig
from bot.decide.approving import WAITS, Assurance, assured_of, is_marked, missing
from bot.decide.branch import Branch, branches_of, is_of_fork, of_its_commit, unit_of
from bot.decide.environments import Snapshot, head_of, service_at
from bot.decide.facts import Ask, NotKnown, both, for_each
from bot.decide.judged import (
    Judged,
    Place,
    Theirs,
    Wanted,
    all_there,
    files_of,
    is_forbidden,
    is_spoiled,
    judged,
    permitted,
    stays_red,
    waiting,
)
from bot.decide.merging import is_merged_for_us
from bot.decide.text import read
from bot.decide.trailers import PROMOTION, records
from bot.plan import Action, CopyImage, HoldMerge, MoveTag, PushBranch, SetStatus, Step, UpdateRequest, Upkeep
from bot.promotion import Move, Unit
from bot.questions import Commits, OpenRequests, Status
from bot.repositories import Commit, CommitStatus, MergeRequest, Repository, Rev, StatusState

_FROM_WORST = (StatusState.FAILURE, StatusState.PENDING, StatusState.SUCCESS)


def with_status(
    target: Snapshot,
    branch: Branch,
    moves: Iterable[Move],
    actions: Sequence[PushBranch | CopyImage | MoveTag],
    request: MergeRequest | None,
    lacks: str | None = None,
) -> Iterator[Action]:
    """What brings a promotion to its branch and its images, with what is to be said of the branch's head by then.

    It is said before anybody sees a merge request of it, so that no later pass has to look, and a run that ends before
    it opens one leaves none that could be merged. Where it `lacks` approvals that nothing on the forge asks for, later
    passes do: see `judge_requests`; empty, it lacks them no more.
    """
    images = {(move.destination, move.tag, move.digest) for move in moves}
    good = waiting(lacks) if lacks else all_there(len(images), target.environment.registry)
    pushes = [action for action in actions if isinstance(action, PushBranch)]
    new, to = bool(pushes) and request is None, request.number if pushes and request else None
    say = partial(SetStatus, target.rev.repository, None, branch.name, new=new, request=to)
    copies = [action for action in actions if not isinstance(action, PushBranch)]
    yield from pushes
    if pushes and copies and request is not None:
        yield say(waiting("promobot copies what it names"))
    yield from copies
    if branch.foreign and not pushes:
        if request is None:
            yield say(waiting("somebody else has a commit on the branch: the next pass looks at it"))
    elif actions or request is None or lacks == "":
        yield say(good)


def with_status_of_shared(
    target: Snapshot, branch: Branch, actions: Sequence[PushBranch | CopyImage | MoveTag], request: MergeRequest | None
) -> Iterator[Action]:
    """The same of a commit that others propose too: that it is well says nobody but who looks at all of them."""
    yield from actions
    if request is None:
        why = "another merge request proposes the same commit: the next pass looks at it"
        yield SetStatus(target.rev.repository, None, branch.name, waiting(why))


def judge_requests(ask: Ask, config: Config, environment: EnvironmentConfig, wanted: Wanted) -> Iterator[Upkeep]:
    """What is to be said of others' merge requests into an environment's branch.

    The first environment of a branch speaks for all of them. What our own commits alone are on is known to be well,
    unless it waits for approvals that nothing on the forge asks for.
    Raises Unanswered, and Refusal where nothing can be read.
    """
    place = place_of(ask, config, environment, wanted)
    requests = tuple(requests_into(ask, place)) if place is not None else ()
    if place is None or not requests:
        return
    commits = {one: Commits(place.rev.repository, place.rev.commit, one.head, paths=True) for one in requests}
    ask.together(*commits.values())
    # What can't be read is gone as a rule, and nothing can be said of it.
    read = {one: found for one, question in commits.items() if (found := ask.perhaps(question))}
    every = [touching(place, one, found) for one, found in read.items()]
    about = [one for one in every if not wanted.services or is_about(place, one)]
    watched = compress(about, for_each(about, lambda one: _is_watched(ask, place, one)))
    yield from filter(None, for_each(watched, lambda one: _upkeep(ask, place, one)))


def place_of(ask: Ask, config: Config, environment: EnvironmentConfig, wanted: Wanted) -> Place | None:
    """None where another environment of the branch comes first."""
    sharing = _sharing(config, environment)
    first = next(one for one in sharing if one.from_ and (not wanted.targets or one.name in wanted.targets))
    head = ask.maybe(head_of(environment)) if first == environment else None
    repository = environment.repository.repository
    return Place(config, environment, Rev(repository, head), sharing, wanted) if head is not None else None


def _sharing(config: Config, environment: EnvironmentConfig) -> tuple[EnvironmentConfig, ...]:
    return tuple(one for one in config.environments if _ends(one) == _ends(environment))


def _ends(environment: EnvironmentConfig) -> tuple[Repository, str]:
    return environment.repository.repository, environment.repository.branch


def requests_into(ask: Ask, place: Place) -> Iterator[MergeRequest]:
    """The open merge requests that are judged there."""
    repository, branch = _ends(place.environment)
    forks = place.config.forges[repository.forge].judges_forks
    for request in ask.maybe(OpenRequests(repository)) or ():
        if request.target_branch == branch and request.head and (forks or not is_of_fork(request)):
            yield request


def _are_ours(config: Config, commits: Collection[Commit]) -> bool:
    """Whether they are a promotion as we made it: what a person changed, or pins, is looked at like any other.

    We make one commit: others in our name were written by somebody else who may push to the branch.
    """
    address = config.author.email
    return len(commits) <= 1 and all(
        commit.author_email == commit.committer_email == address and commit.trailer(PROMOTION) and not commit.merges
        for commit in commits
    )


def _is_watched(ask: Ask, place: Place, theirs: Theirs) -> bool:
    """Whether its status may have to change though nobody pushes."""
    # What is pushed now has a commit that nobody else proposes.
    told = place.branch_of(theirs) in place.wanted.told
    shared = bool(of_its_commit(ask, place.rev.repository, theirs.request))
    if (
        not theirs.ours
        or (not told and (shared or is_marked(theirs.request)))
        or is_forbidden(place, theirs)
        or any(not each.by for each in _assured(ask, place, theirs))
    ):
        return True
    return is_spoiled(ask, place, theirs)


def _assured(ask: Ask, place: Place, theirs: Theirs) -> tuple[Assurance, ...]:
    """What becomes of the approvals that one of promobot's needs."""
    return assured_of(ask, place.config, place.rev, theirs.touched) if theirs.promoted else ()


def touching(place: Place, request: MergeRequest, commits: Collection[Commit]) -> Theirs:
    """A merge request with what its commits change there."""
    paths = sorted({path for commit in commits for path in commit.paths})
    touched = ((env, path) for env in place.sharing for path in paths if service_at(place.config, env, path))
    ours = _are_ours(place.config, commits)
    mine = request.ours and ours
    proven = tuple((image, record.digest) for image, record in records(commits if mine else ()).items())
    return Theirs(request, tuple(touched), request.ours or (ours and bool(commits)), mine, proven)


def is_about(place: Place, theirs: Theirs) -> bool:
    """Whether it changes anything of a service or group that is asked about."""
    services = {service_at(place.config, environment, path) for environment, path in theirs.touched}
    names = {name for service in services if service for name in (service, place.config.group(service))}
    return not names.isdisjoint(place.wanted.services)


def _upkeep(ask: Ask, place: Place, theirs: Theirs) -> Upkeep | None:
    request, repository, unit = theirs.request, place.rev.repository, Unit(f"!{theirs.request.number}", ())
    target = next((environment.name for environment, _ in theirs.touched), place.environment.name)
    try:
        said, now = status_of(ask, place, theirs)
    except NotKnown as refusal:
        return Upkeep(unit, target, blocked=refusal.blocked)
    # Where it is about nothing of ours, it may be about what another configuration looks after.
    told = now is not None and not theirs.touched
    wanted = (*(() if told or said.is_said_by(now) else (said.status,)), *(() if said.then is None else (said.then,)))
    say = tuple(SetStatus(repository, request.head, request.source_branch, status) for status in wanted)
    # What a person pushed to what the forge merges for us would be merged as soon as this is green.
    hold = (HoldMerge(repository, request.number),) if is_merged_for_us(request) and not theirs.ours else ()
    around, edit = place.wanted.edits.get((repository, request.number), (said.around, None))
    marks = tuple(_marking(ask, place, theirs, said, edit))
    # Whoever dies in between leaves what is red marked.
    marked: tuple[Action, ...] = (*say, *marks) if said.status.state is StatusState.SUCCESS else (*marks, *say)
    head = _seen_at(ask, place, request) if hold or marks else request.head
    step = Step(unit, target, repository, request.source_branch, head, (), (*hold, *marked))
    return Upkeep(unit, target, step, around=around if marks else said.around) if step.actions else None


def _seen_at(ask: Ask, place: Place, request: MergeRequest) -> str | None:
    """Where the branch of one of ours is; GitLab leaves one open whose branch is gone."""
    looks = [branches_of(one) for one in place.sharing if unit_of(one, request.source_branch)]
    ask.together(*looks)
    there = [heads for look in looks if (heads := ask.perhaps(look)) is not None]
    return None if there and all(request.source_branch not in heads for heads in there) else request.head


def _marking(
    ask: Ask, place: Place, theirs: Theirs, said: Judged, edit: UpdateRequest | None
) -> Iterator[UpdateRequest]:
    """What lets one of ours say that it has to be looked at until it is well again, and leaves every word of it.

    Where this pass edits the text besides, it is one edit.
    """
    request, state = theirs.request, said.status.state
    title, body = (edit.title, edit.body) if edit else (request.title, request.body)
    was = now = read(title, body)
    # Of a commit that others propose too, it changes by what becomes of them.
    shared = bool(of_its_commit(ask, place.rev.repository, request))
    well = state is StatusState.SUCCESS and said.then is None and not shared
    if (state is StatusState.FAILURE or shared) and WAITS not in body:
        now = was.marked(f"{WAITS}\n")
    elif well and all(each.by for each in _assured(ask, place, theirs)):
        now = was.unmarked(f"{WAITS}\n")
    if theirs.ours and now != was:
        seen = request.title, request.body
        yield UpdateRequest(place.rev.repository, request.number, title, now.body, seen=seen)


def _approved(ask: Ask, place: Place, theirs: Theirs, said: Judged) -> Judged:
    """The same, where all approvals are given that nothing on the forge asks for."""
    if not (lacks := missing(ask, place.rev.repository, _assured(ask, place, theirs), theirs.request)):
        return said
    status = waiting(lacks) if said.status.state is StatusState.SUCCESS else said.status
    return replace(said, status=status, then=said.then and waiting(lacks))


def status_of(ask: Ask, place: Place, theirs: Theirs) -> tuple[Judged, CommitStatus | None]:
    """What is to be said of its head, and what is said now. Raises NotKnown.

    A commit has one status, however many merge requests propose it: that of the worst of them, so that nobody turns one
    green by another.
    """
    (mine, now), others = both(lambda: _by_itself(ask, place, theirs), lambda: _others(ask, place, theirs))
    worst = min(((theirs, mine), *others), key=lambda one: _badness(*one))[1]
    if worst is not mine:
        return replace(worst, then=None, around=None), now
    bad = next((other.status for _, other in others if other.status.state is not StatusState.SUCCESS), None)
    return replace(mine, then=mine.then and (bad or mine.then)), now


def _badness(theirs: Theirs, found: Judged) -> tuple[int, bool, int]:
    return _FROM_WORST.index(found.status.state), not theirs.touched, theirs.request.number


def _others(ask: Ask, place: Place, theirs: Theirs) -> tuple[tuple[Theirs, Judged], ...]:
    """The other merge requests of its commit, whatever this pass is asked about, and what each comes to."""
    targets = {other.target_branch for other in of_its_commit(ask, place.rev.repository, theirs.request)}
    judged_at = [one for one in place.config.environments if one.from_ and _ends(one)[0] == place.rev.repository]
    first = {one.repository.branch: one for one in reversed(judged_at)}
    found = for_each(sorted(targets & first.keys()), lambda branch: _there(ask, place, theirs, first[branch]))
    return tuple(chain.from_iterable(found))


def _there(ask: Ask, place: Place, theirs: Theirs, environment: EnvironmentConfig) -> tuple[tuple[Theirs, Judged], ...]:
    """Those of its commit that go into an environment's branch; as one where that can't be known."""
    try:
        head = ask.maybe(head_of(environment))
        if head is None:
            return ()
        rev = Rev(place.rev.repository, head)
        there = Place(place.config, environment, rev, _sharing(place.config, environment), place.wanted)
        commits = ask.maybe(Commits(rev.repository, head, theirs.request.head, paths=True)) or ()
        numbers = {one.number for one in of_its_commit(ask, place.rev.repository, theirs.request)}
        others = [touching(there, one, commits) for one in requests_into(ask, there) if one.number in numbers]
        return for_each(others, lambda other: (other, _by_itself(ask, there, other)[0]))
    except NotKnown as refusal:
        return ((theirs, Judged(waiting(refusal.blocked.reason), unsure=True)),)


def _by_itself(ask: Ask, place: Place, theirs: Theirs) -> tuple[Judged, CommitStatus | None]:
    status = Status(place.rev.repository, theirs.request.head, theirs.request.source_branch)
    ask.together(status, *files_of(place, theirs))
    said = permitted(place, theirs, _approved(ask, place, theirs, judged(ask, place, theirs)))
    now = ask.maybe(status)
    return (Judged(now) if now is not None and stays_red(place, theirs, now) else said), now
