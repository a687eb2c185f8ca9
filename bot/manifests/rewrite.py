"""What the parts of a field must say for it to name another image; the inverse of reading it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from bot.images import Digest, ImageRef
from bot.manifests.fields import Form, Part
from bot.manifests.site import Site
from bot.manifests.source import fault

_ALGORITHM = "sha256:"


def new_texts(path: str, site: Site, old: ImageRef, new: ImageRef) -> dict[Part, str]:
    """The text of each part that changes when the field stops naming `old` and names `new`.

    Raises ManifestError where the form has no room for a part, or where a tag or digest of `old` would stay beside
    those of `new`.
    """
    text = {part: slot.text for part, slot in site.slots.items()}
    try:
        match site.field.form:
            case Form.STRING:
                wanted = _string(old, new)
            case Form.MAP:
                wanted = {**_name(text, old, new), **_tag(text, new), **_digest(text, new)}
            case Form.PART:
                wanted = {}
            case _:
                assert_never(site.field.form)
    except _NoRoomError as error:
        reason, hint = error.args
        raise fault(path, site.field.line, f"{reason}: {new} can't be written here", hint) from None
    return {part: wanted_text for part, wanted_text in wanted.items() if wanted_text != text[part]}


class _NoRoomError(Exception):
    """The form can't say it: reason, and what to do."""


def _string(old: ImageRef, new: ImageRef) -> dict[Part, str]:
    if new.digest and not old.digest:
        raise _NoRoomError("the image has no digest to replace", "leave the digest out, or pin the image by hand first")
    return {Part.IMAGE: str(new)}


def _name(text: Mapping[Part, str], old: ImageRef, new: ImageRef) -> dict[Part, str]:
    if new.name == old.name:
        return {}
    registry = text.get(Part.REGISTRY, "")
    if registry and new.name.startswith(f"{registry}/"):
        return {Part.REPOSITORY: new.name.removeprefix(f"{registry}/")}
    if registry and not new.registry:
        raise _NoRoomError(f"`registry` says {registry}", "name the registry in the new image")
    if Part.REGISTRY not in text or not new.registry or (old.registry and not registry):
        return {Part.REPOSITORY: new.name}
    return {Part.REGISTRY: new.registry, Part.REPOSITORY: new.repository}


def _tag(text: Mapping[Part, str], new: ImageRef) -> dict[Part, str]:
    """The tag, with the digest behind it where one is there now."""
    current = text.get(Part.TAG, "")
    if not new.tag:
        if current:
            raise _NoRoomError(f"the tag {current} would stay", "give a tag too")
        return {}
    if Part.TAG not in text:
        raise _NoRoomError("there is no `tag` key", "leave the tag out, or add `tag` by hand first")
    inline = f"@{new.digest}" if "@" in current and new.digest else ""
    return {Part.TAG: new.tag + inline}


def _digest(text: Mapping[Part, str], new: ImageRef) -> dict[Part, str]:
    """The digest under a key of its own."""
    if "@" in text.get(Part.TAG, ""):
        return {}
    keys = [part for part in (Part.DIGEST, Part.SHA) if part in text]
    key = next((part for part in keys if text[part]), keys[0] if keys else None)
    if new.digest:
        if key is None:
            raise _NoRoomError("there is no place for a digest", "leave it out, or add `digest` by hand first")
        return {key: _spelled(new.digest, key, text[key])}
    if key and text[key]:
        raise _NoRoomError(f"the digest {text[key][:19]} of another image would stay", "give tag and digest")
    return {}


def _spelled(digest: Digest, key: Part, current: str) -> str:
    """With its algorithm as the current one has it; without one to follow, bare under `sha` only."""
    bare = not current.startswith(_ALGORITHM) if current else key is Part.SHA
    return digest.text.removeprefix(_ALGORITHM) if bare else digest.text
