"""The order of tags."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.images import is_tag
from bot.versions import newest_first, order

TAGS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,12}", fullmatch=True) | st.from_regex(
    r"v?[0-9]{1,2}(\.[0-9]{1,2}){0,3}([._-]?(rc|alpha|beta)?[._-]?[0-9]{0,2})?(_[a-z0-9]{1,3})?", fullmatch=True
)


@pytest.mark.parametrize(
    "tags",
    [
        "1.2.0-rc9 1.2.0-rc10 1.2.0 1.2.1 1.10.0",
        "1.2.0-alpha 1.2.0-alpha.1 1.2.0-alpha.beta 1.2.0-beta 1.2.0-beta.2 1.2.0-beta.11 1.2.0-rc.1 1.2.0",
        "1.2.0-1 1.2.0-a 1.2.0",
        "1.2.0rc1 1.2.0",
        "v1.2.0-rc1 v1.2.0 1.3.0-rc1 v1.3.0",
        "1.2.0-rc1 1.2 1.2.0 1.2.0_build2 1.2.0_build10 1.2.0.1",
        "1 1.0 1.0.0 1.0.1 2 10 v11",
        "1.2.0-RC1 1.2.0-rc2 1.2.0-RC3",
        "20231231 20240131 20240201",
        "2023-12-31 2024-01-31 2024-01-31-1 2024-01-31-2 2024-01-31-10 2024-02-01",
        "20240131.1 20240131.2 20240131.10",
        "1041 1042 20240131",
        "build-9 build-10 latest main-7-abc stable",
        "latest 20240131 0.0.1 1 1.2.3",
        "7f3a9c2 latest 20240131.1 1.0 7 2024.1.31 2024.02.1",
        "007 7",
        "sha256-00.sig 1.0",
        "_ a 1",
        "9" * 120 + " " + "9" * 121,
    ],
)
def test_lowest_first(tags: str) -> None:
    expected = tags.split()
    assert all(map(is_tag, expected))
    assert newest_first(expected) == expected[::-1]


@given(TAGS, TAGS)
def test_no_two_tags_are_equal(one: str, other: str) -> None:
    assert (order(one) == order(other)) == (one == other)


@given(st.lists(TAGS, unique=True, max_size=12))
def test_the_order_is_total_and_does_not_depend_on_where_it_started(tags: list[str]) -> None:
    ascending = sorted(tags, key=order)
    assert newest_first(tags) == ascending[::-1] == newest_first(ascending)
    assert sorted(ascending) == sorted(tags)


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500), st.integers(0, 50), st.sampled_from(["", "v"]))
def test_a_pre_release_is_between_its_release_and_the_one_before(a: int, b: int, c: int, rc: int, v: str) -> None:
    tags = [f"{v}{a}.{b}.{c}", f"{a}.{b}.{c + 1}-rc{rc}", f"{v}{a}.{b}.{c + 1}-rc{rc + 1}", f"{a}.{b}.{c + 1}"]
    assert sorted(tags, key=order) == tags
