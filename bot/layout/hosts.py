"""Which registry each environment pulls from: the host that most of its services name, and the path they share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from bot.layout.tree import Served


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


def hosts_of(served: Iterable[Served]) -> Counter[str]:
    """How many services name each host; an image without one counts as the empty text's."""
    pairs = {(one.service, image.registry or "") for one in served for image in one.marked.seen.images}
    return Counter(host for _, host in pairs)


def _of_main_host(served: Sequence[Served]) -> frozenset[str]:
    counted = hosts_of(served)
    del counted[""]
    if not counted:
        return frozenset()
    host = max(sorted(counted), key=lambda host: counted[host])
    return frozenset(image.name for one in served for image in one.marked.seen.images if image.registry == host)


def _prefix(names: Collection[str]) -> str:
    """The folders that all names have in common."""
    first, *others = (name.split("/")[:-1] for name in sorted(names))
    for other in others:
        same = next((n for n, pair in enumerate(zip(first, other, strict=False)) if pair[0] != pair[1]), len(other))
        first = first[:same]
    return "/".join(first)
