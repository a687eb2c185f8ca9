"""Approvals and their rules as GitLab shows them."""

from __future__ import annotations

from tests.doubles.gitlab import life
from tests.doubles.gitlab.accounts import User
from tests.doubles.gitlab.instance import Instance
from tests.doubles.gitlab.shapes.people import Json, group, stamp, user
from tests.doubles.gitlab.shapes.requests import merge_request
from tests.doubles.gitlab.state import MergeRequest, Project, Rule

# What the paid edition says of a merge request beside its approvals.
_OF_REQUEST = ("id", "iid", "project_id", "title", "description", "state", "created_at", "updated_at", "merge_status")


def approvals(base: str, gitlab: Instance, one: Project, of: MergeRequest, asker: User | None) -> Json:
    people = [(gitlab.accounts.users[number], when) for number, when in of.approvals.items()]
    basic = {
        "user_has_approved": asker is not None and asker.id in of.approvals,
        "user_can_approve": asker is not None
        and asker.id not in of.approvals
        and life.may_approve(gitlab, one, of, asker),
        "approved": life.approved(gitlab, one, of),
        "approved_by": [{"user": user(base, person), "approved_at": stamp(when)} for person, when in people],
    }
    if not gitlab.premium:
        return basic
    missing = [rule.required - len(life.counted(gitlab, one, of, rule)) for rule in life.rules_of(one, of)]
    required = max((rule.required for rule in life.rules_of(one, of)), default=0)
    shown = {name: merge_request(base, gitlab, one, of, "unchecked")[name] for name in _OF_REQUEST}
    return {**shown, **basic, "approvals_required": required, "approvals_left": max([0, *missing])}


def approval_settings(one: Project) -> Json:
    return {
        "approvals_before_merge": 0,
        "reset_approvals_on_push": one.reset_approvals_on_push,
        "selective_code_owner_removals": False,
        "disable_overriding_approvers_per_merge_request": one.disable_overriding_approvers_per_merge_request,
        "merge_requests_author_approval": one.author_may_approve,
        "merge_requests_disable_committers_approval": False,
        "require_password_to_approve": False,
    }


def rule(base: str, gitlab: Instance, one: Project, this: Rule) -> Json:
    people = [gitlab.accounts.users[number] for number in sorted(life.eligible(gitlab, one, this))]
    return {
        "id": this.id,
        "name": this.name,
        "rule_type": this.rule_type,
        "report_type": "code_coverage" if this.rule_type == "report_approver" else None,
        "eligible_approvers": [user(base, person) for person in people],
        "approvals_required": this.required,
        "users": [user(base, person) for person in this.users],
        "groups": [group(base, gitlab.accounts.groups[path]) for path in this.groups],
        "contains_hidden_groups": this.hidden,
    }


def rule_state(base: str, gitlab: Instance, one: Project, of: MergeRequest, this: Rule) -> Json:
    counted = life.counted(gitlab, one, of, this)
    return {
        **rule(base, gitlab, one, this),
        "section": None,
        "source_rule": None,
        "overridden": False,
        "code_owner": this.rule_type == "code_owner",
        "approved_by": [user(base, gitlab.accounts.users[number]) for number in sorted(counted)],
        "approved": len(counted) >= this.required,
    }
