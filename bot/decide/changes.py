"""What a promotion makes of the target's files."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile

from bot.decide.creation import Creation
from bot.decide.environments import Manifest, Snapshot
from bot.decide.facts import Refusal
from bot.errors import ExitCode, ManifestError
from bot.images import ImageParts
from bot.manifests import Edit, ImageEdit, ScalarEdit, find_images, set_images
from bot.promotion import Move, Promotion
from bot.repositories import File

# Deciding asks in rounds, and each round comes to the same edit: make and prove it once.
_set_images = lru_cache(maxsize=1 << 10)(set_images)
_find_images = lru_cache(maxsize=1 << 10)(find_images)
_MANY = 1_000


@dataclass(frozen=True)
class Change:
    """A file as the target has it, None where it has none, and as it shall be."""

    path: str
    before: bytes | None
    content: bytes

    @property
    def lines(self) -> tuple[int, ...]:
        """The numbers of the lines that are new or another's, as the file shall be; counted from 1."""
        old, new = ((self.before or b"").splitlines(), self.content.splitlines())
        begin = _alike(old, new)
        old, new = old[begin:], new[begin:]
        end = _alike(old[::-1], new[::-1])
        old, new = old[: len(old) - end], new[: len(new) - end]
        return tuple(begin + number + 1 for number in _others(old, new))

    @property
    def diff(self) -> str:
        """A unified diff for people; carriage returns are left to the eye of the terminal."""
        old, new = (text.decode(errors="replace").splitlines() for text in (self.before or b"", self.content))
        name = "/dev/null" if self.before is None else f"a/{self.path}"
        lines = difflib.unified_diff(old, new, name, f"b/{self.path}", n=2, lineterm="")
        return "".join(f"{line}\n" for line in lines)


def _alike(old: Sequence[bytes], new: Sequence[bytes]) -> int:
    """How many lines at the beginning are the same."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))


def _others(old: Sequence[bytes], new: Sequence[bytes]) -> Iterator[int]:
    """Which of the new lines are no old ones. So many lines that are all the same take minutes to compare exactly."""
    many = max(len(old), len(new)) > _MANY
    if many and len(old) == len(new):
        yield from (number for number, (was, now) in enumerate(zip(old, new, strict=True)) if was != now)
        return
    blocks = difflib.SequenceMatcher(None, old, new, autojunk=many).get_opcodes()
    yield from (number for tag, _, _, start, end in blocks if tag != "equal" for number in range(start, end))


def are_made(changes: Iterable[Change], files: Iterable[File] | None) -> bool:
    """Whether these files are all as the changes shall leave them."""
    there = {file.path: file.content for file in files or ()}
    return all(there.get(change.path) == change.content for change in changes)


def find_changes(target: Snapshot, promotion: Promotion, creation: Creation | None) -> tuple[Change, ...]:
    """The target's manifests that change or are new, with their images set, and what lists the new ones.

    Raises Refusal where one can't be edited.
    """
    try:
        return (*_manifests(target, promotion), *_listings(creation or Creation()))
    except ManifestError as error:
        raise Refusal(error.message, error.hint, ExitCode.MANIFEST) from None


def _manifests(target: Snapshot, promotion: Promotion) -> Iterator[Change]:
    found = {m.file.path: m for service in promotion.unit.services for m in target.manifests[service]}
    edits = _edits(promotion)
    following = [move for move in promotion.moves if move.refusal and move.before != move.after]
    for path in dict.fromkeys((*promotion.created, *edits, *(move.path for move in following))):
        content = found[path].file.content
        edited = _set_images(path, content, tuple(edits.get(path, ())), found[path].rules)
        _must_follow(edited, found[path], [move for move in following if move.path == path])
        yield Change(path, None if path in promotion.created else content, edited)


def _must_follow(edited: bytes, manifest: Manifest, moves: Sequence[Move]) -> None:
    """What can't be edited by itself must become what it shall be by the other edits: aliases follow their anchor."""
    path = manifest.file.path
    now = {f"{field.document}:{field.pointer}": field.image for field in _find_images(path, edited, manifest.rules)}
    for move in moves:
        if now.get(move.pointer) != move.after:
            reason, _, remedy = move.refusal.partition("; ")
            raise Refusal(
                f"{path}:{move.line}: promobot can't edit this image: {reason}",
                remedy or f"write {move.after} there by hand",
                ExitCode.MANIFEST,
            )


def _listings(creation: Creation) -> Iterator[Change]:
    for file, change in zip(creation.before, creation.listings, strict=True):
        yield Change(change.path, file.content, change.content)


def _edits(promotion: Promotion) -> dict[str, list[Edit]]:
    """What changes in the target's manifests, by path."""
    edits: dict[str, list[Edit]] = {}
    for move in promotion.moves:
        if move.before != move.after and not move.refusal:
            edits.setdefault(move.path, []).append(_edit(move))
    for companion in promotion.companions:
        if companion.before != companion.after:
            document, _, pointer = companion.pointer.partition(":")
            edit = ScalarEdit(int(document), pointer, companion.after, plain=companion.plain)
            edits.setdefault(companion.path, []).append(edit)
    return edits


def _edit(move: Move) -> ImageEdit:
    """The edit of one field; that a tag or digest comes or goes was decided by `write`."""
    document, _, pointer = move.pointer.partition(":")
    return ImageEdit(
        int(document),
        pointer,
        ImageParts.of(move.after),
        drop_tag=move.after.tag is None,
        drop_digest=move.after.digest is None,
        add_digest=move.after.digest is not None,
    )
