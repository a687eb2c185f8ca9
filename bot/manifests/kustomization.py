"""What a kustomization lists, and one more resource, in the style of its neighbours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from bot.manifests import document
from bot.manifests.document import Mapping, Node, Scalar
from bot.manifests.scalars import spelled
from bot.manifests.source import decode, fault
from bot.manifests.verify import Before, prove_added
from bot.manifests.walk import entries

_DASH = re.compile(r" *-[ \t]+")
_REST_OF_LINE = re.compile(r"[ \t]*(?:(?<=[ \t])#[^\r\n]*)?(\r\n|\n|\r|\Z)")


def kustomization_resources(path: str, content: bytes) -> tuple[str, ...]:
    """What `resources` of a kustomization lists. Raises ManifestError where it can't be read."""
    roots = document.parse(path, decode(path, content))
    return tuple(item.text for item in _items(roots, "resources"))


def kustomization_bases(path: str, content: bytes) -> tuple[str, ...]:
    """What a kustomization is made from: its `resources`, `bases` and `components`. Raises ManifestError."""
    roots = document.parse(path, decode(path, content))
    return tuple(item.text for key in ("resources", "bases", "components") for item in _items(roots, key))


def add_resource(path: str, content: bytes, new: str, *, after: str) -> bytes:
    """The kustomization with the resource `new` on a line of its own below the resource `after`.

    Raises ManifestError where the list isn't written line by line.
    """
    text = decode(path, content)
    before = Before.read(path, text)
    listed = [item for item in _items(document.read(path, before.exact), "resources") if item.text == after]
    if len(listed) != 1:
        raise fault(path, 1, f"{after} is not listed once in resources", "add the resource by hand")
    edited = _with_line_below(text, listed[0], new)
    if edited is None:
        raise fault(path, listed[0].line, f"resources isn't a list with {after} on a line of its own", "add it by hand")
    prove_added(path, before, edited, [new])
    return edited.encode()


def _items(roots: Iterable[Node | None], key: str) -> Iterator[Scalar]:
    """The scalars in the list under `key` of a file that holds one document."""
    mappings = [root for root in roots if isinstance(root, Mapping)]
    found = entries(mappings[0]).get(key) if len(mappings) == 1 else None
    if found and not found.problem and isinstance(found.value, document.Sequence):
        yield from (item for item in found.value.items if isinstance(item, Scalar))


def _with_line_below(text: str, item: Scalar, new: str) -> str | None:
    begin = max(text.rfind("\n", 0, item.start), text.rfind("\r", 0, item.start)) + 1
    dash = _DASH.fullmatch(text, begin, item.start)
    rest = _REST_OF_LINE.match(text, item.end)
    if not dash or not rest or item.line != item.last_line:
        return None
    line = f"{dash[0]}{spelled(new, item.style)}"
    if rest[1]:
        return f"{text[: rest.end()]}{line}{rest[1]}{text[rest.end() :]}"
    end = re.search(r"\r\n|\n|\r", text)
    return f"{text}{end[0] if end else chr(10)}{line}"
