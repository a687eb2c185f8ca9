"""How long a copy of 200 MB takes beside bare `skopeo copy`: from registry to registry, nothing known beforehand.

Before each copy the destination is emptied and skopeo's cache is wiped. promobot's side is what a step of a run does
(`World.copy`), with connections and configuration of its own; starting Python is not in it.
"""

from __future__ import annotations

import sys

from bench import one_copy
from bench.measure import at_most
from bot.questions import Location

_BAR = at_most(1.1, "times as long as skopeo copy")
_SOURCE, _DESTINATION = Location("source", "bench/app"), Location("destination", "promoted/app")


def main() -> int:
    """The exit code: 0 where the bar holds."""
    return one_copy.main(__doc__, _SOURCE, _DESTINATION, work="copy of {image}", bar=_BAR)


if __name__ == "__main__":
    sys.exit(main())
