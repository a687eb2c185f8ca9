"""What is unsure about an environment, as sentences for whoever knows better."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from bot.layout import words
from bot.layout.fields import Ruled
from bot.layout.hosts import NO_REGISTRY, hosts_of
from bot.layout.order import source_of
from bot.layout.tree import Marked, Served

# So many names are told of one kind; the others are counted.
_FEW = 3


def of_source(name: str, names: Collection[str], order: Sequence[str]) -> Iterator[str]:
    """Where its images come from."""
    source, possible = source_of(name, names, order)
    if name in order:
        return
    if words.rank(name) is None:
        yield "its name doesn't tell where it stands: add `from` if its images come from another environment"
    elif source is None and possible:
        yield f"its images may come from {listed(possible)}: say so in `from`"
    elif len(possible) > 1:
        yield f"its images may come from {listed(possible)}; the first of them is written"


def of_services(own: Ruled, marked: Iterable[Marked], every: Iterable[Served]) -> Iterator[str]:
    """Which services it has, of what images; `marked` are all its manifests, `every` those of all environments."""
    if any(one.guessed for one in own.served):
        yield f"no part of its paths is called like a service; {listed(_services(own.served))} is a guess"
    parts = _services(one for one in own.served if not one.images)
    if parts:
        yield f"says only the tag of {listed(parts)}, and inherits the rest from a base: see `promobot pin`"
    mine = {one.marked.around for one in own.served}
    silent = {one.around for one in marked if not one.seen.tells} - mine
    inheriting = {one.service for one in every if one.marked.around in silent} - set(_services(own.served))
    if inheriting:
        yield f"inherits the image of {listed(sorted(inheriting))} from its base: see `promobot pin`"
    yield from own.doubts
    yield from (gap for one in own.served for gap in one.marked.seen.gaps)


def of_registry(served: Sequence[Served]) -> Iterator[str]:
    """Which registry it pulls from."""
    hosts = hosts_of(served)
    named = [host for host in hosts if host]
    if not named:
        yield f"no image says its registry: write its address instead of {NO_REGISTRY}"
    elif len(named) > 1:
        yield f"most images are from {named[0]}; those from {listed(named[1:])} are left as they are"
    if named and "" in hosts:
        bare = {one.service for one in served if any(image.registry is None for image in one.images)}
        which = "one service" if len(bare) == 1 else f"{len(bare)} services"
        yield f"images of {which} name no registry's host: those are left as they are"


def of_home(told_by: str) -> Iterator[str]:
    """What describes it: a branch or repository that is called like it, maybe."""
    if told_by:
        told = f"its {told_by} is called like an environment, and no folder or file is"
        yield f"{told}: change `name` if people call it otherwise"


def listed(names: Iterable[str]) -> str:
    """The first few names."""
    every = list(names)
    more = f" and {len(every) - _FEW} more" if len(every) > _FEW else ""
    return ", ".join(every[:_FEW]) + more


def _services(served: Iterable[Served]) -> list[str]:
    return sorted({one.service for one in served})
