"""What GitLab shows of what it has: the entities of lib/api/entities, as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.doubles.gitlab import life
from tests.doubles.gitlab.accounts import Namespace, Token, User
from tests.doubles.gitlab.instance import Instance
from tests.doubles.gitlab.state import MergeRequest, Note, Pipeline, Project, Protection, Rule, Status

Json = dict[str, Any]
_NO_TIME = {"time_estimate": 0, "total_time_spent": 0, "human_time_estimate": None, "human_total_time_spent": None}


def stamp(when: datetime | None) -> str | None:
    """As GitLab writes times."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03}Z" if when else None


def user(base: str, one: User) -> Json:
    return {
        "id": one.id,
        "username": one.username,
        "public_email": None,
        "name": one.name,
        "state": one.state,
        "locked": False,
        "avatar_url": f"{base}/uploads/{one.username}.png",
        "web_url": f"{base}/{one.username}",
    }


def maybe_user(base: str, one: User | None) -> Json | None:
    return user(base, one) if one else None


def current_user(base: str, one: User) -> Json:
    return {
        **user(base, one),
        "created_at": "2026-01-01T00:00:00.000Z",
        "bio": "",
        "email": f"{one.username}@example.com",
        "bot": one.bot,
        "can_create_group": False,
        "can_create_project": False,
        "external": False,
        "private_profile": False,
        "two_factor_enabled": False,
    }


def member(base: str, one: User, role: int) -> Json:
    return {
        **{key: value for key, value in user(base, one).items() if key != "public_email"},
        "access_level": role,
        "created_at": "2026-01-01T00:00:00.000Z",
        "expires_at": None,
        "membership_state": "active",
    }


def token(one: Token) -> Json:
    return {
        "id": one.id,
        "name": "promobot",
        "description": None,
        "revoked": one.ended == "revoked",
        "created_at": "2026-01-01T00:00:00.000Z",
        "scopes": list(one.scopes),
        "user_id": one.user.id,
        "last_used_at": None,
        "last_used_ips": [],
        "active": not one.ended,
        "expires_at": one.expires_at,
    }


def group(base: str, one: Namespace) -> Json:
    return {
        "id": one.id,
        "web_url": f"{base}/groups/{one.path}",
        "name": one.path.rpartition("/")[2],
        "path": one.path.rpartition("/")[2],
        "description": "",
        "visibility": one.visibility,
        "full_name": one.path.replace("/", " / "),
        "full_path": one.path,
        "avatar_url": None,
        "created_at": "2026-01-01T00:00:00.000Z",
    }


def project(base: str, gitlab: Instance, one: Project, role: int) -> Json:
    above, _, name = one.path.rpartition("/")
    paid = {"approvals_before_merge": 0, "merge_trains_enabled": one.merge_trains_enabled} if gitlab.premium else {}
    return {
        **paid,
        "id": one.id,
        "description": None,
        "name": name,
        "name_with_namespace": one.path.replace("/", " / "),
        "path": name,
        "path_with_namespace": one.path,
        "created_at": "2026-01-01T00:00:00.000Z",
        "default_branch": one.repository.default_branch,
        "http_url_to_repo": f"{base}/{one.path}.git",
        "ssh_url_to_repo": f"git@gitlab.example.com:{one.path}.git",
        "web_url": f"{base}/{one.path}",
        "visibility": one.visibility,
        "archived": False,
        "empty_repo": False,
        "namespace": {
            "id": gitlab.accounts.group(above).id,
            "name": above.rpartition("/")[2],
            "path": above.rpartition("/")[2],
            "kind": "group",
            "full_path": above,
            "parent_id": None,
            "avatar_url": None,
            "web_url": f"{base}/groups/{above}",
        },
        "merge_requests_enabled": True,
        "jobs_enabled": True,
        "merge_method": one.merge_method,
        "squash_option": one.squash_option,
        "remove_source_branch_after_merge": True,
        "only_allow_merge_if_pipeline_succeeds": one.only_allow_merge_if_pipeline_succeeds,
        "only_allow_merge_if_all_discussions_are_resolved": False,
        "allow_merge_on_skipped_pipeline": False,
        "permissions": {
            "project_access": {"access_level": role, "notification_level": 3} if role else None,
            "group_access": None,
        },
    }


# --- commits --------------------------------------------------------------------------------------------

_FORMAT = "%H%x00%h%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B"


def commit(base: str, one: Project, sha: str) -> Json:
    text = one.repository.git("log", "-1", f"--format={_FORMAT}", sha)
    oid, short, parents, author, email, authored, committer, address, committed, message = text.split("\0")
    return {
        "id": oid,
        "short_id": short,
        "created_at": committed,
        "parent_ids": parents.split(),
        "title": message.partition("\n")[0],
        "message": message,
        "author_name": author,
        "author_email": email,
        "authored_date": authored,
        "committer_name": committer,
        "committer_email": address,
        "committed_date": committed,
        "trailers": {},
        "extended_trailers": {},
        "web_url": f"{base}/{one.path}/-/commit/{oid}",
    }


def branch(base: str, one: Project, name: str, sha: str, role: int) -> Json:
    protection = one.protection(name)
    default = one.repository.default_branch
    heads = one.repository.heads()
    return {
        "name": name,
        "commit": commit(base, one, sha),
        "merged": name != default and one.repository.contains(heads[default], sha),
        "protected": protection is not None,
        "developers_can_push": protection is not None and 0 < protection.push <= 30,
        "developers_can_merge": protection is not None and 0 < protection.merge <= 30,
        "can_push": role >= (protection.push or 99) if protection else role >= 30,
        "default": name == default,
        "web_url": f"{base}/{one.path}/-/tree/{name}",
    }


def protection(one: Protection) -> Json:
    def levels(role: int) -> list[Json]:
        names = {0: "No one", 30: "Developers + Maintainers", 40: "Maintainers"}
        level = {"id": one.id, "access_level": role, "access_level_description": names.get(role, str(role))}
        return [{**level, "user_id": None, "group_id": None}]

    return {
        "id": one.id,
        "name": one.name,
        "push_access_levels": levels(one.push),
        "merge_access_levels": levels(one.merge),
        "allow_force_push": False,
        "unprotect_access_levels": [],
        "code_owner_approval_required": one.code_owners,
        "inherited": False,
    }


def diff(one: Project, base: str, head: str, *, unidiff: bool) -> list[Json]:
    """Every file that differs; GitLab leaves out the two lines that name it, unless they are asked for."""
    names = one.repository.git("diff", "--raw", "--no-renames", "--abbrev=40", base, head).splitlines()
    return [_file_diff(one, base, head, line, unidiff=unidiff) for line in names]


def _file_diff(one: Project, base: str, head: str, line: str, *, unidiff: bool) -> Json:
    modes, _, path = line.partition("\t")
    before, after, _, _, kind = modes.removeprefix(":").split()
    text = one.repository.git("diff", "--no-renames", "--no-color", base, head, "--", path)
    start = text.find("\n--- " if unidiff else "\n@@")
    return {
        "diff": f"{text[start + 1 :]}\n" if start >= 0 else "",
        "collapsed": False,
        "too_large": False,
        "new_path": path,
        "old_path": path,
        "a_mode": before,
        "b_mode": after,
        "new_file": kind == "A",
        "renamed_file": False,
        "deleted_file": kind == "D",
        "generated_file": None,
    }


# --- pipelines ------------------------------------------------------------------------------------------


def pipeline(base: str, one: Project, of: Pipeline) -> Json:
    return {
        "id": of.id,
        "iid": of.iid,
        "project_id": one.id,
        "sha": of.sha,
        "ref": of.ref,
        "status": of.status,
        "source": of.source,
        "created_at": stamp(of.created),
        "updated_at": stamp(of.created),
        "web_url": f"{base}/{one.path}/-/pipelines/{of.id}",
    }


def whole_pipeline(base: str, one: Project, of: Pipeline) -> Json:
    return {
        **pipeline(base, one, of),
        "before_sha": "0" * 40,
        "tag": False,
        "yaml_errors": None,
        "user": maybe_user(base, of.user),
        "started_at": stamp(of.created),
        "finished_at": None,
        "committed_at": None,
        "duration": None,
        "queued_duration": None,
        "coverage": None,
        "detailed_status": None,
    }


def status(base: str, of: Pipeline, one: Status) -> Json:
    return {
        "id": one.id,
        "sha": of.sha,
        "ref": one.ref,
        "status": one.state,
        "name": one.name,
        "target_url": one.target_url,
        "description": one.description,
        "created_at": stamp(one.created),
        "started_at": None,
        "finished_at": stamp(one.created) if one.state in {"success", "failed"} else None,
        "allow_failure": False,
        "coverage": None,
        "pipeline_id": of.id,
        "author": user(base, one.author),
    }


# --- merge requests -------------------------------------------------------------------------------------


def merge_request(base: str, gitlab: Instance, one: Project, of: MergeRequest, detailed: str) -> Json:
    """As it is in lists; `detailed` is whether it can be merged."""
    simple = {"mergeable": "can_be_merged", "conflict": "cannot_be_merged", "preparing": "checking"}
    ended = stamp(of.ended)
    paid = {"approvals_before_merge": None} if gitlab.enterprise else {}
    people = {
        "author": user(base, of.author),
        "assignees": [user(base, person) for person in of.assignees],
        "assignee": maybe_user(base, of.assignees[0] if of.assignees else None),
        "reviewers": [user(base, person) for person in of.reviewers],
        "merged_by": maybe_user(base, of.merged_by),
        "merge_user": maybe_user(base, of.merged_by or of.auto_merge),
        "closed_by": maybe_user(base, of.closed_by),
    }
    return {
        **paid,
        **people,
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
        "target_branch": of.target_branch,
        "source_branch": of.source_branch,
        "user_notes_count": sum(not note.system for note in of.notes),
        "upvotes": 0,
        "downvotes": 0,
        "source_project_id": of.fork or one.id,
        "target_project_id": one.id,
        "labels": sorted(of.labels),
        "draft": of.draft,
        "imported": False,
        "imported_from": "none",
        "work_in_progress": of.draft,
        "milestone": None,
        "merge_when_pipeline_succeeds": of.auto_merge is not None,
        "merge_status": simple.get(detailed, "unchecked" if detailed in {"unchecked", "checking"} else "can_be_merged"),
        "detailed_merge_status": detailed,
        "merge_after": None,
        "sha": of.sha,
        "merge_commit_sha": of.merge_commit_sha,
        "squash_commit_sha": of.squash_commit_sha,
        "discussion_locked": None,
        "should_remove_source_branch": None,
        "force_remove_source_branch": of.remove_source_branch,
        "prepared_at": None if detailed == "preparing" else stamp(of.created),
        "reference": f"!{of.iid}",
        "references": {"short": f"!{of.iid}", "relative": f"!{of.iid}", "full": f"{one.path}!{of.iid}"},
        "web_url": f"{base}/{one.path}/-/merge_requests/{of.iid}",
        "time_stats": _NO_TIME,
        "squash": of.squash,
        "squash_on_merge": of.squash or one.squash_option == "always",
        "task_completion_status": {"count": 0, "completed_count": 0},
        "has_conflicts": detailed == "conflict",
        "blocking_discussions_resolved": True,
    }


def whole_merge_request(
    base: str, gitlab: Instance, one: Project, of: MergeRequest, asker: User | None, detailed: str
) -> Json:
    """As it is by itself."""
    found = life.head_pipeline(one, of)
    target = one.repository.head(of.target_branch)
    return {
        **merge_request(base, gitlab, one, of, detailed),
        "subscribed": asker == of.author,
        "changes_count": "1",
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


# What the paid edition says of a merge request beside its approvals.
_OF_REQUEST = ("id", "iid", "project_id", "title", "description", "state", "created_at", "updated_at", "merge_status")


def approvals(base: str, gitlab: Instance, one: Project, of: MergeRequest, asker: User | None) -> Json:
    people = [(gitlab.accounts.users[number], when) for number, when in of.approvals.items()]
    basic = {
        "user_has_approved": asker is not None and asker.id in of.approvals,
        "user_can_approve": asker is not None
        and asker.id not in of.approvals
        and life.may_approve(gitlab, one, of, asker),
        "approved": life.approved(gitlab, one, of),
        "approved_by": [{"user": user(base, person), "approved_at": stamp(when)} for person, when in people],
    }
    if not gitlab.premium:
        return basic
    missing = [rule.required - len(life.counted(gitlab, one, of, rule)) for rule in life.rules_of(one, of)]
    required = max((rule.required for rule in life.rules_of(one, of)), default=0)
    shown = {name: merge_request(base, gitlab, one, of, "unchecked")[name] for name in _OF_REQUEST}
    return {**shown, **basic, "approvals_required": required, "approvals_left": max([0, *missing])}


def rule(base: str, gitlab: Instance, one: Project, this: Rule) -> Json:
    people = [gitlab.accounts.users[number] for number in sorted(life.eligible(gitlab, one, this))]
    return {
        "id": this.id,
        "name": this.name,
        "rule_type": this.rule_type,
        "report_type": None,
        "eligible_approvers": [user(base, person) for person in people],
        "approvals_required": this.required,
        "users": [user(base, person) for person in this.users],
        "groups": [group(base, gitlab.accounts.groups[path]) for path in this.groups],
        "contains_hidden_groups": this.hidden,
    }


def rule_state(base: str, gitlab: Instance, one: Project, of: MergeRequest, this: Rule) -> Json:
    counted = life.counted(gitlab, one, of, this)
    return {
        **rule(base, gitlab, one, this),
        "section": None,
        "source_rule": None,
        "overridden": False,
        "code_owner": this.rule_type == "code_owner",
        "approved_by": [user(base, gitlab.accounts.users[number]) for number in sorted(counted)],
        "approved": len(counted) >= this.required,
    }
