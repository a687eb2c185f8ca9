"""Text that others wrote, made safe to print: nothing in it moves the cursor, reorders or hides."""

from __future__ import annotations

import logging
import re

# Controls but tab and line feed; what hides or reorders text (https://www.unicode.org/reports/tr36/, section 2);
# surrogates, which stand for bytes that aren't UTF-8.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
# In urllib3's lines: `http://host:80 "GET /path?query HTTP/1.1"`.
_QUERY = re.compile(r"(?<=[\w/])\?[^\s\"']+")


def visible(text: str) -> str:
    """The text with every such character as its escape, such as `\\x1b`; lines stay lines."""
    return _HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def inline(text: str) -> str:
    """The text visible on one line: a name with a line feed in it must not pass for a line of ours."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


class VisibleFormatter(logging.Formatter):
    """Log lines repeat what servers and programs say, and the addresses they redirect to, which may be signed."""

    def format(self, record: logging.LogRecord) -> str:
        """The formatted record, made visible, without the queries of addresses."""
        return _QUERY.sub("?…", visible(super().format(record)))


def without_comments(markdown: str) -> str:
    """What people see of it in a browser."""
    first, *others = markdown.split("<!--")
    parts = [first]
    for other in others:
        _, end, rest = other.partition("-->")
        parts.append(rest if end else f"<!--{other}")
    return "".join(parts)
