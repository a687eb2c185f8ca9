"""From the manifests of some repositories to their layout, with what is unsure about it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.config import PathPattern, is_service
from bot.layout import words
from bot.layout.hosts import hosts_of, registry_urls
from bot.layout.marking import ENV, aside, mark
from bot.layout.order import in_order, source_of
from bot.layout.services import name_services
from bot.layout.tree import Environment, Layout, Marked, Seen, Served

# Stands where no image tells the registry; https://www.rfc-editor.org/rfc/rfc2606#section-3
NO_REGISTRY = "registry.example.com"
# So many names are told of one kind; the others are counted.
_FEW = 3


@dataclass(frozen=True)
class _Tree:
    """A repository's manifests that belong to environments: all of them, and whose those are that name images."""

    number: int
    seen: Sequence[Seen]
    marked: tuple[Marked, ...]
    served: tuple[Served, ...]

    @classmethod
    def read(cls, number: int, tree: Sequence[Seen]) -> _Tree:
        marked = tuple(one for one in mark(tree) if name_of(one.environment))
        served = name_services([one for one in marked if one.seen.tells])
        running = {_path(one) for one in served if one.marked.seen.versioned}
        return cls(number, tree, marked, tuple(one for one in served if _path(one) in running))

    def of(self, environment: str) -> tuple[Served, ...]:
        """Those of one environment, by its name; guesses only where there is nothing better."""
        own = [one for one in self.served if name_of(one.marked.environment) == environment]
        return tuple(one for one in own if not one.guessed) or tuple(own)


def recognise(trees: Sequence[Sequence[Seen]]) -> Layout:
    """The layout of the repositories that hold these manifests; without environments where none can be told."""
    read = [_Tree.read(number, tree) for number, tree in enumerate(trees)]
    homes = _homes(read)
    served = {name: read[number].of(name) for name, number in homes.items()}
    urls = registry_urls(served)
    registries = _named(urls)
    environments = tuple(
        Environment(
            name=name,
            repository=homes[name],
            paths=_paths(served[name]),
            services=_services(served[name]),
            registry=registries[urls[name] or NO_REGISTRY],
            source=source_of(name, homes)[0],
            exclude=_exclude(served[name], read[homes[name]]),
            unsure=tuple(_doubts(name, read, homes, served)),
        )
        for name in in_order(homes)
    )
    told = {name_of(one.environment) for tree in read for one in tree.marked}
    return Layout(environments, {name: url for url, name in registries.items()}, tuple(sorted(told - set(homes))))


@lru_cache(maxsize=1 << 10)
def name_of(folder: str) -> str:
    """What an environment is called in a configuration, by the folder's or file's word for it."""
    return re.sub(r"[^a-z0-9._-]+|\.{2,}", "-", folder.lower()).strip("._-")[:63].removesuffix(".lock").strip("._-")


def _homes(trees: Sequence[_Tree]) -> dict[str, int]:
    """The repository that describes each environment: the one with most of its manifests."""
    counts = Counter((name_of(one.marked.environment), tree.number) for tree in trees for one in tree.served)
    homes: dict[str, int] = {}
    for (name, number), _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        homes.setdefault(name, number)
    return homes


def _paths(served: Iterable[Served]) -> tuple[str, ...]:
    return tuple(sorted({_path(one) for one in served}))


def _path(one: Served) -> str:
    return one.pattern.replace(ENV, one.marked.environment)


def _exclude(served: Sequence[Served], tree: _Tree) -> tuple[str, ...]:
    """What fits the environment's paths and isn't its own: files of others, and folders where nothing runs."""
    patterns = [PathPattern(path) for path in _paths(served)]
    own = {one.marked.seen.path for one in served}
    found: set[str] = set()
    for seen in tree.seen:
        folder = aside(seen.path)
        # Files that say nothing of images do no harm; in a folder of templates they may not even be readable.
        if seen.path in own or not (seen.tells or folder):
            continue
        if any(_fits(pattern, seen.path) for pattern in patterns):
            found.add(f"{folder}/**" if folder else seen.path)
    return tuple(sorted(found))


def _fits(pattern: PathPattern, path: str) -> bool:
    values = pattern.match(path)
    return values is not None and is_service(pattern.service(values))


def _services(served: Iterable[Served]) -> tuple[str, ...]:
    return tuple(sorted({one.service for one in served}))


def _named(urls: Mapping[str, str | None]) -> dict[str, str]:
    """A name for each registry: that of the environments that pull from it."""
    users: defaultdict[str, list[str]] = defaultdict(list)
    for environment in in_order(urls):
        users[urls[environment] or NO_REGISTRY].append(environment)
    alone = len(users) == 1
    return {url: "images" if alone else "-".join(names)[:63].strip("._-") for url, names in users.items()}


def _doubts(
    name: str, trees: Sequence[_Tree], homes: Mapping[str, int], served: Mapping[str, tuple[Served, ...]]
) -> Iterator[str]:
    own = served[name]
    yield from _about_source(name, homes)
    yield from _about_services(name, own, trees[homes[name]])
    yield from _about_registry(own)
    elsewhere = [tree.number for tree in trees if tree.number != homes[name] and tree.of(name)]
    if elsewhere:
        yield "another repository has manifests of it too; an environment has one, so give those another name"


def _about_source(name: str, homes: Mapping[str, int]) -> Iterator[str]:
    source, possible = source_of(name, homes)
    if words.rank(name) is None:
        yield "its name doesn't tell where it stands: add `from` if its images come from another environment"
    elif source is None and possible:
        yield f"its images may come from {_listed(possible)}: say so in `from`"
    elif len(possible) > 1:
        yield f"its images may come from {_listed(possible)}; the first of them is written"


def _about_services(name: str, own: Sequence[Served], tree: _Tree) -> Iterator[str]:
    if any(one.guessed for one in own):
        yield f"no part of its paths is called like a service; {_listed(_services(own))} is a guess"
    parts = _services(one for one in own if not one.marked.seen.images)
    if parts:
        yield f"says only the tag of {_listed(parts)}, and inherits the rest from a base: see `promobot pin`"
    silent = _inheriting(name, own, tree)
    if silent:
        yield f"inherits the image of {_listed(silent)} from its base: see `promobot pin`"


def _inheriting(name: str, own: Sequence[Served], tree: _Tree) -> list[str]:
    """Services of other environments whose manifest is here too, but says nothing of an image."""
    mine = {one.marked.around for one in own}
    silent = {one.around for one in tree.marked if name_of(one.environment) == name and not one.seen.tells} - mine
    return sorted({one.service for one in tree.served if one.marked.around in silent} - set(_services(own)))


def _about_registry(own: Sequence[Served]) -> Iterator[str]:
    counted = hosts_of(own)
    bare = counted.pop("", 0)
    if not counted:
        yield f"no image says its registry: write its address instead of {NO_REGISTRY}"
    elif len(counted) > 1:
        first, *others = sorted(counted, key=lambda host: (-counted[host], host))
        yield f"most images are from {first}; those from {_listed(others)} are left as they are"
    if bare and counted:
        which = "one service" if bare == 1 else f"{bare} services"
        yield f"images of {which} name no registry's host: those are left as they are"


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - _FEW} more" if len(every) > _FEW else ""
    return ", ".join(every[:_FEW]) + more
