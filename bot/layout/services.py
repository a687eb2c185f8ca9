"""Which part of a manifest's path names the service: what isn't a word for a kind of thing, and is like the image."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from bot.layout import words
from bot.layout.marking import ENV, stem_of
from bot.layout.tree import Marked, Place, Served

SERVICE = "{service}"
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def name_services(marked: Sequence[Marked]) -> tuple[Served, ...]:
    """Whose each manifest is. Paths of one shape are looked at together, so that they are read alike."""
    shapes: defaultdict[str, list[Marked]] = defaultdict(list)
    for one in marked:
        shapes[_shape(one.around)].append(one)
    return tuple(served for alike in shapes.values() for served in _served(alike))


def _served(alike: Sequence[Marked]) -> Iterator[Served]:
    chosen = max(range(len(_possible(alike[0].around))), key=lambda number: _merit(alike, number), default=None)
    for one in alike:
        place = _last_resort(one.around) if chosen is None else _possible(one.around)[chosen]
        service = _text(one.around, place)
        if _NAME.fullmatch(service):
            yield Served(one, service, _with(one.around, place, SERVICE), guessed=chosen is None)


def _merit(alike: Sequence[Marked], number: int) -> tuple[int, int, int]:
    """How well a place fits: by images that are called so, by how many names stand there, by custom."""
    texts = [_text(one.around, _possible(one.around)[number]) for one in alike]
    like = sum(_is_like(text, one) for text, one in zip(texts, alike, strict=True))
    place = _possible(alike[0].around)[number]
    segments = alike[0].around.split("/")
    env = next(number for number, segment in enumerate(segments) if ENV in segment)
    # Just above the environment's folder, or else as far down as there are folders.
    custom = place.segment if place.segment < env else env - place.segment - 1 + len(segments) * (env == 0)
    return like, len(set(texts)), custom if place.segment < len(segments) - 1 else -len(segments)


def _is_like(text: str, one: Marked) -> bool:
    for image in one.seen.images:
        last = image.repository.rpartition("/")[2]
        if text in last or last in text:
            return True
    return False


def _possible(around: str) -> tuple[Place, ...]:
    """Where the service may be named: folders, and the file, that aren't called after what they are."""
    *folders, name = around.split("/")
    env = next((number for number, folder in enumerate(folders) if ENV in folder), len(folders))
    found = [
        Place(number, 0, len(folder))
        for number, folder in enumerate(folders)
        # Below an environment's folder, another such name is that of a cluster or place of it.
        if number != env and not words.is_generic(folder) and (number < env or words.rank(folder) is None)
    ]
    start, end = _own(stem_of(name))
    return (*found, Place(len(folders), start, end)) if start < end else tuple(found)


def _own(stem: str) -> tuple[int, int]:
    """The part of a file's name that isn't for what the file is: `inventory` of `inventory-values`."""
    parts = [(found.start(), found.end()) for found in re.finditer(r"\{env\}|[^-_.]+", stem)]
    own = [number for number, (start, end) in enumerate(parts) if not _says_nothing(stem[start:end])]
    if not own or _says_nothing(stem):
        return 0, 0
    start, end = parts[own[0]][0], parts[own[-1]][1]
    return (0, 0) if ENV in stem[start:end] else (start, end)


def _says_nothing(text: str) -> bool:
    return text == ENV or words.is_generic(text)


def _last_resort(around: str) -> Place:
    """For a repository of one service: the folder above, whatever it is called, else the file."""
    *folders, name = around.split("/")
    for number in reversed(range(len(folders))):
        if ENV not in folders[number]:
            return Place(number, 0, len(folders[number]))
    stem = stem_of(name)
    start = 0 if not stem.startswith(ENV) else min(len(ENV) + 1, len(stem))
    end = stem.find(ENV) - 1 if stem.find(ENV) > 0 else len(stem)
    return Place(len(folders), start, end)


def _shape(around: str) -> str:
    for place in reversed(_possible(around)):
        around = _with(around, place, "?")
    return around


def _text(path: str, place: Place) -> str:
    return path.split("/")[place.segment][place.start : place.end]


def _with(path: str, place: Place, text: str) -> str:
    segments = path.split("/")
    segment = segments[place.segment]
    segments[place.segment] = f"{segment[: place.start]}{text}{segment[place.end :]}"
    return "/".join(segments)
