"""What people may be reviewing while a unit is blocked: an open merge request that is neither changed nor closed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.config import Config
from bot.decide.branch import branch_behind, branch_name, open_request, promotion_mark
from bot.decide.environments import Manifest
from bot.decide.facts import Ask, NotKnown, Refusal
from bot.decide.trailers import Record, records
from bot.decide.units import Reach
from bot.images import ImageRef
from bot.promotion import Unit
from bot.repositories import MergeRequest

# So many images are named in a line.
_FEW = 3


def under_review(ask: Ask, config: Config, reach: Reach, unit: Unit) -> tuple[MergeRequest | None, str]:
    """A blocked unit's open merge request, and what it proposes that isn't to be proposed now; empty where it is.

    What it proposes is what our newest commit on its branch says. Raises Unanswered.
    """
    target = reach.target
    try:
        request = open_request(ask, target, branch_name(target.environment, unit))
        mark = promotion_mark(config.author, target.environment, unit.name)
        said = records(branch_behind(ask, target.rev, request, mark).ours[:1]) if request else {}
    except NotKnown:
        return None, ""  # that is why it is blocked
    if request is None or not said:
        return request or _of_others(reach, unit), ""
    services = [service for service in unit.services if service in reach.sources]
    now = [image for service in services for image in _images(target.manifests.get(service, ()))]
    if all(any(_is(image, name, record) for image in now) for name, record in said.items()):
        return request, f"!{request.number} proposes {_listed(said)}, which {target.environment.name} names already"
    run = [image for service in services for image in _images(reach.sources[service][0].manifests[service])]
    gone = [name for name, record in said.items() if not any(_is(image, record.source, record) for image in run)]
    if not gone:
        return request, ""
    sources = " and ".join(dict.fromkeys(reach.sources[service][0].environment.name for service in services))
    return request, f"!{request.number} proposes {_listed(gone)}, which isn't what runs in {sources} now"


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
