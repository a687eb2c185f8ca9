"""A YAML stream as a tree that keeps where each scalar stands, how it is written, and what is an alias.

Built from parser events, which PyYAML's C parser (fast) and ruamel.yaml's pure parser (exact positions) both give
in the same form. Events instead of the parsers' own composers: those recurse (deep nesting ends the C stack),
hide aliases, and PyYAML's refuses an anchor that is used twice, which YAML 1.2 allows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain, islice
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
    """A mapping with its entries in the order of the file."""

    pairs: tuple[tuple[Node, Node], ...]
    line: int


class Sequence(NamedTuple):
    """A sequence with its items."""

    items: tuple[Node, ...]
    line: int


class Alias(NamedTuple):
    """A use of an anchored node, which is never an alias itself, and its own place."""

    target: Scalar | Mapping | Sequence
    start: int
    end: int
    line: int


Node: TypeAlias = Scalar | Mapping | Sequence | Alias
_Target: TypeAlias = Scalar | Mapping | Sequence


def parse(path: str, text: str) -> tuple[Node | None, ...]:
    """The root of each document of a text, None for an empty document; ruamel.yaml decides where libyaml may err.

    Offsets may be those of libyaml: one too small after a byte order mark. Raises ManifestError for no YAML, and as
    `read` does.
    """
    if may_differ(text):
        return read(path, strict_events(path, text))
    try:
        return read(path, fast_events(path, text))
    except NotYamlError as refusal:
        if refusal.is_template:
            raise
        return _parse_exactly(path, text, refusal)


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


class _Builder:
    """Builds the documents of one stream: a method for each class of events, which come by the thousand."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._roots: list[Node | None] = []
        # What began and has no end yet: the events, and the nodes in it so far.
        self._starts: list[Event] = []
        self._open: list[list[Node]] = []
        self._anchors: dict[str, _Target] = {}
        self._growth = _Growth()

    def build(self, stream: Iterable[Event]) -> tuple[Node | None, ...]:
        steps, events = _STEPS, iter(stream)
        for event in islice(events, MAX_NODES):
            steps[type(event)](self, event)
        if next(events, None) is not None:
            raise self._too_large(1)
        return tuple(self._roots)

    def scalar(self, event: Event) -> None:
        start, end = event.start_mark, event.end_mark
        values = (event.value, event.style or "", event.tag or "", start.index, end.index, start.line + 1, end.line + 1)
        scalar = tuple.__new__(Scalar, values)  # in half the time of Scalar(...)
        self._open[-1].append(scalar)
        if event.anchor:
            self._anchors[event.anchor] = scalar

    def alias(self, event: Event) -> None:
        line = event.start_mark.line + 1
        target = self._anchors.get(event.anchor)
        if target is None:
            hint = f"write &{event.anchor} at the value that is meant, outside of that value"
            raise fault(self._path, line, f"the alias *{event.anchor} has no anchor before it", hint)
        self._growth.add(target)
        self._open[-1].append(Alias(target, event.start_mark.index, event.end_mark.index, line))

    def start(self, event: Event) -> None:
        if len(self._open) > MAX_DEPTH:
            line, reason = event.start_mark.line + 1, f"nested more than {MAX_DEPTH} levels deep"
            raise fault(self._path, line, reason, "no manifest needs that")
        if event.anchor:
            self._anchors.pop(event.anchor, None)  # an alias inside its own anchor means nothing we could follow
        self._starts.append(event)
        self._open.append([])

    def end_mapping(self, _event: Event) -> None:
        start, nodes = self._starts.pop(), iter(self._open.pop())
        self._close(start, Mapping(tuple(zip(nodes, nodes, strict=True)), start.start_mark.line + 1))

    def end_sequence(self, _event: Event) -> None:
        start = self._starts.pop()
        self._close(start, Sequence(tuple(self._open.pop()), start.start_mark.line + 1))

    def _close(self, start: Event, node: Mapping | Sequence) -> None:
        self._open[-1].append(node)
        if start.anchor:
            self._anchors[start.anchor] = node

    def start_document(self, event: Event) -> None:
        self._starts.append(event)
        self._open.append([])

    def end_document(self, _event: Event) -> None:
        start, nodes = self._starts.pop(), self._open.pop()
        self._anchors.clear()
        root = nodes[0] if nodes else None
        if root is not None and self._growth.is_too_much(root):
            raise self._too_large(start.start_mark.line + 1)
        self._roots.append(root)

    def _too_large(self, line: int) -> ManifestError:
        reason = f"more than {MAX_NODES:,} values or {MAX_DEPTH} levels, aliases followed"
        return fault(self._path, line, reason, "write the values out, or split the file")

    def nothing(self, _event: Event) -> None:
        """The stream begins or ends."""


class _Growth:
    """How much a walk through a stream's documents meets, aliases followed; without them it is what was read."""

    def __init__(self) -> None:
        self._extents: dict[int, tuple[int, int]] = {}
        self._total = 0

    def add(self, target: _Target) -> None:
        """An alias of `target` was met, which is complete."""
        if not isinstance(target, Scalar):
            self._extent(target)

    def is_too_much(self, root: Node) -> bool:
        """Whether a document leads beyond the limits; forgets its nodes."""
        if not self._extents:
            return False
        size, depth = self._extent(root)
        self._extents.clear()
        self._total += size
        return self._total > MAX_NODES or depth > MAX_DEPTH

    def _extent(self, node: Node) -> tuple[int, int]:
        """Nodes and levels at and below `node`; every collection is measured once."""
        if isinstance(node, Alias):
            node = node.target
        if isinstance(node, Scalar):
            return 1, 0
        extent = self._extents.get(id(node))
        if extent is None:
            nodes = chain.from_iterable(node.pairs) if isinstance(node, Mapping) else node.items
            sizes, depths = zip((1, 0), *map(self._extent, nodes), strict=True)
            extent = self._extents[id(node)] = (sum(sizes), max(depths) + 1)
        return extent


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
