"""What is said about a part of a configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from bot.errors import ExitCode

Loc: TypeAlias = tuple[int | str, ...]


@dataclass(frozen=True)
class Finding:
    """Something about a part of the configuration, and what to do; with a `code` nothing good can come of it."""

    loc: Loc
    what: str
    advice: str = ""
    code: ExitCode = ExitCode.DONE

    @property
    def fault(self) -> bool:
        """Whether it is more than a warning."""
        return self.code is not ExitCode.DONE
