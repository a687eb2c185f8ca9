"""Merge requests as GitLab has them, and as promobot does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.forges.closing import plain, within, without_reason
from bot.repositories import MergeRequest, RequestState

STATES: Mapping[str, RequestState] = {
    "opened": RequestState.OPEN,
    "locked": RequestState.OPEN,  # for as long as it is being merged
    "merged": RequestState.MERGED,
    "closed": RequestState.CLOSED,
}
# lib/gitlab/regex.rb, merge_request_draft
_DRAFT = re.compile(r"\A(?:\[draft\]|draft:|\(draft\))\s*", re.IGNORECASE)
# lib/gitlab/quick_actions/extractor.rb; code and quotes, in which it isn't one, end elsewhere once we change anything.
_COMMAND = re.compile(r"^/(?=\w+(?: |\s*$))", re.MULTILINE)
# Longer ones are refused: app/models/concerns/issuable.rb
_LONGEST_TITLE, LONGEST_BODY = 255, 1_048_576
# What ends a body of ours until it has the rules of its own that it is to have; whoever writes it gets these, no more.
_UNRULED = "\n<!-- promobot-unruled -->"
# app/services/merge_requests/mergeability/check_rebase_status_service.rb: by fast-forward, or with a linear history.
NEED_REBASE = "need_rebase"


@dataclass(frozen=True)
class Identity:
    """Whose token it is, and what promobot calls itself: the author of its own merge requests."""

    user: int
    name: str

    def is_of(self, user: Mapping[str, Any] | None) -> bool:
        """Whether that is us."""
        return bool(user) and user is not None and user.get("id") == self.user

    def of(self, user: Mapping[str, Any] | None) -> str:
        """Who that is. A person who is called as promobot calls itself is not taken for it."""
        if not user:
            return ""
        if self.is_of(user):
            return self.name
        username = str(user.get("username", ""))
        return f"@{username}" if username == self.name else username


def request_of(fields: Mapping[str, Any], me: Identity) -> MergeRequest:
    """A merge request from what GitLab says of it, in lists or by itself."""
    state = STATES[fields["state"]]
    body, closed = without_reason(fields.get("description") or "")
    ended = {
        RequestState.MERGED: fields.get("merge_user") or fields.get("merged_by"),
        RequestState.CLOSED: fields.get("closed_by"),
    }
    by = me.of(ended.get(state))
    closed_by_us = state is RequestState.CLOSED and me.is_of(ended[state])
    # Who asked us to close it; anybody could write that, so it counts only if it was us.
    asked_by = closed.get("by", me.name) if closed_by_us else by
    return MergeRequest(
        number=fields["iid"],
        title=without_draft(fields["title"]),
        body=body,
        source_branch=_source(fields),
        target_branch=fields["target_branch"],
        head=fields.get("sha") or "",
        state=state,
        url=fields["web_url"],
        author=me.of(fields.get("author")),
        ours=me.is_of(fields.get("author")),
        reviewers=tuple(person["username"] for person in fields.get("reviewers") or ()),
        labels=tuple(fields.get("labels") or ()),
        ended_by=asked_by,
        # Whoever works by our account in the browser leaves no reason, and says no like anybody else.
        ended_by_us=asked_by == me.name and (bool(closed) or not closed_by_us),
        reason=closed.get("reason", "") if closed_by_us else "",
        draft=bool(fields.get("draft", fields.get("work_in_progress", False))),
        unfinished=state is RequestState.OPEN and me.is_of(fields.get("author")) and body.rstrip().endswith(_UNRULED),
        merge_commit=landed(fields) if state is RequestState.MERGED else "",
        merged_at=_time(fields.get("merged_at")) if state is RequestState.MERGED else None,
        auto_merge_by=_auto_merge_by(fields, me) if state is RequestState.OPEN else "",
        needs_rebase=state is RequestState.OPEN and fields.get("detailed_merge_status") == NEED_REBASE,
    )


def _auto_merge_by(fields: Mapping[str, Any], me: Identity) -> str:
    """GitLab says who by the same name as who merged it; on a merge train it is set as well."""
    return (me.of(fields.get("merge_user")) or "somebody") if fields.get("merge_when_pipeline_succeeds") else ""


def _source(fields: Mapping[str, Any]) -> str:
    """A fork's branch isn't the project's of the same name: its project's number stands before it."""
    branch, project = str(fields["source_branch"]), fields.get("source_project_id")
    return branch if project == fields.get("target_project_id") else f"{project}:{branch}"


def landed(fields: Mapping[str, Any]) -> str:
    """Where the target's branch was right after: at the merge, at the one commit it was squashed to, or at the head."""
    return str(fields.get("merge_commit_sha") or fields.get("squash_commit_sha") or fields.get("sha") or "")


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


# --- texts ----------------------------------------------------------------------------------------------


def title_of(title: str, *, draft: bool) -> str:
    """A title as GitLab takes it, which is all that makes a draft one."""
    line = " ".join(plain(title).split()) or "Promotion"
    return f"{'Draft: ' if draft else ''}{line}"[:_LONGEST_TITLE]


def without_draft(title: str) -> str:
    """A title without what makes it a draft's."""
    return _DRAFT.sub("", title)


def body_of(body: str) -> str:
    """A body as GitLab takes it. Whose words it has, GitLab would obey it as ours: so no line of it is a command."""
    return within(_COMMAND.sub(r"\\/", plain(body).replace("\r", "")), LONGEST_BODY)


def unruled(body: str) -> str:
    """A body that says that its merge request lacks rules of its own."""
    return f"{body}{_UNRULED}"


def ruled(body: str) -> str:
    """A body that says so no more."""
    return body.rstrip().removesuffix(_UNRULED)
