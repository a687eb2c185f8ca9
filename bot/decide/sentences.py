"""Sentences of ours with words of others in them, which a merge request shows as such."""

from __future__ import annotations


class Foreign(str):
    """Text that others may choose: a name, a path, a version."""

    __slots__ = ()


class Sentence(str):
    """A text that knows which of its `parts` are Foreign; the others are ours, and need no care."""

    __slots__ = ("parts",)
    parts: tuple[str, ...]


def sentence(words: str, *values: object) -> Sentence:
    """Our words, with a value of others for each `{}`."""
    parts: list[str] = []
    for ours, value in zip(words.split("{}"), (*values, None), strict=True):
        parts += [ours] if value is None else [ours, Foreign(value)]
    made = Sentence("".join(parts))
    made.parts = tuple(parts)
    return made
