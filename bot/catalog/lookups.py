"""What those who may hold an image do hold of it: which tags lead where, and where else a digest is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import TypeAlias

from bot.catalog.holders import Holder
from bot.errors import BotError
from bot.images import Digest
from bot.parallel import in_parallel
from bot.registries import Registries
from bot.registry import ImageRepository, Manifest, Overview, overview
from bot.versions import newest_first

# As many as a registry gets at a time unless the configuration says otherwise.
WORKERS = 16
# So many of a repository's tags are asked whether they lead to a digest.
MOST_ASKED = 200

Tick: TypeAlias = Callable[[], None]


@dataclass(frozen=True)
class Listing:
    """The tags of a repository, newest first; None where it is absent, or with an `error` where that isn't known."""

    holder: Holder
    tags: tuple[str, ...] | None
    error: BotError | None = None

    @property
    def missing(self) -> tuple[tuple[str, str], ...]:
        """Environments, each with a tag that its manifests name and that isn't there."""
        if self.error is not None:
            return ()
        named = ((environment, image.tag) for environment, image in self.holder.runs if image.tag is not None)
        return tuple((environment, tag) for environment, tag in named if tag not in (self.tags or ()))


@dataclass(frozen=True)
class TagEntry:
    """Where a tag leads at one registry. `digest` is None where it is gone, or with an `error` where it isn't known.

    With a digest, an `error` says why no more is known of the image.
    """

    holder: Holder
    tag: str
    digest: Digest | None = None
    overview: Overview | None = None
    error: BotError | None = None


@dataclass(frozen=True)
class Found:
    """A digest at another place: `tags` lead to it, as far as `asked` of the `known` tags tell."""

    holder: Holder
    tags: tuple[str, ...] = ()
    present: bool = False
    asked: int = 0
    known: int = 0
    error: BotError | None = None


def list_tags(registries: Registries, holders: Sequence[Holder]) -> list[Listing]:
    """Every tag of every repository. What can't be found out is told as such; nothing is raised for it."""

    def one(holder: Holder) -> Listing:
        try:
            repository = holder.open(registries)
            with holder.blamed():
                tags = repository.registry.tags(repository.path)
        except BotError as error:
            return Listing(holder, None, error)
        return Listing(holder, None if tags is None else tuple(newest_first(tags)))

    return in_parallel(one, holders, workers=WORKERS)


def look_up(registries: Registries, wanted: Iterable[tuple[Holder, str]], tick: Tick) -> list[TagEntry]:
    """Where these tags lead, and what is there: a request for each, and one or two more for each digest.

    `tick` is called after each. What can't be found out is told as such; nothing is raised for it.
    """
    overviews = _Overviews()

    def one(pair: tuple[Holder, str]) -> TagEntry:
        try:
            return _look_up(registries, overviews, *pair)
        finally:
            tick()

    return in_parallel(one, wanted, workers=WORKERS)


def _look_up(registries: Registries, overviews: _Overviews, holder: Holder, tag: str) -> TagEntry:
    try:
        repository = holder.open(registries)
        with holder.blamed():
            manifest = repository.registry.manifest(repository.path, tag)
    except BotError as error:
        return TagEntry(holder, tag, error=error)
    if manifest is None:
        return TagEntry(holder, tag)
    found = overviews.of(repository, manifest)
    if isinstance(found, BotError):
        return TagEntry(holder, tag, manifest.digest, error=found)
    return TagEntry(holder, tag, manifest.digest, found)


def find_digest(registries: Registries, holders: Sequence[Holder], digest: Digest, like: str | None) -> list[Found]:
    """Where a digest is, and under which tags; the tag `like` is asked first, then the newest."""
    return in_parallel(partial(_find, registries, digest, like), holders, workers=WORKERS)


def _find(registries: Registries, digest: Digest, like: str | None, holder: Holder) -> Found:
    try:
        repository = holder.open(registries)
        if repository.registry.digest(repository.path, digest.text) is None:
            return Found(holder)
        known = newest_first(repository.registry.tags(repository.path) or ())
        asked = sorted(known, key=lambda tag: tag != like)[:MOST_ASKED]
        look = partial(repository.registry.digest, repository.path)
        digests = in_parallel(look, asked, workers=WORKERS)
    except BotError as error:
        return Found(holder, error=error)
    tags = [tag for tag, found in zip(asked, digests, strict=True) if found == digest]
    return Found(holder, tuple(newest_first(tags)), present=True, asked=len(asked), known=len(known))


@dataclass
class _Slot:
    """What is known of one digest, and where it could not be found out."""

    lock: Lock = field(default_factory=Lock)
    overview: Overview | None = None
    errors: dict[ImageRepository, BotError] = field(default_factory=dict)


@dataclass
class _Overviews:
    """Each digest is looked into once, wherever and under however many tags it is; once at each place if that fails."""

    _slots: dict[Digest, _Slot] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def of(self, repository: ImageRepository, manifest: Manifest) -> Overview | BotError:
        with self._lock:
            slot = self._slots.setdefault(manifest.digest, _Slot())
        with slot.lock:
            if slot.overview is None and repository not in slot.errors:
                try:
                    slot.overview = overview(repository, manifest)
                except BotError as error:
                    slot.errors[repository] = error
            return slot.overview or slot.errors[repository]


def same_digest(tagged: Iterable[TagEntry]) -> Mapping[Digest, tuple[str, ...]]:
    """The tags that lead to each digest, at whichever registry."""
    tags: dict[Digest, dict[str, None]] = {}
    for one in tagged:
        if one.digest is not None:
            tags.setdefault(one.digest, {})[one.tag] = None
    return {digest: tuple(of_digest) for digest, of_digest in tags.items()}


def differing(tagged: Iterable[TagEntry]) -> frozenset[str]:
    """The tags that lead to different digests at different registries."""
    digests: dict[str, set[Digest]] = {}
    for one in tagged:
        if one.digest is not None:
            digests.setdefault(one.tag, set()).add(one.digest)
    return frozenset(tag for tag, of_tag in digests.items() if len(of_tag) > 1)
