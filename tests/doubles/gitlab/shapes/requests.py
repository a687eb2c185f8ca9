"""Merge requests and their notes as GitLab shows them."""

from __future__ import annotations

from tests.doubles.gitlab import life
from tests.doubles.gitlab.accounts import User
from tests.doubles.gitlab.instance import Instance
from tests.doubles.gitlab.shapes.people import Json, maybe_user, stamp, user
from tests.doubles.gitlab.shapes.pipelines import pipeline, whole_pipeline
from tests.doubles.gitlab.state import MergeRequest, Note, Project

_NO_TIME = {"time_estimate": 0, "total_time_spent": 0, "human_time_estimate": None, "human_total_time_spent": None}


def merge_request(base: str, gitlab: Instance, one: Project, of: MergeRequest, detailed: str) -> Json:
    """As it is in lists; `detailed` is whether it can be merged."""
    ended = stamp(of.ended)
    paid = {"approvals_before_merge": None} if gitlab.enterprise else {}
    return {
        **paid,
        **_people(base, of),
        **_merging(one, of, detailed),
        "id": of.id,
        "iid": of.iid,
        "project_id": one.id,
        "title": of.title,
        "description": of.description,
        "state": of.state,
        "created_at": stamp(of.created),
        "updated_at": stamp(of.updated),
        "merged_at": ended if of.state == "merged" else None,
        "closed_at": ended if of.state == "closed" else None,
        "user_notes_count": sum(not note.system for note in of.notes),
        "upvotes": 0,
        "downvotes": 0,
        "labels": sorted(of.labels),
        "draft": of.draft,
        "imported": False,
        "imported_from": "none",
        "work_in_progress": of.draft,
        "milestone": None,
        "discussion_locked": None,
        "prepared_at": None if detailed == "preparing" else stamp(of.created),
        "reference": f"!{of.iid}",
        "references": {"short": f"!{of.iid}", "relative": f"!{of.iid}", "full": f"{one.path}!{of.iid}"},
        "web_url": f"{base}/{one.path}/-/merge_requests/{of.iid}",
        "time_stats": _NO_TIME,
        "task_completion_status": {"count": 0, "completed_count": 0},
        "blocking_discussions_resolved": True,
    }


def _people(base: str, of: MergeRequest) -> Json:
    return {
        "author": user(base, of.author),
        "assignees": [user(base, person) for person in of.assignees],
        "assignee": maybe_user(base, of.assignees[0] if of.assignees else None),
        "reviewers": [user(base, person) for person in of.reviewers],
        "merged_by": maybe_user(base, of.merged_by),
        "merge_user": maybe_user(base, of.merged_by or of.auto_merge),
        "closed_by": maybe_user(base, of.closed_by),
    }


def _merging(one: Project, of: MergeRequest, detailed: str) -> Json:
    """What is to be merged, how, and whether it can be."""
    simple = {"mergeable": "can_be_merged", "conflict": "cannot_be_merged", "preparing": "checking"}
    return {
        "target_branch": of.target_branch,
        "source_branch": of.source_branch,
        "source_project_id": of.fork or one.id,
        "target_project_id": one.id,
        "merge_when_pipeline_succeeds": of.auto_merge is not None,
        "merge_status": simple.get(detailed, "unchecked" if detailed in {"unchecked", "checking"} else "can_be_merged"),
        "detailed_merge_status": detailed,
        "merge_after": None,
        "sha": of.sha,
        "merge_commit_sha": of.merge_commit_sha,
        "squash_commit_sha": of.squash_commit_sha,
        "should_remove_source_branch": None,
        "force_remove_source_branch": of.remove_source_branch,
        "squash": of.squash,
        "squash_on_merge": of.squash or one.squash_option == "always",
        "has_conflicts": detailed == "conflict",
    }


def whole_merge_request(
    base: str, gitlab: Instance, one: Project, of: MergeRequest, asker: User | None, detailed: str
) -> Json:
    """As it is by itself."""
    found = life.shown_pipeline(one, of)
    target = one.repository.head(of.target_branch)
    changes = len(one.repository.git("diff", "--name-only", "--no-renames", of.base_sha, of.sha).splitlines())
    return {
        **merge_request(base, gitlab, one, of, detailed),
        "subscribed": asker == of.author,
        "changes_count": f"{min(changes, gitlab.shown)}{'+' if changes > gitlab.shown else ''}",
        "latest_build_started_at": None,
        "latest_build_finished_at": None,
        "first_deployed_to_production_at": None,
        "pipeline": pipeline(base, one, found) if found else None,
        "head_pipeline": whole_pipeline(base, one, found) if found else None,
        "diff_refs": {"base_sha": of.base_sha, "head_sha": of.sha, "start_sha": target or of.base_sha},
        "merge_error": None,
        "first_contribution": False,
        "user": {"can_merge": asker is not None and life.may_merge(gitlab, one, of, asker)},
    }


def note(base: str, one: Project, of: MergeRequest, this: Note) -> Json:
    return {
        "id": this.id,
        "type": None,
        "body": this.body,
        "attachment": None,
        "author": user(base, this.author),
        "created_at": stamp(this.created),
        "updated_at": stamp(this.updated),
        "system": this.system,
        "noteable_id": of.id,
        "noteable_type": "MergeRequest",
        "project_id": one.id,
        "resolvable": False,
        "confidential": False,
        "internal": False,
        "imported": False,
        "imported_from": "none",
        "noteable_iid": of.iid,
        "commands_changes": {},
    }
