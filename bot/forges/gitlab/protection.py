"""What GitLab makes sure of before a branch changes: a project's approval rules, and owners of code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bot.forges.errors import StatusError
from bot.repositories import ApprovalRule, BranchProtection, Reviewers

LET_MERGE = "let it: in GitLab, Settings of the project, Repository, Protected branches"


def protection(project: Any, branch: str) -> BranchProtection:  # noqa: ANN401 - the library's object
    """Two requests, one where the instance has no approval rules: owners of code are of the same tier.

    Whoever may open merge requests may read the rules, so that a refusal says that there are none:
    API::Helpers::ProjectApprovalRulesHelpers, authorize_read_project_approval_rule!
    """
    try:
        rules = [rule.attributes for rule in project.approvalrules.list(get_all=True)]
    except StatusError as error:
        if not error.hides:
            raise
        return BranchProtection()
    holding = tuple(_rules(rules, branch))
    protected = _protected(project)
    if protected is None:
        return BranchProtection(holding, unknown="only maintainers are told of protected branches")
    owners = any(one.get("code_owner_approval_required") for one in protected if _is_of(one, branch))
    return BranchProtection(holding, owners)


def may_merge(project: Any, branch: str, user: int, role: int) -> bool | None:  # noqa: ANN401
    """Whether a member of this role, Developer or more, may merge into a branch that is there; None: it isn't told."""
    told = project.branches.get(branch).attributes
    if not told["protected"] or told["developers_can_merge"]:
        return True
    found = [
        level
        for one in _protected(project) or ()
        for level in (one.get("merge_access_levels") or () if _is_of(one, branch) else ())
    ]
    if any(_lets(level, user, role) for level in found):
        return True
    return False if found and not any(level.get("group_id") for level in found) else None


def _lets(level: Mapping[str, Any], user: int, role: int) -> bool:
    if level.get("user_id") or level.get("group_id"):
        return bool(level.get("user_id") == user)
    return 0 < (level.get("access_level") or 0) <= role


def _protected(project: Any) -> list[Mapping[str, Any]] | None:  # noqa: ANN401
    """Those that there are; None where that isn't told."""
    try:
        return [one.attributes for one in project.protectedbranches.list(get_all=True)]
    except StatusError as error:
        if not error.hides:
            raise
        return None


def _rules(rules: Iterable[Mapping[str, Any]], branch: str) -> Iterator[ApprovalRule]:
    """Those that hold for the branch. One for all that are protected names them, to whoever may read the rules.

    ee/app/models/approval_project_rule.rb, applies_to_branch? and protected_branches. What is asked for only if a
    report finds something (as Coverage-Check) holds for no merge request in particular.
    """
    for rule in rules:
        if rule.get("rule_type") == "report_approver":
            continue
        branches = rule.get("protected_branches") or ()
        everywhere = not branches and not rule.get("applies_to_all_protected_branches")
        if everywhere or any(_is_of(one, branch) for one in branches):
            yield ApprovalRule(f"project rule {rule['name']}", rule["approvals_required"], _of(rule))


def _of(rule: Mapping[str, Any]) -> Reviewers:
    """Members of a hidden group may approve as well, whoever that is."""
    groups = [group["full_path"] for group in rule.get("groups") or ()]
    hidden = ["a hidden group"] if rule.get("contains_hidden_groups") else []
    return Reviewers((*groups, *hidden), tuple(user["username"] for user in rule.get("users") or ()))


def _is_of(protected: Mapping[str, Any], branch: str) -> bool:
    """Whether a branch is protected by this name, in which a star stands for anything."""
    pattern = re.escape(str(protected["name"])).replace(r"\*", ".*")
    return re.fullmatch(pattern, branch) is not None
