"""Manifests as PyYAML's event stream: where each value stands, and what it reads as in YAML 1.1 and 1.2."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TypeAlias

import yaml

Place: TypeAlias = tuple[int, str]

# https://yaml.org/spec/1.2.2/#103-core-schema
_CORE_SCHEMA = re.compile(
    r"""~|null|Null|NULL|true|True|TRUE|false|False|FALSE|[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+
      | [-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)? | [-+]?\.(?:inf|Inf|INF) | \.(?:nan|NaN|NAN)""",
    re.VERBOSE,
)
_STRING = "tag:yaml.org,2002:str"
_YAML_1_1: Any = yaml.resolver.Resolver()  # untyped
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Node:
    """One event; `start` and `end` are byte offsets, `key_end` where the key before a value ends."""

    kind: str
    value: str | None
    style: str | None
    anchor: str | None
    tag: str | None
    start: int
    end: int
    key_end: int = 0

    @property
    def said(self) -> tuple[object, ...]:
        """All that counts but position."""
        return self.kind, self.value, self.style, self.anchor, self.tag

    @property
    def is_string(self) -> bool:
        """Whether every reader takes it for a string."""
        if self.tag not in (None, "!"):
            return self.tag == _STRING
        return bool(self.style) or not needs_quotes(self.value or "")


@dataclass(frozen=True)
class Stream:
    """All events in order, and the numbers of those that are values (scalars and aliases) at each place."""

    nodes: tuple[Node, ...]
    places: dict[Place, list[int]]

    def at(self, place: Place) -> Node | None:
        """The value at a place where exactly one is."""
        numbers = self.places.get(place, [])
        return self.nodes[numbers[0]] if len(numbers) == 1 else None


def needs_quotes(text: str) -> bool:
    """Whether plain text reads as something else than a string in YAML 1.1 or 1.2."""
    resolved = _YAML_1_1.resolve(yaml.ScalarNode, text, (True, False))
    return not text or resolved != _STRING or _CORE_SCHEMA.fullmatch(text) is not None


def read(content: bytes) -> Stream:
    """Raises yaml.YAMLError."""
    skipped = len(_BOM) if content.startswith(_BOM) else 0
    text = content[skipped:].decode()
    offset = range(skipped, skipped + len(text) + 1) if text.isascii() else _offsets(text, skipped)
    nodes: list[Node] = []
    places: dict[Place, list[int]] = {}
    for number, (place, key_end, event) in enumerate(_placed(yaml.parse(text, Loader=yaml.CSafeLoader))):
        nodes.append(
            Node(
                type(event).__name__,
                getattr(event, "value", None),
                getattr(event, "style", None) or None,  # libyaml has an empty string for plain
                getattr(event, "anchor", None),
                getattr(event, "tag", None),
                offset[start_of(event)],
                offset[end_of(event)],
                offset[key_end],
            )
        )
        if place is not None and isinstance(event, (yaml.ScalarEvent, yaml.AliasEvent)):
            places.setdefault(place, []).append(number)
    return Stream(tuple(nodes), places)


def _offsets(text: str, skipped: int) -> Sequence[int]:
    return list(accumulate((len(char.encode()) for char in text), initial=skipped))


def start_of(event: yaml.Event) -> int:
    """The number of the character where an event begins."""
    return event.start_mark.index if event.start_mark else 0


def end_of(event: yaml.Event) -> int:
    """The number of the character behind an event."""
    return event.end_mark.index if event.end_mark else 0


@dataclass
class _Frame:
    """A collection that is being read; `place` is None below a key that is no scalar."""

    place: Place | None
    is_map: bool
    count: int = 0
    key: str | None = None
    key_end: int = 0

    def enter(self, event: yaml.Event, anchored: Mapping[str, str]) -> Place | None:
        """The place of the next child, None for a key."""
        self.count += 1
        if self.is_map and self.count % 2:
            self.key = event.value if isinstance(event, yaml.ScalarEvent) else None
            if isinstance(event, yaml.AliasEvent):
                self.key = anchored.get(event.anchor or "")
            self.key_end = end_of(event)
            return None
        step = self.key if self.is_map else str(self.count - 1)
        if self.place is None or step is None:
            return None
        document, pointer = self.place
        return document, f"{pointer}/{step.replace('~', '~0').replace('/', '~1')}"


def _placed(events: Iterator[yaml.Event]) -> Iterator[tuple[Place | None, int, yaml.Event]]:
    document = -1
    stack: list[_Frame] = []
    anchored: dict[str, str] = {}
    for event in events:
        if isinstance(event, yaml.ScalarEvent) and event.anchor:
            anchored[event.anchor] = event.value
        place: Place | None = None
        key_end = 0
        if isinstance(event, yaml.DocumentStartEvent):
            document += 1
        elif isinstance(event, yaml.NodeEvent):
            place = stack[-1].enter(event, anchored) if stack else (document, "")
            key_end = stack[-1].key_end if stack else 0
            if isinstance(event, yaml.CollectionStartEvent):
                stack.append(_Frame(place, isinstance(event, yaml.MappingStartEvent)))
        elif isinstance(event, yaml.CollectionEndEvent):
            stack.pop()
        yield place, key_end, event
