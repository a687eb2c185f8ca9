"""What doesn't forbid a promotion, but should be known before it is approved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from bot.decide.changes import Change
from bot.decide.environments import Manifest, Snapshot
from bot.decide.sentences import sentence
from bot.manifests import FieldRule, ImageField, find_images, find_pull_secrets
from bot.promotion import Promotion

# Deciding asks in rounds, and each round comes to the same bytes again.
_find_pull_secrets = lru_cache(maxsize=1 << 10)(find_pull_secrets)
_find_images = lru_cache(maxsize=1 << 10)(find_images)


def find_warnings(target: Snapshot, promotion: Promotion, changes: Sequence[Change]) -> tuple[str, ...]:
    """Sentences without a full stop, for the merge request and the plan alike."""
    manifests = {m.file.path: m for service in promotion.unit.services for m in target.manifests[service]}
    return (*_pulled_otherwise(manifests, promotion), *_followers(manifests, promotion, changes))


def _pulled_otherwise(manifests: Mapping[str, Manifest], promotion: Promotion) -> Iterator[str]:
    """Another registry beside Secrets to pull with: those may hold a login for the one before."""
    steps = {(m.path, m.before.registry, m.after.registry): None for m in promotion.moves}
    for path, before, after in steps:
        lines = _find_pull_secrets(path, manifests[path].file.content) if before != after else ()
        if lines:
            came = "the registry changes from {} to {}" if before else "the registry becomes {}"
            unknown = f"{came}, and imagePullSecrets at line {lines[0]} of {{}} may have no login for it"
            yield sentence(unknown, *filter(None, (before, after)), path)


def _followers(manifests: Mapping[str, Manifest], promotion: Promotion, changes: Sequence[Change]) -> Iterator[str]:
    """Images that take their text by an alias from one that is edited."""
    edited = {(move.path, move.pointer) for move in promotion.moves if move.before != move.after}
    for change in changes:
        if change.path in manifests:
            manifest = manifests[change.path]
            before = _by_place(change.path, manifest.file.content, manifest.rules)
            after = _by_place(change.path, change.content, manifest.rules)
            for place in after.keys() - {pointer for path, pointer in edited if path == change.path}:
                was, now = before.get(place), after[place]
                if was is not None and was.parts != now.parts:
                    yield _follows(change.path, was, now)


def _by_place(path: str, content: bytes, rules: tuple[FieldRule, ...]) -> dict[str, ImageField]:
    return {f"{field.document}:{field.pointer}": field for field in _find_images(path, content, rules)}


def _follows(path: str, was: ImageField, now: ImageField) -> str:
    by = f" as well, by an alias at line {now.line} of {{}}"
    if was.image is None or now.image is None or was.image.name != now.image.name:
        return sentence("{} becomes {}" + by, was.parts, now.parts, path)
    versions = (image.tag or image.digest for image in (was.image, now.image))
    return sentence("{} goes from {} to {}" + by, was.image.name, *versions, path)
