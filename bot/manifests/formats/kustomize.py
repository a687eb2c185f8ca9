"""The `images:` of kustomizations: name, newName, newTag and digest.

https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/images/. Flux's Kustomization has them under
`spec.images`, a HelmRelease under `spec.postRenderers[].kustomize.images`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bot.images import ImageParts, ImageRef
from bot.manifests import document
from bot.manifests.document import Scalar
from bot.manifests.fields import Form, Part
from bot.manifests.formats.objects import is_object, mapping, text
from bot.manifests.reading import read_parts, refused
from bot.manifests.shapes import Named, site
from bot.manifests.site import Site, Slot
from bot.manifests.walk import Entries, Place, Resolved, items

_GROUP = "kustomize.config.k8s.io"
FLUX_GROUP = "kustomize.toolkit.fluxcd.io"
# What a kustomization's file is called.
KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")

_KEYS = {"newName": Part.REPOSITORY, "newTag": Part.TAG, "digest": Part.DIGEST}
_NO_NAME = "there is no `newName` in the entry; add it by hand first"
_SUFFIX = "`tagSuffix` changes the tag again; write the whole tag under `newTag`"


def recognises(path: str, found: Entries) -> bool:
    """By kind and group; kustomize fills in either in a file of its name."""
    if is_object(found, (_GROUP,), ("Kustomization", "Component")) or is_object(
        found, (FLUX_GROUP,), ("Kustomization",)
    ):
        return True
    return path.rpartition("/")[2] in KUSTOMIZATIONS and not {"apiVersion", "kind"} <= found.keys()


def sites(place: Place, found: Entries) -> Iterator[Site]:
    """The entries of `images` or, in Flux's kind, of `spec.images`."""
    yield from in_images(place, found)
    if spec := found.get("spec"):
        yield from in_images(place.at("spec", spec.problem), mapping(spec.value))


def in_images(place: Place, found: Entries) -> Iterator[Site]:
    """The entries of the list under `images` of the mapping at `place`."""
    images = found.get("images")
    if images and isinstance(images.value, document.Sequence):
        below = place.at("images", images.problem)
        for index, (item, problem) in enumerate(items(images.value)):
            yield from _in_entry(below.at(index, problem), item)


def _in_entry(place: Place, item: Resolved) -> Iterator[Site]:
    found = mapping(item)
    group = {
        part: Named(place.at(key, entry.problem), Slot(entry.key, entry.value))
        for key, part in _KEYS.items()
        if (entry := found.get(key)) and isinstance(entry.value, Scalar)
    }
    if not group or not text(found, "name"):
        return
    slots = {part: named.slot for part, named in group.items()}
    name = _name(text(found, "name"))
    reading = refused(_SUFFIX) if "tagSuffix" in found else read_parts(slots, name)
    yield replace(site(place, Form.MAP, item.line, reading, group), fixed=name, no_room={Part.REPOSITORY: _NO_NAME})


def _name(name: str) -> ImageParts:
    """The name that stays where an entry gives no new one; nothing for what is none."""
    try:
        image = ImageRef.parse(name)
    except ValueError:
        return ImageParts()
    return ImageParts(image.registry, image.repository)
