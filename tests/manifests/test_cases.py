"""Each folder of cases/: what is found in original.yaml (found.txt), and what edits.json makes of it.

That is expected.yaml to the byte, or the refusal in refused.txt.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from bot.errors import ManifestError
from bot.manifests import ImageEdit, find_images, set_images
from tests.manifests.reading import edit, line_of

CASES = sorted(path for path in (Path(__file__).parent / "cases").iterdir() if path.is_dir())
EDITED = [case for case in CASES if (case / "expected.yaml").exists()]
REFUSED = [case for case in CASES if (case / "refused.txt").exists()]
NAME = "values.yaml"  # a HelmRelease is recognised by its content, under any name


def edits_of(case: Path) -> list[ImageEdit]:
    return [edit(place, image) for place, image in json.loads((case / "edits.json").read_text()).items()]


def test_every_case_ends_somehow() -> None:
    assert {*EDITED, *REFUSED} == set(CASES)
    assert not {*EDITED} & {*REFUSED}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_found(case: Path) -> None:
    fields = find_images(NAME, (case / "original.yaml").read_bytes())
    assert [line_of(field) for field in fields] == (case / "found.txt").read_text().splitlines()


@pytest.mark.parametrize("case", EDITED, ids=lambda case: case.name)
def test_edited(case: Path) -> None:
    edits, expected = edits_of(case), (case / "expected.yaml").read_bytes()
    assert set_images(NAME, (case / "original.yaml").read_bytes(), edits) == expected
    assert set_images(NAME, expected, edits) == expected
    found = {(field.document, field.pointer): field.parts for field in find_images(NAME, expected)}
    for wanted in edits:
        says = asdict(found[wanted.document, wanted.pointer])
        assert {part: text for part, text in asdict(wanted.parts).items() if text is not None}.items() <= says.items()


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_refused(case: Path) -> None:
    with pytest.raises(ManifestError) as refusal:
        set_images(NAME, (case / "original.yaml").read_bytes(), edits_of(case))
    assert str(refusal.value) == (case / "refused.txt").read_text().rstrip("\n")
