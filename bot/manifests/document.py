"""A YAML stream as a tree that keeps where each scalar stands, how it is written, and what is an alias.

Built from parser events, which PyYAML's C parser (fast) and ruamel.yaml's pure parser (exact positions) both give
in the same form. Events instead of the parsers' own composers: those recurse (deep nesting ends the C stack),
hide aliases, and PyYAML's refuses an anchor that is used twice, which YAML 1.2 allows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError as RuamelError

from bot.errors import ManifestError
from bot.manifests.source import fault

MAX_DEPTH = 100
MAX_NODES = 500_000

_STARTS = frozenset({"DocumentStartEvent", "MappingStartEvent", "SequenceStartEvent"})
_ENDS = frozenset({"DocumentEndEvent", "MappingEndEvent", "SequenceEndEvent"})
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})

# Either parser's event: same names and attributes, no common type.
Event: TypeAlias = Any


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


def fast_events(path: str, text: str) -> Iterator[Event]:
    """The events of libyaml; offsets are one too small after a byte order mark. Raises ManifestError for no YAML."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return _guarded(path, text, lambda: yaml.parse(text, Loader=loader))


def exact_events(path: str, text: str) -> Iterator[Event]:
    """The events of ruamel.yaml, whose offsets are characters of `text`. Raises ManifestError for no YAML."""
    return _guarded(path, text, lambda: YAML(typ="safe", pure=True).parse(_without_inner_tabs(text)))


def read(path: str, stream: Iterable[Event]) -> tuple[Node | None, ...]:
    """The root of each document of a stream of events, None for an empty document.

    Raises ManifestError for what is nested too deeply or grows too much by its aliases.
    """
    return tuple(_Builder(path).build(stream))


def _guarded(path: str, text: str, parse: Callable[[], Iterable[Event]]) -> Iterator[Event]:
    try:
        yield from parse()
    except (yaml.YAMLError, RuamelError, AssertionError) as error:  # ruamel.yaml asserts on `%YAML 1.3`
        raise _not_yaml(path, text, error) from None


def _not_yaml(path: str, text: str, error: Exception) -> ManifestError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it can't be parsed"
    hint = "templates can't be read: render it first, or leave the file out" if "{{" in text else "correct the YAML"
    return fault(path, mark.line + 1 if mark else 1, f"not YAML: {problem}", hint)


def _without_inner_tabs(text: str) -> str:
    """Blanks for the tabs within lines, which YAML allows before comments and after colons and ruamel.yaml refuses."""
    if "\t" not in text:
        return text
    return "\n".join(_without_inner_tabs_in_line(line) for line in text.split("\n"))


def _without_inner_tabs_in_line(line: str) -> str:
    rest = line.lstrip()
    return line[: len(line) - len(rest)] + rest.replace("\t", " ")


@dataclass
class _Open:
    """A document or collection whose end wasn't seen yet."""

    kind: str
    anchor: str | None
    line: int
    children: list[Node] = field(default_factory=list)
    size: int = 1
    depth: int = 0

    def add(self, node: Node) -> None:
        size, depth = _extent(node)
        self.children.append(node)
        self.size += size
        self.depth = max(self.depth, depth)

    def close(self) -> Mapping | Sequence:
        if self.kind == "SequenceStartEvent":
            return Sequence(tuple(self.children), self.line, self.size, self.depth + 1)
        pairs = tuple(zip(self.children[::2], self.children[1::2], strict=True))
        return Mapping(pairs, self.line, self.size, self.depth + 1)


def _extent(node: Node) -> tuple[int, int]:
    """How many nodes, and how many levels of them, a walk through `node` meets."""
    if isinstance(node, Alias):
        return _extent(node.target)
    return (1, 0) if isinstance(node, Scalar) else (node.size, node.depth)


class _Builder:
    """Builds the documents of one stream."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._open: list[_Open] = []
        self._anchors: dict[str, Scalar | Mapping | Sequence] = {}

    def build(self, stream: Iterable[Event]) -> Iterator[Node | None]:
        for event in stream:
            kind = type(event).__name__
            if kind == "ScalarEvent":
                self._add(_scalar(event), event.anchor)
            elif kind == "AliasEvent":
                self._open[-1].add(self._alias(event))
            elif kind in _STARTS:
                self._start(kind, event)
            elif kind == "DocumentEndEvent":
                yield self._end_document()
            elif kind in _ENDS:
                closed = self._open.pop()
                self._add(closed.close(), closed.anchor)

    def _add(self, node: Scalar | Mapping | Sequence, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = node
        self._open[-1].add(node)

    def _alias(self, event: Event) -> Alias:
        line = event.start_mark.line + 1
        target = self._anchors.get(event.anchor)
        if target is None:
            hint = f"write &{event.anchor} at the value that is meant, outside of that value"
            raise fault(self._path, line, f"the alias *{event.anchor} has no anchor before it", hint)
        return Alias(target, event.start_mark.index, event.end_mark.index, line)

    def _start(self, kind: str, event: Event) -> None:
        line = event.start_mark.line + 1
        if len(self._open) > MAX_DEPTH:
            raise fault(self._path, line, f"nested more than {MAX_DEPTH} levels deep", "no manifest needs that")
        anchor = getattr(event, "anchor", None)
        if anchor:
            self._anchors.pop(anchor, None)  # an alias inside its own anchor means nothing we could follow
        self._open.append(_Open(kind, anchor, line))

    def _end_document(self) -> Node | None:
        document = self._open.pop()
        self._anchors.clear()
        if document.size > MAX_NODES or document.depth > MAX_DEPTH:
            reason = f"more than {MAX_NODES:,} values or {MAX_DEPTH} levels, aliases followed"
            raise fault(self._path, document.line, reason, "write the values out, or split the file")
        return document.children[0] if document.children else None


def _scalar(event: Event) -> Scalar:
    start, end = event.start_mark, event.end_mark
    return Scalar(event.value, event.style or "", event.tag or "", start.index, end.index, start.line + 1, end.line + 1)
