"""What is said in a promotion's merge request: it is opened, and kept as true as people let it be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from bot.decide.approving import Needed
from bot.decide.changes import Change
from bot.decide.facts import Ask, asked_by
from bot.decide.notes import about_open, saying
from bot.decide.opening import make_draft
from bot.decide.proposed import Proposal
from bot.decide.telling import tell
from bot.decide.text import Background, fingerprints_in, read
from bot.plan import Action, OpenRequest
from bot.questions import Approvals, Question
from bot.repositories import CommitStatus, MergeRequest, Repository


def first_told(ask: Ask, proposal: Proposal, request: MergeRequest | None) -> Sequence[Question[Any]]:
    """What `converse` will ask next, so that it can be asked with other things."""
    return asked_by(lambda: _background(ask, proposal, request))


def converse(
    ask: Ask,
    proposal: Proposal,
    request: MergeRequest | None,
    changes: Iterable[Change],
    needed: Needed,
    said: CommitStatus | None,
) -> Iterator[Action]:
    """What lets the merge request say what is proposed, once this is `said` of it. A person's is left as it is."""
    environment, repository = proposal.target.environment, proposal.target.rev.repository
    text = _texts(ask, proposal, request, changes, needed)
    if request is None or request.unfinished:
        services, draft = proposal.promotion.unit.services, proposal.creation is not None
        made = make_draft(proposal.config, environment, services, proposal.branch.name, text, draft=draft)
        yield OpenRequest(repository, made, said)
    elif request.ours:
        yield from _kept(ask, proposal, request, text, needed)


def _kept(
    ask: Ask, proposal: Proposal, request: MergeRequest, text: tuple[str, str], needed: Needed
) -> Iterator[Action]:
    """Another image is told in any case, and who makes sure of approvals, by which later passes know what waits.

    All else is as long as nobody approved what the merge request says now.
    """
    repository, promotion = proposal.target.rev.repository, proposal.promotion
    written = read(request.title, request.body)
    newer = written.proposing(*text)
    same = fingerprints_in(request.body) == frozenset(promotion.fingerprints) and needed.is_said_in(request.body)
    if newer != written and same and _may_be_approved(ask, repository, request):
        newer = written
    yield from saying(repository, request, newer, about_open(proposal.branch, promotion, newer))


def _may_be_approved(ask: Ask, repository: Repository, request: MergeRequest) -> bool:
    told = request.approvals
    return (ask.perhaps(Approvals(repository, request.number)) if told is None else told) != ()


def _texts(
    ask: Ask, proposal: Proposal, request: MergeRequest | None, changes: Iterable[Change], needed: Needed
) -> tuple[str, str]:
    creation, background = proposal.creation, _background(ask, proposal, request)
    since = max((each.since for each in proposal.soaked), default=None)
    checks = tuple(dict.fromkeys(each.check for each in proposal.soaked))
    lines = {change.path: change.lines for change in changes}
    background = replace(background, creation=creation, since=since, checks=checks, lines=lines, needed=needed)
    return proposal.texts.title(proposal.promotion), proposal.texts.body(proposal.promotion, background)


def _background(ask: Ask, proposal: Proposal, request: MergeRequest | None) -> Background:
    if _is_untold(proposal, request):
        return Background()
    return tell(ask, proposal.config, proposal.sources, proposal.target, proposal.promotion, _said(request))


def _is_untold(proposal: Proposal, request: MergeRequest | None) -> bool:
    """Whether nobody will read the text, and that there is a new one is known without it."""
    told = frozenset(proposal.promotion.fingerprints)
    return proposal.looking and (request is None or request.unfinished or fingerprints_in(request.body) != told)


def _said(request: MergeRequest | None) -> str:
    """What our merge request says so far."""
    return request.body if request is not None and request.ours else ""
