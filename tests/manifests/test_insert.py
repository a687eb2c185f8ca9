"""A digest's key is added beside the tag where it is asked for, in the style of its map, and only then."""

from __future__ import annotations

import pytest

from bot.errors import ManifestError
from bot.images import ImageParts
from bot.manifests import ImageEdit, set_images
from tests.manifests.reading import NEW, edit

BLOCK = "image:\n  repository: a # the name\n  tag: v1 # {}\n\n  # next\n  pull: Always\n"
WANTED = ImageParts(tag="v2", digest=NEW)


def added(text: str, pointer: str = "/image", path: str = "values.yaml") -> str:
    return set_images(path, text.encode(), [ImageEdit(0, pointer, WANTED, add_digest=True)]).decode()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_in_block_style(end: str) -> None:
    expected = BLOCK.replace("v1 # {}\n", f"v2 # {{}}\n  digest: {NEW}\n").replace("\n", end)
    assert added(BLOCK.replace("\n", end)) == expected


@pytest.mark.parametrize(
    ("text", "pointer", "expected"),
    [
        ("- tag: v1\n  repository: a\n", "/0", "- tag: v2\n  digest: {d}\n  repository: a\n"),
        ("- - repository: a\n    tag: v1", "/0/0", "- - repository: a\n    tag: v2\n    digest: {d}"),
        ("image:\n  tag: &x\n  repo: a\n", "/image", "image:\n  tag: &x v2\n  digest: {d}\n  repo: a\n"),
        ("image:\n  repository: a\n  tag:\n", "/image", "image:\n  repository: a\n  tag: v2\n  digest: {d}\n"),
        ('a: {tag: "v1", repository: a}', "/a", 'a: {tag: "v2", digest: {d}, repository: a}'),
        ("a: {repository: a, tag: v1 }\n", "/a", "a: {repository: a, tag: v2, digest: {d} }\n"),
        ("a: {repository: a, tag: v1 # c }\n  }\n", "/a", "a: {repository: a, tag: v2, digest: {d} # c }\n  }\n"),
        ('{"a": {"repository": "a", "tag": "v1"}}', "/a", '{"a": {"repository": "a", "tag": "v2", "digest": "{d}"}}'),
        (
            '{"a": {\n  "tag": "v1",\n  "repo": "a"\n}}\n',
            "/a",
            '{"a": {\n  "tag": "v2",\n  "digest": "{d}",\n  "repo": "a"\n}}\n',
        ),
        (
            "images:\n- name: a\n  newTag: v1\n",
            "/images/0",
            "images:\n- name: a\n  newTag: v2\n  digest: {d}\n",
        ),
    ],
)
def test_where_it_goes(text: str, pointer: str, expected: str) -> None:
    assert added(text, pointer, "kustomization.yaml") == expected.replace("{d}", NEW.text)


def test_a_digest_that_has_a_place_gets_no_other() -> None:
    text = "a: {repository: x/a, tag: v1, digest: ''}\n"
    assert added(text, "/a") == text.replace("v1", "v2").replace("''", f"'{NEW}'")
    assert added("image: x/a:v1\n") == f"image: x/a:v2@{NEW}\n"


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ("image: {repository: a}\n", "/image"),
        ("global: {imageTag: v1}\n", "/global/imageTag"),
        ("image:\n  repository: a\n  ? tag\n  : v1\n", "/image"),
    ],
)
def test_where_there_is_no_place(text: str, pointer: str) -> None:
    with pytest.raises(ManifestError, match=r"there is no (?:key|place|exact place) for "):
        added(text, pointer)


PARAMETERS = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
spec:
  source:
    helm:
      parameters:
      - {name: image.repository, value: quay.io/a}
      - name: image.tag
        value: v2
"""


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        (PARAMETERS, "/spec/source/helm/parameters"),
        (PARAMETERS.replace("v2", "v1"), "/spec/source/helm/parameters"),
        ("imageRepository: quay.io/a\nimageTag: v2\n", ""),
        ("imageRepository: quay.io/a\nimageTag: v1\n", ""),
        ("app:\n  image: quay.io/a\n  imageTag: v2\n", "/app"),
    ],
)
def test_a_key_that_would_not_be_the_images_is_not_added(text: str, pointer: str) -> None:
    with pytest.raises(ManifestError, match="there is no place for a digest"):
        added(text, pointer)


@pytest.mark.parametrize(
    ("text", "pointer", "wanted"),
    [
        ("image: {repository: a}\n", "/image", f"@{NEW}"),
        ("global: {imageTag: v1}\n", "/global/imageTag", f":v2@{NEW}"),
    ],
)
def test_who_asked_for_it_is_not_told_to_ask_for_it(text: str, pointer: str, wanted: str) -> None:
    with pytest.raises(ManifestError, match="there is no place for a digest") as caught:
        set_images("values.yaml", text.encode(), [edit(f"0:{pointer}", f"{wanted} --add-digest")])
    assert caught.value.hint.startswith("a `digest` key can only be added beside a tag")


def test_never_unasked() -> None:
    with pytest.raises(ManifestError, match="there is no place for a digest"):
        set_images("values.yaml", BLOCK.encode(), [edit("0:/image", f":v2@{NEW}")])


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        pytest.param("a:\n  imageRepository: x/a\n  imageTag: v1\n", "/a", id="keys with a prefix"),
        pytest.param(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec: {source: {helm: {parameters: ["
            "{name: image.repository, value: x/a}, {name: image.tag, value: v1}]}}}\n",
            "/spec/source/helm/parameters",
            id="parameters of Argo CD",
        ),
    ],
)
def test_not_where_it_would_say_nothing(text: str, pointer: str) -> None:
    with pytest.raises(ManifestError, match="there is no place for a digest") as caught:
        added(text, pointer)
    assert (
        caught.value.hint
        == "a `digest` key can only be added beside a tag; leave the digest out, or add a key for it by hand first"
    )
