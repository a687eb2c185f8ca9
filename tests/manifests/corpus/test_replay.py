"""Commits that people made, made again from what they changed: the same bytes as the authors'."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.errors import ManifestError
from bot.images import ImageParts, ImageRef
from bot.manifests import ImageEdit, ImageField, find_images, set_images
from tests.manifests.corpus.index import ABSENT, REPLAY, Row, pointer_of, present
from tests.manifests.corpus.mapping import owner, part_of

CASES = sorted(path.parent for path in REPLAY.glob("*/edit.json"))

pytestmark = pytest.mark.skipif(not present(), reason=ABSENT)


@dataclass(frozen=True)
class Commit:
    path: str
    changes: tuple[tuple[Row, str], ...]
    before: bytes
    after: bytes


def commit_of(case: Path) -> Commit:
    told = json.loads((case / "edit.json").read_text())
    before, after = ((case / name).read_bytes() for name in ("before.yaml", "after.yaml"))
    return Commit(told["path"], tuple(change_of(edit) for edit in told["edits"]), before, after)


def change_of(edit: dict[str, Any]) -> tuple[Row, str]:
    return Row(edit["doc"], pointer_of(edit["path"]), edit["old"], ""), edit["new"]


def parts_of(key: str, text: str) -> ImageParts:
    """What a scalar's new text says, by its key."""
    match part_of(key):
        case "registry":
            return ImageParts(registry=text)
        case "name" | "image":
            return ImageParts.of(ImageRef.parse(text))
        case "digest":
            return ImageParts.parse(f"@{text}")
        case _:
            return ImageParts.parse(f":{text}")


def edit_for(row: Row, new: str, fields: Iterable[ImageField]) -> ImageEdit:
    """The edit of the field that holds the scalar, or of the scalar itself where no format looks."""
    field = owner(row, fields)
    return ImageEdit(row.document, field.pointer if field else row.pointer, parts_of(row.key, new))


def fields_of(commit: Commit) -> tuple[ImageField, ...]:
    try:
        return find_images(commit.path, commit.before)
    except ManifestError as error:
        pytest.fail(f"{commit.path} can't be read: {error}")


def test_there_are_commits() -> None:
    assert CASES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_commit_made_again(case: Path) -> None:
    commit = commit_of(case)
    fields = fields_of(commit)
    edits = [edit_for(row, new, fields) for row, new in commit.changes]
    assert set_images(commit.path, commit.before, edits) == commit.after


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_commit_taken_back(case: Path) -> None:
    commit = commit_of(case)
    fields = find_images(commit.path, commit.after)
    edits = [edit_for(row, row.value, fields) for row, _ in commit.changes]
    assert set_images(commit.path, commit.after, edits) == commit.before
