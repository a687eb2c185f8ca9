"""What people may be reviewing while a unit is blocked: an open merge request that is neither rebuilt nor closed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from bot.config import Config
from bot.decide.branch import Branch, branch_behind, branch_name, open_request, promotion_mark, requests_from
from bot.decide.environments import Manifest, fields_at
from bot.decide.facts import Ask, Forbidden, NotKnown, Refusal
from bot.decide.merging import is_merged_for_us
from bot.decide.notes import Waits, about_blocked, saying
from bot.decide.text import read
from bot.decide.trailers import UNPROVEN, Record, records
from bot.decide.units import Reach
from bot.images import ImageRef
from bot.plan import Action, HoldMerge, Step, Verdict
from bot.promotion import Unit
from bot.questions import Files
from bot.repositories import MergeRequest, Rev

# So many images are named in a line.
_FEW = 3


def reviewed(ask: Ask, config: Config, reach: Reach, refusal: Refusal, verdict: Verdict) -> Verdict:
    """A blocked unit's verdict with its open merge request, what that proposes, and what is to be noted there.

    Raises Unanswered.
    """
    unit, target = verdict.unit, reach.target
    try:
        request = open_request(ask, target, branch_name(target.environment, unit))
        mark = promotion_mark(config.author, target.environment, unit.name)
        branch = branch_behind(ask, target.rev, request, mark) if request else None
    except NotKnown:
        return verdict  # that is why it is blocked
    if request is None or branch is None:
        return replace(verdict, request=_of_others(reach, unit), step=_sent_elsewhere(ask, reach, unit))
    outdated = _outdated(reach, unit, request, branch)
    ours = request.ours and branch.ours
    instead = _put_instead(ask, reach, unit, branch) if ours else ()
    # What somebody gave by hand didn't have to be what its rules want.
    given = any(commit.trailer(UNPROVEN) for commit in branch.ours[:1])
    forbids = isinstance(refusal, Forbidden) and ours and not (outdated or instead or given)
    forbidden = refusal.blocked.reason if forbids else ""
    verdict = replace(verdict, request=request, outdated=outdated, forbidden=forbidden)
    note = about_blocked(branch, refusal, outdated, instead) if ours else None
    repository = target.rev.repository
    stands = isinstance(refusal, Waits | NotKnown) and not branch.foreign
    hold = (HoldMerge(repository, request.number),) if is_merged_for_us(request) and not stands else ()
    said = () if note is None else saying(repository, request, read(request.title, request.body), note)
    told: tuple[Action, ...] = (*hold, *said)
    step = Step(unit, verdict.target, repository, branch.name, branch.head, (), told)
    return replace(verdict, step=step) if told else verdict


def is_outdated(ask: Ask, config: Config, reach: Reach, unit: Unit, request: MergeRequest) -> bool:
    """Whether it proposes something else than what the source environments run now. Raises Unanswered and Refusal."""
    mark = promotion_mark(config.author, reach.target.environment, unit.name)
    return bool(_outdated(reach, unit, request, branch_behind(ask, reach.target.rev, request, mark)))


def _sent_elsewhere(ask: Ask, reach: Reach, unit: Unit) -> Step | None:
    """What keeps one that the forge merges for us from being merged into a branch that it was never meant for."""
    repository, target = reach.target.rev.repository, reach.target.environment
    for request in requests_from(ask, reach.target, branch_name(target, unit)):
        if is_merged_for_us(request) and request.head:
            hold = HoldMerge(repository, request.number)
            return Step(unit, target.name, repository, request.source_branch, request.head, (), (hold,))
    return None


def _outdated(reach: Reach, unit: Unit, request: MergeRequest, branch: Branch) -> str:
    """What it proposes that isn't to be proposed now, as our newest commit says; empty where it is."""
    said = records(branch.ours[:1])
    target = reach.target
    services = [service for service in unit.services if service in reach.sources]
    now = [image for service in services for image in _images(target.manifests.get(service, ()))]
    if said and all(any(_is(image, name, record) for image in now) for name, record in said.items()):
        return f"!{request.number} proposes {_listed(said)}, which {target.environment.name} names already"
    run = [image for service in services for image in _images(reach.sources[service][0].manifests[service])]
    gone = [name for name, record in said.items() if not any(_is(image, record.source, record) for image in run)]
    if not gone:
        return ""
    sources = " and ".join(dict.fromkeys(reach.sources[service][0].environment.name for service in services))
    return f"!{request.number} proposes {_listed(gone)}, which isn't what runs in {sources} now"


def _put_instead(ask: Ask, reach: Reach, unit: Unit, branch: Branch) -> tuple[ImageRef, ...]:
    """The images that the branch has by now where ours were: a person's commit put them there."""
    if not branch.foreign or branch.head is None:
        return ()
    target, said = reach.target, records(branch.ours[:1])
    manifests = {m.file.path: m for service in unit.services for m in target.manifests.get(service, ())}
    paths = tuple(sorted(target.paths.intersection(branch.ours[0].paths)))
    files = ask.perhaps(Files(Rev(target.rev.repository, branch.head), paths)) or ()
    named = (field.image for f in files if f.path in manifests for field in fields_at(manifests[f.path], f.content))
    others = [image for image in named if image is not None and image.name in {name.name for name in said}]
    return tuple(one for one in dict.fromkeys(others) if not any(_is(one, name, rec) for name, rec in said.items()))


def _of_others(reach: Reach, unit: Unit) -> MergeRequest | None:
    """The one that proposes a service of the unit together with others."""
    holding = (reach.holding(service) for service in unit.services)
    return next((each.request for each in holding if each is not None), None)


def _images(manifests: Iterable[Manifest]) -> Iterator[ImageRef]:
    """What manifests name. One that can't be read is told of as what blocks."""
    for manifest in manifests:
        try:
            yield from (field.image for field in manifest.fields if field.image is not None)
        except Refusal:
            continue


def _is(image: ImageRef, name: ImageRef, record: Record) -> bool:
    """Whether a manifest names the image that is recorded as `name`: by its digest, or else by its tag."""
    return image.name == name.name and (image.digest == record.digest if image.digest else image.tag == name.tag)


def _listed(images: Iterable[ImageRef]) -> str:
    words = [f"{image.repository.rpartition('/')[2]} {image.tag}" for image in images]
    more = f" and {len(words) - _FEW} more" if len(words) > _FEW else ""
    return f"{', '.join(words[:_FEW])}{more}"
