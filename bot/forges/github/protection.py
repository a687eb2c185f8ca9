"""What GitHub makes sure of before a branch changes, as whoever may read the repository is told it; and by whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from bot.errors import ForgeError
from bot.forges.errors import StatusError
from bot.forges.github.client import Client
from bot.forges.statuses import NAME
from bot.repositories import ApprovalRule, BranchProtection

# What protects a branch is told to administrators alone; what of it concerns who asks, to them.
_RULE = """query($owner: String!, $name: String!, $ref: String!) {
  repository(owner: $owner, name: $name) {
    ref(qualifiedName: $ref) {
      refUpdateRule {
        requiredApprovingReviewCount requiresCodeOwnerReviews requiredStatusCheckContexts viewerCanPush
      }
    }
  }
}"""

_HIDDEN = "GitHub tells nothing of rulesets"
_OF_TEAMS = "a ruleset wants teams, for some files"


@dataclass(frozen=True)
class Protected:
    """What is told of a branch: its own protection, and the rules of rulesets, None where those aren't told."""

    rule: Mapping[str, Any]
    rulesets: Sequence[Mapping[str, Any]] | None

    @property
    def asks(self) -> BranchProtection:
        """For approvals. What a ruleset wants of teams is for some files, and told by the teams' numbers."""
        of_rulesets = list(self._of("pull_request"))
        of_teams = any(one["parameters"].get("required_reviewers") for one in of_rulesets)
        own = ApprovalRule("branch protection", self.rule.get("requiredApprovingReviewCount") or 0)
        others = (ApprovalRule(_name(one), one["parameters"]["required_approving_review_count"]) for one in of_rulesets)
        return BranchProtection(
            tuple(one for one in (own, *others) if one.required),
            owners=bool(self.rule.get("requiresCodeOwnerReviews"))
            or any(one["parameters"]["require_code_owner_review"] for one in of_rulesets),
            unknown=_HIDDEN if self.rulesets is None else _OF_TEAMS if of_teams else "",
        )

    @property
    def lets_merge(self) -> bool | None:
        """Whether who asks may change it, who may push to the repository; None: it isn't told."""
        # Who gets past such a ruleset isn't told.
        kept = self.rulesets is None or any(rule["type"] == "update" for rule in self.rulesets)
        return True if self.rule.get("viewerCanPush", True) and not kept else None

    @property
    def requires_status(self) -> bool | None:
        """Whether nothing is merged into it before promobot's status is success; None: it isn't told."""
        checks = (one for rule in self._of("required_status_checks") for one in _checks(rule))
        if NAME in (self.rule.get("requiredStatusCheckContexts") or ()) or NAME in checks:
            return True
        return None if self.rulesets is None else False

    @property
    def has_queue(self) -> bool:
        """Whether a ruleset has it merged into by a queue."""
        return any(rule["type"] == "merge_queue" for rule in self.rulesets or ())

    def _of(self, kind: str) -> Iterator[Mapping[str, Any]]:
        yield from (rule for rule in self.rulesets or () if rule["type"] == kind and rule.get("parameters"))


def protected(client: Client, project: str, branch: str) -> Protected:
    """Two requests: the branch's own protection, and what rulesets ask for."""
    ref = client.repository(_RULE, project, ref=f"refs/heads/{branch}")["ref"] or {}
    return Protected(ref.get("refUpdateRule") or {}, _rules(client, project, branch))


def _rules(client: Client, project: str, branch: str) -> Sequence[Mapping[str, Any]] | None:
    """What rulesets ask for; of a private repository without the plan for them, and by an older server, none are told.

    https://github.com/NousResearch/hermes-agent/pull/111974
    """
    try:
        return tuple(client.everything(f"/repos/{project}/rules/branches/{quote(branch, safe='')}"))
    except StatusError as error:
        if not error.hides:
            raise
        return None


def _checks(rule: Mapping[str, Any]) -> Iterator[str]:
    yield from (one["context"] for one in rule["parameters"]["required_status_checks"])


def _name(rule: Mapping[str, Any]) -> str:
    return f"ruleset {rule['ruleset_id']}" if "ruleset_id" in rule else "a ruleset"


def members(client: Client, project: str, team: str) -> tuple[str, ...]:
    """The logins of a team of the repository's organization. Raises ForgeError where it can't be seen."""
    organization, _, slug = team.rpartition("/")
    owner = organization or project.partition("/")[0]
    try:
        return tuple(user["login"] for user in client.everything(f"/orgs/{owner}/teams/{slug}/members"))
    except StatusError as error:
        if not error.hides:
            raise
        raise ForgeError(
            f"the members of team {owner}/{slug} are not told: {error.message}",
            hint="let the token or App read the organization's members, or correct `approvers`",
        ) from error
