"""From the manifests of some repositories to their layout, with what is unsure about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from bot.config import PathPattern, is_service
from bot.layout import doubts
from bot.layout.fields import Ruled, ruled
from bot.layout.hosts import NO_REGISTRY, registry_urls
from bot.layout.marking import aside, mark
from bot.layout.order import in_order, source_of
from bot.layout.services import name_services
from bot.layout.tags import template
from bot.layout.tree import Environment, Layout, LeftOut, Marked, Seen, Served, Tree
from bot.layout.words import name_of


@dataclass(frozen=True)
class _Read:
    """A tree, with its manifests that belong to environments: all of them, and whose those are that name images."""

    tree: Tree
    marked: tuple[Marked, ...]
    served: tuple[Served, ...]

    @classmethod
    def of(cls, tree: Tree, order: Sequence[str]) -> _Read:
        marked = tuple(one for one in mark(tree, order) if name_of(one.environment))
        served = name_services([one for one in marked if one.seen.tells])
        running = {one.path for one in served if one.marked.seen.versioned}
        return cls(tree, marked, tuple(one for one in served if one.path in running))

    @cached_property
    def environments(self) -> Mapping[str, Ruled]:
        """The manifests of each environment, by its name; guesses only where there is nothing better."""
        found: defaultdict[str, list[Served]] = defaultdict(list)
        for one in self.served:
            found[name_of(one.marked.environment)].append(one)
        sure = {name: [one for one in own if not one.guessed] or own for name, own in found.items()}
        return {name: rules for name, own in sure.items() if (rules := ruled(own)).served}


@dataclass(frozen=True)
class _Chain:
    """All environments: the number of the tree of each, what is known of them, and the order that somebody gave."""

    read: Sequence[_Read]
    homes: Mapping[str, int]
    order: Sequence[str]

    def ruled(self, name: str) -> Ruled:
        """The manifests of an environment."""
        return self.read[self.homes[name]].environments[name]

    @property
    def names(self) -> tuple[str, ...]:
        """As images go through them."""
        return in_order(self.homes, self.order)

    def source(self, name: str) -> str | None:
        """Where an environment gets its images from."""
        return source_of(name, self.homes, self.order)[0]

    def tag(self, name: str) -> str:
        """The template that tags get on the way."""
        source = self.source(name)
        return template(self.ruled(source).served, self.ruled(name).served) if source is not None else ""


def recognise(trees: Sequence[Tree], order: Sequence[str] = ()) -> Layout:
    """The layout of the repositories that hold these manifests; without environments where none can be told.

    `order` are the names of environments as somebody knows them, as images go through them.
    """
    read = [_Read.of(tree, order) for tree in trees]
    chain = _Chain(read, _homes(read), order)
    urls = registry_urls({name: chain.ruled(name).served for name in chain.names})
    registries = _named({name: urls[name] or NO_REGISTRY for name in chain.names})
    environments = tuple(_environment(chain, name, registries[urls[name] or NO_REGISTRY]) for name in chain.names)
    told = {name_of(one.environment) for each in read for one in each.marked}
    silent = tuple(sorted(told - set(chain.homes)))
    left_out = tuple(
        LeftOut(name, number, _services(tree.environments[name].served))
        for number, tree in enumerate(read)
        for name in chain.names
        if name in tree.environments and chain.homes[name] != number
    )
    return Layout(environments, {name: url for url, name in registries.items()}, silent, left_out)


def _homes(trees: Sequence[_Read]) -> dict[str, int]:
    """The tree that describes each environment: the one with most of its manifests."""
    counts = [
        (-len(rules.served), name, number)
        for number, tree in enumerate(trees)
        for name, rules in tree.environments.items()
    ]
    homes: dict[str, int] = {}
    for _, name, number in sorted(counts):
        homes.setdefault(name, number)
    return homes


def _environment(chain: _Chain, name: str, registry: str) -> Environment:
    read, own = chain.read[chain.homes[name]], chain.ruled(name)
    return Environment(
        name=name,
        repository=chain.homes[name],
        paths=_paths(own.served),
        services=_services(own.served),
        registry=registry,
        source=chain.source(name),
        tag=chain.tag(name),
        exclude=_exclude(own, read.tree.seen),
        fields=own.fields,
        unsure=(
            *doubts.of_source(name, chain.homes, chain.order),
            *doubts.of_services(own, [one for one in read.marked if name_of(one.environment) == name], read.served),
            *doubts.of_registry(own.served),
            *doubts.of_home(read.tree.told_by),
        ),
    )


def _services(served: Sequence[Served]) -> tuple[str, ...]:
    return tuple(sorted({one.service for one in served}))


def _paths(served: Sequence[Served]) -> tuple[str, ...]:
    return tuple(sorted({one.path for one in served}))


def _exclude(own: Ruled, tree: Sequence[Seen]) -> tuple[str, ...]:
    """What fits the environment's paths and isn't its own: files of others, and folders where nothing runs."""
    strict = {field.path for field in own.fields}
    patterns = [PathPattern(path) for path in _paths(own.served)]
    known = {one.marked.seen.path for one in own.served}
    found: set[str] = set()
    for seen in tree:
        folder = aside(seen.path)
        fitting = [pattern for pattern in patterns if seen.path not in known and _fits(pattern, seen.path)]
        # Files that say nothing of images do no harm but where a rule wants one; templates may not even be readable.
        if fitting and (folder or seen.tells or any(pattern.text in strict for pattern in fitting)):
            found.add(f"{folder}/**" if folder else seen.path)
    return tuple(sorted(found))


def _fits(pattern: PathPattern, path: str) -> bool:
    values = pattern.match(path)
    return values is not None and is_service(pattern.service(values))


def _named(urls: Mapping[str, str]) -> dict[str, str]:
    """A name for each registry: that of the environments that pull from it, which are in order."""
    users: defaultdict[str, list[str]] = defaultdict(list)
    for environment, url in urls.items():
        users[url].append(environment)
    alone = len(users) == 1
    return {url: "images" if alone else "-".join(names)[:63].strip("._-") for url, names in users.items()}
