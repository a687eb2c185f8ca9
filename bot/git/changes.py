"""What a commit changes beside a parent. The clone keeps the answers: what git does for one grows with its folders."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from bot.git.command import GitDirectory

_log = logging.getLogger(__name__)

# For each line `<commit> <parent>` that it reads: the commit, then `<letter>`, `<path>` for each file that differs.
_DIFFERENCES = ("diff-tree", "--stdin", "--always", "--root", "-r", "-z", "--name-status", "--no-renames")
_FILE = "promobot-changes"
_TABLE = "CREATE TABLE IF NOT EXISTS changes (pair BLOB PRIMARY KEY, paths BLOB NOT NULL) WITHOUT ROWID"
_FIND = "SELECT paths FROM changes WHERE pair = ?"
_KEEP = "INSERT OR IGNORE INTO changes VALUES (?, ?)"
# Another run may be writing; seconds.
_PATIENCE = 5.0

# A commit and its parent, "" for a first commit.
Pair: TypeAlias = tuple[str, str]


class Changes:
    """The paths that differ, separated by NUL, for any pair that the clone has. Losing what is kept costs time only."""

    def __init__(self, git: GitDirectory) -> None:
        self._git = git
        self._kept = _Kept(git.path / _FILE)

    def of(self, pairs: Sequence[Pair]) -> list[bytes]:
        """The paths for each pair in turn. Raises GitError."""
        known = self._kept.read(pairs)
        unknown = [pair for pair in dict.fromkeys(pairs) if pair not in known]
        if unknown:
            fresh = dict(zip(unknown, self._compared(unknown), strict=True))
            self._kept.write(fresh)
            known |= fresh
        return [known[pair] for pair in pairs]

    def close(self) -> None:
        """Close what is kept."""
        self._kept.close()

    def _compared(self, pairs: Iterable[Pair]) -> Iterator[bytes]:
        lines = "".join(f"{sha} {parent}".rstrip() + "\n" for sha, parent in pairs)
        words = iter(self._git.run(*_DIFFERENCES, stdin=lines.encode()).stdout.split(b"\0")[:-1])
        next(words)
        paths: list[bytes] = []
        for word in words:
            if len(word) == 1:
                paths.append(next(words))
            else:
                yield b"\0".join(paths)
                paths = []
        yield b"\0".join(paths)


class _Kept:
    """Answers in a file. Whatever is wrong with it, it is as if there were none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database: sqlite3.Connection | None = None
        try:
            self._database = sqlite3.connect(path, timeout=_PATIENCE)
            self._database.execute(_TABLE)
        except sqlite3.Error as error:
            self._give_up(error)

    def read(self, pairs: Iterable[Pair]) -> dict[Pair, bytes]:
        """What is known of these."""
        if self._database is None:
            return {}
        try:
            found = ((pair, self._database.execute(_FIND, (_key(pair),)).fetchone()) for pair in pairs)
            return {pair: row[0] for pair, row in found if row is not None}
        except sqlite3.Error as error:
            self._give_up(error)
            return {}

    def write(self, found: Mapping[Pair, bytes]) -> None:
        """Keep these as well."""
        if self._database is None:
            return
        try:
            with self._database:
                self._database.executemany(_KEEP, ((_key(pair), paths) for pair, paths in found.items()))
        except sqlite3.Error as error:
            self._give_up(error)

    def close(self) -> None:
        if self._database is not None:
            self._database.close()

    def _give_up(self, error: sqlite3.Error) -> None:
        """Go on without. A broken file is made anew the next time; one that is busy or can't be written stays."""
        _log.warning("%s: %s", self._path, error)
        self.close()
        self._database = None
        if not isinstance(error, sqlite3.OperationalError):
            self._path.unlink(missing_ok=True)


def _key(pair: Pair) -> bytes:
    return bytes.fromhex("".join(pair))
