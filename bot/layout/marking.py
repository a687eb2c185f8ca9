"""Which part of a path names an environment: by the word for it, or because it stands where others have such a word."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from bot.layout import words
from bot.layout.tree import ENV, Marked, Place, Seen, Tree
from bot.layout.words import Vocabulary

_VARIANT = "values-"
# They mean something in the patterns of a configuration.
_LITERAL = frozenset("{}*")
_ENDING = re.compile(r"\.(?:ya?ml|json)(?:\.\w+)?$", re.IGNORECASE)


def mark(tree: Tree, order: Sequence[str] = ()) -> tuple[Marked, ...]:
    """The manifests that belong to an environment. Hidden folders, templates and tests are left out."""
    return tuple(one for one, why in _marked_all(tree, order) if not why)


def doubtful(tree: Tree, order: Sequence[str] = ()) -> dict[str, frozenset[str]]:
    """Folders and files that are called like an environment and taken for none, with the names of what is beside.

    A word for much else, such as `test`, doesn't make anybody wonder.
    """
    every = ((one, why) for one, why in _marked_all(tree, order) if why and one.seen.tells)
    return {one.place: why for one, why in every if not words.is_weak(one.environment)}


def _marked_all(tree: Tree, order: Sequence[str]) -> Iterator[tuple[Marked, frozenset[str]]]:
    candidates = [seen for seen in tree.seen if aside(seen.path) is None and _is_plain(seen.path)]
    if tree.environment:
        yield from ((Marked(seen, tree.environment, seen.path), frozenset[str]()) for seen in candidates)
        return
    vocabulary = Vocabulary(tuple(order), tree.names)
    places = {seen.path: place for seen in candidates if (place := _by_word(seen.path, vocabulary))}
    places.update(_by_siblings(candidates, places))
    marked = [_marked(seen, places[seen.path]) for seen in candidates if seen.path in places]
    yield from _doubted(marked, candidates, vocabulary)


def stem_of(name: str) -> str:
    """A file's name without what tells its format."""
    return _ENDING.sub("", name)


def aside(path: str) -> str | None:
    """The outermost folder above that holds nothing that runs: hidden, for templates, tests and the like."""
    *folders, _ = path.split("/")
    for number, folder in enumerate(folders):
        if folder.startswith(".") or words.is_aside(folder):
            return "/".join(folders[: number + 1])
    return None


def _is_plain(path: str) -> bool:
    """Whether a path can be written as a pattern."""
    return path.isprintable() and _LITERAL.isdisjoint(path)


def _by_word(path: str, vocabulary: Vocabulary) -> Place | None:
    """The outermost folder called like an environment, weak words last; else such a word in the file's name."""
    *folders, name = path.split("/")
    called = [number for number, folder in enumerate(folders) if vocabulary.is_environment(folder)]
    for number in sorted(called, key=lambda number: vocabulary.is_weak(folders[number])):
        return Place(number, 0, len(folders[number]))
    stem = stem_of(name)
    for start, end in _ends(stem):
        if vocabulary.is_environment(stem[start:end]):
            return Place(len(folders), start, end)
    return None


def _ends(stem: str) -> Iterator[tuple[int, int]]:
    """The whole of a file's name, and its last and first words, the longer ones first."""
    cuts = [found.start() for found in re.finditer(r"[-_.]", stem)]
    yield 0, len(stem)
    yield from ((cut + 1, len(stem)) for cut in cuts)
    yield from ((0, cut) for cut in reversed(cuts))


def _by_siblings(tree: Sequence[Seen], known: dict[str, Place]) -> Iterator[tuple[str, Place]]:
    """Where names that are told to be environments stand side by side, what stands there besides is one too."""
    rest = [(seen.path, place) for seen in tree for place in _possible(seen.path)]
    beside: defaultdict[str, set[str]] = defaultdict(set)
    for path, place in rest:
        beside[_around(path, place)].add(_named(path, place))
    telling = {around for around, names in beside.items() if _are_environments(names)}
    accepted = {_position(path, place) for path, place in rest if _around(path, place) in telling}
    for path, place in rest:
        name = _named(path, place)
        if (
            path not in known
            and _position(path, place) in accepted
            and not (words.is_shared(name) or words.is_group(name))
        ):
            yield path, place


def _possible(path: str) -> Iterator[Place]:
    *folders, name = path.split("/")
    yield from (Place(number, 0, len(folder)) for number, folder in enumerate(folders))
    if name.startswith(_VARIANT):
        yield Place(len(folders), len(_VARIANT), len(stem_of(name)))


def _are_environments(names: set[str]) -> bool:
    """Whether at least half of the names hold a word for an environment, and not all the same one."""
    own = [name for name in names if not words.is_shared(name)]
    ranks = [found[0] for name in own if (found := words.rank(name))]
    return len(set(ranks)) > 1 and 2 * len(ranks) >= len(own)


def _position(path: str, place: Place) -> tuple[str, ...]:
    """What is the same for all files of an environment: the folder; in files' names the environment alone."""
    segments = path.split("/")
    whole = segments[: place.segment + 1] if place.segment < len(segments) - 1 else [_named(path, place)]
    return tuple(whole)


def _named(path: str, place: Place) -> str:
    return path.split("/")[place.segment][place.start : place.end]


def _around(path: str, place: Place) -> str:
    segments = path.split("/")
    segment = segments[place.segment]
    segments[place.segment] = f"{segment[: place.start]}{ENV}{segment[place.end :]}"
    return "/".join(segments)


def _marked(seen: Seen, place: Place) -> Marked:
    return Marked(seen, _named(seen.path, place), _around(seen.path, place))


def _doubted(
    marked: Sequence[Marked], tree: Sequence[Seen], vocabulary: Vocabulary
) -> Iterator[tuple[Marked, frozenset[str]]]:
    """Each with the folders that make it doubtful.

    Alone at its place, a word that means much else doesn't count, nor a folder among several of other names.
    """
    beside: defaultdict[str, set[str]] = defaultdict(set)
    for one in marked:
        beside[_parent(one)].add(one.environment)
    others: defaultdict[str, set[str]] = defaultdict(set)
    for seen in tree:
        *folders, _ = seen.path.split("/")
        for number, folder in enumerate(folders):
            others["".join(f"{above}/" for above in folders[:number])].add(folder)
    for one in marked:
        strangers = {name for name in others[_parent(one)] - beside[_parent(one)] if not words.is_shared(name)}
        doubtful = vocabulary.is_weak(one.environment) or len(strangers) > 1
        alone = len(beside[_parent(one)]) == 1 and not vocabulary.is_certain(one.environment)
        yield one, frozenset(strangers | {one.environment}) if alone and doubtful else frozenset()


def _parent(one: Marked) -> str:
    """What has the environments side by side: a folder, or the names of files but for them."""
    before, _, after = one.around.partition(ENV)
    return before if after.startswith("/") else f"{before.rpartition('/')[2]}{ENV}{after}"
