"""The proof fails for every kind of edit that is not the one that was meant."""

from __future__ import annotations

import pytest

from bot.errors import ManifestError
from bot.images import ImageParts
from bot.manifests.scalars import Splice
from bot.manifests.verify import Before, prove

PATH = "values.yaml"
BEFORE = "a: {image: 'x:1'} # c\nb: {image: 'x:1', other: &o y, copy: *o}\n"
SPLICE = Splice(11, 16, "'x:2'", "x:1", "x:2")
WANTED = {(0, "/a/image"): ImageParts(None, "x", "2")}


def run(after: str, *splices: Splice) -> None:
    before = Before.read(PATH, BEFORE)
    prove(PATH, before, after, splices or [SPLICE], WANTED)


def test_the_meant_edit_passes() -> None:
    run(BEFORE.replace("x:1", "x:2", 1))


@pytest.mark.parametrize(
    "after",
    [
        BEFORE,
        BEFORE.replace("x:1", "x:3", 1),
        BEFORE.replace("x:1", "x:2"),
        BEFORE.replace("x:1", "x:2", 1) + "c: 1\n",
        BEFORE.replace("x:1", "x:2", 1).replace("other: ", "Other: "),
        BEFORE.replace("x:1", "x:2", 1).replace("&o", "&p").replace("*o", "*p"),
        BEFORE.replace("'x:1'", "[x:2]", 1),
        BEFORE.replace("'x:1'", "!t 'x:2'", 1),
        BEFORE.replace("x:1", "x:2", 1).replace("copy: *o", "copy: y"),
        "---\n" + BEFORE.replace("x:1", "x:2", 1),
    ],
)
def test_any_other_difference_fails(after: str) -> None:
    with pytest.raises(ManifestError, match="would change other values") as failure:
        run(after)
    assert failure.value.message.startswith("values.yaml:1: ")
    assert "nothing was changed" in failure.value.hint


def test_the_right_change_in_the_wrong_place_fails() -> None:
    start, at, end = BEFORE.rpartition("x:1")
    with pytest.raises(ManifestError, match=r"^values\.yaml:1: the edited file would name other images"):
        run(start + at.replace("1", "2") + end)


def test_an_image_that_is_gone_fails() -> None:
    after = BEFORE.replace("'x:1'", "'A word'", 1)
    with pytest.raises(ManifestError, match="would name other images"):
        run(after, Splice(11, 16, "'A word'", "x:1", "A word"))


def test_broken_yaml_fails() -> None:
    with pytest.raises(ManifestError, match="not YAML"):
        run(BEFORE.replace("'x:1'", "'x:2", 1))
