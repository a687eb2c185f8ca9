"""What benches share: pairs of measurements in turn, a bar, and one line with the result."""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# A median of fewer says nothing.
_FEWEST = 3


@dataclass(frozen=True)
class Bar:
    """What a figure has to be, in words of the result line: `at most 1.1 times as long as skopeo copy`."""

    limit: float
    upwards: bool
    unit: str

    def __str__(self) -> str:
        return f"at {'least' if self.upwards else 'most'} {self.limit:g} {self.unit}"

    def holds(self, figure: float) -> bool:
        """Whether the figure is on the right side."""
        return figure >= self.limit if self.upwards else figure <= self.limit


def at_most(limit: float, unit: str) -> Bar:
    """A bar that figures stay below."""
    return Bar(limit, upwards=False, unit=unit)


def at_least(limit: float, unit: str) -> Bar:
    """A bar that figures stay above."""
    return Bar(limit, upwards=True, unit=unit)


def report(work: str, figures: Sequence[float], bar: Bar) -> bool:
    """Print the median with its range and whether it holds the bar; return that."""
    median, holds = statistics.median(figures), bar.holds(statistics.median(figures))
    spread = f" ({min(figures):.3g} to {max(figures):.3g}, {len(figures)} times)" if len(figures) > 1 else ""
    print(f"RESULT {work}: {median:.3g} {bar.unit}{spread}; the bar is {bar}: {'holds' if holds else 'MISSED'}")
    return holds


@dataclass(frozen=True)
class Pair:
    """Seconds that the same work took both ways, one right after the other."""

    ours: float
    theirs: float

    @property
    def times_as_long(self) -> float:
        """How long ours takes beside theirs."""
        return self.ours / self.theirs

    @property
    def times_as_fast(self) -> float:
        """How fast ours is beside theirs."""
        return self.theirs / self.ours


@dataclass(frozen=True)
class Limits:
    """How many pairs are measured, and after how many seconds no further one is begun (but three there are)."""

    pairs: int
    seconds: float


def arguments(description: str | None, *, pairs: int, seconds: float = 120.0) -> argparse.ArgumentParser:
    """A parser with the two that every bench of pairs has."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--pairs", type=int, default=pairs, help="how often both ways are measured (%(default)s)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=seconds,
        help="begin no further pair after these (%(default)g), from the fourth on",
    )
    return parser


def in_turn(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    *,
    limits: Limits,
    between: Callable[[], object] = lambda: None,
    slices: int = 1,
    beside: str = "skopeo",
) -> list[Pair]:
    """Measure both ways in turn, so that they meet the same moods of the machine; who begins alternates.

    `between` makes the world as it was, off the clock, before each measurement. Work that can be done a part at a
    time is given as a part, and a pair is that many `slices` of each, in turn as well.
    """
    began = time.monotonic()
    pairs: list[Pair] = []
    while len(pairs) < limits.pairs and (len(pairs) < _FEWEST or time.monotonic() - began < limits.seconds):
        times = {ours: 0.0, theirs: 0.0}
        for turn in range(len(pairs), len(pairs) + slices):
            for way in (ours, theirs) if turn % 2 else (theirs, ours):
                between()
                times[way] += seconds(way)
        pairs.append(Pair(times[ours], times[theirs]))
        print(
            f"pair {len(pairs)}: {beside} {pairs[-1].theirs:.3f} s, promobot {pairs[-1].ours:.3f} s"
            f" (the machine's load: {os.getloadavg()[0]:.1f})",
            flush=True,
        )
    return pairs


def seconds(action: Callable[[], object]) -> float:
    """How long it takes by the clock on the wall, since processes elsewhere do most of the work."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began
