"""Where manifests are: patterns of paths whose placeholders make up a service's name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from bot.config.base import as_tuple

# What joins the values of several placeholders to one name.
_JOINT = "-"
_SERVICE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
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
    def glob(self) -> str:
        """The pattern with `*` for its placeholders."""
        return _PLACEHOLDER.sub("*", self.text)

    @property
    def certain(self) -> bool:
        """Whether the placeholders' values make a path of it."""
        return "*" not in self.text

    def match(self, path: str) -> Mapping[str, str] | None:
        """The placeholders' values in a path; None where it doesn't fit."""
        found = self._regex.fullmatch(path)
        return found.groupdict() if found else None

    def service(self, values: Mapping[str, str]) -> str:
        """The name that these values make up, which may be none that a service can have."""
        return _JOINT.join(values[name] for name in self.placeholders)

    def fill(self, values: Mapping[str, str]) -> str:
        """The pattern with these values. Raises KeyError where one is missing."""
        return _PLACEHOLDER.sub(lambda found: values[found[1]], self.text)

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        seen: set[str] = set()
        pieces = []
        for index, piece in enumerate(_PLACEHOLDER.split(self.text)):
            if index % 2 == 0:
                pieces.append(_glob_regex(piece))
            else:
                pieces.append(f"(?P={piece})" if piece in seen else f"(?P<{piece}>[^/]+)")
                seen.add(piece)
        return re.compile("".join(pieces))


def glob_match(glob: str, path: str) -> bool:
    """Whether a path fits: `*` stands for anything in a segment, `**` for anything at all."""
    return re.fullmatch(".*".join(_glob_regex(part) for part in glob.split("**")), path, re.DOTALL) is not None


def _glob_regex(text: str) -> str:
    return "[^/]*".join(re.escape(part) for part in text.split("*"))


def _stays_inside(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"{path!r} must stay inside the repository")
    return path


def _is_pattern(path: str) -> str:
    placeholders = PathPattern(path).placeholders
    if "service" not in placeholders:
        raise ValueError(f"{path!r} must hold {{service}}")
    odd = [name for name in placeholders if not _WORD.fullmatch(name)]
    if odd or set("{}") & set(_PLACEHOLDER.sub("", path)):
        raise ValueError(f"{path!r}: write placeholders such as {{service}} or {{team}}")
    if "}{" in path:
        raise ValueError(
            f"{path!r}: where one placeholder ends and the next begins can't be told; write something between"
        )
    if "**" in path:
        raise ValueError(f"{path!r}: ** is for `exclude` only; write a placeholder or * for each segment")
    return _stays_inside(path)


PathText = Annotated[str, AfterValidator(_is_pattern)]
Globs = Annotated[tuple[Annotated[str, AfterValidator(_stays_inside)], ...], BeforeValidator(as_tuple)]
