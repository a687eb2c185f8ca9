"""promobot's one note on a merge request, among the notes of everybody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.forges.certainty import certain
from bot.forges.errors import StatusError
from bot.forges.notes import is_note, settle_note, unmarked

_GONE = 404


@dataclass(frozen=True)
class Notes:
    """Those of one merge request, which is an object of the library's; `me` is the number of the token's user."""

    request: Any
    me: int
    sleep: Callable[[float], None]

    def set(self, text: str, look: Callable[[], object]) -> bool:
        """Let ours say this, see `settle_note`."""
        return settle_note(text, look=look, ours=self._ours, add=self._add, change=self._change, remove=self._remove)

    @property
    def text(self) -> str:
        """What ours says to people; empty where there is none."""
        return next((unmarked(note.body) for note in self._ours()), "")

    def _ours(self) -> list[Any]:
        """Oldest first. A note that GitLab made of what we did is ours as well, and isn't one."""
        listed = self.request.notes.list(
            get_all=True, order_by="created_at", sort="asc", activity_filter="only_comments"
        )
        ours = [note for note in listed if note.author["id"] == self.me and not note.system and is_note(note.body)]
        return sorted(ours, key=lambda note: int(note.id))

    def _add(self, body: str) -> None:
        certain(
            lambda: self.request.notes.create({"body": body}), lambda: next(iter(self._ours()), None), sleep=self.sleep
        )

    def _change(self, note: Any, body: str) -> None:  # noqa: ANN401 - an object of the library's
        # Saying it twice does no harm.
        certain(lambda: self.request.notes.update(note.id, {"body": body}), lambda: None, sleep=self.sleep)

    def _remove(self, note: Any) -> None:  # noqa: ANN401 - an object of the library's
        try:
            certain(lambda: self.request.notes.delete(note.id), lambda: None, sleep=self.sleep)
        except StatusError as error:
            if error.status != _GONE:  # somebody else, or the try whose answer was lost, has done it
                raise
