"""What promobot writes into its commits to be found again: Git trailers, one pair for each image.

Promotion: staging/inventory
Promoted-Image: registry/shop/inventory:1.1.3@sha256:…
Promoted-From: e2e@<commit> registry/shop/inventory:1.1.3-rc2

An image that its source never ran is `Promoted-From: unproven …`, with an `Unproven` that says why. What somebody let
pass by name is `Allowed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.images import Digest, ImageRef
from bot.promotion import FromEnvironment, Given, Move, Origin
from bot.repositories import Commit

PROMOTION = "Promotion"
PROMOTED_IMAGE = "Promoted-Image"
PROMOTED_FROM = "Promoted-From"
UNPROVEN = "Unproven"
ALLOWED = "Allowed"
# What begins an `Allowed` that lets go of what the target runs.
DROP = "drop "
# What begins an `Allowed` of an image that people had taken back.
AGAIN = "again "
# The services of a unit that nobody but a command knows.
PROMOTED_TOGETHER = "Promoted-Together"


@dataclass(frozen=True)
class Record:
    """What a commit says about one image: its digest, and which image of the source environment it was."""

    digest: Digest
    source: ImageRef
    commit: str
    environment: str


def trailer_block(key: str, moves: Sequence[Move]) -> str:
    """The last paragraph of a promotion's commit message."""
    lines = [f"{PROMOTION}: {key}"]
    for move in moves:
        lines.append(f"{PROMOTED_IMAGE}: {recorded(move)}")
        lines.append(f"{PROMOTED_FROM}: {_whence(move.origin)} {move.origin.image.at(move.origin.image.tag, None)}")
        if isinstance(move.origin, Given) and move.origin.unproven:
            lines.append(f"{UNPROVEN}: {move.origin.unproven}")
    lines += dict.fromkeys(f"{ALLOWED}: {text}" for move in moves for text in move.allowed)
    return "\n".join(lines)


def recorded(move: Move) -> str:
    """What a commit says of an image that it promotes."""
    return str(move.after.at(move.tag, move.digest))


def _whence(origin: Origin) -> str:
    match origin:
        case Given(unproven=reason) if reason:
            return "unproven"
        case FromEnvironment() | Given():
            return f"{origin.environment}@{origin.commit}"


def records(commits: Iterable[Commit]) -> dict[ImageRef, Record]:
    """The newest record of each `name:tag` among commits given newest first; malformed trailers don't count."""
    found: dict[ImageRef, Record] = {}
    for _, image, record in every_record(commits):
        found.setdefault(image, record)
    return found


def every_record(commits: Iterable[Commit]) -> Iterator[tuple[Commit, ImageRef, Record]]:
    """What each of the commits says about each `name:tag`."""
    for commit in commits:
        for image, record in _pairs(commit):
            yield commit, image, record


def promoted_from(commits: Iterable[Commit], target: str, environment: str, name: str) -> str | None:
    """The commit of `environment` at which the image `name` was promoted to `target` last, whatever else went with it.

    The commits are given newest first.
    """
    for commit in commits:
        for text in commit.trailer(PROMOTED_FROM) if is_into(commit, target) else ():
            origin, _, image = text.partition(" ")
            found, _, source = origin.partition("@")
            if found == environment and image.rpartition(":")[0] == name:
                return source
    return None


def is_into(commit: Commit, target: str) -> bool:
    """Whether a commit says that it promotes to this environment."""
    return any(key.startswith(f"{target}/") for key in commit.trailer(PROMOTION))


@lru_cache(maxsize=1 << 12)
def _pairs(commit: Commit) -> tuple[tuple[ImageRef, Record], ...]:
    """Read once: each service of a group asks what the commit of all of them says."""
    return tuple(_read_pairs(commit))


def _read_pairs(commit: Commit) -> Iterator[tuple[ImageRef, Record]]:
    for image_text, from_text in zip(commit.trailer(PROMOTED_IMAGE), commit.trailer(PROMOTED_FROM), strict=False):
        origin, _, source = from_text.partition(" ")
        environment, _, source_commit = origin.partition("@")
        try:
            image = ImageRef.parse(image_text)
            source_image = ImageRef.parse(source)
        except ValueError:
            continue
        if image.digest is not None:
            yield image.at(image.tag, None), Record(image.digest, source_image, source_commit, environment)
