"""What binds a manifest to its environment, to be looked at by whoever takes it to another one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from bot.manifests import document
from bot.manifests.document import Mapping, Scalar
from bot.manifests.find import find_sites
from bot.manifests.source import decode
from bot.manifests.walk import Place, Resolved, entries, items

_HOST = re.compile(r"(?<![\w.$@{/-])(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}(?![\w-])(?:\.(?=\W|$))?")
_AFTER = re.compile(r"(?:://(?:[^/\s@]*@)?|@)((?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,})(?![\w.-]*\w)")
_ACCOUNT = re.compile(
    r"(?<![\d.])\d{12}(?![\d.])|(?<=subscriptions/)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE
)
# What has dots and is no host: names of files, of classes and packages, and of API groups.
_FILE = re.compile(
    r"\.(?:ya?ml|json|toml|ini|cfg|conf|cnf|properties|xml|sh|py|js|ts|rb|go|php|txt|md|crt|cer|pem|key|log|jar|war"
    r"|html?|css|sock|sql|tpl|tmpl|gz|zip|tgz|tar|pid|env|lua|svg|png|db)$"
)
_PACKAGE = re.compile(r"(?:com|org|net|io|java|javax|jakarta|dev|ch|de)\.|.*\.(?:k8s|kubernetes)\.io$")
_NO_HOSTS = frozenset({"apiVersion", "apiGroup", "apiGroups", "group", "kind", "version", "chart"})
_HOST_KEY = re.compile(r"host|domain|url|uri|endpoint|server|addr|dns|issuer", re.IGNORECASE)
_ADDRESS = re.compile(r"(?<![\w.])(?!0\.0\.0\.0|127\.)(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w.])")
_FLAGS = frozenset({"", "true", "false", "null", "~"})
# Keys of a Secret's name; what else ends so may hold the secret itself.
_SECRET_NAME = re.compile(r"(?:secret_?name|(?:existing|pull)_?secret)$", re.IGNORECASE)
_SECRET_KEY = re.compile(r"secret$", re.IGNORECASE)
_SECRET_PARENT = re.compile(r"secret(?:key)?(?:ref)?s?$", re.IGNORECASE)


class BindingKind(Enum):
    """What something in a manifest belongs to, that another environment has its own of."""

    HOST = "host name"
    ACCOUNT = "cloud account"
    SECRET = "Secret"  # noqa: S105  the kind of object, not one
    ENVIRONMENT = "name of the environment in"


@dataclass(frozen=True)
class Binding:
    """The first place where a manifest says `text`, lines count from 1.

    `text` is the key where the value may be secret, and where the environment is named.
    """

    kind: BindingKind
    text: str
    line: int
    pointer: str


def find_bindings(path: str, content: bytes, environment: str) -> tuple[Binding, ...]:
    """What a manifest mentions, each once, by line: host names, cloud account numbers, Secrets, its environment's name.

    Images don't count: they are promoted. Raises ManifestError where the file can't be read.
    """
    roots = document.parse(path, decode(path, content))
    named = re.compile(rf"(?<![A-Za-z0-9]){re.escape(environment)}(?![A-Za-z0-9])")
    images = {slot.value.start for site in find_sites(path, roots) for slot in site.slots.values()}
    found: dict[tuple[BindingKind, str], Binding] = {}
    for number, root in enumerate(roots):
        if root is not None and not isinstance(root, document.Alias):
            for place, keys, scalar in _scalars(Place(number), ("",), root):
                said = tuple(_said(keys, scalar)) or _named(keys, scalar, named)
                for kind, text in said if scalar.start not in images else ():
                    found.setdefault((kind, text), Binding(kind, text, scalar.line, f"{number}:{place.pointer}"))
    return tuple(sorted(found.values(), key=lambda binding: binding.line))


def _scalars(place: Place, keys: tuple[str, ...], node: Resolved) -> Iterator[tuple[Place, tuple[str, ...], Scalar]]:
    """Every scalar with the keys on the way to it; an item's are its list's."""
    if isinstance(node, Scalar):
        yield place, keys, node
    elif isinstance(node, Mapping):
        found = entries(node)
        kind = found.get("kind")
        # `{kind: Secret, name: x}`, as in valuesFrom, refers to one; with apiVersion it is one.
        refers = kind and isinstance(kind.value, Scalar) and kind.value.text == "Secret" and "metadata" not in found
        inner = (*keys, "secretRef") if refers else keys
        for key, entry in found.items():
            yield from _scalars(place.at(key), (*inner, key), entry.value)
    else:
        for number, (item, _) in enumerate(items(node)):
            yield from _scalars(place.at(number), keys, item)


def _said(keys: tuple[str, ...], scalar: Scalar) -> Iterator[tuple[BindingKind, str]]:
    key, parent = keys[-1], keys[-2] if len(keys) > 1 else ""
    text = scalar.text
    if text not in _FLAGS and (_SECRET_NAME.search(key) or (key == "name" and _SECRET_PARENT.search(parent))):
        yield BindingKind.SECRET, text
    elif text not in _FLAGS and _SECRET_KEY.search(key):
        yield BindingKind.SECRET, key
    for account in _ACCOUNT.finditer(text):
        yield BindingKind.ACCOUNT, account[0]
    if key not in _NO_HOSTS:
        for host in _hosts(text, sure=_HOST_KEY.search(key) is not None):
            yield BindingKind.HOST, host


def _named(keys: tuple[str, ...], scalar: Scalar, name: re.Pattern[str]) -> tuple[tuple[BindingKind, str], ...]:
    return ((BindingKind.ENVIRONMENT, keys[-1]),) if name.search(scalar.text) else ()


def _hosts(text: str, *, sure: bool) -> Iterator[str]:
    """The host names and addresses in a text; names of two parts only in a URL or under a key that says so."""
    yield from (found[0] for found in _ADDRESS.finditer(text))
    yield from (found[1] for found in _AFTER.finditer(text))
    for found in _HOST.finditer(text):
        host = found[0].rstrip(".")
        if not _FILE.search(host) and not _PACKAGE.match(host) and (sure or host.count(".") > 1):
            yield host
