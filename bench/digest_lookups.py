"""How much faster digests are read over HTTP than by a `skopeo inspect --raw` for each: sixteen at a time, both ways.

The registry is on loopback. A pair is ten slices of each way in turn, since a busy machine's moods are shorter than
either way.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

from bench.measure import Limits, arguments, at_least, in_turn, report
from bot.demo.oci import build_index, digest_of, push
from bot.demo.registries import start_registry
from bot.images import Digest
from bot.registry import Login, RegistryClient

_BAR = at_least(8, "times as fast as skopeo inspect --raw")
_WAYS = 16
_SLICES = 10
_REPOSITORY = "bench/app"


def main() -> int:
    """The exit code: 0 where the bar holds."""
    parser = arguments(__doc__, pairs=5)
    parser.add_argument("--look-ups", type=int, default=1000, help="how many (%(default)s)")
    parser.add_argument(
        "--password", action="store_true", help="a registry that checks one: by bcrypt, on this machine"
    )
    args = parser.parse_args()
    login = Login("bench", "bench-password") if args.password else None
    with tempfile.TemporaryDirectory() as folder, start_registry(Path(folder), login=login) as registry:
        access = registry.access("bench")
        digest = push(access, _REPOSITORY, "v1", build_index("bench"))
        authfile = Path(folder) / "auth.json"
        auths = {registry.host: {"auth": login.basic}} if login else {}
        authfile.write_text(json.dumps({"auths": auths}), encoding="ascii")
        image = f"docker://{registry.host}/{_REPOSITORY}:v1"
        argv = ["skopeo", "inspect", "--raw", "--tls-verify=false", "--authfile", str(authfile), image]
        with closing(RegistryClient(access)) as client:
            pairs = in_turn(
                partial(_look_up, lambda: client.digest(_REPOSITORY, "v1"), digest, args.look_ups // _SLICES),
                partial(_look_up, lambda: _digest_by_skopeo(argv), digest, args.look_ups // _SLICES),
                limits=Limits(args.pairs, args.seconds),
                slices=_SLICES,
            )
    work = f"{args.look_ups} look-ups, {_WAYS} at a time{', with a password' if args.password else ''}"
    return 0 if report(work, [pair.times_as_fast for pair in pairs], _BAR) else 1


def _digest_by_skopeo(argv: list[str]) -> Digest:
    return digest_of(subprocess.run(argv, check=True, capture_output=True, timeout=60).stdout)


def _look_up(lookup: Callable[[], Digest | None], expected: Digest, count: int) -> None:
    with ThreadPoolExecutor(_WAYS) as pool:
        assert all(found == expected for found in pool.map(lambda _: lookup(), range(count)))


if __name__ == "__main__":
    sys.exit(main())
