"""How much faster digests are read over HTTP than by a skopeo process for each: a ratio, both in one run.

    ./run bench            or: python bench/digest_lookups.py [LOOK-UPS]

Sixteen at a time, alternating pairs, over a registry with a password on loopback. Prints every pair and the median.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bot.demo.oci import build_index, digest_of, push
from bot.demo.registries import start_registry
from bot.process import run
from bot.registry import Login, RegistryClient

WAYS = 16
PAIRS = 5
REPOSITORY = "bench/app"


def timed(lookup: Callable[[], object], count: int) -> float:
    """Seconds for `count` look-ups, sixteen at a time."""
    began = time.perf_counter()
    with ThreadPoolExecutor(WAYS) as pool:
        for _ in pool.map(lambda _: lookup(), range(count)):
            pass
    return time.perf_counter() - began


def main(count: int) -> None:
    """Time both ways in turn."""
    login = Login("bench", "bench-password")
    with tempfile.TemporaryDirectory() as folder, start_registry(Path(folder), login=login) as registry:
        digest = push(registry.access("bench"), REPOSITORY, "v1", build_index("bench"))
        client = RegistryClient(registry.access("bench"))
        authfile = Path(folder) / "auth.json"
        authfile.write_text(f'{{"auths": {{"{registry.host}": {{"auth": "{login.basic}"}}}}}}', encoding="ascii")
        image = f"docker://{registry.host}/{REPOSITORY}:v1"
        argv = ["skopeo", "inspect", "--raw", "--tls-verify=false", "--authfile", str(authfile), image]

        def by_http() -> None:
            assert client.digest(REPOSITORY, "v1") == digest

        def by_skopeo() -> None:
            assert digest_of(run(argv, timeout=30).stdout) == digest

        ratios = []
        for pair in range(1, PAIRS + 1):
            skopeo, http = timed(by_skopeo, count), timed(by_http, count)
            ratios.append(skopeo / http)
            print(f"pair {pair}: skopeo {skopeo:.2f} s, HTTP {http:.2f} s, {skopeo / http:.1f} times as fast")
        client.close()
    print(f"median of {PAIRS} pairs of {count} look-ups: {statistics.median(ratios):.1f} times as fast")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
