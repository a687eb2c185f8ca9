"""Who makes a commit, and when, in the form that Git stores."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from bot.git.signing import Signing

# What would end a name or an address early in a commit object.
_ENDS = re.compile(r"[<>\n\r\0]")


@dataclass(frozen=True)
class Identity:
    """The author and committer of a commit, and how that is proven."""

    name: str
    email: str
    signing: Signing | None = None

    def __str__(self) -> str:
        return f"{_ENDS.sub('', self.name).strip()} <{_ENDS.sub('', self.email).strip()}>"


def stamp(when: datetime) -> str:
    """A time as Git's raw date, such as `1700000000 +0200`. Raises ValueError for a time without a zone."""
    if when.tzinfo is None:
        raise ValueError(f"{when} has no time zone")
    return f"{int(when.timestamp())} {when.strftime('%z')[:5]}"
