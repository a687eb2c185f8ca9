"""The events of a YAML text by two independent parsers: libyaml, fast, and ruamel.yaml, with exact positions.

Both give events of the same form. Where they disagree, ruamel.yaml decides: it follows YAML 1.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError as RuamelError

from bot.errors import ManifestError

# Either parser's event: same names and attributes, no common type.
Event: TypeAlias = Any

# Line breaks of YAML 1.1 alone, and a mark that libyaml takes for nothing anywhere.
_OTHER_BREAKS = ("\x85", "\u2028", "\u2029")
_BYTE_ORDER_MARK = "\ufeff"
# libyaml ends the name of an anchor before these.
_NAME_THAT_ENDS_EARLY = re.compile(r"""[&*](?<![^\s\[{,:"'][&*])[A-Za-z0-9_-]+[?:%@`]""")
_ODD_TAG = "!!!"
_AFTER_INDENT = re.compile(r"[^ \t\r\n][^\r\n]*")
# What a parser was reading, if it is to be looked for where that begins.
_UNENDED = re.compile(r"flow (?:sequence|mapping)|quoted scalar|simple key")
_SURROGATE = re.compile("[\ud800-\udfff]")
# What ruamel.yaml leaves to Python: `%YAML 1.3`, a version of 5,000 digits, and escapes beyond all characters.
_UNGUARDED = (AssertionError, ValueError, OverflowError)


class NotYamlError(ManifestError):
    """A parser can't read it; `is_template` where that is no wonder."""

    def __init__(self, message: str, *, hint: str, is_template: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.is_template = is_template


def fast_events(path: str, text: str) -> Iterator[Event]:
    """The events of libyaml; offsets are one too small after a byte order mark. Raises ManifestError for no YAML."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return _guarded(path, text, lambda: iter(loader(text).get_event, None))


def exact_events(path: str, text: str) -> Iterator[Event]:
    """The events of ruamel.yaml, whose offsets are characters of `text`. Raises ManifestError for no YAML.

    YAML allows tabs before comments and after colons, ruamel.yaml doesn't: then values have blanks for tabs.
    """
    if "\t" not in text:
        return strict_events(path, text)
    try:
        return iter(list(strict_events(path, text)))
    except NotYamlError:
        return strict_events(path, _without_tabs(text))


def strict_events(path: str, text: str) -> Iterator[Event]:
    """The events of ruamel.yaml for the text as it is, its tabs too."""
    return _joined(path, _guarded(path, text, lambda: YAML(typ="safe", pure=True).parse(text)))


def may_differ(text: str) -> bool:
    """Whether libyaml may read another tree from `text` than ruamel.yaml, where both read one."""
    if not text.isascii() and (_BYTE_ORDER_MARK in text[1:] or any(mark in text for mark in _OTHER_BREAKS)):
        return True
    return _ODD_TAG in text or ("&" in text and _NAME_THAT_ENDS_EARLY.search(text) is not None)


def _guarded(path: str, text: str, parse: Callable[[], Iterable[Event]]) -> Iterator[Event]:
    try:
        yield from parse()
    except (yaml.YAMLError, RuamelError, *_UNGUARDED) as error:
        raise _not_yaml(path, text, error) from None


def _not_yaml(path: str, text: str, error: Exception) -> NotYamlError:
    message = f"{path}:{_line(text, error)}: not YAML: {getattr(error, 'problem', None) or 'no way to parse it'}"
    if "{{" not in text:
        return NotYamlError(message, hint="correct the YAML")
    # What a template writes between nodes makes no nodes; in quotes, where it does no harm, there are other problems.
    is_template = isinstance(error, yaml.parser.ParserError) or "could not find expected ':'" in message
    hint = "templates can't be read: render it first, or leave the file out"
    return NotYamlError(message, hint=hint, is_template=is_template)


def _line(text: str, error: Exception) -> int:
    """Where that begins which never ends, if a parser says so, else what it stumbled over; no line below the last."""
    unended = _UNENDED.search(getattr(error, "context", None) or "")
    mark = getattr(error, "context_mark" if unended else "problem_mark", None)
    return min(mark.line + 1 if mark else 1, len(text.rstrip().splitlines()) or 1)


def _joined(path: str, events: Iterable[Event]) -> Iterator[Event]:
    r"""Make one character of two surrogates, by which JSON escapes 🚀 (`\ud83d\ude80`); half a pair is no text."""
    for event in events:
        value = getattr(event, "value", None)
        if value and _SURROGATE.search(value):
            event.value = _text_of(path, event)
        yield event


def _text_of(path: str, event: Event) -> str:
    try:
        return str(event.value).encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        line = event.start_mark.line + 1
        raise NotYamlError(f"{path}:{line}: not YAML: half of a surrogate pair", hint="correct the YAML") from None


def _without_tabs(text: str) -> str:
    """Blanks for tabs: for all in JSON, whose indentation means nothing, else for those behind the indentation."""
    if text.lstrip(f"{_BYTE_ORDER_MARK} \t\r\n").startswith(("{", "[")):
        return text.replace("\t", " ")
    return _AFTER_INDENT.sub(lambda line: line.group().replace("\t", " "), text)
