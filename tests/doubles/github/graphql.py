"""What GraphQL is needed for, by a small schema of our own that has the names and types of GitHub's."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import graphql
from graphql import (
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
)

from tests.doubles.contract.graphql import document, refusals
from tests.doubles.github import api_git, graphshapes, life, making
from tests.doubles.github.accounts import Grant
from tests.doubles.github.call import Call
from tests.doubles.github.refusals import GraphRefused, GraphRefusedError, Refused, RefusedError
from tests.doubles.github.state import AutoMerge, Project, Pull
from tests.doubles.http import Request, Response
from tests.doubles.repository import ABSENT, Repository


@cache
def schema() -> GraphQLSchema:
    return graphql.build_schema(Path(__file__).with_name("schema.graphql").read_text())


def first_field(request: Request) -> str:
    """What a request asks for first, which is its name in counts."""
    try:
        operation = document(request.json["query"]).definitions[0]
    except (GraphQLError, KeyError, TypeError, ValueError):
        return "?"
    selections = operation.selection_set.selections if isinstance(operation, OperationDefinitionNode) else ()
    return selections[0].name.value if selections and isinstance(selections[0], FieldNode) else "?"


_QUEUES = frozenset({"isMergeQueueEnabled", "mergeQueueEntry"})


def answer(call: Call) -> Response:
    if call.token is None:
        raise RefusedError(Refused.NO_CREDENTIALS)
    said = call.said
    if call.token.kind == "classic" and not call.token.grants(Grant("members")) and "on Team" in said["query"]:
        kind, words, _ = GraphRefused.NO_SCOPE.value
        return Response(200, {"errors": [{"type": kind, "message": words.format(field="slug")}]})
    lacks = _QUEUES if call.hub.older else call.hub.lacks
    asked = [field for field in sorted(lacks) if field in said["query"]]
    if asked:
        told = [GraphRefusedError(GraphRefused.NO_FIELD, field=field, type="PullRequest") for field in asked]
        return Response(200, {"errors": [{"message": str(one), **one.more} for one in told]})
    root = {name: getattr(_Root(call), name) for name in dir(_Root) if not name.startswith("_")}
    result = _executed(said, root)
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        body["errors"] = [_error(error) for error in result.errors]
    return Response(200, body)


def _executed(said: dict[str, Any], root: dict[str, Any]) -> ExecutionResult:
    """What `graphql.graphql_sync` does, which would read and validate the query each time."""
    try:
        query, refused = document(said["query"]), refusals(schema(), said["query"])
    except GraphQLSyntaxError as error:
        return ExecutionResult(None, [error])
    if refused:
        return ExecutionResult(None, [*refused])
    result = graphql.execute_sync(schema(), query, root, variable_values=said.get("variables"))
    assert isinstance(result, ExecutionResult)
    return result


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
        return graphshapes.actor(self.call, self.call.login)

    def repository(self, _: Any, owner: str, name: str) -> dict[str, Any]:
        return graphshapes.repository(self.call, _project(self.call, f"{owner}/{name}", Grant("pull_requests")))

    def markPullRequestReadyForReview(self, _: Any, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002, N802
        project, pull = _pull(self.call, input)
        pull.draft = False
        life.settle(project, self.call.now)
        return {"pullRequest": graphshapes.pull_request(self.call, project, pull)}

    def convertPullRequestToDraft(self, _: Any, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002, N802
        project, pull = _pull(self.call, input)
        pull.draft = True
        return {"pullRequest": graphshapes.pull_request(self.call, project, pull)}

    def enablePullRequestAutoMerge(self, _: Any, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002, N802
        project, pull = _pull(self.call, input)
        if not project.auto_merge:
            raise GraphRefusedError(GraphRefused.NO_AUTO_MERGE)
        if input.get("expectedHeadOid", pull.head) != pull.head:
            raise GraphRefusedError(GraphRefused.HEAD_MOVED)
        match project.merge_state(pull):
            # It is for both: https://github.com/cli/cli/blob/trunk/pkg/cmd/pr/merge/merge.go, `shouldAddToMergeQueue`.
            case state if pull.target in project.queues and state in life.READY:
                life.enqueue(project, pull, next(self.call.hub.ids), self.call.login, self.call.now)
            case "clean":
                raise GraphRefusedError(GraphRefused.CLEAN)
            case "unstable":
                raise GraphRefusedError(GraphRefused.UNSTABLE)
            case _:
                pull.auto_merge = AutoMerge(self.call.login, input["mergeMethod"].lower())
        return {
            "pullRequest": graphshapes.pull_request(self.call, project, pull),
            "actor": graphshapes.actor(self.call, self.call.login),
        }

    def disablePullRequestAutoMerge(self, _: Any, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002, N802
        project, pull = _pull(self.call, input)
        if pull.auto_merge is None or not pull.open:
            raise GraphRefusedError(GraphRefused.NOT_ARMED)
        pull.auto_merge = None
        return {
            "pullRequest": graphshapes.pull_request(self.call, project, pull),
            "actor": graphshapes.actor(self.call, self.call.login),
        }

    def enqueuePullRequest(self, _: Any, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002, N802
        project, pull = _pull(self.call, input)
        _project(self.call, project.path, Grant("merge_queues", "write"))
        if input.get("expectedHeadOid", pull.head) != pull.head:
            raise GraphRefusedError(GraphRefused.HEAD_MOVED)
        assert pull.target in project.queues, "nobody asks for that where there is no queue"
        if pull.queued:
            raise GraphRefusedError(GraphRefused.QUEUED)
        try:
            life.must_merge(project, pull, "merge", None)
        except RefusedError as refused:
            raise GraphRefusedError(GraphRefused.NOT_READY, words=refused.words) from None
        life.enqueue(project, pull, next(self.call.hub.ids), self.call.login, self.call.now)
        return {"mergeQueueEntry": graphshapes.queue_entry(self.call, pull.queued)}

    def dequeuePullRequest(self, _: Any, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002, N802
        """`id` is the pull request's: https://docs.github.com/en/graphql/reference/input-objects#dequeuepullrequestinput"""
        project, pull = _pull(self.call, {"pullRequestId": input["id"]})
        _project(self.call, project.path, Grant("merge_queues", "write"))
        queued = life.dequeue(project, pull, self.call.now)
        if queued is None:
            raise GraphRefusedError(GraphRefused.NOT_QUEUED, number=pull.number)
        return {"mergeQueueEntry": graphshapes.queue_entry(self.call, queued)}

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
        author = making.signature(self.call.login)
        made = making.commit(repository, tree, (expected,), message, author=author, now=self.call.now)
        if not repository.move(name, made, expected):
            raise GraphRefusedError(GraphRefused.STALE, expected=expected)
        self.call.hub.synced(project.path)
        return {
            "commit": graphshapes.commit(self.call, project, made),
            "ref": graphshapes.ref(self.call, project, name),
        }

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
