"""`merge_requests`, `approvers`: what an environment, or a rule for services, says of how merge requests are opened."""

from __future__ import annotations

from collections.abc import Collection

from bot.config import Config, EnvironmentConfig
from bot.decide.approving import demands, reviewers_of, rules_of
from bot.repositories import RequestDraft


def make_draft(
    config: Config,
    environment: EnvironmentConfig,
    services: Collection[str],
    branch: str,
    text: tuple[str, str],
    *,
    draft: bool = False,
) -> RequestDraft:
    """What opens a merge request: several services have the labels, assignees and approvers of all of them.

    One is a draft where any of them shall be.
    """
    said = [config.settings(environment.name, service).merge_requests for service in services]
    labels = ("promobot", f"to-{environment.name}", *(label for each in said for label in each.labels))
    assignees = (each.assignee for each in said if each.assignee is not None)
    demanded = demands(config, environment.name, services)
    return RequestDraft(
        branch,
        environment.repository.branch,
        *text,
        reviewers_of(demanded),
        tuple(dict.fromkeys(labels)),
        draft=draft or any(each.draft for each in said),
        assignees=tuple(dict.fromkeys(assignees)),
        rules=rules_of(demanded),
    )
