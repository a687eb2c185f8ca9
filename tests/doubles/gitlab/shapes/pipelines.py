"""Pipelines and statuses as GitLab shows them."""

from __future__ import annotations

from tests.doubles.gitlab.shapes.people import Json, maybe_user, stamp, user
from tests.doubles.gitlab.state import Pipeline, Project, Status


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
