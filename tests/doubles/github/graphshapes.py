"""What GraphQL shows of a repository, its commits and its pull requests."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from tests.doubles.github import api_commits
from tests.doubles.github.accounts import Grant, Role
from tests.doubles.github.call import Call
from tests.doubles.github.refusals import GraphRefused, GraphRefusedError
from tests.doubles.github.shapes import when
from tests.doubles.github.state import Project, Pull, Queued, Review, Status

T = TypeVar("T")

_LARGEST_PAGE = 100


def repository(call: Call, project: Project) -> dict[str, Any]:
    def object_(_: Any, oid: str | None = None, expression: str | None = None) -> dict[str, Any] | None:
        found = project.repository.resolve(oid or expression or "")
        return commit(call, project, found) if found else None

    def one(_: Any, number: int) -> dict[str, Any]:
        if number not in project.pulls:
            words = f"Could not resolve to a PullRequest with the number of {number}."
            raise GraphRefusedError(GraphRefused.NO_PULL, words=words)
        pull = project.pulls[number]
        said = pull_request(call, project, pull)
        # Whatever of it is asked for sets the work going that tells whether it merges.
        said["mergeStateStatus"] = said["mergeStateStatus"](None)
        return said

    return {
        "id": project.node_id,
        "nameWithOwner": project.path,
        "ref": lambda _, qualifiedName: ref(call, project, qualifiedName.removeprefix("refs/heads/")),  # noqa: N803
        "object": object_,
        "pullRequest": one,
        "pullRequests": lambda _, **asked: _pull_requests(call, project, **asked),
    }


def ref(call: Call, project: Project, name: str) -> dict[str, Any] | None:
    head = project.repository.head(name)
    if head is None:
        return None
    asked = project.protections.get(name)
    # https://docs.github.com/en/graphql/reference/objects#refupdaterule: what concerns who asks, administrator or not.
    rule = asked and {
        "requiredApprovingReviewCount": asked.approvals or None,
        "requiresCodeOwnerReviews": asked.code_owners,
        "requiredStatusCheckContexts": list(asked.contexts) or None,
        "viewerCanPush": asked.lets(call.login),
    }
    return {"name": name, "target": commit(call, project, head), "refUpdateRule": rule}


def commit(call: Call, project: Project, sha: str) -> dict[str, Any]:
    def pulls(_: Any, first: int, after: str | None = None) -> dict[str, Any]:
        found = [pull for pull in project.pulls.values() if api_commits.associated(project, sha, pull.number)]
        return _connection(found, first, after, lambda pull: pull_request(call, project, pull))

    def status(_: Any) -> dict[str, Any] | None:
        call.hub.reachable(call.token, project.path, Grant("statuses"))
        said = project.combined(sha)
        states = {one.state for one in said.values()}
        # https://docs.github.com/en/rest/commits/statuses#get-the-combined-status-for-a-specific-reference
        state = "FAILURE" if states & {"error", "failure"} else "PENDING" if "pending" in states else "SUCCESS"
        context = lambda _, name: _context(said[name]) if name in said else None  # noqa: E731
        return {"state": state, "context": context} if said else None

    return {"__typename": "Commit", "oid": sha, "associatedPullRequests": pulls, "status": status}


def _context(said: Status) -> dict[str, Any]:
    return {"context": said.context, "state": said.state.upper(), "description": said.description}


def _pull_requests(
    call: Call,
    project: Project,
    *,
    first: int,
    after: str | None = None,
    states: Sequence[str] = (),
    orderBy: dict[str, str] | None = None,  # noqa: N803
    **names: str,
) -> dict[str, Any]:
    found = [
        pull
        for pull in project.pulls.values()
        if (not states or _state(pull) in states)
        and names.get("headRefName") in {None, pull.source}
        and names.get("baseRefName") in {None, pull.target}
    ]
    if orderBy is not None:
        by_update = orderBy["field"] == "UPDATED_AT"
        found.sort(key=lambda pull: (pull.updated if by_update else pull.created, pull.number))
        found = found if orderBy["direction"] == "ASC" else found[::-1]
    return _connection(found, first, after, lambda pull: pull_request(call, project, pull))


def _connection(
    found: Sequence[T], first: int, after: str | None, write: Callable[[T], dict[str, Any]]
) -> dict[str, Any]:
    if not 1 <= first <= _LARGEST_PAGE:
        raise GraphRefusedError(GraphRefused.TOO_MANY, first=first)
    start = int(base64.b64decode(after)) if after else 0
    end = min(start + first, len(found))
    cursor = base64.b64encode(str(end).encode()).decode() if found else None
    return {
        "nodes": [write(pull) for pull in found[start:end]],
        "totalCount": len(found),
        "pageInfo": {"hasNextPage": end < len(found), "endCursor": cursor},
    }


def _state(pull: Pull) -> str:
    return "OPEN" if pull.open else "MERGED" if pull.merged else "CLOSED"


def actor(call: Call, login: str) -> dict[str, Any]:
    kind = call.hub.accounts[login].kind
    # GraphQL leaves out what REST has at the end of a bot's name.
    name = login.removesuffix("[bot]") if kind == "Bot" else login
    url = f"{call.links.site}/{quote(name)}"
    return {"__typename": kind, "login": name, "url": url, "id": f"U_{call.hub.accounts[login].id}"}


def pull_request(call: Call, project: Project, pull: Pull) -> dict[str, Any]:
    closer = actor(call, pull.closed_by) if pull.closed_by else None
    auto = pull.auto_merge
    return {
        "id": pull.node_id,
        "number": pull.number,
        "title": pull.title,
        "body": pull.body or "",
        "state": _state(pull),
        "isDraft": pull.draft,
        "url": f"{call.links.site}/{project.path}/pull/{pull.number}",
        "author": actor(call, pull.login),
        "headRefName": pull.source,
        "headRefOid": pull.head,
        "baseRefName": pull.target,
        "baseRefOid": pull.base,
        "isCrossRepository": bool(pull.fork),
        "headRepositoryOwner": actor(call, pull.fork or project.owner),
        "mergeCommit": commit(call, project, pull.merge_commit) if pull.merge_commit else None,
        "mergedAt": when(pull.merged),
        "mergedBy": closer if pull.merged else None,
        "closedAt": when(pull.closed),
        "labels": lambda _, **__: {"nodes": [{"name": name} for name in pull.labels]},
        "reviewRequests": lambda _, **__: {
            "nodes": [{"requestedReviewer": each} for each in _asked(call, project, pull)]
        },
        "reviewDecision": lambda _: _decision(project, pull),
        "latestOpinionatedReviews": lambda _, **asked: _reviews(call, project, pull, **asked),
        "mergeStateStatus": lambda _: _merge_state(project, pull),
        "autoMergeRequest": {
            "enabledBy": actor(call, auto.login),
            "mergeMethod": auto.method.upper(),
            "pullRequest": lambda _: pull_request(call, project, pull),
        }
        if auto
        else None,
        "isMergeQueueEnabled": pull.target in project.queues,
        "mergeQueueEntry": lambda _: _queued(call, project, pull),
        "commits": lambda _, **__: {"nodes": [{"commit": commit(call, project, pull.head)}]},
        "timelineItems": lambda _, itemTypes, **__: {"nodes": _events(pull, itemTypes, closer)},  # noqa: N803
    }


def _merge_state(project: Project, pull: Pull) -> str:
    """Told as it was before this very look set the work going."""
    state = project.merge_state(pull).upper() if pull.open else "UNKNOWN"
    pull.computing = max(0, pull.computing - 1)
    return state


def _queued(call: Call, project: Project, pull: Pull) -> dict[str, Any] | None:
    """A queue is told to who has the permission for it: https://github.com/nakafaai/nakafa.com/pull/481."""
    if pull.queued:
        call.hub.reachable(call.token, project.path, Grant("merge_queues"))
    return queue_entry(call, pull.queued)


def queue_entry(call: Call, queued: Queued | None) -> dict[str, Any] | None:
    return {"id": f"MQE_{queued.id}", "enqueuer": actor(call, queued.login)} if queued else None


def _events(pull: Pull, kinds: Sequence[str], closer: dict[str, Any] | None) -> list[dict[str, Any]]:
    closed = [{"__typename": "ClosedEvent", "actor": closer}] if not pull.open else []
    labeled = [{"__typename": "LabeledEvent"}] if pull.labeled else []
    return [*(closed if "CLOSED_EVENT" in kinds else ()), *(labeled if "LABELED_EVENT" in kinds else ())]


def _reviews(
    call: Call,
    project: Project,
    pull: Pull,
    *,
    first: int,
    after: str | None = None,
    writersOnly: bool = False,  # noqa: N803
) -> dict[str, Any]:
    given = [review for review in pull.last_reviews().values() if review.state != "DISMISSED"]
    counted = [one for one in given if not writersOnly or project.role(one.login) >= Role.WRITE]

    def write(one: Review) -> dict[str, Any]:
        return {"state": one.state, "author": actor(call, one.login), "commit": commit(call, project, one.commit)}

    return _connection(counted, first, after, write)


def _decision(project: Project, pull: Pull) -> str | None:
    given = {review.state for review in pull.last_reviews().values()}
    if "CHANGES_REQUESTED" in given:
        return "CHANGES_REQUESTED"
    wanted = project.asked(pull.target).approvals
    if not wanted:
        return "APPROVED" if "APPROVED" in given else None
    return "APPROVED" if project.approvals(pull) >= wanted else "REVIEW_REQUIRED"


def _slug(call: Call, project: Project, slug: str, _: object) -> str:
    """Told to who may read members; nothing is in the team's place for others: dust-tt/dust/pull/29326."""
    call.hub.reachable(call.token, project.path, Grant("members"))
    return slug


def _asked(call: Call, project: Project, pull: Pull) -> list[dict[str, Any]]:
    teams = [call.hub.teams[project.owner, slug] for slug in pull.teams]
    return [
        *(actor(call, login) for login in pull.reviewers),
        *(
            {
                "__typename": "Team",
                "slug": partial(_slug, call, project, team.slug),
                "combinedSlug": f"{team.organization}/{team.slug}",
                "id": team.node_id,
            }
            for team in teams
        ),
    ]
