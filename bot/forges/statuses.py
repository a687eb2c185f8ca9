"""promobot's own status on a commit: what it is called everywhere, and how long its text may be."""

from __future__ import annotations

from dataclasses import replace

from bot.forges.closing import plain
from bot.repositories import CommitStatus

NAME = "promobot"


def fitting(status: CommitStatus, most: int) -> CommitStatus:
    """The status with its text as one line of at most so many characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in plain(status.description)).split())
    return replace(status, description=line if len(line) <= most else f"{line[: most - 1].rstrip()}…")
