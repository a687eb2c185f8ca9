"""The shapes in which Helm values write an image: a string, or a map with repository, tag and digest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from bot.images import Digest, ImageParts, ImageRef
from bot.manifests import document
from bot.manifests.document import Scalar
from bot.manifests.fields import Form, ImageField, Part
from bot.manifests.site import BLOCK_STYLES, Site, Slot
from bot.manifests.walk import Entry, Place, Problem, Resolved, entries, items

_KEYS = {part.value: part for part in Part}
_VERSION = frozenset({Part.TAG, Part.DIGEST, Part.SHA})
# What holds the rest of a name or version where it stands beside an `image` that is no whole reference.
_SIBLINGS = frozenset({"registry", "imageRegistry", "imageTag", "image_tag", "version"})
_TEMPLATE_MARKS = ("{{", "${")
_STRING_TAG = "tag:yaml.org,2002:str"

_INHERITS = "inherits repository from base; name the repository here, or edit the base"
_SPLIT = "the name is split over `image` and other keys, which isn't handled yet; use repository and tag"


class Reading(NamedTuple):
    """The image that texts name, or why they name none; `counts` is false for what was never meant as an image."""

    image: ImageRef | None
    refusal: str = ""
    counts: bool = True


_NO_IMAGE = Reading(None, counts=False)


def sites(place: Place, key: str, node: Resolved) -> Iterator[Site]:
    """Every image at `node`, which stands under `key`, and below it, in document order."""
    if isinstance(node, document.Mapping):
        yield from _in_mapping(place, key, node)
    elif isinstance(node, document.Sequence):
        for index, (item, problem) in enumerate(items(node)):
            yield from sites(place.at(index, problem), "", item)


def _in_mapping(place: Place, key: str, mapping: document.Mapping) -> Iterator[Site]:
    found = entries(mapping)
    whole = _map_site(place, key, mapping.line, found)
    if whole:
        yield whole
    for name, entry in found.items():
        below = place.at(name, entry.problem)
        if not isinstance(entry.value, Scalar):
            yield from sites(below, name, entry.value)
        elif not (whole and Part.IMAGE in whole.slots) and _is_image_key(name):
            yield from _string_site(below, name, Slot(entry.key, entry.value))


def _site(place: Place, form: Form, line: int, reading: Reading, slots: Mapping[Part, Slot]) -> Site:
    """The field with the first thing that keeps it from being edited, and the line to look at."""
    if place.problem:
        refusal, line = place.problem
    else:
        refusal = reading.refusal or next(filter(None, map(_uneditable, slots.values())), "")
    return Site(
        ImageField(
            place.document,
            place.pointer,
            form,
            line,
            ImageParts.of(reading.image) if reading.image else ImageParts(),
            refusal,
        ),
        slots,
    )


def _is_image_key(key: str) -> bool:
    return key == "image" or key.endswith("Image")


# --- a string -------------------------------------------------------------------------------------------


def _string_site(place: Place, key: str, slot: Slot) -> Iterator[Site]:
    reading = _read_string(slot.text, bare=key == "image")
    if reading.counts:
        yield _site(place, Form.STRING, slot.value.line, reading, {Part.IMAGE: slot})


def _read_string(text: str, *, bare: bool) -> Reading:
    """Read a string under an image key. Without tag and digest only `bare` ones count, and only with a slash."""
    if refusal := _template(text):
        return Reading(None, refusal)
    reading = _parse(text)
    name, _, last = text.rpartition("/")
    if not ("@" in last or ":" in last or (bare and name)):
        return _NO_IMAGE
    return reading


def _parse(text: str) -> Reading:
    try:
        return Reading(ImageRef.parse(text))
    except ValueError as error:
        return Reading(None, f"no image reference: {error}", counts=_almost(text))


def _almost(text: str) -> bool:
    """Whether somebody meant this as an image: capitals in the name, or a damaged digest."""
    try:
        ImageRef.parse(text.partition("@")[0].lower())
    except ValueError:
        return False
    return True


def _template(text: str) -> str:
    if any(mark in text for mark in _TEMPLATE_MARKS):
        return f"{text[:80]!r} is a template; edit where its variables get their values"
    return ""


def _uneditable(slot: Slot) -> str:
    value = slot.value
    if value.tag and value.tag != _STRING_TAG:
        return f"the value carries the tag {value.tag}; remove the tag"
    if value.style in BLOCK_STYLES:
        return "a block scalar with line breaks in it; write it on one line" if "\n" in value.text else ""
    return "" if value.line == value.last_line else "written over several lines; write it on one line"


# --- a map ----------------------------------------------------------------------------------------------


def _map_site(place: Place, key: str, line: int, found: Mapping[str, Entry]) -> Site | None:
    slots, problem = _slots(found)
    if not slots.keys() & _VERSION and not (Part.IMAGE in slots and found.keys() & _SIBLINGS):
        return None
    reading = _read_map(slots, inherits=_is_image_key(key))
    if not reading.counts:
        return None
    return _site(place._replace(problem=place.problem or problem), Form.MAP, line, reading, slots)


def _slots(found: Mapping[str, Entry]) -> tuple[dict[Part, Slot], Problem | None]:
    """The parts among a mapping's entries, and the first problem of one of them."""
    taken = {part: entry for name, part in _KEYS.items() if (entry := found.get(name))}
    slots = {part: Slot(entry.key, entry.value) for part, entry in taken.items() if isinstance(entry.value, Scalar)}
    problems = (taken[part].problem for part in slots)
    return slots, next(filter(None, problems), None)


def _read_map(slots: Mapping[Part, Slot], *, inherits: bool) -> Reading:
    """Read the parts. Without a repository they count only as an overlay of a base, where `inherits`."""
    text = {part: slot.text for part, slot in slots.items()}
    if Part.IMAGE in slots:
        return _read_split(text)
    if not text.get(Part.REPOSITORY):
        return Reading(None, _INHERITS, counts=inherits)
    if refusal := next(filter(None, map(_template, text.values())), ""):
        return Reading(None, refusal)
    name = "/".join(filter(None, (text.get(Part.REGISTRY), text[Part.REPOSITORY])))
    reading = _parse(name)
    return _with_version(reading.image, text) if reading.image else reading


def _read_split(text: Mapping[Part, str]) -> Reading:
    """An `image` beside tag or digest: one more name part, unless it is a whole reference by itself."""
    last = text[Part.IMAGE].rpartition("/")[2]
    whole = "@" in last or ":" in last
    others = any(text.get(part) for part in (Part.REGISTRY, Part.REPOSITORY, Part.DIGEST, Part.SHA))
    return _NO_IMAGE if whole and not others else Reading(None, _SPLIT)


def _with_version(name: ImageRef, text: Mapping[Part, str]) -> Reading:
    tag, inline, digest = text.get(Part.TAG, "").partition("@")
    digests = [part for part in (digest, text.get(Part.DIGEST), text.get(Part.SHA)) if part]
    if name.tag or name.digest:
        return Reading(None, "the repository holds a tag or digest of its own; move it to `tag` or `digest`")
    if len(digests) > 1 or (inline and not (tag and digest)):
        return Reading(None, "more than one place for the digest, or half of one; keep one of them")
    try:
        return Reading(name.at(tag or None, _digest(digests[0]) if digests else None))
    except ValueError as error:
        return Reading(None, f"no image reference: {error}")


def _digest(text: str) -> Digest:
    """Read a digest with its algorithm or, as under `sha`, without."""
    return Digest(text if ":" in text else f"sha256:{text}")
