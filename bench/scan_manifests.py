"""How long finding and editing images takes beside the bare parsers: ratios, both in one run; and how much memory.

The files are copies of real manifests, as many as a large GitOps repository has. They aren't part of the project:
PROMOBOT_TEST_DATA names the folder that holds `corpus` with INDEX.jsonl; without it there is nothing to measure.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import time
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bot.errors import ManifestError
from bot.images import ImageParts
from bot.manifests import ImageEdit, find_images, set_images

CORPUS = Path(os.environ.get("PROMOBOT_TEST_DATA") or Path(__file__).parents[2] / "shared") / "corpus"
# Without the few larger ones, files have 2 kB on average, as in the repositories that the corpus is from.
LARGEST = 15_000
PAIRS = 7
AT_ONCE = 25
TAG = ImageParts(tag="v9.9.9-bench")


def corpus() -> list[bytes]:
    """The files of the corpus, without the largest."""
    rows = map(json.loads, (CORPUS / "INDEX.jsonl").read_text(encoding="utf-8").splitlines())
    return [(CORPUS / row["path"]).read_bytes() for row in rows if row["bytes"] <= LARGEST]


def compose(files: Iterable[bytes]) -> None:
    """What PyYAML's C parser needs for the same files."""
    for content in files:
        with suppress(yaml.YAMLError):  # templates, for either side
            deque(yaml.compose_all(content, Loader=yaml.CSafeLoader), maxlen=0)


def find(files: Iterable[bytes]) -> int:
    """How many images are found; what can't be read has none."""
    found = 0
    for content in files:
        with suppress(ManifestError):
            found += len(find_images("values.yaml", content))
    return found


def seconds(action: Callable[[], object]) -> float:
    """Processor time, since what else the machine does isn't meant."""
    began = time.process_time()
    action()
    return time.process_time() - began


def alternating(files: list[bytes]) -> tuple[float, float]:
    """Seconds of composing and of finding, in turn on a few files, so that both meet the same moods of the machine."""
    bare, ours = 0.0, 0.0
    for start in range(0, len(files), AT_ONCE):
        part = files[start : start + AT_ONCE]
        bare += seconds(partial(compose, part))
        ours += seconds(partial(find, part))
    return bare, ours


def compare_scans(files: list[bytes]) -> None:
    """Print how much longer than composing it takes to find all images."""
    print(f"{len(files):,} files, {sum(map(len, files)) / 1e6:.1f} MB, {find(files):,} images")
    ratios = []
    for pair in range(1, PAIRS + 1):
        bare, ours = alternating(files)
        ratios.append(ours / bare)
        print(f"pair {pair}: PyYAML composes in {bare:.2f} s, images are found in {ours:.2f} s, {ratios[-1]:.2f} times")
    print(f"median of {PAIRS} pairs: {statistics.median(ratios):.2f} times as long")


def compare_edits(files: list[bytes]) -> None:
    """Print how long one edit takes, by ours and by a round trip through ruamel.yaml, which moves other bytes too."""
    ours, trips = [], []
    for content in files:
        edit = next(edits(content), None)
        if edit:
            try:
                trips.append(seconds(partial(round_trip, content)))
            except YAMLError:
                continue
            ours.append(seconds(partial(set_images, "values.yaml", content, [edit])))
    for name, times in (("set_images", ours), ("ruamel.yaml round trip", trips)):
        cuts = statistics.quantiles(times, n=100)
        print(f"{name:22}  median {cuts[49] * 1000:6.1f} ms   99th {cuts[98] * 1000:6.1f} ms   of {len(times)} files")
    ratio = statistics.median(one / other for one, other in zip(ours, trips, strict=True))
    print(f"an edit takes {ratio:.2f} times as long as a round trip (median by file)")


def edits(content: bytes) -> Iterator[ImageEdit]:
    """Edits of a tag that can be made."""
    with suppress(ManifestError):
        for field in find_images("values.yaml", content):
            if not field.refusal and field.parts.tag and not field.parts.digest:
                edit = ImageEdit(field.document, field.pointer, TAG)
                set_images("values.yaml", content, [edit])
                yield edit


def round_trip(content: bytes) -> None:
    """Load and dump, keeping what ruamel.yaml keeps."""
    rt = YAML()
    rt.preserve_quotes = True
    rt.dump_all(list(rt.load_all(content)), io.BytesIO())


def peak(files: Iterable[bytes]) -> float:
    """Mebibytes that Python holds at most while all images in the files are found, the files apart."""
    tracemalloc.start()
    find(files)
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return held / 2**20


def compare_peaks(files: list[bytes]) -> None:
    """Print how the peak of memory follows the number of files and the size of the largest."""
    large = b"---\n".join(content for content in files if b"{{" not in content)[: 2**20]
    quarter = files[: len(files) // 4]
    for words, chosen in (
        (f"{len(quarter):,} files", quarter),
        (f"{len(files):,} files", files),
        (f"{len(files):,} files and one of 1 MiB", [*files, large]),
        ("that one alone", [large]),
    ):
        print(f"peak of memory over {words}: {peak(chosen):.1f} MiB")


def main() -> None:
    """Measure all of it; there is no bar."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--files", type=int, default=2000, help="how many (%(default)s)")
    count = parser.parse_args().files
    if not CORPUS.exists():
        print(f"no manifests at {CORPUS}: nothing measured; PROMOBOT_TEST_DATA can name its folder")
        return
    files = list(islice(cycle(corpus()), count))
    compare_scans(files)
    compare_peaks(files)
    compare_edits(files[:300])


if __name__ == "__main__":
    main()
