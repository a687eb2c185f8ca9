"""Groups of approvers of whom nobody would be asked for a review."""

from __future__ import annotations

from collections.abc import Iterator

from bot.decide.approving import demands, reviewers_of
from bot.decide.facts import Ask
from bot.decide.proposed import Proposal
from bot.decide.sentences import sentence
from bot.questions import Members
from bot.repositories import MergeRequest


def groups_of(proposal: Proposal, request: MergeRequest | None) -> tuple[Members, ...]:
    """Who is of them, where nobody is asked yet and the forge asks people, not groups."""
    environment = proposal.target.environment
    asked = request is not None and (not request.ours or bool(request.reviewers))
    if asked or not proposal.config.forges[environment.repository.forge].asks_people:
        return ()
    demanded = demands(proposal.config, environment.name, proposal.promotion.unit.services)
    return tuple(Members(proposal.target.rev.repository, group) for group in reviewers_of(demanded).groups)


def find_unasked(ask: Ask, proposal: Proposal, request: MergeRequest | None) -> Iterator[str]:
    """What the forge says of each where it finds nobody."""
    groups = groups_of(proposal, request)
    ask.together(*groups)
    for group in groups:
        if why := ask.why_unknown(group):
            yield sentence("{}", why)
