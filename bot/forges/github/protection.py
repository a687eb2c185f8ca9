"""What GitHub makes sure of before a branch changes, as whoever may read the repository is told it; and by whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from github.NamedUser import NamedUser
from github.PaginatedList import PaginatedList

from bot.errors import ForgeError
from bot.forges.errors import StatusError
from bot.forges.github.client import Client
from bot.repositories import ApprovalRule, BranchProtection

# What protects a branch is told to administrators alone; what of it concerns who asks, to them.
_RULE = """query($owner: String!, $name: String!, $ref: String!) {
  repository(owner: $owner, name: $name) {
    ref(qualifiedName: $ref) { refUpdateRule { requiredApprovingReviewCount requiresCodeOwnerReviews } }
  }
}"""


_MAY = """query($owner: String!, $name: String!, $ref: String!) {
  repository(owner: $owner, name: $name) { ref(qualifiedName: $ref) { refUpdateRule { viewerCanPush } } }
}"""


def may_merge(client: Client, project: str, branch: str) -> bool | None:
    """Whether what protects a branch lets who asks change it, who may push to the repository; None: it isn't told."""
    ref = client.repository(_MAY, project, ref=f"refs/heads/{branch}")["ref"] or {}
    lets = (ref.get("refUpdateRule") or {"viewerCanPush": True})["viewerCanPush"]
    # Who gets past such a ruleset isn't told.
    kept = any(rule["type"] == "update" for rule in _rules(client, project, branch))
    return True if lets and not kept else None


def protection(client: Client, project: str, branch: str) -> BranchProtection:
    """Two requests: the branch's own protection, and what rulesets ask for."""
    ref = client.repository(_RULE, project, ref=f"refs/heads/{branch}")["ref"] or {}
    rule = ref.get("refUpdateRule") or {}
    owned = bool(rule.get("requiresCodeOwnerReviews"))
    own = ApprovalRule("branch protection", rule.get("requiredApprovingReviewCount") or 0)
    rulesets = list(_of_rulesets(client, project, branch))
    asked = (own, *(ApprovalRule(_name(one), _parameters(one)["required_approving_review_count"]) for one in rulesets))
    return BranchProtection(
        tuple(one for one in asked if one.required),
        owners=owned or any(_parameters(one)["require_code_owner_review"] for one in rulesets),
    )


def _of_rulesets(client: Client, project: str, branch: str) -> Iterator[Mapping[str, Any]]:
    """Of approvals alone."""
    found = _rules(client, project, branch)
    yield from (rule for rule in found if rule["type"] == "pull_request" and rule.get("parameters"))


def _rules(client: Client, project: str, branch: str) -> Sequence[Mapping[str, Any]]:
    """What rulesets ask for; a server that is older than those has none."""
    try:
        _, said = client.requester.requestJsonAndCheck(
            "GET", f"/repos/{project}/rules/branches/{branch}", parameters={"per_page": 100}
        )
    except StatusError as error:
        if not error.hides:
            raise
        return ()
    return tuple(said)


def _parameters(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    parameters: Mapping[str, Any] = rule["parameters"]
    return parameters


def _name(rule: Mapping[str, Any]) -> str:
    return f"ruleset {rule['ruleset_id']}" if "ruleset_id" in rule else "a ruleset"


def members(client: Client, project: str, team: str) -> tuple[str, ...]:
    """The logins of a team of the repository's organization. Raises ForgeError where it can't be seen."""
    organization, _, slug = team.rpartition("/")
    owner = organization or project.partition("/")[0]
    url = f"/orgs/{owner}/teams/{slug}/members"
    try:
        found = PaginatedList(NamedUser, client.requester, url, {"per_page": 100})
        return tuple(user.login for user in found)
    except StatusError as error:
        if not error.hides:
            raise
        raise ForgeError(
            f"the members of team {owner}/{slug} are not told: {error.message}",
            hint="let the token or App read the organization's members, or correct `approvers`",
        ) from error
