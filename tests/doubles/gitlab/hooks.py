"""What GitLab's webhooks say: https://docs.gitlab.com/user/project/integrations/webhook_events/"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from tests.doubles.gitlab import life, shapes
from tests.doubles.gitlab.app import GitLab
from tests.doubles.gitlab.state import Project
from tests.doubles.hooks import Change, Changed, Look, Moved, Standing
from tests.doubles.repository import ABSENT

_ACTIONS = {"opened": "open", "pushed": "update", "edited": "update", "closed": "close", "merged": "merge"}


@dataclass(frozen=True)
class GitLabTelling:
    """By a secret token."""

    gitlab: GitLab

    def looks(self) -> Mapping[str, Look]:
        with self.gitlab.lock:
            return {path: self._look(project) for path, project in self.gitlab.projects.items()}

    def _look(self, project: Project) -> Look:
        life.look(self.gitlab, project)
        states = {"opened": "open"}
        requests = {
            number: Standing(states.get(one.state, one.state), one.sha, (one.title, one.description))
            for number, one in project.requests.items()
        }
        return Look(dict(project.heads), requests)

    def message(self, base: str, project: str, change: Change) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        found = self.gitlab.projects[project]
        about = {"id": found.id, "name": project.rpartition("/")[2], "path_with_namespace": project}
        about |= {"web_url": f"{base}/{project}", "default_branch": found.repository.default_branch}
        match change:
            case Moved(branch, before, after):
                said: dict[str, Any] = {
                    "object_kind": "push",
                    "event_name": "push",
                    "before": before,
                    "after": after,
                    "ref": f"refs/heads/{branch}",
                    "checkout_sha": None if after == ABSENT else after,
                    "project_id": found.id,
                    "project": about,
                    "commits": [],
                    "total_commits_count": 0,
                }
                return {"X-Gitlab-Event": "Push Hook"}, said
            case Changed(number, how):
                request = found.requests[number]
                attributes = shapes.merge_request(base, self.gitlab, found, request, "unchecked")
                attributes["action"] = _ACTIONS.get(how, "reopen")
                said = {
                    "object_kind": "merge_request",
                    "event_type": "merge_request",
                    "user": shapes.user(base, request.author),
                    "project": about,
                    "object_attributes": attributes,
                }
                return {"X-Gitlab-Event": "Merge Request Hook"}, said
            case _:
                assert_never(change)

    def signature(self, body: bytes, secret: str) -> Mapping[str, str]:  # noqa: ARG002 - it signs nothing
        return {"X-Gitlab-Token": secret}
