"""Merging on GitLab, which needs a while until it knows whether it can, and refuses until then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.errors import ConflictError, ForgeError
from bot.forges.errors import StatusError, UnansweredError
from bot.forges.gitlab.protection import LET_MERGE
from bot.forges.gitlab.requests import NEED_REBASE, Identity, request_of
from bot.forges.port import AutoMerge
from bot.network.retry import pause
from bot.repositories import MergeRequest, RequestState

# How often it is looked at until GitLab knows; with the pauses between, for a minute or so.
_LOOKS = 8
# app/services/merge_requests/mergeability/detailed_merge_status_service.rb: what passes by itself.
_SOON = frozenset({"preparing", "checking", "unchecked", "approvals_syncing"})
_WHY_NOT = {
    "draft_status": "it is a draft",
    "conflict": "the branches conflict",
    NEED_REBASE: "the target has moved on, and this project wants the branch rebased on it first",
    "not_approved": "approvals are missing",
    "ci_must_pass": "its pipeline has to succeed first",
    "ci_still_running": "its pipeline still runs",
    "discussions_not_resolved": "threads are not resolved",
    "requested_changes": "somebody wants changes",
    "commits_status": "its source branch is missing, or has nothing new",
    # What follows may be so for days; some had other names before GitLab 17.
    **dict.fromkeys(("merge_request_blocked", "blocked_status"), "another merge request has to be merged first"),
    **dict.fromkeys(
        ("status_checks_must_pass", "external_status_checks"), "an external status check has to pass first"
    ),
    **dict.fromkeys(("security_policy_violations", "policies_denied"), "a security policy is against it"),
    "security_policy_pipeline_check": "a security policy wants all of its pipelines to succeed first",
    **dict.fromkeys(("locked_paths", "locked_lfs_files"), "somebody has locked files that it changes"),
    "merge_time": "it is to be merged at a later time",
    "jira_association_missing": "its text has to name an issue of Jira",
    "title_regex": "the project wants another title",
}


# What a pipeline is while it may still succeed: app/models/concerns/ci/has_status.rb, ALIVE_STATUSES.
_RUNNING = frozenset({"created", "waiting_for_resource", "preparing", "pending", "running", "waiting_for_callback"})


def _is_running(fields: Mapping[str, Any], status: str) -> bool:
    """A pipeline that waits for a person runs for GitLab, too, where it has to succeed.

    app/models/merge_request.rb, diff_head_pipeline_considered_in_progress?
    """
    return status == "ci_still_running" or (fields.get("head_pipeline") or {}).get("status") in _RUNNING


_LET = f"{LET_MERGE}; or merge it in the browser"


def _may_not(fields: Mapping[str, Any]) -> str:
    """GitLab answers 401 to whoever may not merge, as to a token that it doesn't know."""
    may = (fields.get("user") or {}).get("can_merge", True)
    return "" if may else f"the token's user may not merge into {fields['target_branch']}"


def _waits(status: str) -> str:
    """Why it isn't merged, now or when its pipeline has succeeded."""
    return "" if status == "ci_still_running" else _WHY_NOT.get(status, "")


def _is_begun(request: MergeRequest) -> bool:
    return request.state is RequestState.MERGED or bool(request.auto_merge_by)


@dataclass
class Merging:
    """One merge of exactly one commit; `name` is how messages call the merge request."""

    name: str
    head: str
    sleep: Callable[[float], None]

    def carry_out(
        self, *, look: Callable[[], tuple[Mapping[str, Any], Identity]], merge: Callable[[], object]
    ) -> MergeRequest:
        """The merge request when it is merged. Raises ConflictError where it can't be now, by people's doing."""
        last: StatusError | UnansweredError | None = None
        for number in range(1, _LOOKS + 1):
            fields, me = look()
            request = request_of(fields, me)
            if request.state is RequestState.MERGED:
                return self._merged(request)
            status = str(fields.get("detailed_merge_status", ""))
            self._must_be_possible(request, status)
            if refusal := _may_not(fields):
                raise ForgeError(f"merge request {self.name} isn't merged: {refusal}", hint=_LET)
            if status not in _SOON and fields["state"] != "locked":
                last = self._refused(merge)
                if last is None:
                    continue  # with another look: GitLab may only have begun
            self.sleep(pause(number))
        raise last or ConflictError(
            f"merge request {self.name} can't be merged yet", hint="GitLab is still at it: try again in a while"
        )

    def begin(
        self,
        *,
        look: Callable[[], tuple[Mapping[str, Any], Identity]],
        now: Callable[[], object],
        later: Callable[[], object],
    ) -> AutoMerge:
        """Merge `now`, or `later` by GitLab itself while a pipeline runs. Raises ConflictError as `carry_out` does.

        Raises ForgeError where GitLab fails all the time, which is no reason of a merge request's to wait.
        """
        refused: StatusError | UnansweredError | None = None
        begun = False
        for number in range(_LOOKS):
            if number:
                self.sleep(pause(number))
            fields, me = look()
            request = request_of(fields, me)
            if _is_begun(request):
                return AutoMerge(self._merged(request) if request.state is RequestState.MERGED else request)
            self._must_be_possible(request, "")
            status = str(fields.get("detailed_merge_status", ""))
            if refusal := _may_not(fields):
                return AutoMerge(request, refusal, _LET)
            if request.needs_rebase:
                self._must_be_possible(request, status)
            if refusal := _waits(status):
                return AutoMerge(request, refusal)
            if not begun and status not in _SOON and fields["state"] != "locked":
                refused = self._refused(later if _is_running(fields, status) else now)
                begun = refused is None
        return self._not_begun(request_of(*look()), refused)

    def _not_begun(self, request: MergeRequest, refused: StatusError | UnansweredError | None) -> AutoMerge:
        if refused and refused.unsure and not _is_begun(request):
            raise refused
        return AutoMerge(request, refused.message if refused else "GitLab is still at it")

    def _refused(self, merge: Callable[[], object]) -> StatusError | UnansweredError | None:
        """Why it isn't merged: 405, 409 and 422 mean to look again, as what isn't known does; the rest is raised."""
        try:
            merge()
        except (StatusError, UnansweredError) as error:
            if not error.unsure and isinstance(error, StatusError) and error.status not in {405, 409, 422}:
                raise
            return error
        return None

    def _merged(self, request: MergeRequest) -> MergeRequest:
        if request.head != self.head:
            raise ConflictError(
                f"merge request {self.name} was merged by {request.ender} at {request.head}, not at {self.head}",
                hint="look at what came with it",
            )
        return request

    def _must_be_possible(self, request: MergeRequest, status: str) -> None:
        if request.state is RequestState.CLOSED:
            raise ConflictError(
                f"merge request {self.name} was closed by {request.ender}",
                hint="`promobot mr list` shows those that are open",
            )
        if request.draft:
            raise ConflictError(
                f"merge request {self.name} is a draft",
                hint=f"look at what its text asks for, then `promobot mr ready '{self.name}'`",
            )
        if request.head != self.head:
            raise ConflictError(
                f"branch {request.source_branch} of merge request {self.name} is at {request.head or 'no commit'},"
                f" not at {self.head}",
                hint="look at what changed, then merge that",
            )
        if status in _WHY_NOT:
            raise ConflictError(f"merge request {self.name} can't be merged: {_WHY_NOT[status]}", hint=request.url)
