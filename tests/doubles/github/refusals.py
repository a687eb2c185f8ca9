"""What GitHub refuses, in its own status and words; each kind names the page, thread or recording that it copies.

A thread or a recording has the whole answer of github.com. Of a page, the status is taken; it does not give the words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tests.doubles.http import Response

_DOCS = "https://docs.github.com/en"
_REST = f"{_DOCS}/rest"
_THREADS = "https://github.com"


@dataclass(frozen=True)
class Words:
    """`errors` are what a failed validation lists: names and values, or bare text."""

    status: int
    message: str
    source: str
    errors: tuple[Mapping[str, str] | str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def _invalid(source: str, *errors: Mapping[str, str] | str) -> Words:
    return Words(422, "Validation Failed", source, errors)


def _custom(resource: str, message: str, **more: str) -> dict[str, str]:
    return {"resource": resource, "code": "custom", "message": message, **more}


class Refused(Enum):
    """Every kind of refusal. Text in braces is filled in where it happens."""

    # --- who asks ---
    BAD_CREDENTIALS = Words(401, "Bad credentials", "recorded by PyGithub: GET /user, 401")
    NO_CREDENTIALS = Words(401, "Requires authentication", f"{_REST}/users/users#get-the-authenticated-user")
    BAD_JWT = Words(
        401,
        "A JSON web token could not be decoded",
        f"{_DOCS}/apps/creating-github-apps/authenticating-with-a-github-app",
    )
    BAD_EXPIRY = Words(
        401,
        "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion "
        "expires",
        "recorded by PyGithub: POST /app/installations/{installation_id}/access_tokens, 401",
    )
    NOT_GRANTED = Words(
        422,
        "The permissions requested are not granted to this installation.",
        "recorded by PyGithub: POST /app/installations/{installation_id}/access_tokens, 422",
    )
    # Also for what exists and may not be seen: a private repository, or one that a classic token has no scope for.
    NOT_FOUND = Words(404, "Not Found", "recorded by PyGithub: GET /repos/{owner}/{repo}, 404")
    NOT_FOR_TOKEN = Words(
        403, "Resource not accessible by personal access token", f"{_THREADS}/RoamJS/roamjs-components/issues/31"
    )
    NOT_FOR_APP = Words(403, "Resource not accessible by integration", f"{_THREADS}/hasura/comment-progress/issues/9")
    NO_RIGHT = Words(403, "Must have admin rights to Repository.", f"{_REST}/branches/branch-protection")
    ONLY_APPS = Words(
        403, "You must authenticate via a GitHub App.", f"{_THREADS}/EnricoMi/publish-unit-test-result-action/issues/53"
    )
    # --- how often ---
    LIMIT = Words(
        403, "API rate limit exceeded for user ID {user}.", f"{_REST}/using-the-rest-api/rate-limits-for-the-rest-api"
    )
    SECONDARY = Words(
        403,
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
        f"{_REST}/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits",
    )
    # --- pull requests ---
    EXISTS = _invalid(
        f"{_THREADS}/gm3dmo/the-power/issues/175",
        _custom("PullRequest", "A pull request already exists for {owner}:{head}."),
    )
    NO_COMMITS = _invalid(
        f"{_THREADS}/tgymnich/fork-sync/issues/112", _custom("PullRequest", "No commits between {base} and {head}")
    )
    NO_HEAD = _invalid(
        f"{_THREADS}/shepherd-tools/shepherd/issues/51", {"resource": "PullRequest", "field": "head", "code": "invalid"}
    )
    NO_BASE = _invalid(
        f"{_REST}/using-the-rest-api/troubleshooting-the-rest-api#validation-failed",
        {"resource": "PullRequest", "field": "base", "code": "invalid"},
    )
    NO_TITLE = _invalid(
        f"{_REST}/using-the-rest-api/troubleshooting-the-rest-api#validation-failed",
        {"resource": "PullRequest", "field": "title", "code": "missing_field"},
    )
    TOO_LONG = _invalid(
        f"{_REST}/using-the-rest-api/troubleshooting-the-rest-api#validation-failed",
        _custom("{resource}", "{field} is too long (maximum is {most} characters)", field="{field}"),
    )
    FOUR_BYTES = _invalid(
        f"{_THREADS}/ouzi-dev/commit-status-updater/issues/526",
        _custom("{resource}", "{field} doesn't accept 4-byte Unicode", field="{field}"),
    )
    NOT_REOPENED = _invalid(
        f"{_REST}/pulls/pulls#update-a-pull-request",
        _custom("PullRequest", "state cannot be changed. {why}", field="state"),
    )
    NO_DRAFTS = Words(
        422, "Draft pull requests are not supported in this repository.", f"{_THREADS}/SWE-agent/SWE-agent/issues/179"
    )
    # --- reviewers ---
    AUTHOR = Words(
        422,
        "Review cannot be requested from pull request author.",
        f"{_THREADS}/kerthcet/github-workflow-as-kube/issues/16",
    )
    NOT_COLLABORATORS = Words(
        422,
        "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a "
        "collaborator of the {owner}/{repo} repository.",
        f"{_THREADS}/peter-evans/create-pull-request/issues/4138",
    )
    TEAM_UNSEEN = _invalid(
        f"{_THREADS}/github/docs/issues/35057", "Could not resolve to a node with the global id of '{node}'."
    )
    OWN_APPROVAL = Words(
        422,
        "Unprocessable Entity",
        f"{_REST}/pulls/reviews#create-a-review-for-a-pull-request",
        ("Can not approve your own pull request",),
    )
    # --- merging ---
    HEAD_MOVED = Words(
        409, "Head branch was modified. Review and try the merge again.", f"{_THREADS}/dlang/dlang-bot/issues/77"
    )
    BASE_MOVED = Words(
        405,
        "Base branch was modified. Review and try the merge again.",
        f"{_THREADS}/NixOS/nixpkgs-merge-bot/issues/179",
    )
    NOT_MERGEABLE = Words(405, "Pull Request is not mergeable", f"{_REST}/pulls/pulls#merge-a-pull-request")
    DRAFT = Words(405, "Pull Request is still a draft", f"{_REST}/pulls/pulls#merge-a-pull-request")
    METHOD = Words(
        405, "{method} merges are not allowed on this repository.", f"{_REST}/pulls/pulls#merge-a-pull-request"
    )
    APPROVALS = Words(
        405,
        "At least {count} approving review is required by reviewers with write access.",
        f"{_THREADS}/Reviewable/Reviewable/issues/561",
    )
    CHECKS = Words(405, 'Required status check "{context}" is expected.', f"{_REST}/pulls/pulls#merge-a-pull-request")
    ALL_CHECKS = Words(
        405, "{count} of {count} required status checks are expected.", f"{_THREADS}/RakuenSoftware/aimee/pull/2460"
    )
    QUEUE = Words(
        405,
        "Changes must be made through the merge queue",
        f"{_THREADS}/pascalgn/automerge-action/issues/235",
    )
    MAY_NOT_PUSH = Words(
        405,
        "You're not authorized to push to this branch. Visit "
        "https://docs.github.com/articles/about-protected-branches/ for more information.",
        f"{_THREADS}/claroline/Distribution/issues/492",
    )
    # --- Git ---
    REF_EXISTS = Words(422, "Reference already exists", f"{_REST}/git/refs#create-a-reference")
    REF_ABSENT = Words(422, "Reference does not exist", f"{_REST}/git/refs#delete-a-reference")
    NOT_FORWARD = Words(422, "Update is not a fast forward", f"{_THREADS}/strukto-ai/mirage/pull/969")
    NO_OBJECT = Words(422, "Object does not exist", f"{_REST}/git/refs#create-a-reference")
    NO_BASE_TREE = Words(422, "base_tree is not a valid tree oid", f"{_THREADS}/PyGithub/PyGithub/issues/1732")
    NO_BLOB = Words(422, "tree.sha {sha} is not a valid blob", f"{_THREADS}/BetaHuhn/repo-file-sync-action/issues/349")
    NO_TREE = Words(422, "Tree SHA does not exist", f"{_THREADS}/exercism/website/issues/8228")
    # Of a page: it takes "the SHAs of the commits that were the parents"; the words are ours.
    NO_PARENT = Words(422, "Parent SHA does not exist", f"{_REST}/git/commits#create-a-commit")
    NO_COMMIT = Words(422, "No commit found for SHA: {sha}", f"{_REST}/commits/commits#get-a-commit")
    NO_BRANCH = Words(404, "Branch not found", "recorded by PyGithub: GET /repos/{owner}/{repo}/branches/{branch}, 404")
    UNPROTECTED = Words(
        404,
        "Branch not protected",
        "recorded by PyGithub and octokit: GET /repos/{owner}/{repo}/branches/{branch}/protection, 404",
    )
    NO_PLAN = Words(
        403,
        "Upgrade to GitHub Pro or make this repository public to enable this feature.",
        f"{_THREADS}/openshift/release/pull/58320",
    )
    FILE_MOVED = Words(409, "{path} does not match {sha}", f"{_REST}/repos/contents#create-or-update-file-contents")


class GraphRefused(Enum):
    """Kinds of errors of GraphQL, which come with status 200: type, text and source."""

    NO_REPOSITORY = (
        "NOT_FOUND",
        "Could not resolve to a Repository with the name '{name}'.",
        f"{_THREADS}/cli/cli/issues/436",
    )
    NO_NODE = (
        "NOT_FOUND",
        "Could not resolve to a node with the global id of '{node}'",
        f"{_DOCS}/graphql/guides/using-global-node-ids",
    )
    NO_PULL = ("NOT_FOUND", "{words}", f"{_DOCS}/graphql/reference/objects#repository")
    TOO_MANY = (
        "EXCESSIVE_PAGINATION",
        "Requesting {first} records on the connection exceeds the `first` limit of 100 records.",
        f"{_DOCS}/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api#node-limit",
    )
    STALE = (
        "STALE_DATA",
        'Expected branch to point to "{expected}" but it did not.  Pull and try again.',
        f"{_THREADS}/ministryofjustice/modernisation-platform/issues/11985",
    )
    NOT_UPDATED = (
        "UNPROCESSABLE",
        "{name} cannot be updated",
        f"{_DOCS}/graphql/reference/mutations#updaterefs",
    )
    # What a server of an older version says of what it doesn't know yet; it has no type.
    NO_FIELD = (
        "",
        "Field '{field}' doesn't exist on type '{type}'",
        f"{_THREADS}/facebook/sapling/issues/906",
    )
    CLEAN = (
        "UNPROCESSABLE",
        "Pull request Pull request is in clean status",
        f"{_THREADS}/peter-evans/enable-pull-request-automerge/issues/1118",
    )
    UNSTABLE = (
        "UNPROCESSABLE",
        "Pull request Pull request is in unstable status",
        f"{_THREADS}/peter-evans/enable-pull-request-automerge/issues/355",
    )
    # Before anything is looked up: for every query that names such a field.
    NO_SCOPE = (
        "INSUFFICIENT_SCOPES",
        "Your token has not been granted the required scopes to execute this query. The '{field}' field requires one "
        "of the following scopes: ['read:org', 'read:discussion'].",
        f"{_THREADS}/cli/cli/issues/812",
    )
    NO_AUTO_MERGE = (
        "UNPROCESSABLE",
        "Pull request Auto merge is not allowed for this repository",
        f"{_DOCS}/pull-requests/collaborating-with-pull-requests/incorporating-changes-from-a-pull-request/"
        "automatically-merging-a-pull-request",
    )
    NOT_ARMED = (
        "UNPROCESSABLE",
        "Can't disable auto-merge for this pull request.",
        f"{_DOCS}/graphql/reference/mutations#disablepullrequestautomerge",
    )
    QUEUED = (
        "UNPROCESSABLE",
        "Pull request is already in the queue",
        f"{_THREADS}/ClickHouse/ClickHouse/pull/109183",
    )
    NOT_READY = ("UNPROCESSABLE", "Pull request {words}", f"{_THREADS}/github/app/issues/93")
    NOT_QUEUED = (
        "UNPROCESSABLE",
        "Failed to remove PR #{number}",
        f"{_THREADS}/vanillagreencom/kendex/issues/1289",
    )
    HEAD_MOVED = (
        "UNPROCESSABLE",
        "Head branch was modified. Review and try the merge again.",
        f"{_DOCS}/graphql/reference/mutations#enablepullrequestautomerge",
    )

    @property
    def kind(self) -> str:
        return self.value[0]


class RefusedError(Exception):
    """A request is refused."""

    def __init__(self, kind: Refused, *, headers: Mapping[str, str] | None = None, **values: object) -> None:
        super().__init__(kind.name)
        self.kind = kind
        self._headers = headers or {}
        self._values = values

    @property
    def words(self) -> str:
        """The first of what it says in particular."""
        errors = self.kind.value.errors
        first = errors[0] if errors else self.kind.value.message
        return self._filled(first if isinstance(first, str) else first.get("message", self.kind.value.message))

    @property
    def response(self) -> Response:
        """What GitHub answers."""
        said = self.kind.value
        body: dict[str, Any] = {
            "message": self._filled(said.message),
            "documentation_url": "https://docs.github.com/rest",
        }
        if said.errors:
            body["errors"] = [self._error(error) for error in said.errors]
        return Response(said.status, {**body, "status": str(said.status)}, {**said.headers, **self._headers})

    def _error(self, error: Mapping[str, str] | str) -> object:
        if isinstance(error, str):
            return self._filled(error)
        return {name: self._filled(text) for name, text in error.items()}

    def _filled(self, text: str) -> str:
        return text.format(**self._values)


class GraphRefusedError(Exception):
    """A part of a GraphQL query is refused."""

    def __init__(self, kind: GraphRefused, **values: object) -> None:
        super().__init__(kind.value[1].format(**values))
        self.kind = kind
        self._values = values

    @property
    def more(self) -> dict[str, Any]:
        """What stands beside type and words: of a field that isn't known, which one that is."""
        if self.kind is not GraphRefused.NO_FIELD:
            return {}
        told = {"code": "undefinedField", "typeName": self._values["type"], "fieldName": self._values["field"]}
        return {"extensions": told}
