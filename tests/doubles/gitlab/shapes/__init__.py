"""What GitLab shows of what it has: the entities of lib/api/entities, as JSON."""

from tests.doubles.gitlab.shapes.approvals import approval_settings, approvals, rule, rule_state
from tests.doubles.gitlab.shapes.commits import branch, commit, diff, protection
from tests.doubles.gitlab.shapes.people import Json, current_user, group, maybe_user, member, stamp, token, user
from tests.doubles.gitlab.shapes.pipelines import pipeline, status, whole_pipeline
from tests.doubles.gitlab.shapes.projects import project
from tests.doubles.gitlab.shapes.requests import merge_request, note, whole_merge_request

__all__ = [
    "Json",
    "approval_settings",
    "approvals",
    "branch",
    "commit",
    "current_user",
    "diff",
    "group",
    "maybe_user",
    "member",
    "merge_request",
    "note",
    "pipeline",
    "project",
    "protection",
    "rule",
    "rule_state",
    "stamp",
    "status",
    "token",
    "user",
    "whole_merge_request",
    "whole_pipeline",
]
