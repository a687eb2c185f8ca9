"""How long a promotion of 200 MB inside one registry takes beside bare `skopeo copy`: to another repository there.

Before each copy the destination's repository is removed and skopeo's cache wiped, as in a fresh container: bare skopeo
doesn't know then that the registry has the layers, and sends them again.
"""

from __future__ import annotations

import sys
from functools import partial

from bench.measure import Limits, arguments, at_most, in_turn, report
from bench.site import open_site, private_cache
from bot.demo.oci import build_image, push
from bot.questions import Location

_BAR = at_most(0.2, "times as long as skopeo copy")
_SOURCE, _DESTINATION = Location("shared", "bench/app"), Location("shared", "promoted/app")


def main() -> int:
    """The exit code: 0 where the bar holds."""
    parser = arguments(__doc__, pairs=12)
    parser.add_argument("--megabytes", type=int, default=200, help="size of the image (%(default)s)")
    parser.add_argument("--layers", type=int, default=4, help="in how many layers (%(default)s)")
    args = parser.parse_args()
    private_cache()
    with open_site("shared") as site:
        image = build_image("inside", size=args.megabytes * 10**6, layers=args.layers)
        digest = push(site.registries["shared"].access("shared"), _SOURCE.repository, "v1", image)

        def ours() -> None:
            assert site.world().copy(_SOURCE, digest, _DESTINATION, "v1", watch=lambda _: None)

        pairs = in_turn(
            ours,
            partial(site.skopeo_copy, _SOURCE, digest, _DESTINATION, "v1"),
            limits=Limits(args.pairs, args.seconds),
            between=site.fresh(without=_DESTINATION),
        )
    work = f"{args.megabytes} MB in {args.layers} layers to another repository of the registry"
    return 0 if report(work, [pair.times_as_long for pair in pairs], _BAR) else 1


if __name__ == "__main__":
    sys.exit(main())
