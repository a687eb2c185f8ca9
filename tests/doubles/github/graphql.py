"""What GraphQL is needed for, by a small schema of our own that has the names and types of GitHub's."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import graphql
from graphql import ExecutionResult, FieldNode, GraphQLError, GraphQLSchema, OperationDefinitionNode

from tests.doubles.github import api_commits, api_git, life
from tests.doubles.github.accounts import Grant, Role
from tests.doubles.github.call import Call
from tests.doubles.github.refusals import GraphRefused, GraphRefusedError, Refused, RefusedError
from tests.doubles.github.shapes import when
from tests.doubles.github.state import AutoMerge, Project, Pull, Status
from tests.doubles.http import Request, Response
from tests.doubles.repository import ABSENT, Repository

_LARGEST_PAGE = 100


@cache
def schema() -> GraphQLSchema:
    return graphql.build_schema(Path(__file__).with_name("schema.graphql").read_text())


def first_field(request: Request) -> str:
    """What a request asks for first, which is its name in counts."""
    try:
        operation = graphql.parse(request.json["query"]).definitions[0]
    except (GraphQLError, KeyError, TypeError, ValueError):
        return "?"
    selections = operation.selection_set.selections if isinstance(operation, OperationDefinitionNode) else ()
    return selections[0].name.value if selections and isinstance(selections[0], FieldNode) else "?"


def answer(call: Call) -> Response:
    if call.token is None:
        raise RefusedError(Refused.NO_CREDENTIALS)
    said = call.said
    if call.token.kind == "classic" and not call.token.grants(Grant("members")) and "on Team" in said["query"]:
        kind, words, _ = GraphRefused.NO_SCOPE.value
        return Response(200, {"errors": [{"type": kind, "message": words.format(field="slug")}]})
    root = {name: getattr(_Root(call), name) for name in dir(_Root) if not name.startswith("_")}
    result = graphql.graphql_sync(schema(), said["query"], root, variable_values=said.get("variables"))
    assert isinstance(result, ExecutionResult)
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body["errors"] = [_error(error) for error in result.errors]
    return Response(200, body)


def _error(error: GraphQLError) -> dict[str, Any]:
    said = error.formatted
    match error.original_error:
        case GraphRefusedError() as refused:
            return {**({"type": refused.kind.kind} if refused.kind.kind else {}), **said, **refused.more}
        case RefusedError() as refused:
            return {"type": "FORBIDDEN", **said, "message": refused.kind.value.message}
        case None:
            return dict(said)
        case failure:
            raise failure


@dataclass(frozen=True)
class _Root:
    """The fields of queries and mutations."""

    call: Call

    def viewer(self, _: Any) -> dict[str, Any]:
        return _actor(self.call, self.call.login)

    def repository(self, _: Any, owner: str, name: str) -> dict[str, Any]:
        return _repository(self.call, _project(self.call, f"{owner}/{name}", Grant("pull_requests")))

    def markPullRequestReadyForReview(self, _: Any, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002, N802
        project, pull = _pull(self.call, input)
        pull.draft = False
        life.settle(project, self.call.now)
        return {"pullRequest": _pull_request(self.call, project, pull)}

    def convertPullRequestToDraft(self, _: Any, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002, N802
        project, pull = _pull(self.call, input)
        pull.draft = True
        return {"pullRequest": _pull_request(self.call, project, pull)}

    def enablePullRequestAutoMerge(self, _: Any, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002, N802
        project, pull = _pull(self.call, input)
        if not project.auto_merge:
            raise GraphRefusedError(GraphRefused.NO_AUTO_MERGE)
        if input.get("expectedHeadOid", pull.head) != pull.head:
            raise GraphRefusedError(GraphRefused.HEAD_MOVED)
        match project.merge_state(pull):
            case "clean":
                raise GraphRefusedError(GraphRefused.CLEAN)
            case "unstable":
                raise GraphRefusedError(GraphRefused.UNSTABLE)
            case _:
                pull.auto_merge = AutoMerge(self.call.login, input["mergeMethod"].lower())
        return {"pullRequest": _pull_request(self.call, project, pull), "actor": _actor(self.call, self.call.login)}

    def disablePullRequestAutoMerge(self, _: Any, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002, N802
        project, pull = _pull(self.call, input)
        pull.auto_merge = None
        return {"pullRequest": _pull_request(self.call, project, pull), "actor": _actor(self.call, self.call.login)}

    def deleteIssueComment(self, _: Any, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002, N802
        """Whoever may push may take away anybody's."""
        for project in self.call.hub.projects.values():
            for pull in project.pulls.values():
                for comment in pull.comments:
                    if f"IC_{comment.id}" == input["id"]:
                        _project(self.call, project.path, Grant("pull_requests", "write"))
                        pull.comments.remove(comment)
                        return {}
        raise GraphRefusedError(GraphRefused.NO_NODE, node=input["id"])

    def createCommitOnBranch(self, _: Any, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002, N802
        branch = input["branch"]
        project = _project(self.call, branch["repositoryNameWithOwner"], Grant("contents", "write"))
        repository, name, expected = project.repository, branch["branchName"], input["expectedHeadOid"]
        if repository.head(name) != expected:
            raise GraphRefusedError(GraphRefused.STALE, expected=expected)
        changes = input.get("fileChanges") or {"additions": [], "deletions": []}
        contents: dict[str, bytes | None] = {gone["path"]: None for gone in changes["deletions"]}
        contents |= {file["path"]: base64.b64decode(file["contents"]) for file in changes["additions"]}
        tree = api_git.changed_tree(repository, expected, contents)
        message = "\n\n".join(filter(None, (input["message"]["headline"], input["message"].get("body"))))
        author = life.signature(self.call.login)
        made = life.commit(repository, tree, (expected,), message, author=author, now=self.call.now)
        if not repository.move(name, made, expected):
            raise GraphRefusedError(GraphRefused.STALE, expected=expected)
        self.call.hub.synced(project.path)
        return {"commit": _commit(self.call, project, made), "ref": _ref(self.call, project, name)}

    def updateRefs(self, _: Any, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002, N802
        """All or none; `beforeOid` has to be where it is (zeros: nowhere), and it goes back only by `force`."""
        if self.call.hub.older:
            raise GraphRefusedError(GraphRefused.NO_FIELD, field="updateRefs", type="Mutation")
        found = next((one for one in self.call.hub.projects.values() if one.node_id == input["repositoryId"]), None)
        if found is None:
            raise GraphRefusedError(GraphRefused.NO_NODE, node=input["repositoryId"])
        project = _project(self.call, found.path, Grant("contents", "write"))
        repository, moves = project.repository, []
        for update in input["refUpdates"]:
            name, after = update["name"], update["afterOid"]
            head = repository.head(name.removeprefix("refs/heads/")) or ABSENT
            if head != update.get("beforeOid", head) or not _may_move(repository, head, after, force=update["force"]):
                raise GraphRefusedError(GraphRefused.NOT_UPDATED, name=name)
            moves.append(f"update {name} {after} {head}\n")
        done = repository.directory.run("update-ref", "--stdin", stdin="".join(moves).encode(), statuses=(0, 128))
        if done.returncode:
            raise GraphRefusedError(GraphRefused.NOT_UPDATED, name=input["refUpdates"][0]["name"])
        self.call.hub.synced(project.path)
        return {}


def _may_move(repository: Repository, head: str, after: str, *, force: bool) -> bool:
    """Whether there is such a commit, and it goes on from where the branch is, or needn't."""
    if ABSENT in {head, after}:
        return after == ABSENT or repository.resolve(after) == after
    return repository.resolve(after) == after and (force or repository.contains(after, head))


def _project(call: Call, path: str, grant: Grant) -> Project:
    try:
        return call.hub.reachable(call.token, path, grant)
    except RefusedError as refused:
        if refused.kind is Refused.NOT_FOUND:
            raise GraphRefusedError(GraphRefused.NO_REPOSITORY, name=path) from None
        raise


def _pull(call: Call, given: dict[str, Any]) -> tuple[Project, Pull]:
    node = given["pullRequestId"]
    for project in call.hub.projects.values():
        for pull in project.pulls.values():
            if pull.node_id == node:
                return _project(call, project.path, Grant("pull_requests", "write")), pull
    raise GraphRefusedError(GraphRefused.NO_NODE, node=node)


def _repository(call: Call, project: Project) -> dict[str, Any]:
    def object_(_: Any, oid: str | None = None, expression: str | None = None) -> dict[str, Any] | None:
        found = project.repository.resolve(oid or expression or "")
        return _commit(call, project, found) if found else None

    def pull_request(_: Any, number: int) -> dict[str, Any]:
        if number not in project.pulls:
            words = f"Could not resolve to a PullRequest with the number of {number}."
            raise GraphRefusedError(GraphRefused.NO_PULL, words=words)
        pull = project.pulls[number]
        said = _pull_request(call, project, pull)
        # Told as it was before this very look set the work going.
        said["mergeStateStatus"] = said["mergeStateStatus"](None)
        pull.computing = max(0, pull.computing - 1)
        return said

    return {
        "id": project.node_id,
        "nameWithOwner": project.path,
        "ref": lambda _, qualifiedName: _ref(call, project, qualifiedName.removeprefix("refs/heads/")),  # noqa: N803
        "object": object_,
        "pullRequest": pull_request,
        "pullRequests": lambda _, **asked: _pull_requests(call, project, **asked),
    }


def _ref(call: Call, project: Project, name: str) -> dict[str, Any] | None:
    head = project.repository.head(name)
    if head is None:
        return None
    asked = project.protections.get(name)
    # https://docs.github.com/en/graphql/reference/objects#refupdaterule: what concerns who asks, administrator or not.
    rule = asked and {
        "requiredApprovingReviewCount": asked.approvals or None,
        "requiresCodeOwnerReviews": asked.code_owners,
    }
    return {"name": name, "target": _commit(call, project, head), "refUpdateRule": rule}


def _commit(call: Call, project: Project, sha: str) -> dict[str, Any]:
    def pulls(_: Any, first: int, after: str | None = None) -> dict[str, Any]:
        found = [pull for pull in project.pulls.values() if api_commits.associated(project, sha, pull.number)]
        return _connection(found, first, after, lambda pull: _pull_request(call, project, pull))

    def status(_: Any) -> dict[str, Any] | None:
        call.hub.reachable(call.token, project.path, Grant("statuses"))
        said = project.combined(sha)
        return {"context": lambda _, name: _context(said[name]) if name in said else None} if said else None

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
    return _connection(found, first, after, lambda pull: _pull_request(call, project, pull))


def _connection(
    found: Sequence[Pull], first: int, after: str | None, write: Callable[[Pull], dict[str, Any]]
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


def _actor(call: Call, login: str) -> dict[str, Any]:
    kind = call.hub.accounts[login].kind
    # GraphQL leaves out what REST has at the end of a bot's name.
    name = login.removesuffix("[bot]") if kind == "Bot" else login
    url = f"{call.links.site}/{quote(name)}"
    return {"__typename": kind, "login": name, "url": url, "id": f"U_{call.hub.accounts[login].id}"}


def _pull_request(call: Call, project: Project, pull: Pull) -> dict[str, Any]:
    teams = [call.hub.teams[project.owner, slug] for slug in pull.teams]
    asked = [
        *(_actor(call, login) for login in pull.reviewers),
        *(
            {
                "__typename": "Team",
                "slug": team.slug,
                "combinedSlug": f"{team.organization}/{team.slug}",
                "id": team.node_id,
            }
            for team in teams
        ),
    ]
    closer = _actor(call, pull.closed_by) if pull.closed_by else None
    auto = pull.auto_merge
    return {
        "id": pull.node_id,
        "number": pull.number,
        "title": pull.title,
        "body": pull.body or "",
        "state": _state(pull),
        "isDraft": pull.draft,
        "url": f"{call.links.site}/{project.path}/pull/{pull.number}",
        "author": _actor(call, pull.login),
        "headRefName": pull.source,
        "headRefOid": pull.head,
        "baseRefName": pull.target,
        "baseRefOid": pull.base,
        "isCrossRepository": bool(pull.fork),
        "headRepositoryOwner": _actor(call, pull.fork or project.owner),
        "mergeCommit": _commit(call, project, pull.merge_commit) if pull.merge_commit else None,
        "mergedAt": when(pull.merged),
        "mergedBy": closer if pull.merged else None,
        "closedAt": when(pull.closed),
        "labels": lambda _, **__: {"nodes": [{"name": name} for name in pull.labels]},
        "reviewRequests": lambda _, **__: {"nodes": [{"requestedReviewer": each} for each in asked]},
        "reviewDecision": lambda _: _decision(project, pull),
        "latestOpinionatedReviews": lambda _, **asked: {"nodes": _reviews(call, project, pull, **asked)},
        "mergeStateStatus": lambda _: project.merge_state(pull).upper() if pull.open else "UNKNOWN",
        "autoMergeRequest": {"enabledBy": _actor(call, auto.login), "mergeMethod": auto.method.upper()}
        if auto
        else None,
        "timelineItems": lambda _, itemTypes, **__: {"nodes": _events(pull, itemTypes, closer)},  # noqa: N803
    }


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
    writersOnly: bool = False,  # noqa: N803
) -> list[dict[str, Any]]:
    given = [review for review in pull.last_reviews().values() if review.state != "DISMISSED"]
    counted = [one for one in given if not writersOnly or project.role(one.login) >= Role.WRITE]
    return [
        {"state": one.state, "author": _actor(call, one.login), "commit": _commit(call, project, one.commit)}
        for one in counted[:first]
    ]


def _decision(project: Project, pull: Pull) -> str | None:
    given = {review.state for review in pull.last_reviews().values()}
    if "CHANGES_REQUESTED" in given:
        return "CHANGES_REQUESTED"
    wanted = project.asked(pull.target).approvals
    if not wanted:
        return "APPROVED" if "APPROVED" in given else None
    return "APPROVED" if project.approvals(pull) >= wanted else "REVIEW_REQUIRED"
