"""Changing the images that a manifest names, by position: every byte but those of the values stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bot.images import ImageRef
from bot.manifests import document
from bot.manifests.fields import ImageEdit
from bot.manifests.find import find_sites
from bot.manifests.rewrite import new_texts
from bot.manifests.scalars import Splice, splice, splice_for
from bot.manifests.site import Site
from bot.manifests.source import decode, fault
from bot.manifests.verify import Before, prove


def set_images(path: str, content: bytes, edits: Sequence[ImageEdit]) -> bytes:
    """The manifest with the wanted images. All edits are made or none: then ManifestError says which can't, and why.

    Only scalars whose value changes are rewritten, in their own quote style. The result is parsed again and compared.
    """
    if not edits:
        return content
    text = decode(path, content)
    before = _read(path, text)
    sites = {(site.field.document, site.field.pointer): site for site in find_sites(path, before.exact)}
    wanted = _by_place(path, edits)
    splices: list[Splice] = []
    for place, image in wanted.items():
        splices.extend(_splices(path, text, _site(path, sites, place), image))
    if not splices:
        return content
    edited = splice(text, splices)
    prove(path, before, edited, splices, wanted)
    return edited.encode()


def _read(path: str, text: str) -> Before:
    # Stops at deep nesting, on which both parsers take quadratic time.
    document.read(path, document.fast_events(path, text))
    return Before(list(document.fast_events(path, text)), list(document.exact_events(path, text)))


def _by_place(path: str, edits: Sequence[ImageEdit]) -> dict[tuple[int, str], ImageRef]:
    wanted: dict[tuple[int, str], ImageRef] = {}
    for edit in edits:
        if wanted.setdefault((edit.document, edit.pointer), _whole(edit)) != _whole(edit):
            raise fault(
                path, 1, f"two different images for {edit.document}:{edit.pointer}", "give each field one image"
            )
    return wanted


def _whole(edit: ImageEdit) -> ImageRef:
    assert edit.parts.ref is not None, "not yet"  # noqa: S101
    return edit.parts.ref


def _site(path: str, sites: Mapping[tuple[int, str], Site], place: tuple[int, str]) -> Site:
    site = sites.get(place)
    if site is None:
        raise fault(path, 1, f"no image at {place[0]}:{place[1]}", "`promobot images` lists what is there")
    return site


def _splices(path: str, text: str, site: Site, image: ImageRef) -> Iterator[Splice]:
    found = site.field
    if found.refusal or not found.image:
        raise fault(path, found.line, f"{found.pointer} can't be edited: {found.refusal}")
    for part, new in new_texts(path, site, found.image, image).items():
        slot = site.slots[part]
        change = splice_for(text, slot, new)
        if change is None:
            reason = f"there is no exact place for a value of {slot.key.text!r}"
            raise fault(path, slot.key.line, reason, f"write it as `{slot.key.text}: value` on one line")
        yield change
