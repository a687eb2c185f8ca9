"""What the scalars of a field must say for it to name another image; reading.py is the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from bot.images import Digest, ImageParts, ImageRef
from bot.manifests.fields import Form, ImageEdit, Part
from bot.manifests.reading import NAME_PARTS, is_whole
from bot.manifests.site import Site
from bot.manifests.source import fault

_ALGORITHM = "sha256:"
_INHERITED = "the image is inherited; leave the name out, or add `repository` by hand first"
_BOTH = "give tag and digest, or drop the digest: `set-image --drop-digest`, or `write: tag` of the environment"
_ADD = "leave it out, or have one added: `set-image --add-digest`, or the environment's `write: tag+digest`"
_NO_TAG = "a `digest` key can only be added beside a tag; leave the digest out, or add a key for it by hand first"
_TAG_STAYS = "write `digest` in its place by hand, with the digest that runs now, or say `write: tag+digest`"
# The keys of a tag beside which `digest` speaks of the same image.
_BESIDE_DIGEST = frozenset({"tag", "version", "newTag"})

Texts: TypeAlias = dict[Part, str]


@dataclass(frozen=True)
class Rewriting:
    """What a field will say, the text of each part that changes for it, and the digest that needs a key of its own."""

    wanted: ImageParts
    texts: Texts
    insert: Digest | None = None


class _NoRoomError(Exception):
    """The form can't say it: reason, and what to do."""


def rewrite(path: str, site: Site, edit: ImageEdit) -> Rewriting:
    """What an edit makes of a field. Raises ManifestError where the form has no room for a part.

    So it does where the tag or digest of another image would stay beside a new one.
    """
    try:
        wanted = _wanted(site, edit)
        return _spell(site, wanted, add_digest=edit.add_digest)
    except _NoRoomError as error:
        reason, hint = error.args
        raise fault(
            path, site.field.line, f"{site.field.pointer or 'the document'} can't become {edit.parts}: {reason}", hint
        ) from None


def _wanted(site: Site, edit: ImageEdit) -> ImageParts:
    """The old parts, but for those that the edit gives."""
    old, new = site.field.parts, edit.parts
    named = _named(site, new)
    tag = new.tag if new.tag is not None or edit.drop_tag else old.tag
    digest = new.digest or (None if edit.drop_digest else old.digest)
    if old.digest and digest == old.digest and new.digest is None and tag != old.tag:
        raise _NoRoomError(f"the digest {old.digest.short} of another image would stay", _BOTH)
    if new.digest and new.digest != old.digest and tag and new.tag is None:
        raise _NoRoomError(f"the tag {old.tag} of another image would stay", "give a tag too")
    return ImageParts(named.registry, named.repository, tag, digest)


def _named(site: Site, new: ImageParts) -> ImageParts:
    """The name that the field will have. A registry under a key of its own stays unless the edit names another."""
    old = site.field.parts
    if new.repository is None:
        return ImageParts(new.registry or old.registry, old.repository)
    registry = site.slots[Part.REGISTRY].text if Part.REGISTRY in site.slots else ""
    name = _name(new)
    if new.registry is None and registry and not name.startswith(f"{registry}/"):
        name = f"{registry}/{name}"
    image = ImageRef.parse(name)
    return ImageParts(image.registry, image.repository)


def _name(parts: ImageParts) -> str:
    return "/".join(filter(None, (parts.registry, parts.repository)))


def _spell(site: Site, wanted: ImageParts, *, add_digest: bool) -> Rewriting:
    text = {part: slot.text for part, slot in site.slots.items()}
    if text.keys() == {Part.IMAGE} or is_whole(text):
        _allow_tag(site, wanted)
        texts, insert = {next(part for part in text if text[part] or len(text) == 1): str(wanted)}, None
    else:
        texts = {**_names(site, text, wanted), **_tag(site, text, wanted)}
        keyed, insert = _digest(text, wanted, _no_key(site, add=add_digest))
        texts |= keyed
    return Rewriting(wanted, {part: new for part, new in texts.items() if new != text[part]}, insert)


def _allow_tag(site: Site, wanted: ImageParts) -> None:
    if wanted.tag and not site.field.parts.tag and Part.TAG in site.no_room:
        raise _NoRoomError("there is no tag yet", site.no_room[Part.TAG])


# --- the parts of a map ---------------------------------------------------------------------------------


def _names(site: Site, text: Texts, wanted: ImageParts) -> Texts:
    """The name over the scalars that make it up: each keeps what it says where the new name begins with that."""
    rest = _name(wanted)
    parts = [part for part in NAME_PARTS if part in text]
    if rest == _name(site.field.parts):
        return {}
    if not parts:
        what = "name" if wanted.repository else "registry"
        raise _NoRoomError(f"there is no key for a {what}", site.no_room.get(Part.REPOSITORY, _INHERITED))
    texts: Texts = {}
    if parts[0] is Part.REGISTRY:
        texts, rest = _registry(site, text[Part.REGISTRY], wanted)
    if parts[-2:] == [Part.REPOSITORY, Part.IMAGE]:
        return {**texts, **_repository_and_image(text[Part.REPOSITORY], rest)}
    if parts[-1] is Part.REGISTRY and rest:
        raise _NoRoomError("there is only a registry", f"write it as {wanted.registry}/")
    return {**texts, parts[-1]: rest} if rest else texts


def _registry(site: Site, current: str, wanted: ImageParts) -> tuple[Texts, str]:
    """The registry under its own key, and what is left of the name."""
    name = _name(wanted)
    if wanted.repository is None:
        return {Part.REGISTRY: name}, ""
    if current and name.startswith(f"{current}/"):
        return {}, name.removeprefix(f"{current}/")
    # An empty key stays so where the host stands in the repository.
    if wanted.registry and (current or not site.field.parts.registry):
        return {Part.REGISTRY: wanted.registry}, wanted.repository
    return {}, name


def _repository_and_image(current: str, rest: str) -> Texts:
    if not current or rest.startswith(f"{current}/"):
        return {Part.IMAGE: rest.removeprefix(f"{current}/")}
    head, _, last = rest.rpartition("/")
    if not head:
        raise _NoRoomError("`repository` and `image` share the name", "give a name with a slash")
    return {Part.REPOSITORY: head, Part.IMAGE: last}


def _tag(site: Site, text: Texts, wanted: ImageParts) -> Texts:
    """The tag, with the digest behind it where one is there now."""
    with_digest = "@" in text.get(Part.TAG, "")
    if wanted.tag is None and text.get(Part.TAG):
        raise _NoRoomError(f"the key `{site.slots[Part.TAG].key.text}` would stay without a value", _TAG_STAYS)
    if wanted.tag is None or (wanted.tag == site.field.parts.tag and not with_digest):
        return {}
    if Part.TAG not in text:
        raise _NoRoomError("there is no key for a tag", "leave the tag out, or add `tag` by hand first")
    inline = f"@{wanted.digest}" if with_digest and wanted.digest else ""
    return {Part.TAG: wanted.tag + inline}


def _no_key(site: Site, *, add: bool) -> str:
    """What to do where `digest` can't be added: beside `imageTag`, or an Argo parameter, it would say nothing."""
    tag = site.slots.get(Part.TAG)
    if not tag or site.field.form is not Form.MAP or tag.key.text not in _BESIDE_DIGEST:
        return _NO_TAG
    return "" if add else _ADD


def _digest(text: Texts, wanted: ImageParts, no_key: str) -> tuple[Texts, Digest | None]:
    """The digest under a key of its own, or what such a key must be made for."""
    if "@" in text.get(Part.TAG, ""):
        return {}, None
    keys = [part for part in (Part.DIGEST, Part.SHA) if part in text]
    key = next((part for part in keys if text[part]), keys[0] if keys else None)
    if key is None:
        if wanted.digest and no_key:
            raise _NoRoomError("there is no place for a digest", no_key)
        return {}, wanted.digest
    return {key: _spelled(wanted.digest, key, text[key]) if wanted.digest else ""}, None


def _spelled(digest: Digest, key: Part, current: str) -> str:
    """With its algorithm as the current one has it; without one to follow, bare under `sha` only."""
    bare = not current.startswith(_ALGORITHM) if current else key is Part.SHA
    return digest.text.removeprefix(_ALGORITHM) if bare else digest.text
