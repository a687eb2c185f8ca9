"""What GitLab's refusals come to, and what has to be so before anything is asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from bot.errors import ConflictError, ForgeError
from bot.forges.errors import StatusError
from bot.repositories import MergeRequest, RequestState


def is_about(error: StatusError, field: str) -> bool:
    """Whether a refusal is about one of the fields that were sent."""
    return error.status == 400 and any(text.startswith(f"{field} ") for text in error.said)


def explain(error: StatusError, project: str, fields: Mapping[str, Any]) -> NoReturn:
    """Raises ForgeError, in our words where a branch is missing."""
    for name in ("source_branch", "target_branch"):
        if is_about(error, name):
            raise ForgeError(
                f"{project} has no branch {fields[name]}: {error.message}", hint="push it first"
            ) from error
    raise error


def must_be_open(project: str, request: MergeRequest) -> None:
    """Raises ConflictError."""
    if request.state is not RequestState.OPEN:
        raise ConflictError(
            f"merge request {project}!{request.number} was {request.state.value} by {request.ender}",
            hint="`promobot mr list` shows those that are open",
        )
