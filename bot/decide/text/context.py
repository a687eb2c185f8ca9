"""What templates know: docs/templates.md describes each name, and a test holds the two equal.

Texts that others may choose are `Foreign`, which print as code; what promobot itself says is plain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any, TypeAlias

from bot.decide.approving import Assurance
from bot.decide.creation import Copy, Creation
from bot.decide.sentences import Foreign
from bot.decide.text.background import Background
from bot.decide.text.commits import revision_rows, short
from bot.decide.text.escape import Printed
from bot.decide.text.headline import adds, changing, headline, was
from bot.decide.text.listed import Listed
from bot.decide.trailers import DROP
from bot.decide.uncarried import NotCarried, NotCompared
from bot.images import ImageRef
from bot.plan import Check
from bot.promotion import Companion, Given, Move, Promotion

Row: TypeAlias = Mapping[str, Any]

# A manifest that was rewritten is not told line by line.
_MOST_DIFFERENCES = 20
# A key or host name may be as long as a file.
_LONGEST_NAME = 200


def make_context(promotion: Promotion, background: Background, most: int) -> Row:
    """Every name that a template may use; no list is longer than `most`."""
    moves = list({(move.service, move.after, move.digest, move.before): move for move in promotion.moves}.values())
    creation = background.creation or Creation()
    mentioned = {group: Printed(mention) for group, mention in background.needed.mentioned}
    return {
        "unit": Foreign(promotion.unit.name.removeprefix("+")),
        "services": Listed.of(map(Foreign, promotion.unit.services), most),
        "target": Foreign(promotion.target),
        "sources": Listed.of(map(Foreign, sorted({move.origin.environment for move in moves})), most),
        "headline": headline(promotion),
        "moves": Listed.of((_move(move, new=move.path in promotion.created) for move in moves), most),
        "registries": Listed.of(map(Foreign, sorted(set(map(_registry, moves)))), most),
        "companions": Listed.of(map(_companion, changing(promotion.companions)), most),
        "places": Listed.of(_places(promotion, background.lines, most), most),
        "adds": adds(promotion),
        "created": Listed.of(map(Foreign, promotion.created), most),
        "copies": Listed.of((_copy(copy, most) for copy in creation.copies), most),
        "listings": Listed.of((Foreign(change.path) for change in creation.listings), most),
        "notes": Listed.of(creation.notes, most),
        "given": any(isinstance(move.origin, Given) for move in moves),
        "downgrade": any(text.startswith(DROP) for move in moves for text in move.allowed),
        "unproven": not all(map(_proven, moves)),
        "warnings": Listed.of(promotion.warnings, most),
        "passed": Listed.of((_check(check) for check in background.checks if check.passed), most),
        "failed": Listed.of((_check(check) for check in background.checks if not check.passed), most),
        "approvals": Listed.of((_approval(one, mentioned, most) for one in background.needed.assured), most),
        "mentions": Listed.of(mentioned.values(), most),
        "since": f"{background.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if background.since else "",
        "revisions": Listed.of(revision_rows(background.revisions, most), most),
        "not_carried": Listed.of((_not_carried(left, most) for left in background.left_behind.found), most),
        "not_compared": Listed.of(map(_not_compared, background.left_behind.unknown), most),
    }


def _registry(move: Move) -> str:
    """Where the image is now: its host; beside another registry there, with the path that tells them apart."""
    host, path = move.after.registry or "", move.after.repository.rpartition("/")[0]
    return f"{host}/{path}" if path and move.origin.image.registry == host else host


def _move(move: Move, *, new: bool) -> Row:
    return {
        "service": Foreign(move.service),
        "image": Foreign(move.destination.repository),
        "now": Foreign(was(move)),
        "proposed": Foreign(_proposed(move)),
        "new": new,
        "changes": move.before != move.after,
        "registry": Foreign(move.after.registry or ""),
        "tag": Foreign(move.tag),
        "digest": Foreign(move.digest),
        "given": isinstance(move.origin, Given),
        "proven": _proven(move),
        "proof": move.proof.value,
        "before": Foreign(move.before),
        "after": Foreign(move.after),
        "pushed": Foreign(move.after.at(move.tag, None)),
        "source": Foreign(move.origin.image),
        "source_tag": Foreign(_version(move.origin.image)),
        "source_environment": Foreign(move.origin.environment),
        "source_commit": Foreign(move.origin.commit),
        "path": Foreign(move.path),
        "line": move.line,
    }


def _proven(move: Move) -> bool:
    return not (isinstance(move.origin, Given) and move.origin.unproven)


def _proposed(move: Move) -> str:
    """The tag, with as much of the digest as tells it from what is there now."""
    if move.before.tag == move.tag and move.before != move.after and move.before.name == move.after.name:
        return f"{move.tag}@{move.digest.short}" if move.after.digest else f"{move.tag} without digest"
    return move.tag


def _version(image: ImageRef) -> str:
    return image.tag or (image.digest.short if image.digest else "")


def _companion(companion: Companion) -> Row:
    return {
        "path": Foreign(companion.path),
        "pointer": Foreign(companion.pointer.partition(":")[2]),
        "key": Foreign(companion.pointer.rpartition("/")[2]),
        "before": Foreign(_shortened(companion.before)),
        "after": Foreign(_shortened(companion.after)),
    }


def _places(promotion: Promotion, lines: Mapping[str, tuple[int, ...]], most: int) -> list[Row]:
    """What changes, a file at a time."""
    moves = [move for move in promotion.moves if move.before != move.after]
    companions = changing(promotion.companions)
    paths = dict.fromkeys([*(move.path for move in moves), *(companion.path for companion in companions)])
    return [{"path": Foreign(path), "lines": Listed.of(lines.get(path, ()), most)} for path in paths]


def _copy(copy: Copy, most: int) -> Row:
    return {
        "path": Foreign(copy.path),
        "origin": Foreign(copy.origin),
        "environment": Foreign(copy.environment),
        "applies": Listed.of(map(Foreign, copy.applies), most),
        "bindings": Listed.of(
            (
                {"kind": binding.kind.value, "text": Foreign(_shortened(binding.text)), "line": binding.line}
                for binding in copy.bindings
            ),
            most,
        ),
    }


def _approval(one: Assurance, mentioned: Mapping[str, Printed], most: int) -> Row:
    """Groups are mentioned where that tells them; whoever is named otherwise is named as code."""
    demand = one.demand
    names = (mentioned.get(group) or Foreign(group) for group in demand.of.groups)
    return {
        "required": demand.required,
        "of": Listed.of((*names, *map(Foreign, demand.of.users)), most),
        "found": Foreign(one.by),
        "instead": Foreign(one.why),
        "known": one.known,
    }


def _check(check: Check) -> Row:
    return {"name": Foreign(check.name), "detail": check.detail}


def _not_carried(left_behind: NotCarried, most: int) -> Row:
    differences: Sequence[Row] = [
        {
            "name": Foreign(_shortened(difference.name)),
            "kind": difference.kind.value,
            "before": Foreign(difference.before),
            "after": Foreign(difference.after),
        }
        for difference in left_behind.differences
    ]
    return {
        "environment": Foreign(left_behind.environment),
        "since": Foreign(short(left_behind.since)),
        "path": Foreign(left_behind.path),
        "differences": Listed.of(differences, min(most, _MOST_DIFFERENCES)),
    }


def _not_compared(left_behind: NotCompared) -> Row:
    return {"environment": Foreign(left_behind.environment), "path": Foreign(left_behind.path)}


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…"
