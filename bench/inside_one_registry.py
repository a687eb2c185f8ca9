"""How long a promotion of 200 MB inside one registry takes beside bare `skopeo copy`: to another repository there.

Before each copy the destination's repository is removed and skopeo's cache wiped, as in a fresh container: bare skopeo
doesn't know then that the registry has the layers, and sends them again.
"""

from __future__ import annotations

import sys

from bench import one_copy
from bench.measure import at_most
from bot.questions import Location

_BAR = at_most(0.2, "times as long as skopeo copy")
_SOURCE, _DESTINATION = Location("shared", "bench/app"), Location("shared", "promoted/app")
_WORK = "{image} to another repository of the registry"


def main() -> int:
    """The exit code: 0 where the bar holds."""
    return one_copy.main(__doc__, _SOURCE, _DESTINATION, work=_WORK, bar=_BAR)


if __name__ == "__main__":
    sys.exit(main())
