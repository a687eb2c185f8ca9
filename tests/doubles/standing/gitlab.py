"""A GitLab over repositories that are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.doubles.gitlab import DEVELOPER, MAINTAINER, GitLab, life
from tests.doubles.gitlab.accounts import Token
from tests.doubles.gitlab.state import MergeRequest, Project
from tests.doubles.standing.estate import APPROVER, ROBOT, Estate
from tests.doubles.standing.pages import Shown, WithPages


def stand(estate: Estate) -> WithPages:
    """An instance where promobot is a Developer everywhere, and approvers are who merges."""
    gitlab = GitLab(estate.root)
    robot, approver = gitlab.user(ROBOT), gitlab.user(APPROVER)
    for path in estate.projects:
        project = gitlab.project(path)
        gitlab.join(robot, gitlab.accounts.group(path.partition("/")[0]), DEVELOPER)
        gitlab.join(approver, project.namespace, MAINTAINER)
    for group in estate.groups:
        gitlab.join(approver, gitlab.accounts.group(group), DEVELOPER)
    gitlab.accounts.tokens[estate.token] = Token(gitlab.accounts.next_id(), estate.token, robot)
    return WithPages(gitlab, GitLabSite(gitlab))


@dataclass(frozen=True)
class GitLabSite:
    """Its pages."""

    gitlab: GitLab

    def shown(self) -> Mapping[str, Shown]:
        with self.gitlab.lock:
            return {
                f"/{project.path}/-/merge_requests/{request.iid}": self._shown(project, request)
                for project in self.gitlab.projects.values()
                for request in project.requests.values()
            }

    def _shown(self, project: Project, request: MergeRequest) -> Shown:
        reviewers = ", ".join(user.username for user in request.reviewers)
        return Shown(
            project.path,
            request.iid,
            request.title,
            "open" if request.open else request.state,
            (f"{request.source_branch} → {request.target_branch}", f"for {reviewers or 'nobody'}", *request.labels),
            request.description,
            lambda: project.repository.change(request.target_branch, request.sha) if request.open else "",
        )

    def merge(self, shown: Shown) -> str:
        gitlab = self.gitlab
        with gitlab.lock:
            project = gitlab.projects[shown.project]
            request = project.requests[shown.number]
            life.look(gitlab, project)
            if request.open:
                gitlab.approve(project, request, gitlab.user(APPROVER))
            refused = life.why_not(gitlab, project, request)
            if not refused:
                gitlab.merge(project, request, gitlab.user(APPROVER))
            return refused
