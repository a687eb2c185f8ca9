"""Pull requests, and what is said of them and of commits, in GitHub's JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.doubles.github import shapes
from tests.doubles.github.accounts import Account, AppRegistration, Role, Team
from tests.doubles.github.shapes import Links, when
from tests.doubles.github.state import CheckRun, Comment, Project, Pull, Review, Status


@dataclass(frozen=True)
class Around:
    """What is needed to write down anything of a repository: who everybody is, and who asks."""

    links: Links
    project: Project
    accounts: dict[str, Account]
    teams: dict[str, Team]
    role: Role

    def who(self, login: str) -> dict[str, Any]:
        return shapes.account(self.links, self.accounts[login])

    @property
    def repository(self) -> dict[str, Any]:
        return shapes.repository(self.links, self.project, self.accounts[self.project.owner], self.role)

    @property
    def url(self) -> str:
        return self.links.repository(self.project)

    @property
    def site(self) -> str:
        return f"{self.links.site}/{self.project.path}"


def simple(around: Around, pull: Pull) -> dict[str, Any]:
    """A pull request in a list."""
    url = f"{around.url}/pulls/{pull.number}"
    html = f"{around.site}/pull/{pull.number}"
    assignees = [around.who(login) for login in pull.assignees]
    return {
        "id": pull.id,
        "node_id": pull.node_id,
        "number": pull.number,
        "state": "open" if pull.open else "closed",
        "locked": False,
        "title": pull.title,
        "body": pull.body,
        "user": around.who(pull.login),
        "draft": pull.draft,
        **_urls(around, pull, url, html),
        "created_at": when(pull.created),
        "updated_at": when(pull.updated),
        "closed_at": when(pull.closed),
        "merged_at": when(pull.merged),
        "merge_commit_sha": pull.merge_commit,
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "requested_reviewers": [around.who(login) for login in pull.reviewers],
        "requested_teams": [shapes.team(around.links, around.teams[slug]) for slug in pull.teams],
        "labels": [shapes.label(around.links, around.project, name) for name in pull.labels],
        "milestone": None,
        "head": _end(around, pull.source, pull.head, pull.fork),
        "base": _end(around, pull.target, pull.base),
        "author_association": "MEMBER",
        "auto_merge": _auto_merge(around, pull),
        "active_lock_reason": None,
    }


def _auto_merge(around: Around, pull: Pull) -> dict[str, Any] | None:
    if pull.auto_merge is None:
        return None
    return {
        "enabled_by": around.who(pull.auto_merge.login),
        "merge_method": pull.auto_merge.method,
        "commit_title": pull.title,
        "commit_message": "",
    }


def _urls(around: Around, pull: Pull, url: str, html: str) -> dict[str, Any]:
    issue = f"{around.url}/issues/{pull.number}"
    links = {
        "self": url,
        "html": html,
        "issue": issue,
        "comments": f"{issue}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": f"{around.url}/pulls/comments{{/number}}",
        "commits": f"{url}/commits",
        "statuses": f"{around.url}/statuses/{pull.head}",
    }
    named = {f"{name}_url": link for name, link in links.items() if name != "self"}
    return {
        "url": url,
        **named,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
        "_links": {name: {"href": link} for name, link in links.items()},
    }


def _end(around: Around, branch: str, commit: str, owner: str = "") -> dict[str, Any]:
    owner = owner or around.project.owner
    return {
        "label": f"{owner}:{branch}",
        "ref": branch,
        "sha": commit,
        "user": around.who(owner),
        "repo": around.repository,
    }


def full(around: Around, pull: Pull) -> dict[str, Any]:
    """A pull request that is asked for by its number."""
    repository = around.project.repository
    state = around.project.merge_state(pull) if pull.open else "unknown"
    changes = repository.git("diff", "--numstat", f"{pull.base}...{pull.head}").splitlines()
    counts = [line.split("\t")[:2] for line in changes]
    return {
        **simple(around, pull),
        "merged": pull.merged is not None,
        "mergeable": None if state == "unknown" else state != "dirty",
        "rebaseable": None if state == "unknown" else state != "dirty",
        "mergeable_state": state,
        "merged_by": around.who(pull.closed_by) if pull.merged else None,
        "comments": len(pull.comments),
        "review_comments": 0,
        "maintainer_can_modify": False,
        "commits": len(repository.between(pull.base, pull.head)),
        "additions": sum(int(added) for added, _ in counts if added != "-"),
        "deletions": sum(int(removed) for _, removed in counts if removed != "-"),
        "changed_files": len(counts),
    }


def issue(around: Around, pull: Pull) -> dict[str, Any]:
    """A pull request as the issue that it is, too."""
    said = simple(around, pull)
    names = (
        *("id", "node_id", "number", "title", "body", "state", "locked", "user", "labels", "assignee", "assignees"),
        *("milestone", "closed_at", "created_at", "updated_at"),
    )
    url = said["issue_url"]
    ours = {"url": url, "diff_url": said["diff_url"], "html_url": said["html_url"], "patch_url": said["patch_url"]}
    return {
        **{name: said[name] for name in names},
        "url": url,
        "html_url": said["html_url"],
        "repository_url": around.url,
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "comments": len(pull.comments),
        "author_association": "MEMBER",
        "closed_by": around.who(pull.closed_by) if pull.closed_by else None,
        "pull_request": {**ours, "url": said["url"], "merged_at": said["merged_at"]},
    }


def comment(around: Around, pull: Pull, said: Comment) -> dict[str, Any]:
    return {
        "id": said.id,
        "node_id": f"IC_{said.id}",
        "url": f"{around.url}/issues/comments/{said.id}",
        "html_url": f"{around.site}/pull/{pull.number}#issuecomment-{said.id}",
        "issue_url": f"{around.url}/issues/{pull.number}",
        "user": around.who(said.login),
        "body": said.body,
        "author_association": "MEMBER",
        "created_at": when(said.created),
        "updated_at": when(said.updated),
    }


def review(around: Around, pull: Pull, given: Review) -> dict[str, Any]:
    url = f"{around.url}/pulls/{pull.number}"
    html = f"{around.site}/pull/{pull.number}#pullrequestreview-{given.id}"
    return {
        "id": given.id,
        "node_id": f"PRR_{given.id}",
        "user": around.who(given.login),
        "body": given.body,
        "state": given.state,
        "html_url": html,
        "pull_request_url": url,
        "_links": {"html": {"href": html}, "pull_request": {"href": url}},
        "submitted_at": when(given.at),
        "commit_id": given.commit,
        "author_association": "MEMBER",
    }


def status(around: Around, commit: str, said: Status) -> dict[str, Any]:
    """A status in a list; by itself it has its creator, too."""
    return {
        "id": said.id,
        "node_id": f"SC_{said.id}",
        "url": f"{around.url}/statuses/{commit}",
        "avatar_url": around.who(said.login)["avatar_url"],
        "state": said.state,
        "description": said.description,
        "target_url": said.target_url,
        "context": said.context,
        "created_at": when(said.at),
        "updated_at": when(said.at),
    }


def check_run(around: Around, run: CheckRun, registered: AppRegistration) -> dict[str, Any]:
    url = f"{around.url}/check-runs/{run.id}"
    output = {name: run.output.get(name) for name in ("title", "summary", "text")}
    permissions = {"checks": "write", "metadata": "read"}
    return {
        "id": run.id,
        "node_id": f"CR_{run.id}",
        "head_sha": run.commit,
        "name": run.name,
        "external_id": run.external_id,
        "url": url,
        "html_url": f"{around.site}/runs/{run.id}",
        "details_url": run.details_url,
        "status": run.status,
        "conclusion": run.conclusion,
        "started_at": when(run.started),
        "completed_at": when(run.completed),
        "output": {**output, "annotations_count": 0, "annotations_url": f"{url}/annotations"},
        "check_suite": {"id": run.id},
        "app": shapes.app(around.links, registered, permissions, run.started),
        "pull_requests": [],
    }
