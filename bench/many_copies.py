"""How fast 50 images reach a registry that answers 20 ms late, beside a loop of `skopeo copy`.

promobot's side is one `apply` of a step for each image, as `promobot promote` does it, which copies several at once;
starting Python is not in it. Every image has layers of its own, the destination is emptied before each way. One pair
more, with answers that are not late, is the control: what the way through the delay itself costs either side.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from bench.late import start_late
from bench.measure import Limits, Pair, arguments, at_least, in_turn, report
from bench.site import Site, copy_step, open_site, private_cache
from bot.apply import apply
from bot.demo.oci import build_image, push
from bot.images import Digest
from bot.plan import Done
from bot.questions import Location

_BAR = at_least(4, "times as fast as a loop of skopeo copy")
_EVERYTHING = Location("destination", "promoted")


def main() -> int:
    """The exit code: 0 where the bar holds."""
    parser = arguments(__doc__, pairs=3)
    parser.add_argument("--images", type=int, default=50, help="how many (%(default)s)")
    parser.add_argument("--kilobytes", type=int, default=60, help="size of each (%(default)s)")
    parser.add_argument("--layers", type=int, default=3, help="in how many layers (%(default)s)")
    parser.add_argument("--milliseconds", type=float, default=20, help="how late answers come (%(default)s)")
    args = parser.parse_args()
    private_cache()
    with open_site("source", "destination") as site:
        images = _push(site, args.images, args.kilobytes * 1000, args.layers)
        limits = Limits(args.pairs, args.seconds)
        print("control: not late")
        _measure(site, images, 0.0, Limits(1, 0))
        pairs = _measure(site, images, args.milliseconds / 1000, limits)
    work = f"{args.images} images, answers {args.milliseconds:g} ms late"
    return 0 if report(work, [pair.times_as_fast for pair in pairs], _BAR) else 1


def _push(site: Site, count: int, size: int, layers: int) -> dict[str, Digest]:
    access = site.registries["source"].access("source")
    return {
        name: push(access, f"bench/{name}", "v1", build_image(name, size=size, layers=layers))
        for name in (f"app-{number}" for number in range(count))
    }


def _measure(site: Site, images: dict[str, Digest], delay: float, limits: Limits) -> list[Pair]:
    with start_late(site.registries["destination"].host, delay) as late:
        behind = site.reached({"destination": late})
        steps = [copy_step(*_ends(name), digest, "v1") for name, digest in images.items()]

        def ours() -> None:
            results = apply(steps, behind.world(), now=datetime.now(UTC), watch=lambda _: None)
            assert all(isinstance(result.outcomes[-1], Done) for result in results), results

        def theirs() -> None:
            for name, digest in images.items():
                source, destination = _ends(name)
                behind.skopeo_copy(source, digest, destination, "v1")

        return in_turn(ours, theirs, limits=limits, between=site.fresh(without=_EVERYTHING))


def _ends(name: str) -> tuple[Location, Location]:
    return Location("source", f"bench/{name}"), Location("destination", f"{_EVERYTHING.repository}/{name}")


if __name__ == "__main__":
    sys.exit(main())
