"""Which commits a kept clone is known to hold, so that each is asked about once in a run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bot.git import reading
from bot.git.command import GitDirectory


class Known:
    """Of one clone, for as long as it is there: somebody may remove it, and any process makes it anew."""

    def __init__(self, git: GitDirectory) -> None:
        self._git = git
        self._clone: object = None
        self._here: set[str] = set()

    def missing(self, wanted: set[str], heads: Iterable[str]) -> set[str]:
        """Those of the commits that aren't here, and of the `heads` that may be looked for with them."""
        clone = _which(self._git.path)
        if self._clone != clone:
            self._here.clear()
            self._clone = clone
        if wanted <= self._here:
            return set()
        asked = {*wanted, *heads} - self._here
        missing = set(reading.missing(self._git, asked))
        self._here.update(asked - missing)
        return missing


def _which(directory: Path) -> object:
    """What another clone in this place would have otherwise; none where there is none any more."""
    try:
        head = (directory / "HEAD").stat()  # which nobody changes
    except OSError:
        return None
    return head.st_ino, head.st_mtime_ns
