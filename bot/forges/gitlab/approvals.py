"""Who approves a merge request as it is: GitLab says when somebody approved, and when what was pushed came to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from bot.forges.gitlab.client import EVERYTHING
from bot.forges.gitlab.requests import Identity


def approvals(gitlab: Any, path: str, me: Identity) -> Iterator[str]:  # noqa: ANN401 - the library's client
    """Those of the head; without a time, as of a GitLab that doesn't tell it, any. Asks twice where somebody did."""
    answer = gitlab.http_get(f"{path}/approvals")
    others = [one for one in answer.get("approved_by") or () if not me.is_of(one["user"])]
    timed = any(one.get("approved_at") for one in others)
    since = _since(gitlab.http_list(f"{path}/versions", **EVERYTHING)) if timed else None
    for one in others:
        at = one.get("approved_at")
        if since is None or not at or datetime.fromisoformat(at) >= since:
            yield me.of(one["user"])


def _since(versions: Iterable[Mapping[str, Any]]) -> datetime | None:
    """Since when it has its head: there is a new version of the same commit where the target's branch is rewritten."""
    newest_first = sorted(versions, key=lambda version: int(version["id"]), reverse=True)
    since: datetime | None = None
    for version in newest_first:
        if version["head_commit_sha"] != newest_first[0]["head_commit_sha"]:
            break
        since = datetime.fromisoformat(version["created_at"])
    return since
