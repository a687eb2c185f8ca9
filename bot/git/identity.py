"""Who makes a commit, and when, in the form that Git stores."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

# What would end a name or an address early in a commit object.
_ENDS = re.compile(r"[<>\n\r\0]")


@dataclass(frozen=True)
class Signing:
    """With which key: an SSH key in a file, or one of GnuPG by its id.

    `env` is added to what signs, such as GNUPGHOME, or SSH_AUTH_SOCK where the file holds the public part alone.
    """

    ssh_key: Path | None = None
    gpg_key: str = ""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def config(self) -> dict[str, str]:
        """What tells git of it; the key itself is read by the program that signs and nobody else."""
        if self.ssh_key is not None:
            return {"gpg.format": "ssh", "user.signingKey": str(self.ssh_key.absolute())}
        return {"gpg.format": "openpgp", "user.signingKey": self.gpg_key}

    def __str__(self) -> str:
        return f"the SSH key {self.ssh_key}" if self.ssh_key is not None else f"the GnuPG key {self.gpg_key}"


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
