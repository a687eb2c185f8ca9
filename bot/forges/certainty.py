"""Writes whose answer is lost: looked for before they are done again, so that nothing is done twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from bot.errors import ConflictError
from bot.forges.errors import StatusError, UnansweredError
from bot.network.retry import ATTEMPTS, pause
from bot.repositories import MergeRequest

T = TypeVar("T")


def certain(write: Callable[[], T], look: Callable[[], T | None], *, sleep: Callable[[float], None] = time.sleep) -> T:
    """What comes of a write. Where that isn't known, `look` tells what it made; None: it wasn't done, so once more.

    A look is a read, which has tries of its own. Raises what the last write raised.
    """
    attempt = 1
    while True:
        try:
            return write()
        except (StatusError, UnansweredError) as error:
            if attempt == ATTEMPTS or not _may_pass(error):
                raise
            sleep(pause(attempt))
            found = look() if error.unsure else None
            if found is not None:
                return found
            attempt += 1


def must_be_as_seen(project: str, request: MergeRequest, seen: tuple[str, str] | None) -> None:
    """Raises ConflictError where its text isn't what was decided upon: no forge changes that by compare-and-set."""
    if seen not in {None, (request.title, request.body)}:
        raise ConflictError(
            f"somebody changed the text of merge request {project}!{request.number} meanwhile",
            hint="run again: what people write stays",
        )


def must_go_into(project: str, request: MergeRequest, into: str) -> None:
    """Raises ConflictError where somebody sent it elsewhere: forges make sure of the head alone."""
    if request.target_branch != into:
        raise ConflictError(
            f"the target branch of merge request {project}!{request.number} was changed from {into} to "
            f"{request.target_branch}",
            hint="run again: it is looked at anew",
        )


def _may_pass(error: StatusError | UnansweredError) -> bool:
    """Whether a write may succeed a little later, or has succeeded."""
    return error.unsure or isinstance(error, UnansweredError)
