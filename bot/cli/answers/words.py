"""Texts that are one of several."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


@dataclass(frozen=True)
class OneOf:
    """Marks a text as one of an enumeration's values or, in lower case, of its names."""

    kind: type[Enum]
    by_name: bool = False

    def __get_pydantic_json_schema__(self, _core: object, _handler: object) -> dict[str, Any]:
        words = [one.name.lower() if self.by_name else one.value for one in self.kind]
        return {"type": "string", "enum": words}
