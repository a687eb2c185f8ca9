"""Scalars that somebody names: by a rule, by a pointer whose key says what they hold, or to be copied as they are."""

from __future__ import annotations

import pytest

from bot.errors import ManifestError
from bot.images import ImageParts
from bot.manifests import (
    Edit,
    FieldRule,
    Form,
    ImageEdit,
    ImageField,
    Part,
    ScalarEdit,
    find_images,
    scalar_at,
    set_images,
)
from tests.manifests.reading import NEW, OLD, edit

VARIABLES = """\
spec:
  postBuild:
    substitute:
      OPERATOR_TAG: v1 # the operator
      WEB_IMAGE_TAG: 41
      WEB_IMAGE: x/web:1
      a~b/c: v1
      word: v1
      list: [v1, {tag: v1}]
"""
SUBSTITUTE = "/spec/postBuild/substitute"
OPERATOR = ImageParts.parse("example.com/operator")


@pytest.mark.parametrize(
    ("key", "image", "old", "new"),
    [
        ("OPERATOR_TAG", ":v2", "v1 #", "v2 #"),
        ("WEB_IMAGE_TAG", ":42", "41", '"42"'),
        ("WEB_IMAGE", "y/web:2", "x/web:1", "y/web:2"),
        ("WEB_IMAGE", ":2", "x/web:1", "x/web:2"),
    ],
)
def test_a_pointer_whose_key_says_what_it_holds(key: str, image: str, old: str, new: str) -> None:
    assert set_images("x", VARIABLES.encode(), [edit(f"0:{SUBSTITUTE}/{key}", image)]).decode() == VARIABLES.replace(
        old, new
    )


@pytest.mark.parametrize(
    ("pointer", "image", "reason"),
    [
        (f"0:{SUBSTITUTE}/word", ":v2", f"x:8: {SUBSTITUTE}/word is no image by itself, and its key"),
        (f"0:{SUBSTITUTE}/list/0", ":v2", f"x:9: {SUBSTITUTE}/list/0 is no image"),
        (
            f"0:{SUBSTITUTE}/OPERATOR_TAG",
            "a:v2",
            f"x:4: {SUBSTITUTE}/OPERATOR_TAG can't become a:v2: there is no key for a name",
        ),
        (f"0:{SUBSTITUTE}/list", ":v2", "x:1: no image at 0:"),
        (f"0:{SUBSTITUTE}/list/2", ":v2", "x:1: no image at 0:"),
        (f"0:{SUBSTITUTE}/list/-1", ":v2", "x:1: no image at 0:"),
        ("1:/spec", ":v2", "x:1: no image at 1:"),
        ("0:", ":v2", "x:1: no image at 0:"),
    ],
)
def test_pointers_that_lead_to_no_image(pointer: str, image: str, reason: str) -> None:
    with pytest.raises(ManifestError) as failure:
        set_images("x", VARIABLES.encode(), [edit(pointer, image)])
    assert failure.value.message.startswith(reason)


def test_a_part_of_an_image_is_set_by_the_image() -> None:
    with pytest.raises(ManifestError, match="/image/tag is a part of the image at 0:/image"):
        set_images("x", b"image: {repository: a, tag: v1}\n", [edit("0:/image/tag", ":v2")])


def test_a_pointer_to_what_an_alias_brings_is_refused() -> None:
    with pytest.raises(ManifestError, match="x:2: /b/A_TAG can't be edited: taken by an alias from line 1"):
        set_images("x", b"a: &a {A_TAG: v1}\nb: *a\n", [edit("0:/b/A_TAG", ":v2")])


def test_a_rule_says_which_image_a_tag_is_of() -> None:
    rule = FieldRule(f"{SUBSTITUTE}/word", Part.TAG, OPERATOR)
    fields = {field.pointer: field for field in find_images("x", VARIABLES.encode(), [rule])}
    whole = ImageParts(OPERATOR.registry, OPERATOR.repository, "v1")
    assert fields[rule.pointer] == ImageField(0, rule.pointer, Form.PART, 8, whole)
    wanted = ImageEdit(0, rule.pointer, ImageParts.parse("example.com/operator:v2"))
    edited = set_images("x", VARIABLES.encode(), [wanted], [rule]).decode()
    assert edited == VARIABLES.replace("word: v1", "word: v2")
    other = ImageEdit(0, rule.pointer, ImageParts.parse("example.com/other:v2"))
    with pytest.raises(ManifestError, match="`fields` says which image this is"):
        set_images("x", VARIABLES.encode(), [other], [rule])


def test_a_rule_comes_before_what_is_found_there() -> None:
    content = b"image: {repository: a, tag: v1}\n"
    rule = FieldRule("/image/tag", Part.TAG, OPERATOR)
    assert [(field.pointer, str(field.parts)) for field in find_images("x", content, [rule])] == [
        ("/image/tag", "example.com/operator:v1")
    ]


@pytest.mark.parametrize("own", ["a: &a\n  image: x/web:1\nb: *a\n", "a: &a {image: x/web:1}\nb: {<<: *a}\n"])
def test_a_rule_for_what_an_alias_brings_leaves_what_it_is_taken_from(own: str) -> None:
    found = find_images("x", own.encode(), [FieldRule("/b/image", Part.IMAGE)])
    assert {field.pointer: not field.refusal for field in found} == {"/a/image": True, "/b/image": False}


def test_a_tag_becomes_what_the_rule_says_of_its_image() -> None:
    rule = FieldRule("/tag", Part.TAG, ImageParts.parse("x/web:1"))
    assert set_images("x", b"tag: v2\n", [edit("0:/tag", ":1")], [rule]) == b'tag: "1"\n'


def test_a_rule_holds_for_every_document_that_has_its_pointer() -> None:
    content = b"image_tag: v1\n---\nother: v1\n---\nimage_tag: v2\n"
    found = find_images("image_tag", content, [FieldRule("/image_tag", Part.TAG, OPERATOR)])
    assert [(field.document, str(field.image)) for field in found] == [
        (0, "example.com/operator:v1"),
        (2, "example.com/operator:v2"),
    ]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (FieldRule("/nothing", Part.TAG), "`fields` names this place, and there is no value"),
        (FieldRule("/a", Part.IMAGE), "no image reference"),
        (FieldRule("/b", Part.IMAGE), "'true' is no image reference"),
        (FieldRule("/a", Part.TAG), "no image reference: not a tag"),
        (FieldRule("/c", Part.REGISTRY), "is no registry host"),
    ],
)
def test_a_rule_that_finds_no_image_is_a_refused_field(rule: FieldRule, reason: str) -> None:
    (field,) = find_images("x", b"a: two words\nb: true\nc: '-'\n", [rule])
    assert field.pointer == rule.pointer
    assert reason in field.refusal


@pytest.mark.parametrize(
    ("pointer", "text", "plain"),
    [("/a", "1.10", True), ("/b", "1.10", False), ("/c/0", "", True), ("/d", "x\ny", False)],
)
def test_a_scalar_is_carried_as_it_is(pointer: str, text: str, *, plain: bool) -> None:
    content = b"a: 1.10\nb: '1.10'\nc: [~]\nd: |\n  x\n  y\n"
    assert scalar_at("x", content, 0, pointer) == ScalarEdit(0, pointer, text, plain=plain)


def test_there_is_no_scalar_where_there_is_none() -> None:
    assert scalar_at("x", b"a: {b: 1}\n", 0, "/a") is None
    assert scalar_at("x", b"a: 1\n", 1, "/a") is None
    assert scalar_at("x", b"", 0, "/a") is None


@pytest.mark.parametrize(
    ("edited", "expected"),
    [
        (ScalarEdit(0, "/version", "1.11", plain=True), "version: 1.11"),
        (ScalarEdit(0, "/version", "1.11"), 'version: "1.11"'),
        (ScalarEdit(0, "/version", "^1.x, or 2"), 'version: "^1.x, or 2"'),
        (ScalarEdit(0, "/version", "1.10"), "version: 1.10"),
    ],
)
def test_scalars_are_edited_by_pointer(edited: ScalarEdit, expected: str) -> None:
    content = b"version: 1.10 # chart\nimage: a:1\n"
    assert set_images("x", content, [edited]) == content.replace(b"version: 1.10", expected.encode())


def test_a_scalar_and_an_image_in_one_edit() -> None:
    content = b"version: 1.10\nimage: a:1\n"
    edits: list[Edit] = [ScalarEdit(0, "/version", "2.0", plain=True), edit("0:/image", "a:2")]
    assert set_images("x", content, edits) == b"version: 2.0\nimage: a:2\n"


def test_an_image_is_not_edited_as_a_scalar() -> None:
    with pytest.raises(ManifestError, match=r"x:1: /image is a part of the image at 0:/image"):
        set_images("x", b"image: a:1\n", [ScalarEdit(0, "/image", "a:2")])
    with pytest.raises(ManifestError, match=r"x:1: /image/tag is a part of the image at 0:/image"):
        set_images("x", b"image: {tag: v1}\n", [ScalarEdit(0, "/image/tag", "v2"), edit("0:/image", ":v3")])


@pytest.mark.parametrize("text", ["x\ny", "a\tb", "\a"])
def test_a_scalar_that_does_not_fit_a_line_is_not_carried(text: str) -> None:
    with pytest.raises(ManifestError, match=r"x:2: 'b' would get a value of several lines") as failure:
        set_images("x", b"a: 1\nb: 1\n", [ScalarEdit(0, "/b", text)])
    assert failure.value.hint == "write it by hand"


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        (f"proxy: {{tag: v1, digest: '{OLD}'}}\n", "/proxy/tag"),
        (
            f"{{aImageTag: v1, aImageDigest: '{OLD}', bImage: b, bImageTag: v1, cImage: c, cImageTag: v1}}\n",
            "/aImageTag",
        ),
        (f"{{aImageTag: v1, aImageDigest: '{OLD}'}}\n", ""),
    ],
)
def test_a_digest_never_stays_beside_another_tag(text: str, pointer: str) -> None:
    with pytest.raises(ManifestError, match=r"would stay|two values here"):
        set_images("x", text.encode(), [edit(f"0:{pointer}", ":v2")])


def test_what_a_pinned_image_needs() -> None:
    content = f"image: a:1@{OLD}\n".encode()
    with pytest.raises(ManifestError, match="give tag and digest, or drop the digest"):
        set_images("x", content, [edit("0:/image", ":2")])
    with pytest.raises(ManifestError, match="give a tag too"):
        set_images("x", content, [edit("0:/image", f"@{NEW}")])
    assert set_images("x", content, [edit("0:/image", ":2 --drop-digest")]) == b"image: a:2\n"
    assert set_images("x", content, [edit("0:/image", f":2@{OLD}")]) == f"image: a:2@{OLD}\n".encode()
    assert set_images("x", content, [edit("0:/image", "quay.io/a")]) == f"image: quay.io/a:1@{OLD}\n".encode()
