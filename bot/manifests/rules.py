"""Images where no format would look: a scalar that somebody names by its pointer, with what it holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bot.images import ImageParts
from bot.manifests import document
from bot.manifests.document import Node, Scalar
from bot.manifests.fields import FieldRule, Form, ImageField, Part
from bot.manifests.keys import meaning
from bot.manifests.reading import has_version, read_parts, read_string, refused
from bot.manifests.shapes import PLAIN, Named, site
from bot.manifests.site import Site, Slot
from bot.manifests.walk import Place, Problem, Resolved, entries, resolve

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_VERSION_KEYS = {"tag": Part.TAG, "version": Part.TAG, "newtag": Part.TAG, "image": Part.IMAGE}
_RULED_NAME = "`fields` says which image this is; correct its `image`"
_NO_SCALAR = "`fields` names this place, and there is no value; correct the `pointer` or add the value"


def by_rules(roots: Sequence[Node | None], rules: Sequence[FieldRule]) -> list[Site]:
    """The image of each rule, in whichever documents its pointer leads to a scalar; else a refused field."""
    found = []
    for rule in rules:
        named = [named for number, root in enumerate(roots) if (named := locate(number, root, rule.pointer))]
        found += [_ruled(rule, each) for each in named] or [_missing(rule)]
    return found


def locate(number: int, root: Node | None, pointer: str) -> Named | None:
    """The scalar at a JSON pointer (RFC 6901) of a document, None where there is no scalar."""
    if root is None or not pointer.startswith("/"):
        return None
    node, problem = resolve(root)
    place, key = Place(number, problem=problem), None
    for token in pointer.split("/")[1:]:
        step = _step(node, _plain(token))
        if step is None:
            return None
        key, node, problem = step
        place = Place(number, f"{place.pointer}/{token}", place.problem or problem)
    return Named(place, Slot(key or node, node)) if isinstance(node, Scalar) else None


def named_items(number: int, root: Node | None, pointer: str) -> Iterator[tuple[str, str | None]]:
    """The items of lists that a pointer goes through, by their pointers, each with what its `name` says."""
    node, _ = resolve(root) if root is not None else (None, None)
    place = ""
    for token in pointer.split("/")[1:]:
        in_list = isinstance(node, document.Sequence)
        step = _step(node, _plain(token)) if node is not None else None
        if step is None:
            return
        node, place = step[1], f"{place}/{token}"
        if in_list:
            name = locate(number, root, f"{place}/name")
            yield place, name.slot.whole if name else None


def implied(named: Named) -> Site | None:
    """The image at a scalar that no rule and no format names, by its key alone; None where that says nothing."""
    key, text = named.slot.key.text, named.slot.text
    part = PLAIN.get(key) or _VERSION_KEYS.get(re.split(r"[^a-z]", key.lower())[-1])
    if said := meaning(key):
        part = said.part
    elif part is None and ("/" in text or has_version(text)):
        part = Part.IMAGE
    return _site(named, part, ImageParts()) if part else None


def _ruled(rule: FieldRule, named: Named) -> Site:
    fixed = rule.image or ImageParts()
    found = replace(_site(named, rule.holds, fixed), fixed=fixed, no_room={Part.REPOSITORY: _RULED_NAME})
    # The text that an alias brings stays with who wrote it.
    return replace(found, slots={}) if named.place.problem else found


def _site(named: Named, part: Part, fixed: ImageParts) -> Site:
    whole = part is Part.IMAGE
    reading = read_string(named.slot, bare=True) if whole else read_parts({part: named.slot}, fixed)
    if not reading.counts:
        reading = refused(reading.refusal or f"{named.slot.text[:80]!r} is no image reference")
    return site(named.place, Form.STRING if whole else Form.PART, named.slot.value.line, reading, {part: named})


def _missing(rule: FieldRule) -> Site:
    return Site(ImageField(0, rule.pointer, Form.PART, 1, ImageParts(), _NO_SCALAR), {})


def _plain(token: str) -> str:
    return token.replace("~1", "/").replace("~0", "~")


def _step(node: Resolved, token: str) -> tuple[Scalar | None, Resolved, Problem | None] | None:
    if isinstance(node, document.Mapping):
        entry = entries(node).get(token)
        return (entry.key, entry.value, entry.problem) if entry else None
    if isinstance(node, document.Sequence) and _INDEX.fullmatch(token) and int(token) < len(node.items):
        return (None, *resolve(node.items[int(token)]))
    return None
