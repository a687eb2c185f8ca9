"""promobot's own status on commits, which is one by its name: the last one that was set counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.forges.errors import StatusError
from bot.forges.github.client import Client
from bot.forges.github.queries import said_of
from bot.forges.statuses import NAME
from bot.network.retry import pause
from bot.repositories import CommitStatus, StatusState

# Longer ones are refused. https://docs.github.com/en/rest/commits/statuses#create-a-commit-status
_LONGEST = 140
_ATTEMPTS = 4
_INVALID = 422
# So many commits are asked about at once.
_COMMITS = 50
# https://docs.github.com/en/graphql/reference/enums#statusstate
_STATES = {
    "SUCCESS": StatusState.SUCCESS,
    "PENDING": StatusState.PENDING,
    "EXPECTED": StatusState.PENDING,
    "FAILURE": StatusState.FAILURE,
    "ERROR": StatusState.FAILURE,
}


@dataclass(frozen=True)
class Statuses:
    """Those of one repository."""

    client: Client
    project: str
    sleep: Callable[[float], None] = time.sleep

    def found(self, commits: Sequence[str]) -> dict[str, CommitStatus]:
        """What is said of these commits."""
        found: dict[str, CommitStatus] = {}
        for start in range(0, len(commits), _COMMITS):
            some = commits[start : start + _COMMITS]
            answer = self.client.repository(said_of(some), self.project, context=NAME)
            told = ((commit, _told(answer[f"c{number}"])) for number, commit in enumerate(some))
            found |= {commit: status for commit, status in told if status is not None}
        return found

    def set(self, commit: str, status: CommitStatus) -> bool:
        """Say it, unless it is said already."""
        wanted = status.within(_LONGEST)
        if self.found([commit]).get(commit) == wanted:
            return False
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                # Saying it twice does no harm.
                self.client.certain(lambda: self._post(commit, wanted), lambda: None)
            except StatusError as error:
                # A commit that was just pushed may not be seen yet.
                unseen = error.status == _INVALID and any(text.startswith("No commit found") for text in error.said)
                if not unseen or attempt == _ATTEMPTS:
                    raise
                self.sleep(pause(attempt))
            else:
                break
        return True

    def _post(self, commit: str, status: CommitStatus) -> None:
        made = self.client.commit(self.project, commit)
        made.create_status(status.state.value, description=status.description, context=NAME)


def _told(commit: Mapping[str, Any] | None) -> CommitStatus | None:
    context = ((commit or {}).get("status") or {}).get("context")
    return CommitStatus(_STATES[context["state"]], context["description"] or "") if context else None
