"""Since which commit of the source settings are compared: the one at which the target's present image was promoted.

The target's history tells by our trailers. A squashed merge may have dropped them: then the forge knows by which merge
request the image came, and the commit on its branch has them still. It is told, never decided upon; what our merge
request remembers of it isn't asked again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from typing import TypeAlias
from urllib.parse import quote, unquote

from bot.decide.arrivals import MOST_LANDINGS, is_promotion, is_same, landed, named
from bot.decide.environments import Snapshot
from bot.decide.facts import Ask
from bot.decide.trailers import Record, every_record, is_into, promoted_from
from bot.images import ImageRef
from bot.promotion import Move, Promotion
from bot.questions import Commits, Files, History, MergedBy
from bot.repositories import Commit, MergeRequest, Rev

_MARK = re.compile(r"<!-- promobot-since (?P<key>[0-9a-f]{16}) (?P<commit>[0-9A-Za-z]{1,64}|[?-]) (?P<ran>\S+) -->")
_NEVER, _NOT_KNOWN, _NOTHING = "-", "?", "-"


@dataclass(frozen=True)
class PromotedAt:
    """The source's commit. Where the target's branch itself doesn't say so, it has to name the image that it `ran`."""

    commit: str
    ran: ImageRef | None = None


@dataclass(frozen=True)
class Never:
    """Nothing was promoted before, as far as the target's branch and the forge tell."""


@dataclass(frozen=True)
class NotKnown:
    """There may have been a promotion, and its commit can't be found out."""


Last: TypeAlias = PromotedAt | Never | NotKnown


@dataclass(frozen=True)
class Since:
    """When the last promotion was, and what the merge request remembers, empty where it can be asked again."""

    last: Last
    mark: str = ""


@dataclass(frozen=True)
class Search:
    """How far it is looked for, where the trailers don't tell.

    `said` is what our merge request remembers. The forge is asked only if it `may_ask`. `copies` is whether promobot
    makes manifests that the target lacks, so that one may have come with its image by a promotion; `source` is where
    the image that moves comes from.
    """

    said: Mapping[str, Last]
    may_ask: bool
    copies: bool
    source: Rev


def find_since(ask: Ask, target: Snapshot, promotion: Promotion, move: Move, search: Search) -> Since:
    """When the image that the move takes the place of was promoted."""
    commits = ask.perhaps(History(target.rev, move.path)) or ()
    last = _by_trailers(promotion, move, commits)
    ours = (commit for commit in commits if is_into(commit, promotion.target))
    if any(_is_present(move, image, each) for _, image, each in every_record(ours)):
        return Since(NotKnown() if isinstance(last, Never) else last)
    if move.path in promotion.created:
        return Since(last)
    key = _key(promotion, move)
    found = _marked(key, search.said[key]) if key in search.said else _by_arrival(ask, target, promotion, move, search)
    return replace(found, last=last) if isinstance(found.last, Never) else found


def _by_trailers(promotion: Promotion, move: Move, commits: Iterable[Commit]) -> PromotedAt | Never:
    origin = move.origin
    commit = promoted_from(commits, promotion.target, origin.environment, origin.image.name)
    return PromotedAt(commit) if commit is not None else Never()


def _by_arrival(ask: Ask, target: Snapshot, promotion: Promotion, move: Move, search: Search) -> Since:
    """By the merge request that brought the image. It is remembered, unless that could not be found out."""
    key, landings = _key(promotion, move), ask.perhaps(landed(target, move.path)) if search.may_ask else None
    if landings is None:
        return Since(NotKnown())
    has = takewhile(lambda image: image is not None and is_same(image, move.before), named(target, move, landings))
    since = sum(1 for _ in has)
    if since == MOST_LANDINGS:
        return _marked(key, NotKnown())
    if since == 0 or (since == len(landings) and not search.copies):
        return _marked(key, Never())
    question = MergedBy(target.rev.repository, landings[since - 1].commit)
    request = ask.perhaps(question)
    return (
        _marked(key, _by_request(ask, target, promotion, move, search, request))
        if ask.knows(question)
        else Since(NotKnown())
    )


def _by_request(
    ask: Ask, target: Snapshot, promotion: Promotion, move: Move, search: Search, request: MergeRequest | None
) -> Last:
    if request is None or not is_promotion(target, request):
        return Never()
    # The same question as of a branch that is still there.
    question = Commits(target.rev.repository, target.rev.commit, request.head, paths=True)
    ask.together(question, *_named_by(ask, search.source, move, request))
    return _on_branch(promotion, move, ask.perhaps(question) or ())


def _named_by(ask: Ask, source: Rev, move: Move, request: MergeRequest) -> Iterable[Files]:
    """The manifest at the commit that the text names, as it mostly does: the branch is about to say the same."""
    commits = ask.known(History(source, move.origin.path)) or ()
    named = (one.sha for one in commits if f"`{one.sha}`" in request.body)
    return (Files(Rev(source.repository, sha), (move.origin.path,)) for sha in islice(named, 1))


def _on_branch(promotion: Promotion, move: Move, branch: Sequence[Commit]) -> PromotedAt | NotKnown:
    """What the branch says of the image that the target has now; of another one it doesn't tell the promotion."""
    source = move.origin.environment, move.origin.image.name
    ours = (commit for commit in branch if is_into(commit, promotion.target))
    for _, image, each in every_record(ours):
        if (each.environment, each.source.name) == source and _is_present(move, image, each):
            return PromotedAt(each.commit, each.source.at(each.source.tag, each.digest))
    return NotKnown()


def _is_present(move: Move, image: ImageRef, record: Record) -> bool:
    """Whether that is what the target has now."""
    return is_same(image.at(image.tag, record.digest), move.before)


# --- what a merge request remembers -----------------------------------------------------------------------


def remembered(body: str) -> Mapping[str, Last]:
    """What a body remembers, by key. Anybody may have written it: the commit has yet to name the image."""
    found = ((mark, _read(*mark.group("commit", "ran"))) for mark in _MARK.finditer(body))
    return {mark["key"]: last for mark, last in found if last is not None}


def _marked(key: str, last: Last) -> Since:
    return Since(last, f"<!-- promobot-since {key} {_written(last)} -->")


def _key(promotion: Promotion, move: Move) -> str:
    origin = move.origin
    text = f"{promotion.target} {move.path} {move.pointer} {move.before} {origin.environment} {origin.path}"
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _written(last: Last) -> str:
    match last:
        case PromotedAt(commit, ran):
            # A hyphen too, since two of them may end a comment.
            return f"{commit} {quote(str(ran), safe='').replace('-', '%2D') if ran else _NOTHING}"
        case Never():
            return f"{_NEVER} {_NOTHING}"
        case NotKnown():
            return f"{_NOT_KNOWN} {_NOTHING}"


def _read(commit: str, ran: str) -> Last | None:
    if commit in (_NEVER, _NOT_KNOWN):
        return Never() if commit == _NEVER else NotKnown()
    try:
        return PromotedAt(commit, ImageRef.parse(unquote(ran)))
    except ValueError:
        return None
