"""Walking a document's mappings by what they mean: aliases followed, merge keys applied, every oddity noted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from bot.manifests.document import Alias, Mapping, Node, Scalar, Sequence

Resolved: TypeAlias = Scalar | Mapping | Sequence


class Problem(NamedTuple):
    """Why a value can't be edited under its pointer, what to do, and the line that is to blame."""

    reason: str
    line: int


# Entries and places are made by `tuple.__new__`, which takes half the time of calling the class.
class Entry(NamedTuple):
    """A mapping's entry."""

    key: Scalar
    value: Resolved
    problem: Problem | None = None


# The entries of a mapping with a scalar key, by its text.
Entries: TypeAlias = dict[str, Entry]


class Place(NamedTuple):
    """Where a walk is: document number, JSON pointer (RFC 6901), and the first problem met on the way there."""

    document: int
    pointer: str = ""
    problem: Problem | None = None

    def at(self, step: str | int, problem: Problem | None = None) -> Place:
        """The place one step below."""
        token = step.replace("~", "~0").replace("/", "~1") if isinstance(step, str) else step
        return tuple.__new__(Place, (self.document, f"{self.pointer}/{token}", self.problem or problem))


def entries(mapping: Mapping) -> dict[str, Entry]:
    """The entries with a scalar key, by its text. Of a key that is there twice the last counts, as for most readers."""
    found, merges = _own(mapping)
    if not merges:
        return found
    seen: set[int] = set()
    for line, value in merges:
        for source in _sources(value, seen):
            for name, entry in source.items():
                if name not in found:
                    found[name] = _as_merged(entry, line)
    return found


def _own(mapping: Mapping) -> tuple[dict[str, Entry], list[tuple[int, Node]]]:
    """A mapping's own entries, and its merge keys: their lines, and what they merge."""
    found: dict[str, Entry] = {}
    merges: list[tuple[int, Node]] = []
    for node, value in mapping.pairs:
        key = node if isinstance(node, Scalar) else _aliased(node)
        if key is None:
            continue
        name = key.text
        if name == "<<" and not key.style:
            merges.append((key.line, value))
        elif name in found or isinstance(value, Alias):
            found[name] = _odd_entry(found.pop(name, None), key, value)
        else:
            found[name] = tuple.__new__(Entry, (key, value, None))
    return found, merges


def _aliased(key: Node) -> Scalar | None:
    """The scalar that a key is an alias of (`*app : …` is common), where the alias stands; None for a collection."""
    if isinstance(key, Alias) and isinstance(key.target, Scalar):
        return key.target._replace(start=key.start, end=key.end, line=key.line, last_line=key.line)
    return None


def _odd_entry(first: Entry | None, key: Scalar, value: Node) -> Entry:
    """An entry whose key is there before, or whose value is an alias."""
    target, problem = resolve(value)
    if first:
        reason = f"the key {key.text!r} is there twice, on lines {first.key.line} and {key.line}; remove one"
        problem = Problem(reason, key.line)
    return Entry(key, target, problem)


def items(sequence: Sequence) -> Iterator[tuple[Resolved, Problem | None]]:
    """The items, aliases followed, each with its problem."""
    return (resolve(item) for item in sequence.items)


def resolve(node: Node) -> tuple[Resolved, Problem | None]:
    """The node itself, or what it is an alias of with the reason why it can't be edited here."""
    if not isinstance(node, Alias):
        return node, None
    reason = f"taken by an alias from line {node.target.line}; edit it there, or write it out here"
    return node.target, Problem(reason, node.line)


def _sources(value: Node, seen: set[int]) -> Iterator[dict[str, Entry]]:
    """The entries that a merge key brings, the first of a name wins (https://yaml.org/type/merge.html).

    Each mapping once: chains of merge keys would else take time beyond all bounds.
    """
    target = _target(value)
    for item in target.items if isinstance(target, Sequence) else (target,):
        mapping = _target(item)
        if isinstance(mapping, Mapping) and id(mapping) not in seen:
            seen.add(id(mapping))
            found, merges = _own(mapping)
            yield found
            for _, inner in merges:
                yield from _sources(inner, seen)


def _target(node: Node) -> Resolved:
    return node.target if isinstance(node, Alias) else node


def _as_merged(entry: Entry, line: int) -> Entry:
    reason = f"taken by a merge key (<<) from line {entry.key.line}; edit it there, or write it out here"
    return entry._replace(problem=Problem(reason, line))
