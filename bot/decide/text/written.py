"""Which of an open merge request's text we wrote, and which people: its last line tells, a hint that anybody can edit.

The line says what our title and our part of the body came to, how long that part is, which stands right before the
line, and what our note said last. What people write before or after it is theirs, and so is our part, or the
title, once they changed it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace

_TRACE = re.compile(
    r"<!-- promobot-text (?P<title>[0-9a-f]{16}) (?P<part>[0-9a-f]{16}) (?P<length>[0-9]{1,6})"
    r"(?: (?P<note>[0-9a-f]{16}))? -->\n?"
)
# What labels said, since when settings are compared, that the status waits, and a promotion's fingerprints: they are
# ours whoever has the text around.
_MARK = re.compile(r"<!-- promobot \S+(?: [0-9a-f]{16})+ -->")
_BEFORE_MARK = re.compile(r"<!-- promobot-(?:(?:built|since) [^>\n]*|waits )-->\n")
# No text comes to it.
_NEVER = "0" * 16
LONGEST_TRACE = 100
# The longest body that forges take.
_LONGEST_BODY = 65_500


def digest_of(text: str) -> str:
    """What a text comes to, in 16 hexadecimal digits, by whatever lines end in it; empty for an empty text."""
    line_by_line = "\n".join(text.replace("\r\n", "\n").split("\n")).strip()
    return hashlib.sha256(line_by_line.encode("utf-8", "replace")).hexdigest()[:16] if line_by_line else ""


@dataclass(frozen=True)
class Written:
    """A title, and a body in three: our `part` of it, and what people have before and after.

    `title_was` and `part_was` are what they came to as we wrote them, and `note` what our note says, empty without one.
    """

    title: str
    before: str
    part: str
    after: str
    title_was: str = _NEVER
    part_was: str = _NEVER
    note: str = ""

    @property
    def body(self) -> str:
        """The whole body."""
        note = f" {self.note}" if self.note else ""
        trace = f"<!-- promobot-text {self.title_was} {self.part_was} {len(self.part)}{note} -->\n"
        return f"{self.before}{self.part}{trace}{self.after}"

    @property
    def is_ours(self) -> bool:
        """Whether our part of the body is as we wrote it."""
        return digest_of(self.part) == self.part_was

    def proposing(self, title: str, body: str) -> Written:
        """With a newer text of ours where nobody changed it; of a body that somebody did, the fingerprints alone."""
        newer = read(title, body)
        made = self
        if digest_of(self.title) == self.title_was:
            made = replace(made, title=newer.title, title_was=newer.title_was)
        if not self.is_ours:
            return replace(made, before=_with_mark(f"{self.before}{self.part}", newer.part), part="")
        longer = replace(made, part=newer.part, part_was=newer.part_was)
        return longer if len(longer.body) <= _LONGEST_BODY else made

    def marked(self, line: str) -> Written:
        """With one more line among our marks, in our part, or in what people made of it."""
        if (hints := _hints(self.part)) is not None:
            part = f"{self.part[: hints[0]]}{line}{self.part[hints[0] :]}"
            return replace(self, part=part, part_was=digest_of(part) if self.is_ours else self.part_was)
        start = (_hints(self.before) or (len(self.before),))[0]
        return replace(self, before=f"{self.before[:start]}{line}{self.before[start:]}")

    def unmarked(self, line: str) -> Written:
        """Without that line among our marks."""
        part, before = _without(self.part, line), self.before
        if part == self.part:
            before = _without(before, line) if _hints(part) is None else before
        return replace(self, before=before, part=part, part_was=digest_of(part) if self.is_ours else self.part_was)

    def noting(self, note: str) -> Written:
        """With what our note says."""
        return replace(self, note=digest_of(note))


def _with_mark(theirs: str, ours: str) -> str:
    """A text of theirs with our marks in place of those that it has."""
    mark = _hints(ours)
    if mark is None:
        return theirs
    old = _hints(theirs)
    start, end = old or (len(theirs), len(theirs))
    gap = "" if old else "\n\n" if theirs.strip() else ""
    return f"{theirs[:start]}{gap}{ours[slice(*mark)]}{theirs[end:] or chr(10)}"


def _without(text: str, line: str) -> str:
    hints = _hints(text)
    if hints is None:  # where no other mark was left, it stands at the end
        return text.removesuffix(line)
    return f"{text[: hints[0]]}{text[slice(*hints)].replace(line, '')}{text[hints[1] :]}"


def _hints(text: str) -> tuple[int, int] | None:
    """Where the last of our marks begin and end; line by line, as people may write any number of them."""
    found = [*_MARK.finditer(text)]
    if not found:
        return None
    start, end = found[-1].span()
    while start:
        line = text.rfind("\n", 0, start - 1) + 1
        if not _BEFORE_MARK.fullmatch(text, line, start):
            break
        start = line
    return start, end


def signed(title: str, body: str) -> str:
    """A body of ours as we write it first."""
    return Written(title, "", body, "", digest_of(title), digest_of(body)).body


def read(title: str, body: str) -> Written:
    """What a merge request says. Whoever took our line away, or the whole text, has made all of it theirs."""
    body = body.replace("\r\n", "\n")
    found = [*_TRACE.finditer(body)]
    if not found:
        return Written(title, f"{body}\n" if body and not body.endswith("\n") else body, "", "")
    trace = found[-1]
    start = max(0, trace.start() - int(trace["length"]))
    part, before = body[start : trace.start()], body[:start]
    return Written(title, before, part, body[trace.end() :], trace["title"], trace["part"], trace["note"] or "")
