"""Tags on an image that a repository has: new version tags, and floating tags that move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.errors import RegistryError
from bot.images import Digest
from bot.parallel import in_parallel
from bot.registry.client import ImageRepository
from bot.registry.errors import TagMovedError, TagTakenError
from bot.registry.manifest import Manifest

_WORKERS = 4


@dataclass(frozen=True)
class Tagged:
    """The tag was written, and the registry says that it holds the digest now."""

    tag: str
    digest: Digest


@dataclass(frozen=True)
class AlreadyTagged:
    """The tag held the digest before; nothing was written."""

    tag: str
    digest: Digest


def add_tags(destination: ImageRepository, digest: Digest, tags: Sequence[str]) -> tuple[Tagged | AlreadyTagged, ...]:
    """Put version tags on an image that the repository has, and that the caller has just seen to be absent.

    One request for the manifest and one for each tag: it is not looked again whether they are absent, since between
    any look and the write is time, and only a registry with immutable tags closes that gap. Every tag is tried.
    Raises TagTakenError if a tag turns out to hold another digest, else RegistryError; the message of either says
    which tags were written, and to run it again completes what is missing.
    """
    manifest = _manifest(destination, digest)
    results = in_parallel(lambda tag: _add(destination, manifest, tag), dict.fromkeys(tags), workers=_WORKERS)
    failures = [result for result in results if isinstance(result, RegistryError)]
    there = [result for result in results if not isinstance(result, RegistryError)]
    if failures:
        raise _partly(failures[0], there)
    return tuple(there)


def move_tag(
    destination: ImageRepository, tag: str, *, expected: Digest | None, digest: Digest
) -> Tagged | AlreadyTagged:
    """Make a floating tag name an image that the repository has, instead of `expected` (None: instead of nothing).

    The tag is read right before. Raises TagMovedError, a ConflictError, if it names a third image then: somebody
    moved it meanwhile, and it is left as it is. Else RegistryError.
    """
    manifest = _manifest(destination, digest)
    present = destination.registry.digest(destination.path, tag)
    if present == digest:
        return AlreadyTagged(tag, digest)
    if present != expected:
        raise TagMovedError(destination.place(tag), present=present, expected=expected)
    try:
        return _put(destination, manifest, tag, replacing=expected)
    except TagTakenError as taken:
        raise TagMovedError(destination.place(tag), present=taken.present, expected=expected) from taken


def _manifest(destination: ImageRepository, digest: Digest) -> Manifest:
    manifest = destination.registry.manifest(destination.path, digest.text)
    if manifest is None:
        raise RegistryError(
            f"{destination.place(digest.text)}: there is no such image to put a tag on", hint="copy it there first"
        )
    return manifest


def _add(destination: ImageRepository, manifest: Manifest, tag: str) -> Tagged | AlreadyTagged | RegistryError:
    try:
        return _put(destination, manifest, tag, replacing=None)
    except RegistryError as error:
        return error


def _put(
    destination: ImageRepository, manifest: Manifest, tag: str, *, replacing: Digest | None
) -> Tagged | AlreadyTagged:
    written = destination.registry.put_manifest(destination.path, tag, manifest, replacing=replacing)
    return Tagged(tag, manifest.digest) if written else AlreadyTagged(tag, manifest.digest)


def _partly(failure: RegistryError, there: Sequence[Tagged | AlreadyTagged]) -> RegistryError:
    if there:
        failure.message = f"{failure.message}; written were {', '.join(result.tag for result in there)}"
    return failure
