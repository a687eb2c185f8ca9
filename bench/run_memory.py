"""How much memory a run takes that deals with 1,000 images: its peak above what it had when everything was imported.

The images are indexes of two platforms with eleven layers each, of which one is the image's own, in ten repositories of
a registry. One process looks all of them up, sixteen at a time; reads and keeps all their manifests; copies all of them
to other repositories of the registry by a step each, where everything is mounted and skopeo has nothing to do; and does
so again, when they are there already. What it found and did is kept to the end.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from bench.measure import at_most, report
from bench.site import Site, copy_step, open_site
from bot.apply import apply
from bot.demo.oci import INDEX, Image, build_image, build_index, push
from bot.images import Digest
from bot.parallel import in_parallel
from bot.plan import AlreadyDone, Done
from bot.questions import Location
from bot.registry import Manifest, RegistryAccess
from bot.registry.manifest import Index, parse_manifest
from bot.world import World

T = TypeVar("T")

_BAR = at_most(120, "MB above the start")
_REGISTRY, _REPOSITORIES, _BASE_LAYERS, _AT_ONCE = "shared", 10, 10, 16


def main() -> int:
    """The exit code: 0 where the bar holds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--images", type=int, default=1000, help="how many (%(default)s)")
    args = parser.parse_args()
    with open_site(_REGISTRY) as site:
        digests = _push_all(site.registries[_REGISTRY].access(_REGISTRY), args.images)
        # A new process: what building the images took must neither count nor be there to be used again.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            peak = pool.apply(_run, (site, digests))
    return 0 if report(f"a run over {args.images} images", [peak], _BAR) else 1


def _run(site: Site, digests: Mapping[str, Digest]) -> float:
    """The run; returns the peak of its memory above its start, in MB."""
    start, world = _memory("VmRSS"), site.world()
    print(f"at the start: {start:.0f} MB")
    steps = [copy_step(_source(name), _destination(name), digest, name) for name, digest in digests.items()]
    names = list(digests)
    found = _phase("looked up", start, lambda: in_parallel(lambda name: _digest(world, name), names, workers=_AT_ONCE))
    assert found == list(digests.values())
    read = _phase(
        "manifests read", start, lambda: in_parallel(lambda name: _read(world, name), names, workers=_AT_ONCE)
    )
    for words, outcome in (("mounted and tagged", Done), ("there already", AlreadyDone)):
        results = _phase(words, start, lambda: apply(steps, world, now=datetime.now(UTC), watch=lambda _: None))
        assert all(isinstance(result.outcomes[-1], outcome) for result in results), results[0]
    print(f"kept to the end: {len(found):,} digests, {sum(map(len, read)):,} manifests")
    return _memory("VmHWM") - start


def _phase(words: str, start: float, action: Callable[[], T]) -> T:
    began = time.monotonic()
    result = action()
    above = _memory("VmHWM") - start
    print(f"{words}: {time.monotonic() - began:.1f} s, peak {above:.0f} MB above the start", flush=True)
    return result


def _memory(field: str) -> float:
    """A field of /proc/self/status (proc(5)) in MB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1000


def _digest(world: World, name: str) -> Digest | None:
    return world.registry(_REGISTRY).digest(_source(name).repository, name)


def _read(world: World, name: str) -> tuple[Manifest, ...]:
    registry, repository = world.registry(_REGISTRY), _source(name).repository
    index = registry.manifest(repository, name)
    assert index is not None
    content = parse_manifest(index)
    assert isinstance(content, Index)
    images = [registry.manifest(repository, image.digest.text) for image in content.images]
    return index, *filter(None, images)


def _source(name: str) -> Location:
    return Location(_REGISTRY, f"bench/{_repository(name)}")


def _destination(name: str) -> Location:
    return Location(_REGISTRY, f"promoted/{_repository(name)}")


def _repository(name: str) -> str:
    return f"app-{int(name.partition('-')[2]) % _REPOSITORIES}"


def _push_all(access: RegistryAccess, count: int) -> dict[str, Digest]:
    base = build_image("base", layers=_BASE_LAYERS, size=_BASE_LAYERS * 100)
    for number in range(_REPOSITORIES):
        push(access, _source(f"v-{number}").repository, "base", base)

    def made(name: str) -> Digest:
        return push(access, _source(name).repository, name, _on_top(base, build_index(name)))

    names = [f"v-{number}" for number in range(count)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(names, pool.map(made, names), strict=True))


def _on_top(base: Image, index: Image) -> Image:
    """The index with the base's layers, which its repository has, below each image's own."""
    below = json.loads(base.manifest)["layers"]
    images = []
    for image in index.children:
        manifest = json.loads(image.manifest)
        manifest["layers"] = below + manifest["layers"]
        images.append(Image(image.media_type, json.dumps(manifest).encode(), image.blobs))
    content = json.loads(index.manifest)
    for entry, image in zip(content["manifests"], images, strict=True):
        entry |= {"digest": image.digest.text, "size": len(image.manifest)}
    return Image(INDEX, json.dumps(content).encode(), children=tuple(images))


if __name__ == "__main__":
    sys.exit(main())
