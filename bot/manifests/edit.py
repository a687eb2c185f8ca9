"""Changing what a manifest says, by position: every byte but those of the values stays."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from bot.images import Digest, ImageParts
from bot.manifests import document
from bot.manifests.document import Node
from bot.manifests.fields import Edit, FieldRule, ImageEdit, ScalarEdit
from bot.manifests.find import find_sites
from bot.manifests.insert import Insertion, insert
from bot.manifests.rewrite import Rewriting, rewrite
from bot.manifests.rules import implied, locate, named_items
from bot.manifests.scalars import Splice, splice, splice_for
from bot.manifests.shapes import Named
from bot.manifests.site import Site, Slot
from bot.manifests.source import decode, fault
from bot.manifests.verify import Before, prove, prove_added

_Place: TypeAlias = tuple[int, str]

_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


def set_images(path: str, content: bytes, edits: Sequence[Edit], rules: Sequence[FieldRule] = ()) -> bytes:
    """The manifest with the wanted images. All edits are made or none: then ManifestError says which can't, and why.

    An edit names a field that `find_images` gives with the same `rules`, or any scalar that its key says to be an
    image or a part of one. Only scalars whose value changes are rewritten, in their own quote style; then the result
    is parsed again and compared.
    """
    if not edits:
        return content
    wanted = _by_place(path, edits)
    text = _with_room(path, decode(path, content), wanted, rules)
    manifest = _Manifest.read(path, text, rules)
    splices: list[Splice] = []
    parts = {}
    for place, edit in wanted.items():
        if isinstance(edit, ScalarEdit):
            splices.extend(manifest.splice_of(edit))
        else:
            site = manifest.site(place)
            rewriting = manifest.rewriting(site, edit)
            splices.extend(manifest.splices_of(site, rewriting))
            parts[place] = rewriting.wanted
    _refuse_two_for_one(path, splices)
    edited = splice(text, splices)
    prove(path, manifest.before, edited, splices, parts, rules)
    return edited.encode()


def scalar_at(path: str, content: bytes, number: int, pointer: str) -> ScalarEdit | None:
    """The edit that writes what the scalar at a pointer of document `number` says now, None where there is none.

    Raises ManifestError where the file can't be read.
    """
    roots = document.parse(path, decode(path, content))
    named = locate(number, roots[number], pointer) if number < len(roots) else None
    return ScalarEdit(number, pointer, named.slot.whole, not named.slot.value.style) if named else None


def items_above(path: str, content: bytes, number: int, pointer: str) -> tuple[tuple[str, str | None], ...]:
    """The items of lists that a pointer of document `number` goes through, by their pointers, each with its `name`.

    Raises ManifestError where the file can't be read.
    """
    roots = document.parse(path, decode(path, content))
    return tuple(named_items(number, roots[number], pointer)) if number < len(roots) else ()


def _by_place(path: str, edits: Sequence[Edit]) -> dict[_Place, Edit]:
    wanted: dict[_Place, Edit] = {}
    for edit in edits:
        if wanted.setdefault((edit.document, edit.pointer), edit) != edit:
            reason = f"two different edits of {edit.document}:{edit.pointer}"
            raise fault(path, 1, reason, "give each field one image")
    return wanted


def _with_room(path: str, text: str, wanted: Mapping[_Place, Edit], rules: Sequence[FieldRule]) -> str:
    """The text with the keys that the edits may add, each holding its digest already."""
    for place, edit in wanted.items():
        if isinstance(edit, ImageEdit) and edit.add_digest:
            manifest = _Manifest.read(path, text, rules)
            digest = manifest.rewriting(manifest.site(place), edit).insert
            text = _with_digest(manifest, place, digest, rules) if digest else text
    return text


def _with_digest(manifest: _Manifest, place: _Place, digest: Digest, rules: Sequence[FieldRule]) -> str:
    """The text with a key for the digest of the image at `place`, if that key is read as this image's."""
    path, site, insertion = manifest.path, manifest.site(place), Insertion("digest", digest.text)
    roomy = insert(path, manifest.text, site, insertion)
    prove_added(path, manifest.before, roomy, insertion)
    expected = {**manifest.parts, place: replace(site.field.parts, digest=digest)}
    if _Manifest.read(path, roomy, rules).parts != expected:
        reason = f"there is no place for a digest: a key `{insertion.key}` in {place[1]} would not be this image's"
        raise fault(path, site.field.line, reason, "leave the digest out")
    return roomy


def _refuse_two_for_one(path: str, splices: Sequence[Splice]) -> None:
    if len({part.start for part in splices}) < len(splices):
        raise fault(path, 1, "two edits of one value", "name each value once")


@dataclass(frozen=True)
class _Manifest:
    """A manifest at one state of its text, by both parsers, with what it names."""

    path: str
    text: str
    before: Before
    roots: Sequence[Node | None]
    sites: Mapping[_Place, Site]

    @classmethod
    def read(cls, path: str, text: str, rules: Sequence[FieldRule]) -> _Manifest:
        # Stops at deep nesting, on which both parsers take quadratic time.
        document.read(path, document.fast_events(path, text))
        before = Before.read(path, text)
        roots = document.read(path, before.exact)
        sites = {(site.field.document, site.field.pointer): site for site in find_sites(path, roots, rules)}
        return cls(path, text, before, roots, sites)

    @property
    def parts(self) -> dict[_Place, ImageParts]:
        """What each field says."""
        return {place: site.field.parts for place, site in self.sites.items()}

    def site(self, place: _Place) -> Site:
        """The field at a place, or the scalar there that is none by itself. Raises ManifestError."""
        if place in self.sites:
            return self.sites[place]
        named = self._scalar(place)
        self._refuse_owned(place[1], named.slot, "set that one; what it leaves out stays")
        site = implied(named)
        if site and site.field.parts.tag:
            self._refuse_pinned(place)
        if site is None:
            reason = f"{place[1]} is no image by itself, and its key doesn't say what part of one it holds"
            raise fault(self.path, named.slot.value.line, reason, "say it by a rule in `fields` of the configuration")
        return site

    def rewriting(self, site: Site, edit: ImageEdit) -> Rewriting:
        """What an edit makes of a field. Raises ManifestError where it can't be edited."""
        if site.field.refusal:
            where = site.field.pointer or "the document"
            raise fault(self.path, site.field.line, f"{where} can't be edited: {site.field.refusal}")
        return rewrite(self.path, site, edit)

    def splices_of(self, site: Site, rewriting: Rewriting) -> Iterator[Splice]:
        """The splices for every scalar that changes."""
        for part, new in rewriting.texts.items():
            slot = site.slots[part]
            yield self._splice(slot, f"{slot.before}{new}{slot.after}", plain=False)

    def splice_of(self, edit: ScalarEdit) -> Iterator[Splice]:
        """The splice for a scalar, none if it says the same already."""
        slot = self._scalar((edit.document, edit.pointer)).slot
        if slot.whole != edit.text:
            self._refuse_owned(edit.pointer, slot, "images are promoted; take it out of `also_promote`")
            yield self._splice(slot, edit.text, plain=edit.plain)

    def _refuse_pinned(self, place: _Place) -> None:
        """Raise ManifestError for a tag beside a digest that would stay."""
        above = place[1].rpartition("/")[0]
        for key in ("digest", "sha"):
            beside = locate(place[0], self.roots[place[0]], f"{above}/{key}")
            if beside and beside.slot.text:
                reason = f"{place[1]} stands beside the digest {beside.slot.text[:19]}, which would stay"
                raise fault(self.path, beside.slot.value.line, reason, "change or empty the digest by hand")

    def _refuse_owned(self, pointer: str, slot: Slot, hint: str) -> None:
        """Raise ManifestError for a scalar that belongs to an image."""
        owner = next((s for s in self.sites.values() if any(slot.value == own.value for own in s.slots.values())), None)
        if owner is not None:
            reason = f"{pointer} is a part of the image at {owner.field.document}:{owner.field.pointer}"
            raise fault(self.path, slot.value.line, reason, hint)

    def _scalar(self, place: _Place) -> Named:
        number, pointer = place
        named = locate(number, self.roots[number], pointer) if number < len(self.roots) else None
        if named is None:
            raise fault(self.path, 1, f"no image at {number}:{pointer}", "`promobot images` lists what is there")
        if named.place.problem:
            raise fault(self.path, named.place.problem.line, f"{pointer} can't be edited: {named.place.problem.reason}")
        return named

    def _splice(self, slot: Slot, new: str, *, plain: bool) -> Splice:
        if _CONTROL.search(new):
            reason = f"{slot.key.text!r} would get a value of several lines, or with control characters"
            raise fault(self.path, slot.key.line, reason, "write it by hand")
        change = splice_for(self.text, slot, new, plain=plain)
        if change is None:
            reason = f"there is no exact place for a value of {slot.key.text!r}"
            raise fault(self.path, slot.key.line, reason, f"write it as `{slot.key.text}: value` on one line")
        return change
