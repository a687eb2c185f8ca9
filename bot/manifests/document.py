"""A YAML stream as a tree that keeps where each scalar stands, how it is written, and what is an alias.

Built from parser events, which PyYAML's C parser (fast) and ruamel.yaml's pure parser (exact positions) both give
in the same form. Events instead of the parsers' own composers: those recurse (deep nesting ends the C stack),
hide aliases, and PyYAML's refuses an anchor that is used twice, which YAML 1.2 allows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import NamedTuple, TypeAlias

import ruamel.yaml.events
import yaml

from bot.errors import ManifestError
from bot.manifests.events import (
    Event,
    NotYamlError,
    exact_events,
    fast_events,
    may_differ,
    strict_events,
)
from bot.manifests.source import fault

__all__ = [
    "Alias",
    "Event",
    "Mapping",
    "Node",
    "Scalar",
    "Sequence",
    "exact_events",
    "fast_events",
    "parse",
    "read",
]

MAX_DEPTH = 100
MAX_NODES = 500_000

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class Scalar(NamedTuple):
    """A scalar: its text, and its place from anchor or tag to the end, in characters.

    `style` is `'`, `"`, `|`, `>` or empty for plain; `tag` is an explicit tag or empty. Lines count from 1.
    """

    text: str
    style: str
    tag: str
    start: int
    end: int
    line: int
    last_line: int

    @property
    def is_null(self) -> bool:
        """Whether YAML 1.1 and 1.2 both read this as null."""
        return not self.style and not self.tag and self.text in _NULLS


class Mapping(NamedTuple):
    """A mapping with its entries in the order of the file; `size` and `depth` count through aliases."""

    pairs: tuple[tuple[Node, Node], ...]
    line: int
    size: int
    depth: int


class Sequence(NamedTuple):
    """A sequence; `size` and `depth` count through aliases."""

    items: tuple[Node, ...]
    line: int
    size: int
    depth: int


class Alias(NamedTuple):
    """A use of an anchored node, which is never an alias itself, and its own place."""

    target: Scalar | Mapping | Sequence
    start: int
    end: int
    line: int


Node: TypeAlias = Scalar | Mapping | Sequence | Alias


def parse(path: str, text: str) -> tuple[Node | None, ...]:
    """The root of each document of a text, None for an empty document; ruamel.yaml decides where libyaml may err.

    Offsets may be those of libyaml: one too small after a byte order mark. Raises ManifestError for no YAML, and as
    `read` does.
    """
    if may_differ(text):
        return read(path, strict_events(path, text))
    try:
        return read(path, fast_events(path, text))
    except NotYamlError as error:
        return _parse_exactly(path, text, error)


def _parse_exactly(path: str, text: str, refusal: NotYamlError) -> tuple[Node | None, ...]:
    """What libyaml refuses may still be YAML 1.2: unknown directives, empty keys, an emoji that JSON escapes."""
    try:
        return read(path, strict_events(path, text))
    except NotYamlError:
        raise refusal from None


def read(path: str, stream: Iterable[Event]) -> tuple[Node | None, ...]:
    """The root of each document of a stream of events, None for an empty document.

    Raises ManifestError for what is nested too deeply or grows too much by its aliases.
    """
    return _Builder(path).build(stream)


class _Open:
    """A document or collection whose end wasn't seen yet; `below` counts what its collections and aliases hold."""

    __slots__ = ("anchor", "below", "children", "depth", "line")

    def __init__(self, anchor: str | None, line: int) -> None:
        self.anchor = anchor
        self.line = line
        self.children: list[Node] = []
        self.below = 0
        self.depth = 0

    def add(self, node: Node, meant: Mapping | Sequence) -> None:
        """Add a collection, or an alias of one."""
        self.children.append(node)
        self.below += meant.size - 1
        self.depth = max(self.depth, meant.depth)

    @property
    def size(self) -> int:
        """This and all below."""
        return 1 + len(self.children) + self.below


class _Builder:
    """Builds the documents of one stream."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._open: list[_Open] = []
        self._anchors: dict[str, Scalar | Mapping | Sequence] = {}
        self._roots: list[Node | None] = []
        self._size = 0

    def build(self, stream: Iterable[Event]) -> tuple[Node | None, ...]:
        events = iter(stream)
        for event in islice(events, MAX_NODES):
            _STEPS[type(event)](self, event)
        if next(events, None) is not None:
            raise self._too_large()
        return tuple(self._roots)

    def scalar(self, event: Event) -> None:
        start, end = event.start_mark, event.end_mark
        values = (event.value, event.style or "", event.tag or "", start.index, end.index, start.line + 1, end.line + 1)
        scalar = tuple.__new__(Scalar, values)  # half the time of Scalar(...), of which a file needs thousands
        if event.anchor:
            self._anchors[event.anchor] = scalar
        self._open[-1].children.append(scalar)

    def alias(self, event: Event) -> None:
        line = event.start_mark.line + 1
        target = self._anchors.get(event.anchor)
        if target is None:
            hint = f"write &{event.anchor} at the value that is meant, outside of that value"
            raise fault(self._path, line, f"the alias *{event.anchor} has no anchor before it", hint)
        node = Alias(target, event.start_mark.index, event.end_mark.index, line)
        if isinstance(target, Scalar):
            self._open[-1].children.append(node)
        else:
            self._open[-1].add(node, target)

    def start(self, event: Event) -> None:
        line = event.start_mark.line + 1
        if len(self._open) > MAX_DEPTH:
            raise fault(self._path, line, f"nested more than {MAX_DEPTH} levels deep", "no manifest needs that")
        if event.anchor:
            self._anchors.pop(event.anchor, None)  # an alias inside its own anchor means nothing we could follow
        self._open.append(_Open(event.anchor, line))

    def end_mapping(self, _event: Event) -> None:
        opened = self._open.pop()
        children = iter(opened.children)
        pairs = tuple(zip(children, children, strict=True))
        self._add(Mapping(pairs, opened.line, opened.size, opened.depth + 1), opened.anchor)

    def end_sequence(self, _event: Event) -> None:
        opened = self._open.pop()
        self._add(Sequence(tuple(opened.children), opened.line, opened.size, opened.depth + 1), opened.anchor)

    def _add(self, node: Mapping | Sequence, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = node
        self._open[-1].add(node, node)

    def start_document(self, event: Event) -> None:
        self._open.append(_Open(None, event.start_mark.line + 1))

    def end_document(self, _event: Event) -> None:
        document = self._open.pop()
        self._anchors.clear()
        self._size += document.size
        if self._size > MAX_NODES or document.depth > MAX_DEPTH:
            raise self._too_large(document.line)
        self._roots.append(document.children[0] if document.children else None)

    def _too_large(self, line: int = 1) -> ManifestError:
        reason = f"more than {MAX_NODES:,} values or {MAX_DEPTH} levels, aliases followed"
        return fault(self._path, line, reason, "write the values out, or split the file")

    def nothing(self, _event: Event) -> None:
        """The stream begins or ends."""


def _for_both(steps: dict[str, Callable[[_Builder, Event], None]]) -> dict[type, Callable[[_Builder, Event], None]]:
    return {getattr(events, kind): step for events in (yaml.events, ruamel.yaml.events) for kind, step in steps.items()}


_STEPS = _for_both(
    {
        "AliasEvent": _Builder.alias,
        "DocumentEndEvent": _Builder.end_document,
        "DocumentStartEvent": _Builder.start_document,
        "MappingEndEvent": _Builder.end_mapping,
        "MappingStartEvent": _Builder.start,
        "ScalarEvent": _Builder.scalar,
        "SequenceEndEvent": _Builder.end_sequence,
        "SequenceStartEvent": _Builder.start,
        "StreamEndEvent": _Builder.nothing,
        "StreamStartEvent": _Builder.nothing,
    }
)
