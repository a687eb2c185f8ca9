"""What a merge request's images come to: whether each is where it has to be, and what a status says of that."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from bot.config import Config, EnvironmentConfig, is_service
from bot.counting import counted
from bot.decide.branch import unit_of
from bot.decide.environments import Manifest, manifests_at
from bot.decide.facts import Ask, NotKnown, Refusal
from bot.decide.named import Named, is_another, presence
from bot.images import Digest, ImageRef
from bot.plan import StepKey, UpdateRequest
from bot.questions import Files, Location, Question, TagDigest
from bot.repositories import CommitStatus, MergeRequest, Repository, Rev, StatusState

# What every forge takes: GitHub allows 140 characters.
_LONGEST = 140
_NUMBERS = re.compile(r"[0-9]+")
_ABSENT = "is not in registry"
_ANOTHER = "is no longer the image that this was made for"
_NOTHING = "it changes no image that promobot looks after"

# A branch with its repository: two of them may have one of the same name.
Where: TypeAlias = tuple[Repository, str]


@dataclass(frozen=True)
class Wanted:
    """What is asked about: of these services or groups, and of these environments; none: of all.

    `arriving` are the questions for images that this pass copies for promotions, with the keys of the steps that do;
    `told` are the branches of which promotions say themselves that nothing has to be waited for any more;
    `rules` says of promotions' branches why what is proposed there isn't to be merged, empty where no rule of the
    configuration is against it; of those that aren't in it, this pass doesn't know. `edits` are the texts that
    promotions write, by merge request, with the keys of their steps.
    """

    services: Collection[str] = ()
    targets: Collection[str] = ()
    arriving: Mapping[Question[Any], StepKey] = field(default_factory=dict)
    told: Collection[Where] = ()
    rules: Mapping[Where, str] = field(default_factory=dict)
    edits: Mapping[tuple[Repository, int], tuple[StepKey, UpdateRequest]] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """A branch and the environments that live on it: a commit has one status, whichever of them it is about.

    `environment` is the one that speaks for all of them.
    """

    config: Config
    environment: EnvironmentConfig
    rev: Rev
    sharing: tuple[EnvironmentConfig, ...]
    wanted: Wanted

    def branch_of(self, theirs: Theirs) -> Where:
        """The branch of a merge request there."""
        return self.rev.repository, theirs.request.source_branch


@dataclass(frozen=True)
class Theirs:
    """A merge request, and the manifests that its commits change, by environment and path.

    `promoted` says whether promobot opened it, or made all of its commits: by whichever account it then was; `ours`
    whether it did both, by this one. Of one of ours, `proven` is what each image was when it was promoted.
    """

    request: MergeRequest
    touched: tuple[tuple[EnvironmentConfig, str], ...]
    promoted: bool
    ours: bool
    proven: tuple[tuple[ImageRef, Digest], ...] = ()


def files_of(place: Place, theirs: Theirs) -> tuple[Files, ...]:
    """The manifests at its head, and as the target's branch has them."""
    paths = tuple(sorted({path for _, path in theirs.touched}))
    ends = (theirs.request.head, place.rev.commit) if paths else ()
    return tuple(Files(Rev(place.rev.repository, commit), paths) for commit in ends)


@dataclass(frozen=True)
class Judged:
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


def judged(ask: Ask, place: Place, theirs: Theirs) -> Judged:
    """Success where all are there, failure where one isn't; pending where that isn't known, or is about to change."""
    try:
        named = tuple(dict.fromkeys(_named(ask, place, theirs)))
    except NotKnown:
        raise
    except Refusal as refusal:
        return Judged(said(StatusState.FAILURE, refusal.blocked.reason))
    ask.together(*(one.question for one in named))
    answers = {one: presence(ask, one) for one in named}
    absent = [one for one, there in answers.items() if there is False]
    missing = [one for one in absent if one.question not in place.wanted.arriving]
    if missing:
        return Judged(_missing(missing))
    another = next((one for one in named if is_another(ask, one)), None)
    if another is not None:
        return Judged(said(StatusState.FAILURE, f"{another.image.repository}:{another.image.tag} {_ANOTHER}"))
    unknown = next((there for there in answers.values() if isinstance(there, str)), None)
    if unknown is not None:
        return Judged(waiting(unknown), unsure=True)
    registries = dict.fromkeys(one.registry for one in named)
    good = all_there(len(named), " and ".join(registries)) if named else said(StatusState.SUCCESS, _NOTHING)
    if not absent:
        return Judged(good)
    waits, steps = waiting("promobot copies what it names"), {place.wanted.arriving[one.question] for one in absent}
    return Judged(waits, good, steps.pop()) if len(steps) == 1 else Judged(waits)


def is_forbidden(place: Place, theirs: Theirs) -> bool:
    """Whether the configuration's rules are against what promobot proposed there."""
    return theirs.promoted and bool(place.wanted.rules.get(place.branch_of(theirs)))


def permitted(place: Place, theirs: Theirs, images: Judged) -> Judged:
    """The same, red where the configuration's rules are against it; an image that isn't there says more."""
    if not is_forbidden(place, theirs) or images.status.state is StatusState.FAILURE:
        return images
    return Judged(said(StatusState.FAILURE, place.wanted.rules[place.branch_of(theirs)]))


def stays_red(place: Place, theirs: Theirs, now: CommitStatus | None) -> bool:
    """Whether it may be a rule that it is red by, and this pass doesn't know that it is kept by now.

    Of what a person proposes from a branch of their own no pass ever knows that, be our commit all that it has.
    """
    if now is None or now.state is not StatusState.FAILURE or not theirs.promoted:
        return False
    branch = theirs.request.source_branch
    if not theirs.request.ours and not any(unit_of(one, branch) for one in place.config.environments):
        return False
    by_images = _ABSENT in now.description or _ANOTHER in now.description
    return not by_images and place.branch_of(theirs) not in place.wanted.rules


def is_spoiled(ask: Ask, place: Place, theirs: Theirs) -> bool:
    """Whether a tag of what promobot promoted leads elsewhere, or nowhere: whoever did that tells nobody.

    What this pass brings again, or says something of by itself, isn't meant, nor what can't be found out.
    """
    if place.branch_of(theirs) in place.wanted.told:
        return False
    registries = dict.fromkeys(environment.registry for environment, _ in theirs.touched)
    there = (
        (TagDigest(Location(registry, image.repository), image.tag or ""), digest)
        for image, digest in theirs.proven
        for registry in registries
        if place.config.path_in(registry, image) is not None
    )
    meant = {question: digest for question, digest in there if question not in place.wanted.arriving}
    ask.together(*meant)
    return any(ask.knows(question) and ask.maybe(question) != digest for question, digest in meant.items())


def _missing(images: Sequence[Named]) -> CommitStatus:
    more = f" (and {len(images) - 1} more)" if len(images) > 1 else ""
    what = f" {_ABSENT} {images[0].registry}{more}: promote it, or push it there"
    name, room = str(images[0]), _LONGEST - len(what)
    shown = name if len(name) <= room else f"…{name[len(name) - room + 1 :]}"
    return said(StatusState.FAILURE, f"{shown}{what}")


def _named(ask: Ask, place: Place, theirs: Theirs) -> Iterator[Named]:
    """The images of the environments' own registries in what it changes, as it is at the head."""
    if not theirs.touched:
        return
    after, before = ({file.path: file for file in ask.maybe(each) or ()} for each in files_of(place, theirs))
    for environment, path in theirs.touched:
        # By a merge of the target's branch, commits have what isn't theirs.
        if path not in after or after[path] == before.get(path):
            continue
        for manifest in manifests_at(environment, after[path]):
            for image in _images(manifest) if is_service(manifest.name) else ():
                if place.config.path_in(environment.registry, image) is not None:
                    yield Named(environment.registry, image, dict(theirs.proven).get(image))


def _images(manifest: Manifest) -> Iterator[ImageRef]:
    yield from (found.image for found in manifest.fields if found.image is not None)


def said(state: StatusState, text: str) -> CommitStatus:
    """A status in as many characters as every forge takes."""
    return CommitStatus(state, text).within(_LONGEST)


def all_there(count: int, registry: str) -> CommitStatus:
    """Green."""
    return said(StatusState.SUCCESS, f"{counted(count, 'image')} found in registry {registry}")


def waiting(why: str) -> CommitStatus:
    """Neither green nor red yet."""
    return said(StatusState.PENDING, why)
