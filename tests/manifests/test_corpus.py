"""Real manifests from public repositories: every image found is edited, and nothing else in the file moves.

The files aren't part of the project: PROMOBOT_TEST_DATA names the folder that holds `corpus` (with INDEX.jsonl, which
another program wrote: the byte span of every image scalar) and `corpus-replay` (commits as before and after).
`pytest -rP` shows how much was edited.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from bot.errors import ManifestError
from bot.manifests import ImageEdit, find_images, set_images

DATA = Path(os.environ.get("PROMOBOT_TEST_DATA") or Path(__file__).parents[3] / "shared")
INDEX = DATA / "corpus" / "INDEX.jsonl"
REPLAY = DATA / "corpus-replay"

TAGS = ("v9.9.9", "1.10", "20240101", "7e5", "0123", "1.2.3-rc4", "yes")

File: TypeAlias = dict[str, Any]

pytestmark = pytest.mark.skipif(
    not INDEX.exists(), reason=f"no corpus at {INDEX}; PROMOBOT_TEST_DATA can name its folder"
)


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
