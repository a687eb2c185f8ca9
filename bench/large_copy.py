"""How long a copy of 200 MB takes beside bare `skopeo copy`: from registry to registry, nothing known beforehand.

Before each copy the destination is emptied and skopeo's cache is wiped. promobot's side is what a step of a run does
(`World.copy`), with connections and configuration of its own; starting Python is not in it.
"""

from __future__ import annotations

import sys
from functools import partial

from bench.measure import Limits, arguments, at_most, in_turn, report
from bench.site import open_site, private_cache
from bot.demo.oci import build_image, push
from bot.questions import Location

_BAR = at_most(1.1, "times as long as skopeo copy")
_SOURCE, _DESTINATION = Location("source", "bench/app"), Location("destination", "promoted/app")


def main() -> int:
    """The exit code: 0 where the bar holds."""
    parser = arguments(__doc__, pairs=12)
    parser.add_argument("--megabytes", type=int, default=200, help="size of the image (%(default)s)")
    parser.add_argument("--layers", type=int, default=4, help="in how many layers (%(default)s)")
    args = parser.parse_args()
    private_cache()
    with open_site("source", "destination") as site:
        image = build_image("large", size=args.megabytes * 10**6, layers=args.layers)
        digest = push(site.registries["source"].access("source"), _SOURCE.repository, "v1", image)

        def ours() -> None:
            assert site.world().copy(_SOURCE, digest, _DESTINATION, "v1", watch=lambda _: None)

        pairs = in_turn(
            ours,
            partial(site.skopeo_copy, _SOURCE, digest, _DESTINATION, "v1"),
            limits=Limits(args.pairs, args.seconds),
            between=site.fresh(without=_DESTINATION),
        )
    work = f"copy of {args.megabytes} MB in {args.layers} layers"
    return 0 if report(work, [pair.times_as_long for pair in pairs], _BAR) else 1


if __name__ == "__main__":
    sys.exit(main())
