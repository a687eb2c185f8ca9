"""`merge_requests`, `approvers`: what an environment, or a rule for services, says of how merge requests are opened."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from bot.config import Config
from bot.decide.approving import demands, rules_of
from bot.repositories import RequestDraft


def by_policy(config: Config, target: str, services: Collection[str], draft: RequestDraft) -> RequestDraft:
    """The draft as it is to be opened: several services have the labels and assignees of all of them.

    One is a draft where any of them shall be.
    """
    said = [config.settings(target, service).merge_requests for service in services]
    labels = (*draft.labels, *(label for each in said for label in each.labels))
    assignees = (each.assignee for each in said if each.assignee is not None)
    return replace(
        draft,
        labels=tuple(dict.fromkeys(labels)),
        draft=draft.draft or any(each.draft for each in said),
        assignees=tuple(dict.fromkeys(assignees)),
        rules=rules_of(demands(config, target, services)),
    )
