"""Text from outside, made harmless where people and forges read it: as code, or as words that mean nothing else.

Forges link and obey more than Markdown says: `@group`, `#1`, `Closes #1`, `:tada:`, `/merge` at the start of a line,
addresses. None of it works in code; where there is no code, the characters that it takes are shown as `\\u0040`.
"""

from __future__ import annotations

import re

from bot.decide.sentences import Foreign

# Stand around a value, in hexadecimal, until its paragraph is complete and it is known what it stands beside.
_OPEN, _CLOSE = "\ue000", "\ue001"
_CARRIED = re.compile(f"{_OPEN}(=?)([0-9a-f]*)(?:@([0-9a-f]*))?{_CLOSE}")
RESERVED = frozenset({_OPEN, _CLOSE})

_PARAGRAPHS = re.compile(r"(\n[ \t]*\n)")
# A code span beside these could end early, start late, or be no code span: other code, HTML, escapes, links, addresses.
_NO_PLACE_FOR_CODE = re.compile(r"[`<\\]|\]\s*[(\[:]|://|www\.", re.IGNORECASE)
# HTML that goes on beyond its paragraph (https://spec.commonmark.org/0.31.2/#html-blocks): nothing in it is code.
_LONG_HTML = re.compile(r"<(?:[!?]|(?:pre|script|style|textarea)\b)", re.IGNORECASE)
# `<` begins HTML and our own marks; what ends HTML that began further up ends it anywhere.
_ENDS_CODE = re.compile(r"[`<]|(?<=[-\]?])>")

# A colon before a digest, a port or a version; with another one behind it, none of these is an emoji.
_COLON = r"(?<=sha256):(?=[0-9a-f]{12})|:(?!(?:100|1234)\b)(?=[0-9]+\.|[0-9]{2,5}\b)"
# Letters and digits, with single marks between them.
_TAME = re.compile(rf"[^\W_]+(?:(?:[.+=/]|-+|_+|{_COLON})[^\W_]+)*|(?<! ) (?! )|[,;?'…→]")
_LIKE_A_REFERENCE = re.compile(r"(?<=www)\.|(?<=\bGH)-(?=[0-9])", re.IGNORECASE)
# Words that close an issue when what they stand before is merged: GitLab reads them in code too, GitHub any case.
# https://docs.gitlab.com/administration/issue_closing_pattern/ and
# https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue
_CLOSING = re.compile(
    r"(?P<verb>\b(?:clos(?:e[sd]?|ing)|fix(?:e[sd]|ing)?|resolv(?:e[sd]?|ing)|implement(?:s|ed|ing)?))"
    r"(?P<then>:?\s*+)(?=(?P<what>(?:issues?\s++)?"
    r"(?:[\w./-]{0,200}[#!][0-9]|(?-i:[A-Z][A-Z0-9_]{1,50}-[0-9])|https?:|GH-)))",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&+,;=%-]+")
_LONGEST = 1000


class Linked(Foreign):
    """Text that others may choose, with where it leads in a merge request; empty: nowhere.

    The address is ours; one with anything in it that could end a link is none.
    """

    __slots__ = ("url",)
    url: str

    def __new__(cls, text: str, url: str) -> Linked:
        linked = super().__new__(cls, text)
        linked.url = url if _ADDRESS.fullmatch(url) else ""
        return linked


class Printed(str):
    """Several values that are ready to be printed, and good for nothing else."""

    __slots__ = ()


def carried(text: str) -> Printed:
    """The text on its way through a template: `settled` makes words of it, or code if it is Foreign."""
    kind = "" if isinstance(text, Foreign) else "="
    url = f"@{text.url.encode().hex()}" if isinstance(text, Linked) and text.url else ""
    return Printed(f"{_OPEN}{kind}{text.encode('utf-8', 'surrogatepass').hex()}{url}{_CLOSE}")


def settled(rendered: str, template: str) -> str:
    """What was rendered, each value carried in it as code, or as words where code has no place.

    Values that stand beside each other may close what none of them closes; what the template itself says is meant.
    """
    no_code = _LONG_HTML.search(_CARRIED.sub("", rendered)) is not None
    text = "".join(_settled_paragraph(paragraph, no_code=no_code) for paragraph in _PARAGRAPHS.split(rendered))
    meant = {found.group(0, "what") for found in _CLOSING.finditer(template)}
    return _CLOSING.sub(lambda found: found[0] if found.group(0, "what") in meant else _open(found), text)


def _settled_paragraph(paragraph: str, *, no_code: bool) -> str:
    around = _CARRIED.sub("", paragraph)
    worded, in_table = no_code or _NO_PLACE_FOR_CODE.search(around) is not None, "|" in around

    def settle(found: re.Match[str]) -> str:
        text = bytes.fromhex(found[2]).decode("utf-8", "surrogatepass")
        if worded or found[1]:
            return words(text)
        shown = code(text).replace("|", "\\|") if in_table else code(text)
        return f"[{shown}]({bytes.fromhex(found[3]).decode()})" if found[3] else shown

    return _CARRIED.sub(settle, paragraph)


def code(text: str) -> str:
    """A code span that holds the text, on one line; nothing in it can end it."""
    shown = _CLOSING.sub(_open, "".join(c if c.isprintable() else _escaped(c) for c in text))
    return f"`{_shortened(_ENDS_CODE.sub(lambda found: _escaped(found[0]), shown)) or ' '}`"


def words(text: str) -> str:
    """The text with every character escaped that could mean something to Markdown or to a forge, wherever it stands.

    A tag that looks like a commit stays what it is: a forge links it only if it is one.
    """
    tame = [False] * len(text)
    for found in _TAME.finditer(text):
        lone_colon = text.count(":") == 1 or found[0].count(":") == 0
        for index in range(*found.span()):
            tame[index] = text[index].isprintable() and (lone_colon or text[index] != ":")
    for found in _LIKE_A_REFERENCE.finditer(text):
        tame[found.start()] = False
    shown = "".join(c if fine else _escaped(c) for c, fine in zip(text, tame, strict=True))
    return _shortened(_CLOSING.sub(_open, shown))


def _open(found: re.Match[str]) -> str:
    """The same word, so that it closes nothing: what follows it at once is escaped."""
    then = found["then"]
    return f"{found['verb']}{_escaped(then[0])}{then[1:]}" if then else found[0]


def _escaped(character: str) -> str:
    return f"\\u{ord(character):04x}"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
