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


class Entry(NamedTuple):
    """A mapping's entry."""

    key: Scalar
    value: Resolved
    problem: Problem | None = None


class Place(NamedTuple):
    """Where a walk is: document number, JSON pointer (RFC 6901), and the first problem met on the way there."""

    document: int
    pointer: str = ""
    problem: Problem | None = None

    def at(self, step: str | int, problem: Problem | None = None) -> Place:
        """The place one step below."""
        token = str(step).replace("~", "~0").replace("/", "~1")
        return Place(self.document, f"{self.pointer}/{token}", self.problem or problem)


def entries(mapping: Mapping) -> dict[str, Entry]:
    """The entries with a scalar key, by its text. Of a key that is there twice the last counts, as for most readers."""
    found: dict[str, Entry] = {}
    merged: dict[str, Entry] = {}
    for node, value in mapping.pairs:
        key = _key(node)
        if key is None:
            continue
        if key.text == "<<" and not key.style:
            merged = {**_merged(value, key.line), **merged}
            continue
        target, problem = resolve(value)
        first = found.pop(key.text, None)
        if first:
            reason = f"the key {key.text!r} is there twice, on lines {first.key.line} and {key.line}; remove one"
            problem = Problem(reason, key.line)
        found[key.text] = Entry(key, target, problem)
    for name, entry in merged.items():
        found.setdefault(name, entry)
    return found


def _key(node: Node) -> Scalar | None:
    """The text of a key where it stands, an alias followed (`*app : …` is common); None for a collection."""
    if isinstance(node, Alias) and isinstance(node.target, Scalar):
        return node.target._replace(start=node.start, end=node.end, line=node.line, last_line=node.line)
    return node if isinstance(node, Scalar) else None


def items(sequence: Sequence) -> Iterator[tuple[Resolved, Problem | None]]:
    """The items, aliases followed, each with its problem."""
    return (resolve(item) for item in sequence.items)


def resolve(node: Node) -> tuple[Resolved, Problem | None]:
    """The node itself, or what it is an alias of with the reason why it can't be edited here."""
    if not isinstance(node, Alias):
        return node, None
    reason = f"taken by an alias from line {node.target.line}; edit it there, or write it out here"
    return node.target, Problem(reason, node.line)


def _merged(value: Node, line: int) -> dict[str, Entry]:
    """What a merge key brings (https://yaml.org/type/merge.html): of several mappings the first wins."""
    target, _ = resolve(value)
    if isinstance(target, Mapping):
        return {name: _as_merged(entry, line) for name, entry in entries(target).items()}
    if isinstance(target, Sequence):
        parts = [_merged(item, line) for item in target.items if isinstance(resolve(item)[0], Mapping)]
        return {name: entry for part in reversed(parts) for name, entry in part.items()}
    return {}


def _as_merged(entry: Entry, line: int) -> Entry:
    reason = f"taken by a merge key (<<) from line {entry.key.line}; edit it there, or write it out here"
    return entry._replace(problem=Problem(reason, line))
