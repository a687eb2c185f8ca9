"""A request and its answer, as a contract judges them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Exchange:
    """`target` is path and query as they were sent, below the API's root; bodies are None where there is none.

    A body that is not JSON is given as `bytes`.
    """

    method: str
    target: str
    request: Any
    status: int
    response: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        """Each parameter with the values that it has."""
        found: dict[str, list[str]] = {}
        for name, value in parse_qsl(urlsplit(self.target).query, keep_blank_values=True):
            found.setdefault(name, []).append(value)
        return found

    def __str__(self) -> str:
        return f"{self.method} {self.target} -> {self.status}"
