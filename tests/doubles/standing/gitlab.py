"""A GitLab over repositories that are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.doubles.gitlab import DEVELOPER, MAINTAINER, GitLab, life
from tests.doubles.gitlab.accounts import Token
from tests.doubles.gitlab.state import MergeRequest, Project
from tests.doubles.standing.estate import APPROVERS, ROBOT, Estate
from tests.doubles.standing.pages import Shown, WithPages

# What GitLab's page says of a check that fails, in its app/assets/javascripts/vue_merge_request_widget/, checks/
# constants.js; a pipeline that still runs is of the same check as one that failed.
_PIPELINE = "Pipeline must succeed."
_REASONS = {
    "not_open": "Merge request must be open.",
    "draft_status": "Merge request must not be draft.",
    "commits_status": "Source branch exists and contains commits.",
    "not_approved": "All required approvals must be given.",
    "conflict": "Merge conflicts must be resolved.",
    "need_rebase": "Merge request must be rebased, because a fast-forward merge is not possible.",
    "ci_must_pass": _PIPELINE,
    "ci_still_running": _PIPELINE,
}


def stand(estate: Estate) -> WithPages:
    """An instance as docs/gitlab.md advises: promobot is a Developer everywhere, approvers merge, pipelines succeed."""
    gitlab = GitLab(estate.root)
    robot, approvers = gitlab.user(ROBOT), [gitlab.user(name) for name in APPROVERS]
    for path in estate.projects:
        project = gitlab.project(path, only_allow_merge_if_pipeline_succeeds=True)
        gitlab.protect(project, project.repository.default_branch, push=0)
        gitlab.join(robot, gitlab.accounts.group(path.partition("/")[0]), DEVELOPER)
        for approver in approvers:
            gitlab.join(approver, project.namespace, MAINTAINER)
    for group in estate.groups:
        for approver in approvers:
            gitlab.join(approver, gitlab.accounts.group(group), DEVELOPER)
    gitlab.accounts.tokens[estate.token] = Token(gitlab.accounts.next_id(), estate.token, robot)
    return WithPages(gitlab, GitLabSite(gitlab))


@dataclass(frozen=True)
class GitLabSite:
    """Its pages."""

    gitlab: GitLab

    def lists(self) -> Mapping[str, str]:
        return {f"/{path}/-/merge_requests": path for path in self.gitlab.projects}

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
            (
                f"by {request.author.username}",
                f"{request.source_branch} → {request.target_branch}",
                f"for {reviewers or 'nobody'}",
                f"approved by {len(request.approvals)}",
                *([f"labels: {', '.join(request.labels)}"] if request.labels else []),
            ),
            tuple(_statuses(project, request)),
            request.description,
            tuple(note.body for note in request.notes if not note.system),
            lambda: project.repository.change(_before(request), request.sha),
        )

    def approve(self, shown: Shown) -> str:
        with self.gitlab.lock:
            project, request = self._found(shown)
            given = [name for name in APPROVERS if self.gitlab.user(name).id in request.approvals]
            if len(given) < len(APPROVERS):
                self.gitlab.approve(project, request, self.gitlab.user(APPROVERS[len(given)]))
        return ""

    def merge(self, shown: Shown) -> str:
        gitlab = self.gitlab
        with gitlab.lock:
            project, request = self._found(shown)
            life.look(gitlab, project)
            refused = life.why_not(gitlab, project, request)
            if not refused:
                gitlab.merge(project, request, gitlab.user(APPROVERS[0]))
            return f"Merge blocked: {_REASONS[refused]}" if refused else ""

    def _found(self, shown: Shown) -> tuple[Project, MergeRequest]:
        project = self.gitlab.projects[shown.project]
        return project, project.requests[shown.number]


def _before(request: MergeRequest) -> str:
    """What it is compared with: its target, or what that was before it was merged."""
    if request.state != "merged":
        return f"refs/heads/{request.target_branch}"
    return f"{request.merge_commit_sha}^1" if request.merge_commit_sha else request.base_sha


def _statuses(project: Project, request: MergeRequest) -> Iterator[str]:
    """What services say of its head, the last word of each."""
    pipelines = [pipeline for pipeline in project.pipelines if pipeline.sha == request.sha]
    last = {status.name: status for pipeline in pipelines for status in pipeline.statuses}
    yield from (f"{name}: {status.state}, {status.description}" for name, status in last.items())
