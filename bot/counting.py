"""Numbers of things, as sentences have them."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """`1 image`, `2 images`, `1,000 images`: of nouns whose plural has an s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
