"""A merge request's own approval rules, which Premium has: made once, by who opens or finishes it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from bot.forges.certainty import certain
from bot.forges.errors import StatusError
from bot.forges.gitlab.people import People
from bot.repositories import OWN_RULE, ApprovalRule

# What an own rule puts out of force: ee/app/models/approval_state.rb, user_defined_rules. Those for owners of code and
# for what reports find hold beside it.
_OF_PEOPLE = frozenset({"regular", "any_approver"})
_NONE = "this GitLab has no approval rules, which are of Premium: promobot's status says how many are missing"


def add_rules(
    request: Any,  # noqa: ANN401 - the library's object, which asks nothing by itself
    people: People,
    wanted: Iterable[ApprovalRule],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[str]:
    """Give it those that it lacks by their names; what couldn't be given is told.

    Its first own rule makes a merge request forget those of its project: where that has any, nothing is added.
    """
    try:
        there = _rules(request)
    except StatusError as error:
        if not error.hides:
            raise
        yield _NONE
        return
    others = [name for name, one in there.items() if _would_end(one) and not name.startswith(OWN_RULE)]
    for rule in wanted:
        if rule.name in there:
            continue
        if others:
            named = ", ".join(others)
            yield f"approval rule {rule.name} is not added: the project's own ({named}) would no longer hold"
            continue
        numbers = people.numbers(rule.of)
        if numbers is None:
            yield f"approval rule {rule.name} is not added: not all of whom it names are seen by the token's user"
            continue
        groups, users = numbers
        said = {"name": rule.name, "approvals_required": rule.required, "group_ids": groups, "user_ids": users}
        yield from _added(request, said, sleep)


def _added(request: Any, said: dict[str, Any], sleep: Callable[[float], None]) -> Iterator[str]:  # noqa: ANN401
    def write() -> bool:
        request.approval_rules.create(said)
        return True

    try:
        certain(write, lambda: said["name"] in _rules(request) or None, sleep=sleep)
    except StatusError as error:
        if error.hides:
            yield f"approval rule {said['name']} is not added: {'; '.join(error.said)}"
        elif said["name"] not in _rules(request):  # nor by another run, in that moment
            raise


def _rules(request: Any) -> dict[str, Mapping[str, Any]]:  # noqa: ANN401
    """Those that hold for it, by name."""
    found = request.approval_rules.list(get_all=True)
    return {rule.attributes["name"]: rule.attributes for rule in found}


def _would_end(rule: Mapping[str, Any]) -> bool:
    """Whether it asks for approvals that nobody would ask for beside a rule of the merge request's own."""
    return bool(rule["approvals_required"]) and rule.get("rule_type", "regular") in _OF_PEOPLE
