"""What must hold of a merge request before something is done to it."""

from __future__ import annotations

from bot.errors import ConflictError, ForgeError
from bot.forges.local.record import Record
from bot.forges.local.store import Snapshot


def stored_record(project: str, snapshot: Snapshot, number: int) -> Record:
    """The merge request of this number. Raises ForgeError if there is none."""
    if number not in snapshot.requests:
        raise ForgeError(f"{project} has no merge request !{number}", hint="see promobot mr list")
    return snapshot.requests[number].record


def must_be_open(project: str, record: Record) -> None:
    """Raises ConflictError."""
    if not record.is_open:
        raise ConflictError(
            f"merge request {project}!{record.number} was {record.state} by {record.ended_by}",
            hint="`promobot mr list` shows those that are open",
        )


def must_be_ready(project: str, record: Record) -> None:
    """Raises ConflictError."""
    if record.draft:
        raise ConflictError(
            f"merge request {project}!{record.number} is a draft",
            hint=f"look at what its text asks for, then `promobot mr ready '{project}!{record.number}'`",
        )


def must_be_at(project: str, snapshot: Snapshot, record: Record, head: str) -> None:
    """Raises ConflictError."""
    now = snapshot.branches.get(record.source_branch)
    if now != head:
        raise ConflictError(
            f"branch {record.source_branch} of merge request {project}!{record.number} is at {now or 'no commit'},"
            f" not at {head}",
            hint="look at what changed, then merge that",
        )
