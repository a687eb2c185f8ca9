"""Commits that a forge makes itself, in place of a push: what a forge that can do so is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from bot.forges.rights import Right
from bot.git import Clone, LeaseLost
from bot.plan import PushBranch
from bot.repositories import Commit


@dataclass(frozen=True)
class Made:
    """The branch is at this commit of the forge's; `notes` say what is otherwise than was wanted, and no failure."""

    commit: str
    notes: tuple[str, ...] = ()


class Committing(Protocol):
    """Makes the commits of one repository."""

    def make(self, clone: Clone, wanted: PushBranch, built: str) -> Made | LeaseLost:
        """Make what was `built` in the clone once more at the forge, and point the branch at that.

        As by a push: only if the branch still is where it was expected. Raises ForgeError, or GitError where the
        clone fails.
        """
        ...

    def rights(self) -> tuple[Right, ...]:
        """Whether it can make them, and what of them isn't as one might think. Reads only; what fails is a finding."""
        ...

    def told(self, commits: Iterable[Commit], email: str) -> tuple[Commit, ...]:
        """These commits, where those that the forge made for us have our own address `email`."""
        ...
