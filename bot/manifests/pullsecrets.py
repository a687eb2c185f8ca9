"""Where a manifest says which Secrets its images are pulled with."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.manifests import document
from bot.manifests.document import Mapping, Scalar
from bot.manifests.source import decode
from bot.manifests.walk import Resolved, entries, items

_KEY = re.compile(r"(?:image_?)?pull_?secrets?(?:_?names?)?", re.IGNORECASE)


def find_pull_secrets(path: str, content: bytes) -> tuple[int, ...]:
    """The lines, from 1, of `imagePullSecrets` and its like that aren't empty.

    Raises ManifestError where the file can't be read.
    """
    roots = (root for root in document.parse(path, decode(path, content)) if root is not None)
    return tuple(sorted({line for root in roots if not isinstance(root, document.Alias) for line in _lines(root)}))


def _lines(node: Resolved) -> Iterator[int]:
    if isinstance(node, Mapping):
        for name, entry in entries(node).items():
            if _KEY.fullmatch(name):
                yield from [entry.key.line] * _says_something(entry.value)
            else:
                yield from _lines(entry.value)
    elif not isinstance(node, Scalar):
        for item, _ in items(node):
            yield from _lines(item)


def _says_something(node: Resolved) -> bool:
    match node:
        case Scalar(text=text):
            return text not in {"", "null", "~"}
        case Mapping():
            return bool(node.pairs)
        case _:
            return bool(node.items)
