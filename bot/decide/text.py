"""What people read: titles, bodies and commit messages, rendered from loaded templates. No clock, no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bot.decide.creation import Creation
from bot.decide.trailers import trailer_block
from bot.decide.uncarried import NotCarried
from bot.promotion import Companion, Given, Move, Promotion

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

_FINGERPRINT = re.compile(r"<!-- promobot (?P<key>\S+) (?P<fingerprint>[0-9a-f]{16}) -->")

# A manifest that was rewritten is not told line by line.
_MOST = 20
_MOST_BINDINGS = 100
# A key or host name may be as long as a file, and a forge takes no such text.
_MOST_IN_TITLE = 4
_LONGEST_NAME = 200
# What is carried is a version, as a rule, and fits a title. Forges link and obey what a title or message says outside
# of code (`@group`, `Closes #1`), so there it is told only if it is one.
_VERSION = re.compile(r"[\w.+-]{1,40}", re.ASCII)


@dataclass(frozen=True)
class Texts:
    """The templates, by name: `title.j2`, `commit_message.j2`, `merge_request.md.j2`."""

    templates: Mapping[str, str]

    def title(self, promotion: Promotion) -> str:
        """The merge request's title, one line."""
        return " ".join(self._render("title.j2", promotion).split())

    def body(
        self, promotion: Promotion, left_behind: Sequence[NotCarried] = (), creation: Creation | None = None
    ) -> str:
        """The merge request's body. It ends with the fingerprint, a hint that anybody can edit."""
        more = {
            "not_carried": [_not_carried_context(left) for left in left_behind],
            **_creation_context(creation or Creation()),
        }
        body = self._render("merge_request.md.j2", promotion, **more)
        return f"{body.strip()}\n\n<!-- promobot {promotion.key} {promotion.fingerprint} -->\n"

    def commit_message(self, promotion: Promotion) -> str:
        """The commit's message; the trailers are ours whatever the template says."""
        message = self._render("commit_message.j2", promotion).strip()
        return f"{message}\n\n{trailer_block(promotion.key, promotion.moves)}\n"

    def _render(self, name: str, promotion: Promotion, **more: object) -> str:
        return self._environment.get_template(name).render(_context(promotion), **more)

    @cached_property
    def _environment(self) -> SandboxedEnvironment:
        from jinja2 import DictLoader, StrictUndefined  # noqa: PLC0415  most commands render nothing
        from jinja2.sandbox import SandboxedEnvironment  # noqa: PLC0415

        # Autoescape is for HTML; what goes in here are names that fit the grammar of references and paths.
        return SandboxedEnvironment(
            loader=DictLoader(self.templates), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )


def fingerprint_in(body: str) -> str | None:
    """The fingerprint that a merge request's body claims."""
    found = [match["fingerprint"] for match in _FINGERPRINT.finditer(body)]
    return found[-1] if found else None


def headline(promotion: Promotion) -> str:
    """`inventory 1.1.2 → 1.1.3`; several images are told apart by their repository's last segment.

    An image that stays as it is isn't named.
    """
    alone = len({move.destination for move in promotion.moves}) == 1
    if promotion.created:
        tags = dict.fromkeys(move.tag if alone else f"{_last_segment(move)} {move.tag}" for move in promotion.moves)
        return f"{promotion.unit.name} {', '.join(tags)}"
    carried = [_carried(companion) for companion in _changing(promotion.companions)]
    changing = [move for move in promotion.moves if move.before != move.after]
    if not changing and carried:
        return f"{promotion.unit.name} {_listed(carried)}"
    changing = changing or list(promotion.moves)
    labels = [promotion.unit.name if alone else _last_segment(move) for move in changing]
    return _listed([*(f"{label} {step(move)}" for label, move in zip(labels, changing, strict=True)), *carried])


def _listed(parts: Iterable[str]) -> str:
    """Few enough for a title."""
    first, more = list(dict.fromkeys(parts)), 0
    if len(first) > _MOST_IN_TITLE:
        more = len(first) - _MOST_IN_TITLE + 1
        first = first[:-more]
    return ", ".join(first) + (f" and {more} more" if more else "")


def step(move: Move) -> str:
    """`1.1.2 → 1.1.3`; where the tag stays, what becomes of its digest."""
    if move.before.tag != move.tag or move.before.name != move.after.name:
        return f"{_was(move)} → {move.tag}"
    if move.before.digest and move.after.digest:
        return f"{move.tag} → {move.digest.short}"
    return f"{move.tag} {'with' if move.after.digest else 'without'} digest"


def _changing(companions: Iterable[Companion]) -> list[Companion]:
    return [companion for companion in companions if companion.before != companion.after]


def _carried(companion: Companion) -> str:
    before, after = (_in_words(text) for text in (companion.before, companion.after))
    return f"{companion.pointer.rpartition('/')[2]} {before} → {after}"


def _in_words(text: str) -> str:
    return text if _VERSION.fullmatch(text) else "…"


def _last_segment(move: Move) -> str:
    return move.destination.repository.rpartition("/")[2]


def _was(move: Move) -> str:
    if move.before.tag is not None:
        return move.before.tag
    return move.before.digest.short if move.before.digest else "unset"


def _context(promotion: Promotion) -> dict[str, object]:
    moves = [_move_context(move) for move in promotion.moves]
    return {
        "unit": promotion.unit.name,
        "target": promotion.target,
        "created": [_in_code(path) for path in promotion.created],
        "headline": headline(promotion),
        "source_environments": sorted({move.origin.environment for move in promotion.moves}),
        "moves": list({(move["after"], move["digest"]): move for move in moves}.values()),
        "companions": [
            {
                "path": _in_code(companion.path),
                "pointer": _in_code(companion.pointer.partition(":")[2]),
                "before": _in_code(companion.before),
                "after": _in_code(companion.after),
                "before_in_words": _in_words(companion.before),
                "after_in_words": _in_words(companion.after),
            }
            for companion in _changing(promotion.companions)
        ],
        "places": _places(promotion),
        "unproven": any(isinstance(m.origin, Given) and m.origin.unproven for m in promotion.moves),
        "warnings": [_in_code(warning) for warning in promotion.warnings],
    }


def _places(promotion: Promotion) -> list[dict[str, object]]:
    """What changes, a file at a time: the lines of its images, and the pointers of what is carried with them."""
    moves = [move for move in promotion.moves if move.before != move.after]
    companions = _changing(promotion.companions)
    paths = dict.fromkeys([*(move.path for move in moves), *(companion.path for companion in companions)])
    return [
        {
            "path": _in_code(path),
            "lines": list(dict.fromkeys(move.line for move in moves if move.path == path)),
            "pointers": [_in_code(one.pointer.partition(":")[2]) for one in companions if one.path == path],
        }
        for path in paths
    ]


def _in_code(path: str) -> str:
    """A path that can't end the code span or line it stands in: anybody may name a file, and forges obey lines."""
    return "".join(c if c.isprintable() and c not in "`<" else f"\\u{ord(c):04x}" for c in path)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…"


def _not_carried_context(left_behind: NotCarried) -> dict[str, object]:
    differences = left_behind.differences
    return {
        "environment": left_behind.environment,
        "since": left_behind.since[:12],
        "path": _in_code(left_behind.path),
        "differences": [
            {
                "name": _in_code(_shortened(difference.name)),
                "kind": difference.kind.value,
                "before": _in_code(difference.before),
                "after": _in_code(difference.after),
            }
            for difference in differences[:_MOST]
        ],
        "more": max(0, len(differences) - _MOST),
    }


def _creation_context(creation: Creation) -> dict[str, object]:
    return {
        "copies": [
            {
                "path": _in_code(copy.path),
                "origin": _in_code(copy.origin),
                "environment": copy.environment,
                "bindings": [
                    {"kind": binding.kind.value, "text": _in_code(_shortened(binding.text)), "line": binding.line}
                    for binding in copy.bindings[:_MOST_BINDINGS]
                ],
                "more_bindings": max(0, len(copy.bindings) - _MOST_BINDINGS),
            }
            for copy in creation.copies
        ],
        "listings": [_in_code(change.path) for change in creation.listings],
        "notes": [_in_code(note) for note in creation.notes],
    }


def _ran(move: Move) -> str:
    """What the source environment did with the image; empty where it never ran it."""
    if isinstance(move.origin, Given):
        return "" if move.origin.unproven else "ran"
    return "runs"


def _move_context(move: Move) -> dict[str, object]:
    return {
        "service": move.service,
        "registry": move.after.registry,
        "repository": move.destination.repository,
        "before": str(move.before),
        "before_tag": _was(move),
        "after": str(move.after),
        "after_name": move.after.name,
        "tag": move.tag,
        "digest": str(move.digest),
        "digest_short": move.digest.short,
        "proof": move.proof.value,
        "source": str(move.origin.image),
        "source_tag": move.origin.image.tag,
        "source_environment": move.origin.environment,
        "ran": _ran(move),
        "source_commit": move.origin.commit,
        "path": _in_code(move.path),
        "line": move.line,
    }
