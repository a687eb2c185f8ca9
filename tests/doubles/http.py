"""Requests and answers, as the doubles see them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, parse_qsl


@dataclass(frozen=True)
class Request:
    """What came. `target` is path and query as they were sent, below the prefix that the double is served at.

    `base` is the address, without a slash at the end, by which the client came here: for the double's own links.
    Headers are found whatever case they are asked for in.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    base: str

    def __str__(self) -> str:
        return f"{self.method} {self.target}"

    @property
    def path(self) -> str:
        """The path, still encoded."""
        return self.target.partition("?")[0]

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """What comes after the question mark."""
        return parse_qs(self.target.partition("?")[2], keep_blank_values=True)

    @cached_property
    def json(self) -> Any:
        """The body as JSON; an empty one is None. Raises ValueError."""
        return json.loads(self.body) if self.body else None

    @cached_property
    def form(self) -> dict[str, str]:
        """The body as a form; empty where it isn't one."""
        if self.headers.get("Content-Type", "").partition(";")[0] != "application/x-www-form-urlencoded":
            return {}
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @cached_property
    def login(self) -> tuple[str, str] | None:
        """User and password, where they are given the basic way."""
        kind, _, encoded = self.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return user, password


@dataclass(frozen=True)
class Response:
    """What goes back: `content` is bytes as they are, None for nothing, or anything else as JSON."""

    status: int
    content: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def body(self) -> bytes:
        """What is sent."""
        match self.content:
            case None:
                return b""
            case bytes():
                return self.content
            case _:
                return json.dumps(self.content, ensure_ascii=False).encode()

    @cached_property
    def head(self) -> dict[str, str]:
        """The headers that are sent."""
        kind = {} if self.content is None or isinstance(self.content, bytes) else {"Content-Type": "application/json"}
        return {**kind, **self.headers}
