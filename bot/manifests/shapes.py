"""The shapes in which values and objects write an image, under whatever keys lead there.

A string (`image: repo:tag`), a map (`image: {repository, tag}`), keys beside each other (`image` and `imageTag`), or
one part alone, as in overlays (`image: {tag}`, `global.imageRegistry`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from bot.images import ImageParts
from bot.manifests import document
from bot.manifests.document import Scalar
from bot.manifests.fields import Form, ImageField, Part
from bot.manifests.keys import is_image_key, meaning
from bot.manifests.reading import NAME_PARTS, Reading, has_version, read_parts, read_string, refused, uneditable
from bot.manifests.site import Site, Slot
from bot.manifests.walk import Entry, Place, Resolved, entries, items

# Keys that speak of an image beside each other, or in a map under an image key.
PLAIN = {
    "registry": Part.REGISTRY,
    "repo": Part.REPOSITORY,
    "repository": Part.REPOSITORY,
    "tag": Part.TAG,
    "digest": Part.DIGEST,
    "sha": Part.SHA,
}
# What is written about an object, not what it runs.
_LABELS = frozenset({"labels", "annotations", "matchLabels"})
_VERSION_BESIDE = "`version` beside it may be the tag; set that by its pointer, or write the tag here by hand first"
_PINNED = (
    "tag and digest of one image are two values here, among those of other images; give the image a map of its own"
)
_NAME_BESIDE = "`name` beside `repository` may be a part of the image's name; write the whole name as one of them"
_SPLIT = "`image` holds a whole reference and other keys speak of it too; keep one of them"


class Named(NamedTuple):
    """A scalar that says a part of an image, and where it stands."""

    place: Place
    slot: Slot


Group: TypeAlias = dict[Part, Named]


def sites(place: Place, key: str, node: Resolved) -> Iterator[Site]:
    """Every image at `node`, which stands under `key`, and below it."""
    if isinstance(node, document.Mapping):
        found = entries(node)
        if _speaks_of_image(key, found):
            yield from _of_entries(place, key, node.line, found)
        for name, entry in found.items():
            if not isinstance(entry.value, Scalar) and name not in _LABELS:
                yield from sites(place.at(name, entry.problem), name, entry.value)
    elif isinstance(node, document.Sequence):
        for index, (item, problem) in enumerate(items(node)):
            yield from sites(place.at(index, problem), "", item)


def site(place: Place, form: Form, line: int, reading: Reading, group: Mapping[Part, Named]) -> Site:
    """The field with the first thing that keeps it from being edited, and the line to look at."""
    problem = place.problem or next((named.place.problem for named in group.values() if named.place.problem), None)
    slots = {part: named.slot for part, named in group.items()}
    if problem:
        refusal, line = problem
    else:
        refusal = reading.refusal or next(filter(None, map(uneditable, slots.values())), "")
    return Site(ImageField(place.document, place.pointer, form, line, reading.parts, refusal), slots)


def alone(part: Part, named: Named, *, bare: bool = False) -> Iterator[Site]:
    """The field of one scalar: a whole reference, or one part that isn't empty."""
    whole = part is Part.IMAGE
    reading = read_string(named.slot, bare=bare) if whole else read_parts({part: named.slot}, ImageParts())
    if reading.counts and named.slot.text:
        yield site(named.place, Form.STRING if whole else Form.PART, named.slot.value.line, reading, {part: named})


def together(place: Place, line: int, group: Group) -> Iterator[Site]:
    """The field of several scalars in the mapping at `place`."""
    reading = read_parts({part: named.slot for part, named in group.items()}, ImageParts())
    if reading.counts:
        yield site(place, Form.MAP, line, reading, group)


def groups(place: Place, line: int, found: Mapping[str, Group], *, taken: bool = False) -> Iterator[Site]:
    """The fields of scalars in one mapping, by image: one field if that is the mapping's only image, else by scalar."""
    complete = [stem for stem, group in found.items() if _is_complete(group)]
    for stem, group in found.items():
        if complete == [stem] and not taken:
            yield from together(place, line, group)
        else:
            for part, named in group.items():
                found_alone = alone(part, named, bare=stem == "image")
                yield from map(_pinned_elsewhere, found_alone) if _pins(group) else found_alone


def _pins(group: Group) -> bool:
    """Whether a tag and the digest that belongs to it are two scalars."""
    digests = (group[part] for part in (Part.DIGEST, Part.SHA) if part in group)
    return Part.TAG in group and any(named.slot.text for named in digests)


def _pinned_elsewhere(found: Site) -> Site:
    """Refuse to change a tag and its digest one by one, where several images share a mapping."""
    if found.slots.keys() <= {Part.TAG, Part.DIGEST, Part.SHA} and not found.field.refusal:
        return replace(found, field=replace(found.field, refusal=_PINNED))
    return found


def _is_complete(group: Group) -> bool:
    named = any(part in group and group[part].slot.text for part in NAME_PARTS[1:])
    return len(group) > 1 and (named or _pins(group))


# --- one mapping ----------------------------------------------------------------------------------------


def _speaks_of_image(key: str, found: Mapping[str, Entry]) -> bool:
    """Whether any of a mapping's keys can matter; most mappings hold none, and asking is cheap."""
    return is_image_key(key) or not PLAIN.keys().isdisjoint(found) or any(map(meaning, found))


def _of_entries(place: Place, key: str, line: int, found: Mapping[str, Entry]) -> Iterator[Site]:
    """The images that a mapping's own scalars spell."""
    joined = _joined(place, found)
    plain = _plain(place, key, found)
    mapped = []
    if _is_image(key, plain):
        doubt = _doubt(plain, _scalar(place, found, "name") if is_image_key(key) else None)
        mapped = [site(place, Form.MAP, line, refused(doubt), plain)] if doubt else [*together(place, line, plain)]
    yield from mapped
    if mapped and Part.IMAGE in plain:
        joined["image"].pop(Part.IMAGE, None)
    for stem, group in joined.items():
        image = group.get(Part.IMAGE)
        if image and (len(group) == 1 or has_version(image.slot.text)):
            del group[Part.IMAGE]
            no_room = {Part.TAG: _VERSION_BESIDE} if stem == "image" and "version" in found else {}
            yield from (replace(own, no_room=no_room) for own in alone(Part.IMAGE, image, bare=stem == "image"))
    yield from groups(place, line, joined, taken=bool(mapped))
    if key == "image" and not mapped and (volume := _scalar(place, found, "reference")):
        yield from alone(Part.IMAGE, volume)


def _doubt(plain: Group, name: Named | None) -> str:
    """Why it can't be told what a mapping names, which may have a `name` too; empty if it can."""
    image, repository = plain.get(Part.IMAGE), plain.get(Part.REPOSITORY)
    if image and has_version(image.slot.text):
        return _SPLIT
    return _NAME_BESIDE if name and repository and repository != name else ""


def _is_image(key: str, plain: Group) -> bool:
    if is_image_key(key):
        return bool(plain)
    return (Part.REPOSITORY in plain or Part.IMAGE in plain) and len(plain) > 1


def _plain(place: Place, key: str, found: Mapping[str, Entry]) -> Group:
    """The scalars under the plain keys, and what they make of `image`, `name` and `version` beside them."""
    group = {part: named for name, part in PLAIN.items() if name in found and (named := _scalar(place, found, name))}
    image = _scalar(place, found, "image")
    if image and group:
        others = any(group[part].slot.text for part in group if part is not Part.TAG)
        if others or not has_version(image.slot.text):
            group[Part.IMAGE] = image
    if is_image_key(key) and not image:
        _add_aliases(group, place, found)
    return group


def _add_aliases(group: Group, place: Place, found: Mapping[str, Entry]) -> None:
    """In a map under an image key, `version` may stand for the tag, and `name` for the repository."""
    version, name = _scalar(place, found, "version"), _scalar(place, found, "name")
    if version and Part.TAG not in group and (name or Part.REPOSITORY in group):
        group[Part.TAG] = version
    if name and Part.TAG in group and Part.REPOSITORY not in group:
        group[Part.REPOSITORY] = name


def _joined(place: Place, found: Mapping[str, Entry]) -> dict[str, Group]:
    """The scalars whose keys say what of an image they are, by image."""
    by_image: dict[str, Group] = {}
    # `image` first, or what comes before it, such as `imageName`, would take its place.
    for name in sorted(found, key="image".__ne__) if "image" in found else found:
        said = meaning(name)
        if said and (named := _scalar(place, found, name)):
            taken = said.part in by_image.get(said.stem, {})
            by_image.setdefault(name if taken else said.stem, {})[said.part] = named
    return by_image


def _scalar(place: Place, found: Mapping[str, Entry], key: str) -> Named | None:
    entry = found.get(key)
    if entry is None or not isinstance(entry.value, Scalar):
        return None
    # Some charts join registry and repository just as they are.
    before = "/" if key == "repository" and entry.value.text.startswith("/") else ""
    after = "/" if key.lower().endswith("registry") and entry.value.text.endswith("/") else ""
    return Named(place.at(key, entry.problem), Slot(entry.key, entry.value, before, after))
