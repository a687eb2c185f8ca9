"""A promotion in a few words."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.promotion import Companion, Move, Promotion

_MOST = 4
# What is carried is a version, as a rule, and fits a title; anything else may be as long as a file.
_VERSION = re.compile(r"[\w.+-]{1,40}", re.ASCII)


def headline(promotion: Promotion) -> str:
    """`inventory 1.1.2 → 1.1.3`; several are told apart by their service, or their repository's last segment.

    An image that stays as it is isn't named.
    """
    if adds(promotion):
        return _created(promotion)
    carried = [
        f"{one.pointer.rpartition('/')[2]} {in_words(one.before)} → {in_words(one.after)}"
        for one in changing(promotion.companions)
    ]
    moves = [move for move in promotion.moves if move.before != move.after]
    if not moves and carried:
        return f"{_name(promotion)} {_listed(carried)}"
    moves = moves or list(promotion.moves)
    return _listed([*(_told(promotion, move) for move in moves), *carried])


def adds(promotion: Promotion) -> bool:
    """Whether all of it is new in the target."""
    return bool(promotion.created) and all(move.path in promotion.created for move in promotion.moves)


def _told(promotion: Promotion, move: Move) -> str:
    label = _label(promotion, move)
    return f"new {label} {move.tag}" if move.path in promotion.created else f"{label} {step(move)}"


def _created(promotion: Promotion) -> str:
    labelled = [(_label(promotion, move), move.tag) for move in promotion.moves]
    if {label for label, _ in labelled} == {_name(promotion)}:
        return f"{_name(promotion)} {_listed(tag for _, tag in labelled)}"
    parts = _listed(f"{label} {tag}" for label, tag in labelled)
    return parts if len(promotion.unit.services) > 1 else f"{_name(promotion)} {parts}"


def _label(promotion: Promotion, move: Move) -> str:
    """What a move is called beside the others: its service, where all of that goes the same way."""
    of_service = [other for other in promotion.moves if other.service == move.service]
    if len({other.destination for other in of_service}) > 1 and len({_way(other) for other in of_service}) > 1:
        return move.destination.repository.rpartition("/")[2]
    return move.service


def _name(promotion: Promotion) -> str:
    """The only service that there is, whatever else its unit is called."""
    return promotion.unit.services[0] if len(promotion.unit.services) == 1 else promotion.unit.name


def _way(move: Move) -> str:
    return step(move) if move.before != move.after else ""


def step(move: Move) -> str:
    """`1.1.2 → 1.1.3`; where the tag stays, what becomes of its digest."""
    if move.before.tag != move.tag or move.before.name != move.after.name:
        return f"{was(move)} → {move.tag}"
    if move.before.digest and move.after.digest:
        return f"{move.tag} → {move.digest.short}"
    return f"{move.tag} {'with' if move.after.digest else 'without'} digest"


def was(move: Move) -> str:
    """The tag that the target names now, else the digest."""
    if move.before.tag is not None:
        return move.before.tag
    return move.before.digest.short if move.before.digest else "unset"


def changing(companions: Iterable[Companion]) -> list[Companion]:
    """Those that the target says otherwise."""
    return [companion for companion in companions if companion.before != companion.after]


def in_words(text: str) -> str:
    """A version; what is none would be out of place in a line."""
    return text if _VERSION.fullmatch(text) else "…"


def _listed(parts: Iterable[str]) -> str:
    """Few enough for a title."""
    first, more = list(dict.fromkeys(parts)), 0
    if len(first) > _MOST:
        more = len(first) - _MOST + 1
        first = first[:-more]
    return ", ".join(first) + (f" and {more} more" if more else "")
