"""Real manifests from public repositories: every image found is edited, and nothing else in the file moves.

The files aren't part of the project: PROMOBOT_TEST_DATA names the folder that holds `corpus` (with INDEX.jsonl, which
another program wrote: the byte span of every image scalar) and `corpus-replay` (commits as before and after).
`pytest -rP` shows how much was edited.
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml

from bot.errors import ManifestError
from bot.images import ImageParts, ImageRef
from bot.manifests import ImageEdit, ImageField, find_images, set_images
from tests.manifests.reading import NEW

DATA = Path(os.environ.get("PROMOBOT_TEST_DATA") or Path(__file__).parents[3] / "shared")
INDEX = DATA / "corpus" / "INDEX.jsonl"
REPLAY = DATA / "corpus-replay"

TAGS = ("v9.9.9", "1.10", "20240101", "7e5", "0123", "1.2.3-rc4", "yes")

File: TypeAlias = dict[str, Any]

pytestmark = pytest.mark.skipif(
    not INDEX.exists(), reason=f"no corpus at {INDEX}; PROMOBOT_TEST_DATA can name its folder"
)


@cache
def indexed() -> dict[str, list[File]]:
    """The corpus's HelmRelease and values files by the repository that they come from."""
    found = defaultdict(list)
    for line in INDEX.read_text().splitlines() if INDEX.exists() else ():
        file = json.loads(line)
        name = Path(file["path"]).name
        if "HelmRelease" in file.get("kinds", ()) or (name.startswith("values") and name.endswith(".yaml")):
            found[file["path"].partition("/")[0]].append(file)
    return found


def edits_for(fields: list[ImageField]) -> Iterator[ImageEdit]:
    for number, field in enumerate(fields):
        assert field.image
        digest = NEW if field.image.digest else None
        tag = TAGS[number % len(TAGS)] if field.image.tag or not digest else None
        new = ImageRef("registry.example.com:5000", f"promoted/{field.image.repository}", tag, digest)
        yield ImageEdit(field.document, field.pointer, ImageParts.of(new))


@pytest.mark.parametrize("repository", sorted(indexed()))
def test_every_field_at_once(repository: str) -> None:
    edited = 0
    for file in indexed()[repository]:
        content = (DATA / "corpus" / file["path"]).read_bytes()
        fields = [field for field in find_images(file["path"], content) if not field.refusal]
        if not fields:
            continue
        edits = list(edits_for(fields))
        changed = set_images(file["path"], content, edits)
        assert_only_spans_changed(file, content, changed)
        assert_only_values_changed(content, changed, edits)
        after = {(field.document, field.pointer): field.image for field in find_images(file["path"], changed)}
        assert {(edit.document, edit.pointer): edit.parts.ref for edit in edits}.items() <= after.items()
        edited += len(edits)
    sys.stdout.write(f"{repository}: {edited} fields in {len(indexed()[repository])} files\n")


def assert_only_spans_changed(file: File, content: bytes, changed: bytes) -> None:
    """Line by line, what stands before and after the indexed values is the same."""
    spans = {image["line"]: image for image in file["images"]}
    old, new = content.split(b"\n"), changed.split(b"\n")
    assert len(old) == len(new)
    start = 0
    for number, (was, now) in enumerate(zip(old, new, strict=True), start=1):
        if was != now:
            # An empty value has no span; it goes behind the colon.
            colon = start + was.find(b":") + 1
            span = (spans[number].get("byte_start", colon) - start, spans[number].get("byte_end", colon) - start)
            before, after = was[: span[0]], was[span[1] :]
            assert now.startswith(before)
            assert now.endswith(after)
        start += len(was) + 1


def assert_only_values_changed(content: bytes, changed: bytes, edits: list[ImageEdit]) -> None:
    """PyYAML sees the same stream but for scalars that now say a part of a wanted image."""
    wanted = {part for edit in edits if edit.parts.ref for part in parts_of(edit.parts.ref)}
    pairs = zip(events(content), events(changed), strict=True)
    differing = [(old, new) for old, new in pairs if old != new]
    assert {new[-1] for _, new in differing} <= wanted
    assert all(old[:-1] == new[:-1] for old, new in differing)
    assert len(differing) >= len(edits)


def parts_of(image: ImageRef) -> set[str]:
    digest = str(image.digest or "")
    bare = digest.removeprefix("sha256:")
    tags = {image.tag or "", f"{image.tag}@{digest}", digest, bare}
    return {str(image), image.name, image.registry or "", image.repository, *tags}


def events(content: bytes) -> list[tuple[Any, ...]]:
    stream = yaml.parse(content.decode(), Loader=yaml.CSafeLoader)
    names = ("anchor", "tag", "flow_style", "explicit", "value")
    return [(type(event).__name__, *(getattr(event, name, None) for name in names)) for event in stream]


def replays() -> list[Path]:
    return sorted(path.parent for path in REPLAY.glob("*/edit.json"))


def test_commits_that_people_made() -> None:
    """Each commit that only moved images we find, made again from its images: the same bytes as the author's."""
    made = []
    for case in replays():
        path = json.loads((case / "edit.json").read_text())["path"]
        before, after = ((case / name).read_bytes() for name in ("before.yaml", "after.yaml"))
        try:
            old, new = find_images(path, before), find_images(path, after)
        except ManifestError:
            continue
        edits = [
            ImageEdit(is_now.document, is_now.pointer, is_now.parts)
            for was, is_now in zip(old, new, strict=True)
            if was != is_now and is_now.image and not is_now.refusal
        ]
        if edits:
            assert set_images(path, before, edits) == after
            made.append(case.name)
    sys.stdout.write(f"{len(made)} of {len(replays())} commits made again\n")
    assert made
