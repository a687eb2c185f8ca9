"""Which registry each environment pulls from: the host that most of its services name, and the path they share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from bot.layout.services import is_like
from bot.layout.tree import Served

# Stands where no image tells the registry; https://www.rfc-editor.org/rfc/rfc2606#section-3
NO_REGISTRY = "registry.example.com"


def registry_urls(environments: Mapping[str, Sequence[Served]]) -> dict[str, str | None]:
    """`host[/prefix]` by environment, None where no image there names its host.

    Environments that name an image alike share a registry, so the prefix is what all of them have in common.
    """
    names = {environment: _of_main_host(served) for environment, served in environments.items()}
    urls: dict[str, str | None] = {}
    for environment, own in names.items():
        together = set(own)
        while any(together & other and not other <= together for other in names.values()):
            together.update(*(other for other in names.values() if together & other))
        urls[environment] = _prefix(together) if own else None
    return urls


def hosts_of(served: Iterable[Served]) -> tuple[str, ...]:
    """The hosts of images: first the one of most images that are called like their service, then of most services.

    An image without a host counts as the empty text's, which comes last.
    """
    pairs = {(one.service, image.registry or "", is_like(one.service, image)) for one in served for image in one.images}
    own = Counter(host for _, host, like in pairs if like)
    every = Counter(host for _, host in {pair[:2] for pair in pairs})
    return tuple(sorted(every, key=lambda host: (not host, -own[host], -every[host], host)))


def _of_main_host(served: Sequence[Served]) -> frozenset[str]:
    hosts = hosts_of(served)
    if not hosts or not hosts[0]:
        return frozenset()
    return frozenset(image.name for one in served for image in one.images if image.registry == hosts[0])


def _prefix(names: Collection[str]) -> str:
    """The folders that all names have in common."""
    first, *others = (name.split("/")[:-1] for name in sorted(names))
    for other in others:
        same = next((n for n, pair in enumerate(zip(first, other, strict=False)) if pair[0] != pair[1]), len(other))
        first = first[:same]
    return "/".join(first)
