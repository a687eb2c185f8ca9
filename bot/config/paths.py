"""Where manifests are: patterns of paths whose placeholders make up a service's name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from bot.config.base import as_tuple
from bot.globs import across_segments

# What joins the values of several placeholders to one name.
_JOINT = "-"
_SERVICE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_STARS = re.compile(r"\*+")
_WILD = re.compile(r"(\{[^{}]*\}|\*)")
_WORD = re.compile(r"[a-z][a-z0-9_]*")


def is_service(name: str) -> bool:
    """Whether a service can be called that."""
    return _SERVICE.fullmatch(name) is not None


@dataclass(frozen=True)
class PathPattern:
    """`apps/{team}/{service}/prod.yaml`: a placeholder stands for one path segment or a part of it, `*` for anything
    in a segment. One that occurs twice has the same value in both places.
    """

    text: str

    @property
    def placeholders(self) -> tuple[str, ...]:
        """Each once, in their order."""
        return tuple(dict.fromkeys(_PLACEHOLDER.findall(self.text)))

    @property
    def uncertain(self) -> str | None:
        """A placeholder that occurs twice and is nowhere alone in a segment, where its value could be told at once."""
        alone = {name for _, wild in self._segments if len(wild) == 1 for name in wild}
        twice = (name for name, times in Counter(_PLACEHOLDER.findall(self.text)).items() if times > 1)
        return next((name for name in twice if name not in alone), None)

    @property
    def glob(self) -> str:
        """The pattern with `*` for its placeholders."""
        return _STARS.sub("*", _PLACEHOLDER.sub("*", self.text))

    @property
    def certain(self) -> bool:
        """Whether the placeholders' values make a path of it."""
        return "*" not in self.text

    def match(self, path: str) -> Mapping[str, str] | None:
        """The placeholders' values in a path; None where it doesn't fit."""
        found = self._regex.fullmatch(path)
        if found is None or not self._crowded:
            return found and found.groupdict()
        values = {name: value for name, value in found.groupdict().items() if not name.startswith("_")}
        for index in self._crowded:
            shared = _shared(*self._segments[index], found[f"_{index}"], values)
            if shared is None:
                return None
            values.update(shared)
        return {name: values[name] for name in self.placeholders}

    def service(self, values: Mapping[str, str]) -> str:
        """The name that these values make up, which may be none that a service can have."""
        return _JOINT.join(values[name] for name in self.placeholders)

    def fill(self, values: Mapping[str, str]) -> str:
        """The pattern with these values. Raises KeyError where one is missing."""
        return _PLACEHOLDER.sub(lambda found: values[found[1]], self.text)

    @cached_property
    def _segments(self) -> Sequence[tuple[Sequence[str], Sequence[str]]]:
        """Of each segment the fixed texts, and between them placeholders (or `*`)."""
        split = (_WILD.split(segment) for segment in self.text.split("/"))
        return [(pieces[0::2], [piece.strip("{}") for piece in pieces[1::2]]) for pieces in split]

    @cached_property
    def _crowded(self) -> Sequence[int]:
        """The segments with several placeholders."""
        return [index for index, (_, wild) in enumerate(self._segments) if len(wild) > 1]

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        """Of a segment with several placeholders, the whole: which part is whose is found otherwise."""
        seen: set[str] = set()
        segments = []
        for index, (fixed, wild) in enumerate(self._segments):
            if len(wild) > 1:
                segments.append(f"(?P<_{index}>[^/]*)")
            else:
                segments.append(_alone(wild[0], seen).join(map(re.escape, fixed)) if wild else re.escape(fixed[0]))
                seen.update(wild)
        return re.compile("/".join(segments))


def _alone(wild: str, seen: Set[str]) -> str:
    if wild == "*":
        return "[^/]*"
    return f"(?P={wild})" if wild in seen else f"(?P<{wild}>[^/]+)"


def _shared(fixed: Sequence[str], wild: Sequence[str], text: str, known: Mapping[str, str]) -> Mapping[str, str] | None:
    """What is whose of a segment; the first placeholder takes as much as it can, then the second, and so on.

    From the end, fixed texts stand as far to the right as they can, so nothing has to be tried twice.
    """
    before, names, tail = _resolved(fixed, wild, known)
    if not names:
        return {} if text == tail else None
    if not text.startswith(before[0]) or not text.endswith(tail):
        return None
    values: dict[str, str] = {}
    begin, end = len(before[0]), len(text) - len(tail)
    for index in range(len(names) - 1, -1, -1):
        least = not names[index].startswith("*")
        at = text.rfind(before[index], begin, max(end - least, 0)) if index else 0
        start = at + len(before[index])
        if at < 0 or start + least > end or values.setdefault(names[index], text[start:end]) != text[start:end]:
            return None
        end = at
    return values


def _resolved(
    fixed: Sequence[str], wild: Sequence[str], known: Mapping[str, str]
) -> tuple[Sequence[str], Sequence[str], str]:
    """What stands before each placeholder whose value isn't known yet, those placeholders, and what comes last."""
    before, names, text = [], [], fixed[0]
    for number, (name, after) in enumerate(zip(wild, fixed[1:], strict=True)):
        if name in known:
            text += known[name] + after
        else:
            before.append(text)
            names.append(f"*{number}" if name == "*" else name)
            text = after
    return before, names, text


def glob_match(glob: str, path: str) -> bool:
    """Whether a path fits: `*` stands for anything in a segment, `**` for anything at all."""
    return _expression(glob).fullmatch(path) is not None


@lru_cache(maxsize=1024)
def _expression(glob: str) -> re.Pattern[str]:
    return re.compile(across_segments(glob), re.DOTALL)


def _stays_inside(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"{path!r} must stay inside the repository: a path from its root, without .. in it")
    if {"", "."} & set(path.split("/")):
        hint = f"; all that is in a folder is {path}**" if path.endswith("/") and "{" not in path else ""
        raise ValueError(f"{path!r}: leave out what is empty or . between slashes and at the ends{hint}")
    return path


def _is_pattern(path: str) -> str:
    if set("{}") & set(_PLACEHOLDER.sub("", path)):
        raise ValueError(f"{path!r} has a brace without its partner")
    placeholders = PathPattern(path).placeholders
    if "service" not in placeholders:
        raise ValueError(f"{path!r} must hold {{service}}, where the service's name stands")
    odd = [name for name in placeholders if not _WORD.fullmatch(name)]
    if odd:
        raise ValueError(f"{path!r}: write placeholders such as {{service}} or {{team}}")
    if "}{" in path:
        raise ValueError(
            f"{path!r}: where one placeholder ends and the next begins can't be told; write something between"
        )
    if unclear := PathPattern(path).uncertain:
        raise ValueError(
            f"{path!r}: what {{{unclear}}} is can't be told, as it stands twice and in no segment without another "
            "placeholder or *"
        )
    if "**" in path:
        raise ValueError(f"{path!r}: ** is for `exclude` only; write a placeholder or * for each segment")
    return _stays_inside(path)


PathText = Annotated[str, AfterValidator(_is_pattern)]
Globs = Annotated[tuple[Annotated[str, AfterValidator(_stays_inside)], ...], BeforeValidator(as_tuple)]
