"""How to reach one configured forge."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bot.network.redaction import redact

_QUOTED = 300


@dataclass(frozen=True)
class ForgeAccess:
    """Where a forge is and how to be let in.

    `name` is what the configuration calls it; `url` is where people see it, with its path where it is below one, and
    without a slash at the end. `token_from` is where the token was found, and `remedy` what to do where it lacks
    something, for hints. Without one: anonymously. `timeout` is how long the forge may say nothing, in seconds.
    """

    name: str
    url: str
    token: str = field(default="", repr=False)
    token_from: str = ""
    ca_file: Path | None = None
    remedy: str = ""
    timeout: float = 30.0

    def quoted(self, text: str) -> str:
        """What a forge says, shortened, on one line, without what it repeats of the token."""
        text = redact(text, self.token)
        return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:_QUOTED]


@dataclass(frozen=True)
class AppKey:
    """A GitHub App: its number (or client id), the private key in PEM, and the installation if it is to be that one.

    `key_from` is where the key was found, for messages.
    """

    id: int | str
    key: str = field(repr=False)
    key_from: str
    installation: int | None = None
