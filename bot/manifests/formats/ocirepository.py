"""Flux OCIRepository: `spec.url` names the artifact, `spec.ref` its tag or digest.

https://fluxcd.io/flux/components/source/ocirepositories/#reference: digest wins over semver, semver over tag.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.images import ImageParts
from bot.manifests import document
from bot.manifests.document import Scalar
from bot.manifests.fields import Form, Part
from bot.manifests.formats.objects import is_object, mapping, text
from bot.manifests.reading import Reading, read_parts
from bot.manifests.shapes import Group, Named, site
from bot.manifests.site import Site, Slot
from bot.manifests.walk import Entries, Entry, Place, entries

_SCHEME = "oci://"
_RANGE = "`semver` is a range of versions that Flux resolves by itself; name a tag or digest instead"


def recognises(_path: str, found: Entries) -> bool:
    """By API group and kind."""
    return is_object(found, ("source.toolkit.fluxcd.io",), ("OCIRepository",))


def sites(place: Place, found: Entries) -> Iterator[Site]:
    """The artifact, at `/spec`, which holds both its name and its version."""
    spec = found.get("spec")
    if not spec or not isinstance(spec.value, document.Mapping):
        return
    found = entries(spec.value)
    ref = found.get("ref")
    version = mapping(ref.value) if ref else {}
    place = place.at("spec", spec.problem)
    below = place.at("ref", ref.problem if ref else None)
    group: Group = {
        **_named(place, Part.REPOSITORY, found.get("url"), _SCHEME),
        **_named(below, Part.TAG, version.get("tag")),
        **_named(below, Part.DIGEST, version.get("digest")),
    }
    if not group:
        return
    slots = {part: named.slot for part, named in group.items()}
    reading = read_parts(slots, ImageParts())
    if text(version, "semver") and not text(version, "digest") and reading.counts:
        reading = Reading(reading.parts, reading.refusal or _RANGE)
    if reading.counts:
        yield site(place, Form.MAP, spec.value.line, reading, group)


def _named(place: Place, part: Part, entry: Entry | None, before: str = "") -> Group:
    if entry is None or not isinstance(entry.value, Scalar):
        return {}
    return {part: Named(place.at(entry.key.text, entry.problem), Slot(entry.key, entry.value, before))}
