"""Each folder of cases/: what is found in the original (found.txt), and what edits.json makes of it.

That is the expected file to the byte, or a refusal with every line of refused.txt in its message. The file is
original.yaml and read as values.yaml, or original/NAME where the name matters. A refusal of a field in found.txt
stands behind `!`; it may be a part of the whole.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bot.errors import ManifestError
from bot.images import ImageParts
from bot.manifests import ImageEdit, ImageField, find_images, set_images
from tests.manifests.reading import edit, line_of

DOCS = Path(__file__).parents[2] / "docs" / "manifests.md"
CASES = sorted(path for path in (Path(__file__).parent / "cases").iterdir() if path.is_dir())
EDITED = [case for case in CASES if (case / "expected").exists() or (case / "expected.yaml").exists()]
REFUSED = [case for case in CASES if (case / "refused.txt").exists()]


def file_of(case: Path, kind: str) -> tuple[str, bytes]:
    """The name under which a file is read, and its content."""
    file = next((case / kind).iterdir()) if (case / kind).exists() else case / f"{kind}.yaml"
    return ("values.yaml" if file.parent == case else file.name), file.read_bytes()


def edits_of(case: Path) -> list[ImageEdit]:
    return [edit(place, image) for place, image in json.loads((case / "edits.json").read_text()).items()]


def says(field: ImageField, parts: ImageParts) -> bool:
    """Whether the field says these parts; what is None may be anything."""
    pairs = [(getattr(parts, name), getattr(field.parts, name)) for name in ("registry", "repository", "tag", "digest")]
    return all(wanted in (None, now) for wanted, now in pairs)


def test_every_case_ends_somehow() -> None:
    assert {*EDITED, *REFUSED} == set(CASES)
    assert not {*EDITED} & {*REFUSED}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_found(case: Path) -> None:
    lines = [line_of(field) for field in find_images(*file_of(case, "original"))]
    expected = (case / "found.txt").read_text().splitlines()
    assert [line.partition("  ! ")[:2] for line in lines] == [line.partition("  ! ")[:2] for line in expected]
    for line, wanted in zip(lines, expected, strict=True):
        assert wanted.partition("  ! ")[2] in line.partition("  ! ")[2]


@pytest.mark.parametrize("case", EDITED, ids=lambda case: case.name)
def test_edited(case: Path) -> None:
    (name, original), (_, expected), edits = file_of(case, "original"), file_of(case, "expected"), edits_of(case)
    assert set_images(name, original, edits) == expected
    assert set_images(name, expected, edits) == expected
    found = {(field.document, field.pointer): field for field in find_images(name, expected)}
    for wanted in edits:
        # What an explicit pointer alone reaches isn't found.
        if field := found.get((wanted.document, wanted.pointer)):
            assert says(field, wanted.parts)
            assert not (wanted.drop_digest and field.parts.digest)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_refused(case: Path) -> None:
    with pytest.raises(ManifestError) as refusal:
        set_images(*file_of(case, "original"), edits_of(case))
    assert [line for line in (case / "refused.txt").read_text().splitlines() if line not in str(refusal.value)] == []


def test_the_documentation_names_cases_that_there_are() -> None:
    rows = [line for line in DOCS.read_text().splitlines() if line.startswith("| ") and line.count(" | ") > 1]
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row.rpartition(" | ")[2])}
    assert len(named) > 50
    assert named <= {case.name for case in CASES}
