"""The corpus and its index: which scalars of which files are parts of images, and where their bytes are."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(os.environ.get("PROMOBOT_TEST_DATA") or Path(__file__).parents[4] / "shared")
CORPUS = DATA / "corpus"
REPLAY = DATA / "corpus-replay"
ABSENT = f"no corpus at {CORPUS}; PROMOBOT_TEST_DATA can name its folder"


@dataclass(frozen=True)
class Row:
    """One scalar; `span` is that of its bytes, quotes included, None where nothing is written or it is there twice."""

    document: int
    pointer: str
    value: str
    shape: str
    span: tuple[int, int] | None = None

    @property
    def place(self) -> tuple[int, str]:
        return self.document, self.pointer

    @property
    def key(self) -> str:
        return self.pointer.rpartition("/")[2]


@dataclass(frozen=True)
class Indexed:
    """A file of the corpus; `readable` is false for a template, say."""

    path: str
    rows: tuple[Row, ...]
    readable: bool

    @property
    def repository(self) -> str:
        return self.path.partition("/")[0]

    def read(self) -> bytes:
        return (CORPUS / self.path).read_bytes()


def present() -> bool:
    return (CORPUS / "INDEX.jsonl").exists()


@cache
def indexed() -> tuple[Indexed, ...]:
    """Every file of the index; none where there is no corpus."""
    text = (CORPUS / "INDEX.jsonl").read_text() if present() else ""
    return tuple(_file(json.loads(line)) for line in text.splitlines())


def _file(line: dict[str, Any]) -> Indexed:
    # PyYAML alone fails where an anchor is used twice, which YAML allows.
    return Indexed(line["path"], tuple(_row(image) for image in line["images"]), "ruamel_error" not in line)


def _row(image: dict[str, Any]) -> Row:
    span = (image["byte_start"], image["byte_end"]) if "byte_start" in image else None
    return Row(image["doc"], pointer_of(image["path"]), image["value"], image["shape"], span)


def pointer_of(path: Iterable[object]) -> str:
    """The JSON pointer (RFC 6901) of a list of keys and positions."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
