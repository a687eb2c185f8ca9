"""The judge itself: it accepts the edit that was meant and finds fault with every other."""

from __future__ import annotations

import pytest

from bot.images import ImageParts
from bot.manifests import Form, ImageField
from tests.manifests.corpus.index import Row
from tests.manifests.corpus.judge import Text, faults, leftovers
from tests.manifests.corpus.reading import read
from tests.manifests.corpus.variants import VARIANTS, Variant

CONTENT = b"""\
web: # a
  image: &x
    repository: quay.io/a # b
    tag: v1
  other: {tag: v1, list: [v1]}
worker:
  image: 'c:1'
"""
MAP = ImageField(0, "/web/image", Form.MAP, 3, ImageParts.parse("quay.io/a:v1"))
STRING = ImageField(0, "/worker/image", Form.STRING, 7, ImageParts.parse("c:1"))
WANTED = {(0, "/web/image"): ImageParts.parse("quay.io/b:1.10"), (0, "/worker/image"): ImageParts.parse("c:2")}
RIGHT = CONTENT.replace(b"quay.io/a", b"quay.io/b").replace(b"tag: v1\n", b'tag: "1.10"\n').replace(b"c:1", b"c:2")


def row(pointer: str, written: bytes, value: str) -> Row:
    start = CONTENT.index(written)
    return Row(0, pointer, value, "", (start, start + len(written)))


ROWS = {
    (0, "/web/image"): (
        row("/web/image/repository", b"quay.io/a", "quay.io/a"),
        row("/web/image/tag", b"v1", "v1"),
    ),
    (0, "/worker/image"): (row("/worker/image", b"'c:1'", "c:1"),),
}
TEXT = Text(CONTENT, read(CONTENT), ROWS)


def found_wrong(edited: bytes) -> list[str]:
    return list(faults(TEXT, edited, WANTED, [MAP, STRING]))


def test_the_right_edit() -> None:
    assert found_wrong(RIGHT) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (b'"1.10"', b"1.10"),
        (b'"1.10"', b"'1.10'"),
        (b'"1.10"', b'!!str "1.10"'),
        (b'"1.10"', b'"1.11"'),
        (b"quay.io/b", b'"quay.io/b"'),
        (b"quay.io/b", b"quay.io/a"),
        (b"'c:2'", b"c:2"),
        (b"'c:2'", b'"c:2"'),
        (b"'c:2'", b"'c:1'"),
        (b"'c:2'", b"&y 'c:2'"),
        (b"# b", b"# c"),
        (b"# a", b"#a"),
        (b"&x", b"&y"),
        (b" # b", b"  # b"),
        (b"{tag: v1", b"{tag: v2"),
        (b"[v1]", b"[v1, v1]"),
        (b"[v1]", b"[v2]"),
        (b"\n  other", b"\n\n  other"),
        (b"'c:2'\n", b"'c:2'"),
        (b"'c:2'\n", b"'c:2'\r\n"),
        (b"web:", b"\xef\xbb\xbfweb:"),
    ],
)
def test_any_other(right: bytes, wrong: bytes) -> None:
    assert RIGHT.count(right) == 1
    assert found_wrong(RIGHT.replace(right, wrong))


def test_no_edit_at_all() -> None:
    assert found_wrong(CONTENT)


@pytest.mark.parametrize(
    ("restored", "right"),
    [
        (CONTENT, True),
        (CONTENT.replace(b"tag: v1\n", b'tag: "v1"\n'), True),
        (CONTENT.replace(b"tag: v1\n", b"tag: 'v1'\n"), False),
        (CONTENT.replace(b"quay.io/a", b'"quay.io/a"'), False),
        (CONTENT.replace(b"# a", b"#  a"), False),
        (RIGHT, False),
    ],
)
def test_the_way_back(*, restored: bytes, right: bool) -> None:
    rows = TEXT.rows([MAP, STRING])
    assert bool(list(leftovers(TEXT, read(RIGHT), restored, rows))) != right


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_spellings_say_the_same(variant: Variant) -> None:
    made = variant.make(CONTENT)
    assert made
    after = read(made)
    assert [node.said for node in after.nodes] == [node.said for node in TEXT.stream.nodes]
    for spans in ROWS.values():
        for one in spans:
            assert one.span
            node = after.at(one.place)
            assert node
            assert (node.start, node.end) == tuple(variant.moved(CONTENT, at) for at in one.span)
