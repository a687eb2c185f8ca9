"""Projects as GitLab shows them."""

from __future__ import annotations

from tests.doubles.gitlab.instance import Instance
from tests.doubles.gitlab.shapes.people import Json
from tests.doubles.gitlab.state import Project


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
        "namespace": _namespace(base, gitlab, above),
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


def _namespace(base: str, gitlab: Instance, path: str) -> Json:
    name = path.rpartition("/")[2]
    return {
        "id": gitlab.accounts.group(path).id,
        "name": name,
        "path": name,
        "kind": "group",
        "full_path": path,
        "parent_id": None,
        "avatar_url": None,
        "web_url": f"{base}/groups/{path}",
    }
