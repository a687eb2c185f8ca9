"""Commits of the site: listed, compared, and the pull requests that they came by."""

from __future__ import annotations

from typing import Any

from tests.doubles.github import commitshapes, pullshapes
from tests.doubles.github.accounts import Grant
from tests.doubles.github.call import Call, Handler
from tests.doubles.github.refusals import Refused, RefusedError
from tests.doubles.github.state import Project
from tests.doubles.http import Response

_READ = Grant("contents")
_MOST_FILES = 300


def commit(call: Call) -> Response:
    project = call.project(_READ)
    sha = call.commit(project, call.values["ref"])
    around = call.around(project)
    parent = project.repository.git("rev-parse", "--verify", "--quiet", f"{sha}^", statuses=(0, 1))
    files = commitshapes.changes(around, parent, sha) if parent else []
    return Response(200, {**commitshapes.commit(around, sha), "files": files})


def commits(call: Call) -> Response:
    project = call.project(_READ)
    sha = call.commit(project, call.parameter("sha") or project.repository.default_branch)
    path = call.parameter("path")
    around = call.around(project)
    found = project.repository.git("rev-list", sha, "--", *([path] if path else [])).splitlines()
    return call.page(found, lambda each: commitshapes.commit(around, each))


def pulls_of(call: Call) -> Response:
    """The pull requests that a commit came by."""
    project = call.project(Grant("pull_requests"))
    sha = call.commit(project, call.values["sha"])
    around = call.around(project)
    found = [pull for pull in project.pulls.values() if associated(project, sha, pull.number)]
    return call.page(found, lambda pull: pullshapes.simple(around, pull))


def associated(project: Project, sha: str, number: int) -> bool:
    """Whether a pull request brought a commit, or would."""
    pull = project.pulls[number]
    if pull.merged:
        return sha in {pull.merge_commit, *project.repository.between(pull.base, pull.head)}
    return pull.open and sha in project.repository.between(pull.base, pull.head)


def compare(call: Call) -> Response:
    project = call.project(_READ)
    repository = project.repository
    one, _, other = call.values["basehead"].partition("...")
    base, head = repository.resolve(one), repository.resolve(other)
    if base is None or head is None:
        raise RefusedError(Refused.NOT_FOUND)
    common = repository.base(base, head)
    if common is None:
        raise RefusedError(Refused.NOT_FOUND)
    ahead, behind = repository.between(base, head)[::-1], repository.between(head, base)
    around = call.around(project)
    status = {(False, False): "identical", (True, False): "ahead", (False, True): "behind", (True, True): "diverged"}
    site = f"{around.site}/compare/{one}...{other}"

    def wrap(page: list[Any]) -> dict[str, Any]:
        return {
            "url": f"{around.url}/compare/{one}...{other}",
            "html_url": site,
            "permalink_url": site,
            "diff_url": f"{site}.diff",
            "patch_url": f"{site}.patch",
            "base_commit": commitshapes.commit(around, base),
            "merge_base_commit": commitshapes.commit(around, common),
            "status": status[bool(ahead), bool(behind)],
            "ahead_by": len(ahead),
            "behind_by": len(behind),
            "total_commits": len(ahead),
            "commits": page,
            "files": commitshapes.changes(around, common, head)[:_MOST_FILES],
        }

    return call.page(ahead, lambda sha: commitshapes.commit(around, sha), wrap=wrap)


HANDLERS: dict[str, Handler] = {
    "GET /repos/:owner/:repo/commits": commits,
    "GET /repos/:owner/:repo/commits/:ref": commit,
    "GET /repos/:owner/:repo/commits/:sha/pulls": pulls_of,
    "GET /repos/:owner/:repo/compare/*basehead": compare,
}
