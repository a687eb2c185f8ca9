"""Which environment gets its images from which, by what their names say."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bot.layout import words


def in_order(names: Collection[str], order: Sequence[str] = ()) -> tuple[str, ...]:
    """The names as images travel: those of `order` first, and those that no word tells last."""
    first = [name for name in order if name in names]
    return (*first, *sorted(set(names) - set(first), key=lambda name: (words.rank(name) or (1000, ""), name)))


def source_of(name: str, names: Collection[str], order: Sequence[str] = ()) -> tuple[str | None, tuple[str, ...]]:
    """The environment that `name` gets its images from, and all that it could be; None for a first one, or unknown.

    `usdfprod` gets them from `usdfint` where there is one, rather than from `idfint`.
    """
    if name in order:
        before = tuple(other for other in order[: order.index(name)] if other in names)[-1:]
        return (before[0] if before else None), before
    own = words.rank(name)
    if own is None:
        return None, ()
    known = {other: found for other in names if (found := words.rank(other)) and found[0] < own[0]}
    same = [other for other, found in known.items() if found[1] == own[1]]
    plain = [other for other, found in known.items() if found[1] == ""]
    near = same or plain or list(known)
    highest = max((known[other][0] for other in near), default=0)
    best = tuple(sorted(other for other in near if known[other][0] == highest))
    return (best[0] if best and (same or plain or len(best) == 1) else None), best
