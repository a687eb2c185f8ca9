"""What is asked of GitHub's GraphQL API, and merge requests out of what it says.

One request lists a hundred pull requests with all that is about them, where REST's list has them without who closed
one, and forty times as long.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.repositories import MergeRequest, RequestState

# A team is told only to who may read the organization's: a query that asks all the same is refused as a whole.
_TEAM = "... on Team { slug }"
_PULL = """
fragment pull on PullRequest {
  id number title body url state isDraft
  headRefName headRefOid baseRefName isCrossRepository headRepositoryOwner { login }
  autoMergeRequest { enabledBy { __typename login } pullRequest { ...ending } }
  mergeQueueEntry { enqueuer { __typename login } }
  author { __typename login } mergedAt mergeCommit { oid }
  labels(first: 100) { nodes { name } }
  labeled: timelineItems(first: 1, itemTypes: [LABELED_EVENT]) { nodes { __typename } }
  reviewRequests(first: 100) { nodes { requestedReviewer { __typename ... on User { login } %s } } }
  latestOpinionatedReviews(first: 100, writersOnly: true) { ...reviews }
  timelineItems(last: 1, itemTypes: [CLOSED_EVENT]) { nodes { ... on ClosedEvent { actor { __typename login } } } }
}
"""
_REVIEWS = """
fragment reviews on PullRequestReviewConnection {
  nodes { state author { __typename login } commit { oid } } pageInfo { hasNextPage endCursor }
}
"""
# Whether it merges. GitHub takes long to find that out, so lists have it of those alone that it merges by itself.
_ENDING = """
fragment ending on PullRequest {
  mergeStateStatus reviewDecision isMergeQueueEnabled
  commits(last: 1) { nodes { commit { status { state } } } }
}
"""
# What a server doesn't know that is older than merge queues, or than one of the two:
# https://github.com/octokit/graphql-schema/pull/892
QUEUES = {"isMergeQueueEnabled": "", "mergeQueueEntry": " { enqueuer { __typename login } }"}
_LIST = """query($owner: String!, $name: String!, $after: String, $states: [PullRequestState!], $head: String) {
  repository(owner: $owner, name: $name) {
    pullRequests(
      first: 100, after: $after, states: $states, headRefName: $head
      orderBy: {field: CREATED_AT, direction: ASC}
    ) { nodes { ...pull } pageInfo { hasNextPage endCursor } }
  }
}"""
_ONE = """query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) { id pullRequest(number: $number) { ...pull ...ending } }
}"""
_CLOSED = """b%(number)d: pullRequests(
    first: 10, states: [CLOSED], headRefName: $b%(number)d, orderBy: {field: CREATED_AT, direction: DESC}
  ) { nodes { ...pull } pageInfo { hasNextPage } }"""
# A hundred at once, of all these commits, would be more than a query may ask for, with what is about each:
# https://docs.github.com/en/graphql/overview/rate-limits-and-node-limits-for-the-graphql-api#node-limit
_LANDED = """c%d: object(oid: "%s") {
    ... on Commit { associatedPullRequests(first: 10) { nodes { ...pull } pageInfo { hasNextPage } } }
  }"""
_LANDED_AT = """query($owner: String!, $name: String!, $after: String, $commit: GitObjectID!) {
  repository(owner: $owner, name: $name) {
    object(oid: $commit) {
      ... on Commit {
        associatedPullRequests(first: 100, after: $after) { nodes { ...pull } pageInfo { hasNextPage endCursor } }
      }
    }
  }
}"""
_SAID = 'c%d: object(oid: "%s") { ... on Commit { status { context(name: $context) { state description } } } }'
REVIEWS = f"""query($owner: String!, $name: String!, $number: Int!, $after: String) {{
  repository(owner: $owner, name: $name) {{
    pullRequest(number: $number) {{
      headRefOid
      latestOpinionatedReviews(first: 100, after: $after, writersOnly: true) {{ ...reviews }}
    }}
  }}
}}{_REVIEWS}"""
READY = """mutation($id: ID!) {
  markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } }
}"""
AUTO_MERGE = """mutation($id: ID!, $method: PullRequestMergeMethod!, $head: GitObjectID!) {
  enablePullRequestAutoMerge(input: {pullRequestId: $id, mergeMethod: $method, expectedHeadOid: $head}) {
    clientMutationId
  }
}"""
HOLD = """mutation($id: ID!) {
  disablePullRequestAutoMerge(input: {pullRequestId: $id}) { clientMutationId }
}"""
ENQUEUE = """mutation($id: ID!, $head: GitObjectID!) {
  enqueuePullRequest(input: {pullRequestId: $id, expectedHeadOid: $head}) { clientMutationId }
}"""
# The pull request's id, and not its entry's: https://docs.github.com/en/graphql/reference/input-objects.
DEQUEUE = "mutation($id: ID!) { dequeuePullRequest(input: {id: $id}) { clientMutationId } }"
DELETE_NOTE = "mutation($id: ID!) { deleteIssueComment(input: {id: $id}) { clientMutationId } }"
# The only way at GitHub to delete a branch on the condition that it is where it was seen.
DELETE = """mutation($repository: ID!, $name: GitRefname!, $head: GitObjectID!, $nothing: GitObjectID!) {
  updateRefs(input: {repositoryId: $repository, refUpdates: [{name: $name, beforeOid: $head, afterOid: $nothing}]}) {
    clientMutationId
  }
}"""
# And to replace one on that condition.
REPLACE = """mutation($repository: ID!, $name: GitRefname!, $head: GitObjectID!, $commit: GitObjectID!) {
  updateRefs(
    input: {repositoryId: $repository, refUpdates: [{name: $name, beforeOid: $head, afterOid: $commit, force: true}]}
  ) { clientMutationId }
}"""
NODE = "query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { id } }"
# Older servers have no such thing.
REPLACES = 'query { __type(name: "UpdateRefsInput") { name } }'
NOTHING = "0" * 40

_STATES = {"OPEN": RequestState.OPEN, "MERGED": RequestState.MERGED, "CLOSED": RequestState.CLOSED}
# By what GitHub merges something by itself.
_BY_ITSELF = ("autoMergeRequest", "mergeQueueEntry")
_NONE: dict[str, Any] = {"nodes": (), "pageInfo": {"hasNextPage": False}}
_RED = frozenset({"ERROR", "FAILURE"})
WORDS = {state: word for word, state in _STATES.items()}


def said_of(commits: Iterable[str]) -> str:
    """The query for the status `$context` of commits; the answer's `c0`, `c1` and so on are in their order."""
    fields = "\n".join(_SAID % (number, commit) for number, commit in enumerate(commits))
    head = "query($owner: String!, $name: String!, $context: String!) { repository(owner: $owner, name: $name) {"
    return f"{head}\n{fields}\n}} }}"


@dataclass(frozen=True)
class Pulled:
    """A pull request: ours to pass on, GraphQL's ids of it and its repository, and its word for whether it merges.

    `by_queue`: into its target a merge queue alone merges, where it is `queued` already or isn't.
    """

    request: MergeRequest
    node: str
    repository: str
    state: str
    by_queue: bool = False
    queued: bool = False


@dataclass(frozen=True)
class Queries:
    """The queries for a token that may read the organization's teams or may not."""

    teams: bool

    @property
    def listing(self) -> str:
        """Those of a repository, a page of a hundred."""
        return f"{_LIST}{self._pull}"

    @property
    def one(self) -> str:
        """One by its number."""
        return f"{_ONE}{self._pull}"

    def closed(self, branches: int) -> str:
        """The newest closed ones of so many branches, which are `$b0`, `$b1` and so on, as are the answer's fields."""
        names = "".join(f", $b{number}: String!" for number in range(branches))
        fields = "\n".join(_CLOSED % {"number": number} for number in range(branches))
        head = f"query($owner: String!, $name: String!{names}) {{ repository(owner: $owner, name: $name) {{"
        return f"{head}\n{fields}\n}} }}{self._pull}"

    def landed(self, commits: Iterable[str]) -> str:
        """Those that brought these commits; the answer's `c0`, `c1` and so on are in their order."""
        fields = "\n".join(_LANDED % (number, commit) for number, commit in enumerate(commits))
        head = "query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) {"
        return f"{head}\n{fields}\n}} }}{self._pull}"

    @property
    def landed_at(self) -> str:
        """Those that brought one commit, a page of a hundred."""
        return f"{_LANDED_AT}{self._pull}"

    @property
    def _pull(self) -> str:
        return f"{_PULL % (_TEAM if self.teams else '')}{_REVIEWS}{_ENDING}"


def without_queues(query: str) -> str:
    """The same for a server that has none."""
    for field, rest in QUEUES.items():
        query = query.replace(f"{field}{rest}", "")
    return query


def pulled(said: Mapping[str, Any], repository: str = "") -> Pulled:
    """One out of an answer."""
    merge, reviews = said["mergeCommit"], said["latestOpinionatedReviews"] or _NONE
    auto, entry = (said.get(name) if said["state"] == "OPEN" else None for name in _BY_ITSELF)
    ending = said if "mergeStateStatus" in said else (auto or {}).get("pullRequest") or {}
    by = auto["enabledBy"] if auto else entry["enqueuer"] if entry else None
    return Pulled(
        MergeRequest(
            number=said["number"],
            title=said["title"],
            body=said["body"],
            source_branch=_source(said),
            target_branch=said["baseRefName"],
            head=said["headRefOid"],
            state=_STATES[said["state"]],
            url=said["url"],
            author=login(said["author"]),
            ours=False,  # as far as is known here
            reviewers=tuple(_reviewers(said)),
            labels=tuple(label["name"] for label in _nodes(said["labels"])),
            ended_by=_ended_by(said),
            draft=said["isDraft"],
            merge_commit=merge["oid"] if merge else "",
            unfinished=not _nodes(said["labels"]) and not _nodes(said["labeled"]),
            auto_merge_by=login(by) if auto or entry else "",
            merged_at=datetime.fromisoformat(said["mergedAt"]) if said["mergedAt"] else None,
            approvals=None if has_more(reviews) else tuple(approving(reviews, said["headRefOid"])),
            needs_rebase=_needs_rebase(ending),
        ),
        said["id"],
        repository,
        ending.get("mergeStateStatus", ""),
        bool(ending.get("isMergeQueueEnabled")),
        entry is not None,
    )


def _needs_rebase(ending: Mapping[str, Any]) -> bool:
    """Whether nothing else that is told keeps it from being merged; that it is behind hides what does.

    Of checks that is what statuses say: a look at check runs takes a permission more. A queue needs no branch anew.
    """
    if ending.get("mergeStateStatus") != "BEHIND" or ending.get("isMergeQueueEnabled"):
        return False
    statuses = [node["commit"]["status"] for node in _nodes(ending["commits"])]
    red = any(status and status["state"] in _RED for status in statuses)
    return not red and ending["reviewDecision"] in {None, "APPROVED"}


def pulls(said: Mapping[str, Any] | None) -> tuple[MergeRequest, ...]:
    """Those of a list."""
    return tuple(pulled(node).request for node in _nodes(said))


def has_more(connection: Mapping[str, Any]) -> bool:
    """Whether a list goes on after what is told of it."""
    return bool(connection["pageInfo"]["hasNextPage"])


def brought_by(repository: Mapping[str, Any]) -> dict[str, Any]:
    """The list of a commit's pull requests; what is no commit has none."""
    found: dict[str, Any] | None = (repository["object"] or {}).get("associatedPullRequests")
    return found or _NONE


def reviews_of(repository: Mapping[str, Any]) -> dict[str, Any]:
    """The list of a pull request's reviews, with the `head` that it has by then."""
    pull = repository["pullRequest"] or {}
    return {**(pull.get("latestOpinionatedReviews") or _NONE), "head": pull.get("headRefOid", "")}


def approving(reviews: Mapping[str, Any], head: str) -> Iterable[str]:
    """Who approves the head; what was approved before isn't what it is now, whatever the branch's rules make of it."""
    for review in _nodes(reviews):
        if review["state"] == "APPROVED" and (review["commit"] or {}).get("oid") == head:
            yield login(review["author"])


def _source(said: Mapping[str, Any]) -> str:
    """The branch; one of a fork is written with its owner, which no branch here can be called."""
    if not said["isCrossRepository"]:
        return str(said["headRefName"])
    owner = said["headRepositoryOwner"]
    return f"{owner['login'] if owner else 'ghost'}:{said['headRefName']}"


def login(actor: Mapping[str, str] | None) -> str:
    """As REST has it, where a bot's has an ending; who is gone is called `ghost` on the site."""
    if actor is None:
        return "ghost"
    return f"{actor['login']}[bot]" if actor["__typename"] == "Bot" else actor["login"]


def _reviewers(said: Mapping[str, Any]) -> Iterable[str]:
    for request in _nodes(said["reviewRequests"]):
        asked = request["requestedReviewer"] or {}
        if name := asked.get("login") or asked.get("slug"):
            yield name


def _ended_by(said: Mapping[str, Any]) -> str:
    """Who closed it; a merge is an end of that kind, too. By a push or a deleted branch it may be nobody."""
    events = [event for event in _nodes(said["timelineItems"]) if event.get("actor")]
    return login(events[-1]["actor"]) if events and said["state"] != "OPEN" else ""


def _nodes(connection: Mapping[str, Any] | None) -> Sequence[Mapping[str, Any]]:
    """What of a list may be seen."""
    return [node for node in (connection or {}).get("nodes") or () if node is not None]
