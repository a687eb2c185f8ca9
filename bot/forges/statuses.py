"""promobot's own status on a commit: what it is called, and what it keeps people from, on every forge alike."""

from __future__ import annotations

from bot.errors import ConflictError
from bot.repositories import CommitStatus, StatusState

NAME = "promobot"


def must_be_good(project: str, number: int, status: CommitStatus | None) -> None:
    """Raises ConflictError where the status on a merge request's head is there and says anything but success."""
    if status is not None and status.state is not StatusState.SUCCESS:
        raise ConflictError(
            f"promobot's status on merge request {project}!{number} is {status.state.value}: {status.description}",
            hint="do what it says, then `promobot reconcile` looks again; --despite-status merges all the same",
        )
