"""Every file in six spellings that say the same, and where its bytes went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import yaml

from tests.manifests.corpus.reading import end_of, start_of

_COMMENT = "# 🚀 ü\n".encode()


@dataclass(frozen=True)
class Variant:
    """`make` gives None where the spelling makes no difference, `moved` the new offset of an old one."""

    name: str
    make: Callable[[bytes], bytes | None]
    moved: Callable[[bytes, int], int]


def _crlf(content: bytes) -> bytes | None:
    return None if b"\r" in content else content.replace(b"\n", b"\r\n")


def _no_final_newline(content: bytes) -> bytes | None:
    return content.rstrip(b"\n") if content.endswith(b"\n") else None


def _byte_order_mark(content: bytes) -> bytes | None:
    return "\ufeff".encode() + content


def _comment_first(content: bytes) -> bytes | None:
    return None if content.startswith((b"{", b"[", b"%", "\ufeff".encode())) else _COMMENT + content


def _tabs(content: bytes) -> bytes | None:
    """A tab for the space before each comment that stands behind a value."""
    text = content.decode()
    chars = list(text)
    covered = _in_scalars(text)
    for at in range(2, len(text)):
        if text[at] == "#" and text[at - 1] == " " and at not in covered:
            before = text[text.rfind("\n", 0, at) + 1 : at]
            if before.strip(" "):
                chars[at - 1] = "\t"
    changed = "".join(chars)
    return changed.encode() if changed != text else None


def _in_scalars(text: str) -> set[int]:
    covered: set[int] = set()
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.ScalarEvent):
            covered.update(range(start_of(event), end_of(event)))
    return covered


AS_IS = Variant("as is", lambda content: content, lambda _, at: at)

VARIANTS = (
    AS_IS,
    Variant("CRLF", _crlf, lambda content, at: at + content.count(b"\n", 0, at)),
    Variant("byte order mark", _byte_order_mark, lambda _, at: at + 3),
    Variant("no final newline", _no_final_newline, lambda content, at: min(at, len(content.rstrip(b"\n")))),
    Variant("non-ASCII comment first", _comment_first, lambda _, at: at + len(_COMMENT)),
    Variant("tabs before comments", _tabs, lambda _, at: at),
)
