"""One more resource in a kustomization: one line, in the style of its neighbours."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ManifestError
from bot.manifests import add_resource, kustomization_resources

PATH = "apps/kustomization.yaml"
CONTENT = b"""\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: # by name
  - ../base

  - ./api/release.yaml   # first
  # what follows is new
  - './web/release.yaml'
namespace: shop
"""


def test_what_is_listed() -> None:
    assert kustomization_resources(PATH, CONTENT) == ("../base", "./api/release.yaml", "./web/release.yaml")
    assert kustomization_resources(PATH, b"kind: Kustomization\n") == ()
    assert kustomization_resources(PATH, b"resources: [a]\n---\nresources: [b]\n") == ()


@pytest.mark.parametrize(
    ("after", "line"),
    [
        ("./api/release.yaml", b"  - ./jobs/release.yaml\n"),
        ("./web/release.yaml", b"  - './jobs/release.yaml'\n"),
        ("../base", b"  - ./jobs/release.yaml\n"),
    ],
)
def test_one_line_is_new(after: str, line: bytes) -> None:
    edited = add_resource(PATH, CONTENT, "./jobs/release.yaml", after=after)
    begin, _, end = CONTENT.partition(f"- {after}".encode() if b"'" not in line else f"'{after}'".encode())
    rest = end.partition(b"\n")
    assert edited == CONTENT[: len(CONTENT) - len(rest[2])] + line + rest[2]
    assert begin


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"resources:\r\n- a\r\n- b\r\nx: 1", b"resources:\r\n- a\r\n- b\r\n- c\r\nx: 1"),
        (b"resources:\n-   a\n-   b", b"resources:\n-   a\n-   b\n-   c"),
        (b'resources:\n- a\n- "b"\n', b'resources:\n- a\n- "b"\n- "c"\n'),
        (b"\xef\xbb\xbfresources:\n- a\n- b\n", b"\xef\xbb\xbfresources:\n- a\n- b\n- c\n"),
    ],
)
def test_the_style_of_the_neighbours(content: bytes, wanted: bytes) -> None:
    assert add_resource(PATH, content, "c", after="b") == wanted


def test_what_would_not_stay_a_string_is_quoted() -> None:
    assert add_resource(PATH, b"resources:\n- b\n", "1.0", after="b") == b'resources:\n- b\n- "1.0"\n'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"resources: [a, b]\n", "on a line of its own"),
        (b"resources:\n- a\n- b\n- b\n", "not listed once"),
        (b"resources:\n- a\n", "not listed once"),
        (b"resources:\n- - b\n", "not listed once"),
        (b"resources:\n- >-\n  b\n", "on a line of its own"),
        (b"x: &x [b]\nresources: *x\n", "not listed once"),
        (b"resources: {\n", "not YAML"),
    ],
)
def test_what_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(ManifestError, match=words):
        add_resource(PATH, content, "c", after="b")


names = st.from_regex(r"(\./|\.\./)?[a-z0-9][a-z0-9._-]{0,8}(/[a-z0-9]{1,4}\.yaml)?", fullmatch=True)


@given(st.lists(names, min_size=1, max_size=6, unique=True), names, st.data())
def test_the_list_has_one_more(listed: list[str], new: str, data: st.DataObject) -> None:
    after = data.draw(st.sampled_from(listed))
    quote = data.draw(st.sampled_from(["'", '"']))
    lines = "".join(f"  - {quote}{name}{quote}\n" for name in listed)
    content = f"resources:\n{lines}namePrefix: x\n".encode()
    edited = add_resource(PATH, content, new, after=after)
    at = listed.index(after) + 1
    assert yaml.safe_load(edited) == {"resources": [*listed[:at], new, *listed[at:]], "namePrefix": "x"}
    assert edited == content.replace(
        f"{quote}{after}{quote}\n".encode(), f"{quote}{after}{quote}\n  - {quote}{new}{quote}\n".encode()
    )
