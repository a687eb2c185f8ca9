"""Image references: parsing and printing are inverse, and what is no reference is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.images import Digest, ImageParts, ImageRef

HEX = "0123456789abcdef" * 4
segments = st.from_regex(r"[a-z0-9]{1,5}([._-][a-z0-9]{1,5}){0,2}", fullmatch=True)
hosts = st.sampled_from([None, "localhost", "localhost:5000", "ghcr.io", "127.0.0.1:5001", "a-b.example.com"])
tags = st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True)
digests = st.none() | st.just(Digest(f"sha256:{HEX}"))


@given(hosts, st.lists(segments, min_size=1, max_size=4).map("/".join), tags, digests)
def test_parse_then_print_is_the_identity(
    host: str | None, repository: str, tag: str | None, digest: Digest | None
) -> None:
    if host is None and repository.partition("/")[1] and "." in repository.partition("/")[0]:
        return  # reads as a host, by Docker's rule
    image = ImageRef(host, repository, tag, digest)
    assert ImageRef.parse(str(image)) == image


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":tag",
        "-rf",
        "UPPER/case",
        "a/b:",
        "a/b:ta g",
        "a/b@sha256:12",
        f"a/b@sha512:{HEX}",
        f"a/b@sha256:{HEX.upper()}",
        "a//b",
        "a/../b",
        "host.example.com:99999999/a",
        "a/b:x\n",
        "a/b:\u202ex",
        f"a/b:{'x' * 129}",
    ],
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        ImageRef.parse(text)


def test_a_port_is_no_tag() -> None:
    image = ImageRef.parse("localhost:5000/shop/api")
    assert (image.registry, image.repository, image.tag) == ("localhost:5000", "shop/api", None)


@given(hosts, st.none() | segments, tags, digests)
def test_parts_parse_then_print_is_the_identity(
    registry: str | None, repository: str | None, tag: str | None, digest: Digest | None
) -> None:
    parts = ImageParts(registry, repository, tag, digest)
    text = str(parts)
    if not text or (registry and not repository and (tag or digest)):
        with pytest.raises(ValueError, match="not a "):
            ImageParts.parse(text)
    else:
        assert ImageParts.parse(text) == parts


def test_parts_without_a_repository_are_no_reference() -> None:
    assert ImageParts(tag="1.2").ref is None
    assert ImageParts.parse("quay.io/") == ImageParts(registry="quay.io")
    assert ImageParts.parse(":1.2").tag == "1.2"
