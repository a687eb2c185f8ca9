"""The pipeline that a merge request goes by, which GitLab makes in the background when it is opened or pushed to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bot.network.retry import pause

# Some seconds: longer than it takes as a rule, and short enough to be waited for where none comes at all.
_LOOKS = 5


def is_preparing(fields: Mapping[str, Any]) -> bool:
    """Whether GitLab isn't through with a new merge request.

    app/services/merge_requests/after_create_service.rb: its pipeline is made first, and then it is marked as prepared.
    """
    return "preparing" in {fields.get("merge_status"), fields.get("detailed_merge_status")}


def head_pipeline(look: Callable[[], Mapping[str, Any]], commit: str, sleep: Callable[[float], None]) -> int:
    """The number of the pipeline that a merge request with this head goes by, once there is no better one to expect.

    0 where there is none. `look` has the merge request as it is by itself.
    """
    fields = look()
    for attempt in range(1, _LOOKS):
        if not _is_expected(fields, commit):
            break
        sleep(pause(attempt))
        fields = look()
    pipeline = _shown(fields)
    return int(pipeline["id"]) if pipeline.get("sha") == commit else 0


def _is_expected(fields: Mapping[str, Any], commit: str) -> bool:
    """Whether one is to come: GitLab isn't through with the opening or the push, or the head before had one.

    app/models/merge_request.rb, update_head_pipeline: the one of the head before is shown until then. Merged results
    have one of a commit of their own, on which no status of the branch's commit is ever.
    """
    pipeline = _shown(fields)
    mine = pipeline.get("sha") == commit
    if mine and _is_its_own(pipeline):
        return False
    if is_preparing(fields) or fields.get("sha") != commit:
        return True
    return bool(pipeline) and not mine and pipeline.get("source") != "external" and not _is_of_a_result(pipeline)


def _shown(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    pipeline: Mapping[str, Any] = fields.get("head_pipeline") or {}
    return pipeline


def _is_its_own(pipeline: Mapping[str, Any]) -> bool:
    return str(pipeline.get("ref", "")).startswith("refs/merge-requests/")


def _is_of_a_result(pipeline: Mapping[str, Any]) -> bool:
    return _is_its_own(pipeline) and not str(pipeline.get("ref", "")).endswith("/head")
