"""A YAML stream as a tree that keeps where each scalar stands, how it is written, and what is an alias.

Built from parser events, which PyYAML's C parser (fast) and ruamel.yaml's pure parser (exact positions) both give
in the same form. Events instead of the parsers' own composers: those recurse (deep nesting ends the C stack),
hide aliases, and PyYAML's refuses an anchor that is used twice, which YAML 1.2 allows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import NamedTuple, TypeAlias

import ruamel.yaml.events
import yaml

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
# ruamel.yaml takes a second or two for these, five at worst.
MAX_EXACT = 100_000

# The pointers of one document together: a key of a megabyte over a thousand images would fill the memory.
MAX_POINTERS = 100_000_000

_TOO_LARGE = f"more than {MAX_NODES:,} values or {MAX_DEPTH} levels, aliases followed"
_SMALLER = "write the values out, or split the file"
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
    """The root of each document of a text, None for an empty document; for finding, since offsets may be one too small.

    libyaml reads, and ruamel.yaml decides in its place what libyaml refuses or may take for something else, in texts
    of up to MAX_EXACT characters. Raises ManifestError for no YAML, and as `read` does.
    """
    small = len(text) <= MAX_EXACT
    if small and may_differ(text):
        return read(path, strict_events(path, text))
    try:
        return read(path, fast_events(path, text))
    except NotYamlError as refusal:
        if refusal.is_template or not small:
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
            raise fault(self._path, 1, _TOO_LARGE, _SMALLER)
        return tuple(self._roots)

    def scalar(self, event: Event) -> None:
        start, end = event.start_mark, event.end_mark
        values = (event.value, event.style or "", event.tag or "", start.index, end.index, start.line + 1, end.line + 1)
        scalar = tuple.__new__(Scalar, values)  # takes half the time of Scalar(...)
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
        pairs = tuple(zip(nodes, nodes, strict=True))
        self._close(start, tuple.__new__(Mapping, (pairs, start.start_mark.line + 1)))

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

    def end_document(self, event: Event) -> None:
        start, nodes = self._starts.pop(), self._open.pop()
        self._anchors.clear()
        root = nodes[0] if nodes else None
        if root is not None:
            excess = self._growth.excess(root, event.end_mark.index - start.start_mark.index)
            if excess:
                raise fault(self._path, start.start_mark.line + 1, excess, _SMALLER)
        self._roots.append(root)

    def nothing(self, _event: Event) -> None:
        """The stream begins or ends."""


class _Extent(NamedTuple):
    """What a walk through a node meets, aliases followed: nodes, levels, and the characters of all their pointers."""

    nodes: int = 1
    levels: int = 0
    characters: int = 0


_LEAF = _Extent()


class _Growth:
    """What a walk through a stream's documents meets."""

    def __init__(self) -> None:
        self._extents: dict[int, _Extent] = {}
        self._nodes = 0

    def add(self, target: _Target) -> None:
        """An alias of `target` was met, which is complete."""
        self._extent(target)

    def excess(self, root: Node, characters: int) -> str:
        """By what a document of so many characters leads beyond the limits, if at all; forgets its nodes."""
        if not self._extents and characters <= MAX_EXACT:
            return ""
        extent = self._extent(root)
        self._extents.clear()
        self._nodes += extent.nodes
        if self._nodes > MAX_NODES or extent.levels > MAX_DEPTH:
            return _TOO_LARGE
        return "keys too long for pointers to every value" if extent.characters > MAX_POINTERS else ""

    def _extent(self, node: Node) -> _Extent:
        """The extent of a node; every collection is measured once."""
        if isinstance(node, Alias):
            node = node.target
        if isinstance(node, Scalar):
            return _LEAF
        extent = self._extents.get(id(node))
        if extent is None:
            extent = self._extents[id(node)] = self._measured(node)
        return extent

    def _measured(self, node: Mapping | Sequence) -> _Extent:
        nodes, levels, characters = 1, 0, 0
        for step, child in _steps_below(node):
            below = self._extent(child)
            nodes += below.nodes
            levels = max(levels, below.levels)
            characters += below.characters + step * below.nodes
        return _Extent(nodes, levels + 1, characters)


def _steps_below(node: Mapping | Sequence) -> Iterator[tuple[int, Node]]:
    """The nodes in a collection, keys too, with the characters that the way to each adds to its pointer."""
    if isinstance(node, Sequence):
        yield from ((len(str(index)) + 1, item) for index, item in enumerate(node.items))
    else:
        for key, value in node.pairs:
            scalar = key.target if isinstance(key, Alias) else key
            yield 0, key
            yield len(scalar.text) + 1 if isinstance(scalar, Scalar) else 0, value


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
