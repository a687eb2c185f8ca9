"""Which part of a manifest's path names the service: what isn't a word for a kind of thing, and is like the image."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from bot.images import ImageRef
from bot.layout import words
from bot.layout.marking import stem_of
from bot.layout.tree import ENV, Marked, Place, Served

SERVICE = "{service}"
TEAM = "{team}"
# So many folders of one kind are a placeholder's, fewer are named in patterns of their own.
_MANY = 4
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def name_services(marked: Sequence[Marked]) -> tuple[Served, ...]:
    """Whose each manifest is. Paths of one shape are read alike, those of the commonest shape first."""
    shapes: defaultdict[str, list[Marked]] = defaultdict(list)
    for one in marked:
        shapes[_shape(one.around)].append(one)
    found: list[Served] = []
    precedents: Counter[int | None] = Counter()
    for alike in sorted(shapes.values(), key=len, reverse=True):
        places = range(len(_possible(alike[0].around)))
        chosen = max(places, key=lambda number: _merit(alike, number, precedents), default=None)
        found += _served(alike, chosen)
        if chosen is not None:
            precedents[_above(alike[0].around, _possible(alike[0].around)[chosen])] += len(alike)
    return tuple(found)


def _served(alike: Sequence[Marked], chosen: int | None) -> Iterator[Served]:
    team = _team(alike, chosen)
    for one in alike:
        place = _last_resort(one.around) if chosen is None else _possible(one.around)[chosen]
        service, pattern = _text(one.around, place), _with(one.around, place, SERVICE)
        if team is not None and chosen is not None:
            above = _possible(one.around)[team]
            # A service's name is made of the placeholders' values in the order of the path.
            parts = (above, place) if team < chosen else (place, above)
            service = "-".join(_text(one.around, part) for part in parts)
            pattern = _with(pattern, above, TEAM)
        if _NAME.fullmatch(service):
            yield Served(one, service, pattern, guessed=chosen is None)


def _team(alike: Sequence[Marked], chosen: int | None) -> int | None:
    """Another place with so many names that a pattern for each would be too many."""
    for number, place in enumerate(_possible(alike[0].around)):
        names = {_text(one.around, _possible(one.around)[number]) for one in alike}
        if number != chosen and place.segment < alike[0].around.count("/") and len(names) >= _MANY:
            return number
    return None


def _merit(alike: Sequence[Marked], number: int, precedents: Mapping[int | None, int]) -> tuple[int, int, int, int]:
    """How well a place fits: as in most other paths, by images called so, by how many names it has, by custom."""
    texts = [_text(one.around, _possible(one.around)[number]) for one in alike]
    like = sum(any(is_like(text, image) for image in one.seen.images) for text, one in zip(texts, alike, strict=True))
    above = _above(alike[0].around, _possible(alike[0].around)[number])
    # Folders rather than files; those above the environment rather than below, and the nearest.
    custom = -200 if above is None else -above if above > 0 else above - 100
    return precedents.get(above, 0), like, len(set(texts)), custom


def _above(around: str, place: Place) -> int | None:
    """How many segments a folder is above the one that names the environment; None for the file's name."""
    segments = around.split("/")
    return _env_at(segments) - place.segment if place.segment < len(segments) - 1 else None


def _env_at(segments: Sequence[str]) -> int:
    """Which segment names the environment; where the branch or the repository does, it is above all of them."""
    return next((number for number, segment in enumerate(segments) if ENV in segment), -1)


def is_like(service: str, image: ImageRef) -> bool:
    """Whether an image is called like a service."""
    last = image.repository.rpartition("/")[2]
    return service in last or last in service


def _possible(around: str) -> tuple[Place, ...]:
    """Where the service may be named: folders, and the file, that aren't called after what they are."""
    *folders, name = around.split("/")
    env = _env_at([*folders, name])
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
    """For a repository of one service: the folder above, whatever it is called, else the file.

    A file such as `apps.yaml`, in the environment's folder, is all services together.
    """
    *folders, name = around.split("/")
    if folders and ENV in folders[-1] and words.is_group(stem_of(name)):
        return Place(len(folders), 0, len(stem_of(name)))
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
