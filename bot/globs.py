"""Globs as regular expressions that never go back: whatever is matched, the time grows with its length and no faster
than the square of it. Who names files and images chooses what meets the configuration's globs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable


def within_segments(glob: str) -> str:
    """The expression of a glob whose `*` stands for anything in a path segment, and all else for itself."""
    return _within(glob, "[^/]*")


def across_segments(glob: str) -> str:
    """The same where `**` stands for anything at all, slashes included."""
    first, *others = glob.split("**")
    if not others:
        return within_segments(first)
    *middle, last = others
    return "".join((f"(?>{_within(first, '[^/]*?')})", *_shortest(".*?", middle), f".*{within_segments(last)}"))


def _within(glob: str, last_star: str) -> str:
    first, *others = (re.escape(part) for part in glob.split("*"))
    if not others:
        return first
    *middle, last = others
    return "".join((first, *(f"(?>[^/]*?{part})" for part in middle), last_star, last))


def _shortest(stars: str, globs: Iterable[str]) -> Iterable[str]:
    """For what stands between stars, as little as fits is right: the stars after it stand for the rest."""
    return (f"(?>{stars}{_within(glob, '[^/]*?')})" for glob in globs)
