"""What two versions of a manifest say differently, apart from the images that they name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, TypeAlias

from bot.manifests import document
from bot.manifests.document import Mapping, Node, Scalar
from bot.manifests.fields import FieldRule
from bot.manifests.find import find_sites
from bot.manifests.scalars import may_be_typed
from bot.manifests.source import decode
from bot.manifests.walk import Place, Resolved, entries, items

_LONGEST = 40

# Names of what must not be quoted, and what gives a secret away under any name. Both rather hide too much.
_SECRET_NAME = re.compile(
    r"pass|pwd|secret|token|key|credential|auth|cert|dsn|conn(?:ection)?[._-]?str|cookie|salt|jwt|bearer|private"
    r"|signature|licen[cs]e|webhook",
    re.IGNORECASE,
)
_NAME_KEYS = ("name", "key", "variable")
_SECRET_TEXT = re.compile(r"://[^/\s]*@|-----BEGIN|\b(?:eyJ|AKIA|ASIA|gh[a-z]_|glpat-|xox[a-z]-)")
# Letters and digits mixed in a long run, as in keys and checksums: all three in one word.
_RANDOM = (re.compile(r"[\w+/=-]{20}"), re.compile(r"[0-9]"), re.compile(r"[A-Za-z]"))


class DifferenceKind(Enum):
    """What became of a value."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True)
class Difference:
    """One thing that two versions say differently.

    `pointer` is the RFC 6901 JSON pointer inside document number `document` (from 0) of the newer version, of the
    older for what was removed. `name` says the same to people: list items by their names, `env.FEATURE_X.value`.
    `before` and `after` are shortened to a line; empty for what is not there, no scalar, or may be secret.
    """

    kind: DifferenceKind
    document: int
    pointer: str
    name: str
    before: str = ""
    after: str = ""


class _Found(NamedTuple):
    """A value, the way there, and whether a name on the way says that it is secret."""

    value: Resolved
    place: Place
    labels: tuple[str, ...]
    secret: bool

    def below(self, token: str | int, value: Resolved, label: str = "") -> _Found:
        label = label or str(token)
        secret = self.secret or _SECRET_NAME.search(label) is not None or _holds_secret(value)
        return _Found(value, self.place.at(token), (*self.labels, label), secret)

    @property
    def shown(self) -> str:
        """The value on one line, empty where it can't or must not be shown."""
        if self.secret or not isinstance(self.value, Scalar):
            return ""
        text = self.value.text.strip()
        if "\n" in text or _may_be_secret(text):
            return ""
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _may_be_secret(text: str) -> bool:
    if _SECRET_TEXT.search(text) or _SECRET_NAME.search(text):
        return True
    return any(all(sign.search(word) for sign in _RANDOM) for word in text.split())


def _holds_secret(value: Resolved) -> bool:
    """Whether a mapping says of itself that it is one: `{name: DB_PASSWORD, value: x}`, an object in a List."""
    texts = _scalars(value)
    return any(_SECRET_NAME.search(texts.get(key, "")) for key in _NAME_KEYS) or texts.get("kind", "").endswith(
        "Secret"
    )


_Children: TypeAlias = dict[str, _Found]


def find_differences(path: str, before: bytes, after: bytes, rules: Sequence[FieldRule] = ()) -> tuple[Difference, ...]:
    """Every difference of two versions of the manifest `path`, what was removed behind its siblings.

    Scalars that name an image, found with `rules`, don't count; nor do comments, quotes, anchors and the order of
    keys. Documents are the same by apiVersion, kind and name where there are several, else by number; items of a list
    by `name`. What comes or goes with everything in it is one difference. Raises ManifestError where a version can't
    be read.
    """
    old, new = (_Version.read(path, content, rules) for content in (before, after))
    return tuple(_Comparison(old, new).differences())


@dataclass(frozen=True)
class _Version:
    """One version: its documents, and where the scalars of its images begin."""

    documents: tuple[Node | None, ...]
    images: frozenset[int]

    @classmethod
    def read(cls, path: str, content: bytes, rules: Sequence[FieldRule]) -> _Version:
        roots = document.parse(path, decode(path, content))
        slots = (slot for site in find_sites(path, roots, rules) for slot in site.slots.values())
        return cls(roots, frozenset(slot.value.start for slot in slots))

    def is_image(self, found: _Found) -> bool:
        return isinstance(found.value, Scalar) and found.value.start in self.images


@dataclass(frozen=True)
class _Comparison:
    old: _Version
    new: _Version

    def differences(self) -> Iterator[Difference]:
        old, new = _documents(self.old.documents), _documents(self.new.documents)
        if len(old) == len(new) == 1:
            (was,), (now,) = old.values(), new.values()
            yield from self._compare(was._replace(labels=()), now._replace(labels=()))
        else:
            yield from self._children(old, new)

    def _compare(self, old: _Found, new: _Found) -> Iterator[Difference]:
        if isinstance(old.value, Mapping) and isinstance(new.value, Mapping):
            yield from self._children(_entries(old), _entries(new))
        elif isinstance(old.value, document.Sequence) and isinstance(new.value, document.Sequence):
            yield from self._listed(old, new)
        elif _meaning(old.value) != _meaning(new.value) and not (self.old.is_image(old) or self.new.is_image(new)):
            yield _changed(old, new)

    def _children(self, old: _Children, new: _Children) -> Iterator[Difference]:
        for label, found in new.items():
            if label in old:
                yield from self._compare(old[label], found)
            elif not self.new.is_image(found):
                yield _difference(DifferenceKind.ADDED, found, after=found.shown)
        for label, found in old.items():
            if label not in new and not self.old.is_image(found):
                yield _difference(DifferenceKind.REMOVED, found, before=found.shown)

    def _listed(self, old: _Found, new: _Found) -> Iterator[Difference]:
        before, after = _alike(old, new)
        yield from self._children(before, after)
        if [label for label in before if label in after] != [label for label in after if label in before]:
            yield _changed(old, new)


def _difference(kind: DifferenceKind, found: _Found, *, before: str = "", after: str = "") -> Difference:
    return Difference(kind, found.place.document, found.place.pointer, ".".join(found.labels), before, after)


def _changed(old: _Found, new: _Found) -> Difference:
    """With both texts, unless one is hidden or they can't be told apart."""
    told = old.shown and new.shown and old.shown != new.shown
    return _difference(DifferenceKind.CHANGED, new, before=old.shown if told else "", after=new.shown if told else "")


def _meaning(value: Resolved) -> tuple[str, ...]:
    """What a scalar says and whether that is a string, whatever its quotes and however null is spelled."""
    if not isinstance(value, Scalar):
        return (type(value).__name__,)
    if value.is_null:
        return ("null",)
    typed = not value.style and may_be_typed(value.text)
    return "typed" if typed else "string", value.tag, value.text


# --- which is which -------------------------------------------------------------------------------------


def _documents(roots: Sequence[Node | None]) -> _Children:
    """The documents, Kubernetes objects by what they are."""
    found: _Children = {}
    for index, root in enumerate(roots):
        if root is None or isinstance(root, document.Alias):
            continue
        version, kind, name = _identity(root)
        key = f"{version} {name}"
        if not kind or key in found:
            key = name = f"document {index}"
        found[key] = _Found(root, Place(index), (name,), kind.endswith("Secret"))
    return found


def _identity(root: Resolved) -> tuple[str, str, str]:
    """apiVersion, kind, and kind with namespace and name, of a Kubernetes object; empty texts for all else."""
    top = _scalars(root)
    if not isinstance(root, Mapping) or not {"apiVersion", "kind"} <= top.keys():
        return "", "", ""
    metadata = entries(root).get("metadata")
    names = _scalars(metadata.value) if metadata else {}
    parts = (top["kind"], names.get("namespace"), names.get("name"))
    return top["apiVersion"], top["kind"], "/".join(filter(None, parts))


def _scalars(value: Resolved) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {}
    return {key: entry.value.text for key, entry in entries(value).items() if isinstance(entry.value, Scalar)}


def _entries(parent: _Found) -> _Children:
    if not isinstance(parent.value, Mapping):
        return {}
    return {key: parent.below(key, entry.value) for key, entry in entries(parent.value).items()}


def _alike(old: _Found, new: _Found) -> tuple[_Children, _Children]:
    """The items of two lists by what tells them apart in both: a name, else a text, else the number."""
    ways: tuple[Callable[[Resolved], str | None], ...] = (_name, _text)
    for way in ways:
        before, after = _labelled(old, way), _labelled(new, way)
        if before is not None and after is not None:
            return before, after
    return _numbered(old), _numbered(new)


def _labelled(parent: _Found, way: Callable[[Resolved], str | None]) -> _Children | None:
    """The items by their labels; None unless each has one of its own."""
    found: _Children = {}
    for item in _items(parent):
        label = way(item.value)
        if label is None or label in found:
            return None
        # A text is not the item's name, and might be secret.
        found[label] = item._replace(labels=(*parent.labels, label)) if way is _name else item
    return found


def _numbered(parent: _Found) -> _Children:
    return {item.labels[-1]: item for item in _items(parent)}


def _items(parent: _Found) -> Iterator[_Found]:
    """The items of a list, by number; one is secret, too, behind an option that says so: `[--password, hunter2]`."""
    before = False
    for number, (value, _) in enumerate(items(parent.value) if isinstance(parent.value, document.Sequence) else ()):
        item = parent.below(number, value)
        yield item._replace(secret=item.secret or before)
        text = value.text if isinstance(value, Scalar) else ""
        before = text.startswith("-") and _SECRET_NAME.search(text) is not None


def _name(item: Resolved) -> str | None:
    return _scalars(item).get("name")


def _text(item: Resolved) -> str | None:
    return " ".join(_meaning(item)) if isinstance(item, Scalar) else None
