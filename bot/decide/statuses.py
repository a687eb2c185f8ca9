"""promobot's status on merge requests: whether all images that they name are there. Ours get it as they are made."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import compress
from typing import Any

from bot.config import Config, EnvironmentConfig, is_service
from bot.counting import counted
from bot.decide.approving import Assurance, assured_of, is_marked, missing
from bot.decide.branch import Branch, is_of_fork
from bot.decide.environments import Manifest, Snapshot, head_of, manifests_at, service_at
from bot.decide.facts import Ask, NotKnown, Refusal, for_each
from bot.decide.merging import is_merged_for_us
from bot.decide.named import Named, presence
from bot.decide.trailers import PROMOTION
from bot.images import ImageRef
from bot.plan import Action, CopyImage, HoldMerge, MoveTag, PushBranch, SetStatus, Step, StepKey, Upkeep
from bot.promotion import Move, Unit
from bot.questions import Commits, Files, OpenRequests, Question, Status
from bot.repositories import Commit, CommitStatus, MergeRequest, Repository, Rev, StatusState

# What every forge takes: GitHub allows 140 characters.
_LONGEST = 140
_NUMBERS = re.compile(r"[0-9]+")
_NOTHING = "it changes no image that promobot looks after"


@dataclass(frozen=True)
class Wanted:
    """What is asked about: of these services or groups, and of these environments; none: of all.

    `arriving` are the questions for images that this pass copies for promotions, with the keys of the steps that do;
    `told` are the branches of which promotions say themselves that nothing has to be waited for any more.
    """

    services: Collection[str] = ()
    targets: Collection[str] = ()
    arriving: Mapping[Question[Any], StepKey] = field(default_factory=dict)
    told: Collection[str] = ()


@dataclass(frozen=True)
class _Place:
    """A branch and the environments that live on it: a commit has one status, whichever of them it is about.

    `environment` is the one that speaks for all of them.
    """

    config: Config
    environment: EnvironmentConfig
    rev: Rev
    sharing: tuple[EnvironmentConfig, ...]
    wanted: Wanted


@dataclass(frozen=True)
class _Theirs:
    """A merge request, and the manifests that its commits change, by environment and path.

    `promoted` says whether promobot opened it, or made all of its commits: by whichever account it then was; `ours`
    whether it did both, by this one.
    """

    request: MergeRequest
    touched: tuple[tuple[EnvironmentConfig, str], ...]
    promoted: bool
    ours: bool


def with_status(
    target: Snapshot,
    branch: Branch,
    moves: Iterable[Move],
    actions: Sequence[PushBranch | CopyImage | MoveTag],
    request: MergeRequest | None,
    lacks: str | None = None,
) -> Iterator[Action]:
    """What brings a promotion to its branch and its images, with what is to be said of the branch's head by then.

    It is said before anybody sees a merge request of it, so that no later pass has to look. Where it `lacks` approvals
    that nothing on the forge asks for, later passes do: see `judge_requests`; empty, it lacks them no more.
    """
    say = partial(SetStatus, target.rev.repository, None, branch.name)
    images = {(move.destination, move.tag, move.digest) for move in moves}
    good = _waiting(lacks) if lacks else _all_there(len(images), target.environment.registry)
    pushes = [action for action in actions if isinstance(action, PushBranch)]
    copies = [action for action in actions if not isinstance(action, PushBranch)]
    yield from pushes
    if pushes and copies and request is not None:
        yield say(_waiting("promobot copies what it names"))
    yield from copies
    if branch.foreign and not pushes:
        if request is None:
            yield say(_waiting("somebody else has a commit on the branch: the next pass looks at it"))
    elif actions or request is None or lacks == "":
        yield say(good)


def _all_there(count: int, registry: str) -> CommitStatus:
    return _said(StatusState.SUCCESS, f"{counted(count, 'image')} found in registry {registry}")


def _waiting(why: str) -> CommitStatus:
    return _said(StatusState.PENDING, why)


def judge_requests(ask: Ask, config: Config, environment: EnvironmentConfig, wanted: Wanted) -> Iterator[Upkeep]:
    """What is to be said of others' merge requests into an environment's branch.

    The first environment of a branch speaks for all of them. What our own commits alone are on is known to be well,
    unless it waits for approvals that nothing on the forge asks for.
    Raises Unanswered, and Refusal where nothing can be read.
    """
    place = _place(ask, config, environment, wanted)
    requests = tuple(_requests(ask, place)) if place is not None else ()
    if place is None or not requests:
        return
    commits = {one: Commits(place.rev.repository, place.rev.commit, one.head, paths=True) for one in requests}
    ask.together(*commits.values())
    # What can't be read is gone as a rule, and nothing can be said of it.
    read = {one: found for one, question in commits.items() if (found := ask.perhaps(question))}
    every = [_touching(place, one, found) for one, found in read.items()]
    about = [one for one in every if not wanted.services or _is_about(place, one)]
    watched = compress(about, for_each(about, lambda one: _is_watched(ask, place, one)))
    yield from filter(None, for_each(watched, lambda one: _upkeep(ask, place, one)))


def _place(ask: Ask, config: Config, environment: EnvironmentConfig, wanted: Wanted) -> _Place | None:
    """None where another environment of the branch comes first."""
    sharing = tuple(one for one in config.environments if _ends(one) == _ends(environment))
    first = next(one for one in sharing if one.from_ and (not wanted.targets or one.name in wanted.targets))
    head = ask.maybe(head_of(environment)) if first == environment else None
    repository = environment.repository.repository
    return _Place(config, environment, Rev(repository, head), sharing, wanted) if head is not None else None


def _ends(environment: EnvironmentConfig) -> tuple[Repository, str]:
    return environment.repository.repository, environment.repository.branch


def _requests(ask: Ask, place: _Place) -> Iterator[MergeRequest]:
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


def _is_watched(ask: Ask, place: _Place, theirs: _Theirs) -> bool:
    """Whether its status may have to change though nobody pushes."""
    left = is_marked(theirs.request) and theirs.request.source_branch not in place.wanted.told
    return not theirs.ours or left or any(not each.by for each in _assured(ask, place, theirs))


def _assured(ask: Ask, place: _Place, theirs: _Theirs) -> tuple[Assurance, ...]:
    """What becomes of the approvals that one of promobot's needs."""
    return assured_of(ask, place.config, place.rev, theirs.touched) if theirs.promoted else ()


def _touching(place: _Place, request: MergeRequest, commits: Collection[Commit]) -> _Theirs:
    paths = sorted({path for commit in commits for path in commit.paths})
    touched = ((env, path) for env in place.sharing for path in paths if service_at(place.config, env, path))
    ours = _are_ours(place.config, commits)
    return _Theirs(request, tuple(touched), request.ours or (ours and bool(commits)), request.ours and ours)


def _is_about(place: _Place, theirs: _Theirs) -> bool:
    services = {service_at(place.config, environment, path) for environment, path in theirs.touched}
    names = {name for service in services if service for name in (service, place.config.group(service))}
    return not names.isdisjoint(place.wanted.services)


def _upkeep(ask: Ask, place: _Place, theirs: _Theirs) -> Upkeep | None:
    request, repository, unit = theirs.request, place.rev.repository, Unit(f"!{theirs.request.number}", ())
    target = next((environment.name for environment, _ in theirs.touched), place.environment.name)
    ask.together(Status(repository, request.head), *_files(place, theirs))
    try:
        said = _approved(ask, place, theirs, _judged(ask, place, theirs))
        now = ask.maybe(Status(repository, request.head))
    except NotKnown as refusal:
        return Upkeep(unit, target, blocked=refusal.blocked)
    # Where it is about nothing of ours, it may be about what another configuration looks after.
    told = now is not None and not theirs.touched
    wanted = (*(() if told or said.is_said_by(now) else (said.status,)), *(() if said.then is None else (said.then,)))
    say = tuple(SetStatus(repository, request.head, request.source_branch, status) for status in wanted)
    # What a person pushed to what the forge merges for us would be merged as soon as this is green.
    hold = (HoldMerge(repository, request.number),) if is_merged_for_us(request) and not theirs.ours else ()
    step = Step(unit, target, repository, request.source_branch, request.head, (), (*hold, *say))
    return Upkeep(unit, target, step, around=said.around) if step.actions else None


def _files(place: _Place, theirs: _Theirs) -> tuple[Files, ...]:
    """The manifests at its head, and as the target's branch has them."""
    paths = tuple(sorted({path for _, path in theirs.touched}))
    ends = (theirs.request.head, place.rev.commit) if paths else ()
    return tuple(Files(Rev(place.rev.repository, commit), paths) for commit in ends)


@dataclass(frozen=True)
class _Judged:
    """What is to be said; and `then`, when the step with the key `around` is done.

    What is `unsure` tells in its words what went wrong, with seconds and the like.
    """

    status: CommitStatus
    then: CommitStatus | None = None
    around: StepKey | None = None
    unsure: bool = False

    def is_said_by(self, now: CommitStatus | None) -> bool:
        """Whether that is there already: while something is out of order, its seconds change."""
        if not self.unsure or now is None:
            return self.status == now
        mine, its = (_NUMBERS.sub("", one.description) for one in (self.status, now))
        return self.status.state is now.state and mine == its


def _approved(ask: Ask, place: _Place, theirs: _Theirs, said: _Judged) -> _Judged:
    """The same, where all approvals are given that nothing on the forge asks for."""
    if not (lacks := missing(ask, place.rev.repository, _assured(ask, place, theirs), theirs.request)):
        return said
    status = _waiting(lacks) if said.status.state is StatusState.SUCCESS else said.status
    return replace(said, status=status, then=said.then and _waiting(lacks))


def _judged(ask: Ask, place: _Place, theirs: _Theirs) -> _Judged:
    """Success where all are there, failure where one isn't; pending where that isn't known, or is about to change."""
    try:
        named = tuple(dict.fromkeys(_named(ask, place, theirs)))
    except NotKnown:
        raise
    except Refusal as refusal:
        return _Judged(_said(StatusState.FAILURE, refusal.blocked.reason))
    ask.together(*(one.question for one in named))
    answers = {one: presence(ask, one) for one in named}
    absent = [one for one, there in answers.items() if there is False]
    missing = [one for one in absent if one.question not in place.wanted.arriving]
    if missing:
        return _Judged(_missing(missing))
    unknown = next((there for there in answers.values() if isinstance(there, str)), None)
    if unknown is not None:
        return _Judged(_waiting(unknown), unsure=True)
    registries = dict.fromkeys(one.registry for one in named)
    good = _all_there(len(named), " and ".join(registries)) if named else _said(StatusState.SUCCESS, _NOTHING)
    if not absent:
        return _Judged(good)
    waits, steps = _waiting("promobot copies what it names"), {place.wanted.arriving[one.question] for one in absent}
    return _Judged(waits, good, steps.pop()) if len(steps) == 1 else _Judged(waits)


def _missing(images: Sequence[Named]) -> CommitStatus:
    more = f" (and {len(images) - 1} more)" if len(images) > 1 else ""
    what = f" is not in registry {images[0].registry}{more}: promote it, or push it there"
    name, room = str(images[0]), _LONGEST - len(what)
    shown = name if len(name) <= room else f"…{name[len(name) - room + 1 :]}"
    return _said(StatusState.FAILURE, f"{shown}{what}")


def _named(ask: Ask, place: _Place, theirs: _Theirs) -> Iterator[Named]:
    """The images of the environments' own registries in what it changes, as it is at the head."""
    if not theirs.touched:
        return
    after, before = ({file.path: file for file in ask.maybe(each) or ()} for each in _files(place, theirs))
    for environment, path in theirs.touched:
        # By a merge of the target's branch, commits have what isn't theirs.
        if path not in after or after[path] == before.get(path):
            continue
        for manifest in manifests_at(environment, after[path]):
            for image in _images(manifest) if is_service(manifest.name) else ():
                if place.config.path_in(environment.registry, image) is not None:
                    yield Named(environment.registry, image)


def _images(manifest: Manifest) -> Iterator[ImageRef]:
    yield from (found.image for found in manifest.fields if found.image is not None)


def _said(state: StatusState, text: str) -> CommitStatus:
    return CommitStatus(state, text).within(_LONGEST)
