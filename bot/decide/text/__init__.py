"""What people read: titles, bodies and commit messages, rendered from loaded templates. No clock, no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from bot.decide.revisions import marks
from bot.decide.text.background import Background
from bot.decide.text.context import Row, make_context
from bot.decide.text.escape import settled, words
from bot.decide.text.headline import headline, step
from bot.decide.text.sample import samples
from bot.decide.text.written import LONGEST_TRACE, Written, digest_of, read, signed
from bot.decide.trailers import trailer_block
from bot.errors import ConfigError
from bot.promotion import Given, Move, Promotion

if TYPE_CHECKING:
    from bot.decide.text.language import Program

__all__ = [
    "BODY",
    "COMMIT_MESSAGE",
    "TITLE",
    "Background",
    "Texts",
    "Written",
    "digest_of",
    "fingerprints_in",
    "headline",
    "read",
    "signed",
    "step",
]

TITLE, BODY, COMMIT_MESSAGE = "title.j2", "merge_request.md.j2", "commit_message.j2"

_MARK = re.compile(r"<!-- promobot (?P<key>\S+)(?P<fingerprints>(?: [0-9a-f]{16})+) -->")
_NOTHING = Background()

# What makes a draft of a merge request: https://docs.gitlab.com/user/project/merge_requests/drafts/
_TAG = re.compile(r"\{[{%#].*?[}%#]\}", re.DOTALL)
_DRAFT = re.compile(r"[\[(]?(?:draft|wip)\b", re.IGNORECASE)
# GitLab takes titles of 255 bytes, some of which `Draft: ` needs; GitHub takes bodies of 65,536 characters.
_LONGEST_TITLE = 240
_LONGEST_BODY = 65_000
# Lists get shorter until the text fits.
_LIST_LENGTHS = (100, 20, 5, 1)
# What makes too much of lists that are shorter is at fault itself.
_LONG = 20


@dataclass(frozen=True)
class Texts:
    """The templates by name, `title.j2`, `commit_message.j2` and `merge_request.md.j2`.

    `places` are the files that faults are told of, where those aren't ours.
    """

    templates: Mapping[str, str]
    places: Mapping[str, str] = field(default_factory=dict)

    def title(self, promotion: Promotion) -> str:
        """The merge request's title: one line of at most 240 bytes. Raises ConfigError as all of these do."""
        line = " ".join(next(self._made(TITLE, promotion, _NOTHING)).split())
        if _DRAFT.match(line) and not _DRAFT.match(_TAG.sub("", self.templates[TITLE]).lstrip()):
            line = f"Promote {line}"  # what somebody calls a group makes no draft of it
        return _cut(line, _LONGEST_TITLE)

    def body(self, promotion: Promotion, background: Background = _NOTHING) -> str:
        """The merge request's body. It ends with hints that anybody can edit: labels, commits, edits, what is ours."""
        mark = f"<!-- promobot {' '.join([promotion.key, *promotion.fingerprints])} -->\n"
        since = "".join(f"{line}\n" for line in background.left_behind.marks)
        hints = f"{marks(background.revisions)}{since}{background.needed.mark}{mark}"
        body = self._fitting(BODY, promotion, background, _LONGEST_BODY - len(hints) - LONGEST_TRACE).strip()
        return signed(self.title(promotion), f"{body}\n\n{hints}")

    def commit_message(self, promotion: Promotion) -> str:
        """The commit's message; the trailers are ours whatever the template says."""
        message = self._fitting(COMMIT_MESSAGE, promotion, _NOTHING, _LONGEST_BODY)
        subject, _, rest = message.strip().partition("\n")
        message = f"{_cut(subject, _LONGEST_TITLE)}\n{rest}".strip()
        return f"{message}\n\n{trailer_block(promotion.key, tuple(map(_in_words, promotion.moves)))}\n"

    def check(self) -> None:
        """Render everything for made-up promotions. Raises ConfigError, `file:line: what`."""
        for promotion, background in samples():
            self.title(promotion)
            self.body(promotion, background)
            self.commit_message(promotion)

    def _fitting(self, name: str, promotion: Promotion, background: Background, room: int) -> str:
        """What a template makes, with its lists as long as there is room for."""
        for text in self._made(name, promotion, background):
            if len(text) <= room:
                return text
        raise ConfigError(f"{self._place(name)}:1: makes more than the {_LONGEST_BODY:,} characters that forges take")

    def _made(self, name: str, promotion: Promotion, background: Background) -> Iterator[str]:
        """What a template makes of ever shorter lists: of long ones it may be more than a template is let make."""
        for most in _LIST_LENGTHS:
            try:
                yield self._render(name, make_context(promotion, background, most))
            except ConfigError:
                if most < _LONG:
                    raise

    def _render(self, name: str, context: Row) -> str:
        return settled(self._programs[name].render(context, in_words=name != BODY), self.templates[name])

    def _place(self, name: str) -> str:
        return self.places.get(name, name)

    @cached_property
    def _programs(self) -> dict[str, Program]:
        return dict(self._compiled())

    def _compiled(self) -> Iterator[tuple[str, Program]]:
        from bot.decide.text.language import compiled  # noqa: PLC0415  Jinja takes its time, and most commands render nothing

        promotion, background = samples()[0]
        names = frozenset(make_context(promotion, background, 1))
        for name, source in self.templates.items():
            yield name, compiled(self._place(name), source, names)


def fingerprints_in(body: str) -> frozenset[str]:
    """The fingerprints that a merge request's body claims."""
    found = [match["fingerprints"].split() for match in _MARK.finditer(body)]
    return frozenset(found[-1] if found else ())


def _in_words(move: Move) -> Move:
    """The move with a reason that no forge obeys. All else that trailers hold is read again, and has no room for it."""
    origin = move.origin
    return replace(move, origin=replace(origin, unproven=words(origin.unproven))) if isinstance(origin, Given) else move


def _cut(line: str, most: int) -> str:
    """The line in so many bytes of UTF-8."""
    if len(line.encode()) <= most:
        return line
    return f"{line.encode()[: most - 3].decode(errors='ignore').rstrip()}…"
