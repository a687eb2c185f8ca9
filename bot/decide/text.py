"""What people read: titles, bodies and commit messages, rendered from loaded templates. No clock, no I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bot.decide.trailers import trailer_block
from bot.promotion import Move, Promotion

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

_FINGERPRINT = re.compile(r"<!-- promobot (?P<key>\S+) (?P<fingerprint>[0-9a-f]{16}) -->")


@dataclass(frozen=True)
class Texts:
    """The templates, by name: `title.j2`, `commit_message.j2`, `merge_request.md.j2`."""

    templates: Mapping[str, str]

    def title(self, promotion: Promotion) -> str:
        """The merge request's title, one line."""
        return " ".join(self._render("title.j2", promotion).split())

    def body(self, promotion: Promotion) -> str:
        """The merge request's body. It ends with the fingerprint, a hint that anybody can edit."""
        body = self._render("merge_request.md.j2", promotion)
        return f"{body.strip()}\n\n<!-- promobot {key_of(promotion)} {promotion.fingerprint} -->\n"

    def commit_message(self, promotion: Promotion) -> str:
        """The commit's message; the trailers are ours whatever the template says."""
        message = self._render("commit_message.j2", promotion).strip()
        return f"{message}\n\n{trailer_block(key_of(promotion), promotion.moves)}\n"

    def _render(self, name: str, promotion: Promotion) -> str:
        return self._environment.get_template(name).render(_context(promotion))

    @cached_property
    def _environment(self) -> SandboxedEnvironment:
        from jinja2 import DictLoader, StrictUndefined  # noqa: PLC0415  most commands render nothing
        from jinja2.sandbox import SandboxedEnvironment  # noqa: PLC0415

        # Autoescape is for HTML; what goes in here are names that fit the grammar of references and paths.
        return SandboxedEnvironment(
            loader=DictLoader(self.templates), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )


def key_of(promotion: Promotion) -> str:
    """`target/unit`, which names a promotion in branches, trailers and bodies."""
    return f"{promotion.target}/{promotion.unit.name}"


def fingerprint_in(body: str) -> str | None:
    """The fingerprint that a merge request's body claims."""
    found = [match["fingerprint"] for match in _FINGERPRINT.finditer(body)]
    return found[-1] if found else None


def headline(promotion: Promotion) -> str:
    """`inventory 1.1.2 → 1.1.3`; several images are told apart by their repository's last segment.

    An image that stays as it is isn't named.
    """
    alone = len({move.destination for move in promotion.moves}) == 1
    changing = [move for move in promotion.moves if move.before != move.after] or promotion.moves
    labels = [promotion.unit.name if alone else _last_segment(move) for move in changing]
    parts = [f"{label} {_was(move)} → {move.tag}" for label, move in zip(labels, changing, strict=True)]
    return ", ".join(dict.fromkeys(parts))


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
        "headline": headline(promotion),
        "source_environments": sorted({move.origin.environment for move in promotion.moves}),
        "moves": list({(move["after"], move["digest"]): move for move in moves}.values()),
        "places": [
            {"path": _in_code(move.path), "line": move.line} for move in promotion.moves if move.before != move.after
        ],
    }


def _in_code(path: str) -> str:
    """A path that can't end the code span or line it stands in: anybody may name a file, and forges obey lines."""
    return "".join(c if c.isprintable() and c not in "`<" else f"\\u{ord(c):04x}" for c in path)


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
        "source_commit": move.origin.commit,
        "path": _in_code(move.path),
        "line": move.line,
    }
