"""Which function answers a request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import unquote

H = TypeVar("H")


@dataclass(frozen=True)
class Match(Generic[H]):
    """What answers a request: `name` is its method and pattern, `values` what stands for the pattern's variables."""

    name: str
    handler: H
    values: dict[str, str]


@dataclass
class Routes(Generic[H]):
    """A table of handlers by method and pattern, such as `GET /projects/:id/merge_requests/:iid`.

    `:name` stands for one segment of the path as it was sent, so that `%2F` in it is no end; `*name` for all that is
    left, at least one. Where several patterns fit, the one with more words of its own does.
    """

    table: dict[str, H] = field(default_factory=dict)

    def add(self, pattern: str, handler: H) -> None:
        """One more; a pattern has one handler."""
        assert pattern not in self.table, f"{pattern} is there twice"
        self.table[pattern] = handler

    def find(self, method: str, path: str) -> Match[H] | None:
        """The handler for a request; None where there is none."""
        fitting = []
        for name, handler in self.table.items():
            wanted, _, pattern = name.partition(" ")
            values = _values(pattern.strip("/").split("/"), path.strip("/").split("/")) if wanted == method else None
            if values is not None:
                own = sum(not word.startswith((":", "*")) for word in pattern.split("/"))
                fitting.append((-own, name, Match(name, handler, values)))
        return min(fitting, key=lambda found: found[:2])[2] if fitting else None

    def methods(self, path: str) -> list[str]:
        """The methods that a path has handlers for."""
        methods: Iterable[str] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
        return [method for method in methods if self.find(method, path)]


def _values(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    values: dict[str, str] = {}
    for at, word in enumerate(pattern):
        if at >= len(segments) or not segments[at]:
            return None
        if word.startswith("*"):
            return {**values, word[1:]: unquote("/".join(segments[at:]))}
        if word.startswith(":"):
            values[word[1:]] = unquote(segments[at])
        elif word != unquote(segments[at]):
            return None
    return values if len(pattern) == len(segments) else None
