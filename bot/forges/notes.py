"""The one note that promobot has on a merge request, found again by its last line and its author."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from bot.forges.closing import plain

_MARK = "<!-- promobot:note -->"
# Notes of ours are some lines long; the shortest limit of a forge is 65,536 characters.
_LONGEST = 10_000


class Note(Protocol):
    """A note of ours, as an adapter has it."""

    @property
    def body(self) -> str:
        """What it says, with the line that it is found by."""
        ...


AnyNote = TypeVar("AnyNote", bound=Note)


def marked(text: str) -> str:
    """A note as forges get it."""
    return f"{plain(text)[:_LONGEST].strip()}\n\n{_MARK}"


def is_note(body: str) -> bool:
    """Whether a text of ours is the note: where the account is a person's as well, they may quote it in their own."""
    return body.rstrip().rpartition("\n")[2] == _MARK


def unmarked(body: str) -> str:
    """What a note says to people."""
    return body.replace(_MARK, "").strip()


def settle_note(
    text: str,
    *,
    look: Callable[[], object],
    ours: Callable[[], Sequence[AnyNote]],
    add: Callable[[str], object],
    change: Callable[[AnyNote, str], object],
    remove: Callable[[AnyNote], object],
) -> bool:
    """Let our note say this, oldest first in `ours`; False where it did. Two who add one at once end with the older.

    Before anything is written, `look` raises where nothing is to be said any more. What is added is looked for first,
    where the answer was lost: that is for `add` to do.
    """
    wanted = marked(text)
    found = ours()
    changed = not found
    if not found or found[0].body.strip() != wanted:
        look()
    if not found:
        add(wanted)
        found = ours()
    for first in found[:1]:
        if first.body.strip() != wanted:
            change(first, wanted)
            changed = True
    for other in found[1:]:
        remove(other)
    return changed or len(found) > 1
