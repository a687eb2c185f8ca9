"""From which commits the images were built that a merge request is about, and which are between those.

It is told, never decided upon. What our merge request says of it already isn't asked again: labels are of a digest, and
that stays what it is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote

from bot.config import Config
from bot.decide.built import REVISION, SOURCE, is_commit, labels_after, labels_before, tag_before
from bot.decide.facts import Ask, for_each
from bot.promotion import Move, Promotion
from bot.questions import Question, Summaries
from bot.repositories import Repository, Summary

# Of a promotion's images as many are asked about as anybody will read of.
_MOST = 50
# What builders write there: a commit, also in short, a branch, a version; and where that is.
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,63}")
_PLACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+~@:-]{0,199}")
# A build's own URL of its repository may have a token in it.
_USER = re.compile(r"(?<=://)[^/]*@")
_MARK = re.compile(r"<!-- promobot-built (?P<key>[0-9a-f]{16}) (?P<before>\S+) (?P<after>\S+) (?P<place>\S+) -->")
_NOTHING = "-"


@dataclass(frozen=True)
class Revisions:
    """What an image of a service was built from before and is now, empty where its labels don't say.

    `place` is the repository, as the configuration says, else as the proposed image does. Where the configuration says
    it, `gained` and `lost` are the commits that come and go, and `url` shows them. `key` is what the merge request
    remembers all this by; empty where it shall be asked again.
    """

    service: str
    before: str = ""
    after: str = ""
    place: str = ""
    key: str = ""
    gained: tuple[Summary, ...] = ()
    lost: tuple[Summary, ...] = ()
    url: str = ""
    image: str = ""


def find_revisions(ask: Ask, config: Config, promotion: Promotion, body: str) -> tuple[Revisions, ...]:
    """What is known of the images that change; `body` is what our merge request says so far, empty without one."""
    remembered = _said(body)

    def find(key: str) -> Revisions:
        return replace(of_move(key, moves[key]), image=moves[key].destination.repository)

    def of_move(key: str, move: Move) -> Revisions:
        code = config.code(move.service)
        if code is not None:
            return _with_commits(ask, config, code, _labelled(ask, config, promotion, move))
        if key in remembered:
            return replace(remembered[key], service=move.service)
        return _labelled(ask, config, promotion, move, key)

    moves = _told(promotion)
    return for_each(moves, find)


def _said(body: str) -> Mapping[str, Revisions]:
    """What a body remembers, by key."""
    found = ((_remembered(mark), mark[0]) for mark in _MARK.finditer(body))
    return {each.key: each for each, text in found if _mark(each) == text}


def marks(revisions: Iterable[Revisions]) -> str:
    """What a body remembers, a line each."""
    return "".join(f"{_mark(each)}\n" for each in revisions if each.key)


def _told(promotion: Promotion) -> Mapping[str, Move]:
    """The moves that are told of, by which image takes the place of which."""
    moves: dict[str, Move] = {}
    for move in promotion.moves:
        if move.before != move.after and len(moves) < _MOST:
            text = f"{move.service} {move.before} {move.source} {move.digest}"
            moves.setdefault(hashlib.sha256(text.encode()).hexdigest()[:16], move)
    return moves


def _labelled(ask: Ask, config: Config, promotion: Promotion, move: Move, key: str = "") -> Revisions:
    """What the labels say. It is remembered if they do or if there are none, not if that could not be found out."""
    new = labels_after(move)
    asked: list[Question[Any] | None] = [new, tag_before(config, move)]
    after = ask.perhaps(new) or {}
    before: Mapping[str, str] = {}
    revision = _sane(_REVISION, after.get(REVISION, ""))
    if revision and move.path not in promotion.created:
        now = labels_before(ask.perhaps, config, move)
        before = (ask.perhaps(now) if now else None) or {}
        asked.append(now)
    return Revisions(
        move.service,
        _sane(_REVISION, before.get(REVISION, "")),
        revision,
        _sane(_PLACE, _USER.sub("", after.get(SOURCE, ""))) if revision else "",
        key if ask.knows(*filter(None, asked)) else "",
    )


def _with_commits(ask: Ask, config: Config, code: Repository, found: Revisions) -> Revisions:
    found = replace(found, place=code.project)
    before, after = found.before, found.after
    if before == after or not (is_commit(before) and is_commit(after)):
        return found
    gained, lost = Summaries(code, before, after), Summaries(code, after, before)
    ask.together(gained, lost)
    url = config.forges[code.forge].comparison(code.project, before, after)
    return replace(found, gained=ask.perhaps(gained) or (), lost=ask.perhaps(lost) or (), url=url)


def _mark(each: Revisions) -> str:
    # A hyphen too, since two of them may end a comment.
    said = (quote(text, safe="").replace("-", "%2D") or _NOTHING for text in (each.before, each.after, each.place))
    return f"<!-- promobot-built {each.key} {' '.join(said)} -->"


def _remembered(mark: re.Match[str]) -> Revisions:
    """What a mark says, which others than we may have written."""
    before, after, place = (unquote(text) for text in mark.group("before", "after", "place"))
    return Revisions("", _sane(_REVISION, before), _sane(_REVISION, after), _sane(_PLACE, place), mark["key"])


def _sane(pattern: re.Pattern[str], text: str) -> str:
    return text if pattern.fullmatch(text) else ""
