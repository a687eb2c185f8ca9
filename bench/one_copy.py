"""One large image copied both ways, with nothing known beforehand: what the benches of it share."""

from __future__ import annotations

from functools import partial

from bench.measure import Bar, Limits, arguments, in_turn, report
from bench.site import open_site, private_cache
from bot.demo.oci import build_image, push
from bot.questions import Location


def main(description: str | None, source: Location, destination: Location, *, work: str, bar: Bar) -> int:
    """The exit code: 0 where the bar holds. `work` says what is done with `{image}`."""
    parser = arguments(description, pairs=12)
    parser.add_argument("--megabytes", type=int, default=200, help="size of the image (%(default)s)")
    parser.add_argument("--layers", type=int, default=4, help="in how many layers (%(default)s)")
    args = parser.parse_args()
    private_cache()
    with open_site(*dict.fromkeys((source.registry, destination.registry))) as site:
        image = build_image("large", size=args.megabytes * 10**6, layers=args.layers)
        digest = push(site.registries[source.registry].access(source.registry), source.repository, "v1", image)

        def ours() -> None:
            assert site.world().copy(source, digest, destination, "v1", watch=lambda _: None)

        pairs = in_turn(
            ours,
            partial(site.skopeo_copy, source, digest, destination, "v1"),
            limits=Limits(args.pairs, args.seconds),
            between=site.fresh(without=destination),
        )
    described = work.format(image=f"{args.megabytes} MB in {args.layers} layers")
    return 0 if report(described, [pair.times_as_long for pair in pairs], bar) else 1
