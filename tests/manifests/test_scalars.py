"""Which values may stand unquoted, judged by real parsers and by what Go's yaml is known to do."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from bot.manifests.scalars import stays_string

tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,12}", fullmatch=True)
number_like = st.text("0123456789.eExXoObBaf_-+:TZ", min_size=1, max_size=12)


def read_by_ruamel(text: str, version: str) -> Any:
    reader = YAML(typ="safe", pure=True)
    reader.version = version
    return reader.load(text)


@settings(deadline=None)
@given(tags | number_like | st.text(max_size=6))
def test_what_stays_unquoted_is_read_as_the_same_string(text: str) -> None:
    if stays_string(text):
        for written in (f"a: {text}\n", f"a: {text} # c\n", f"{{a: {text}}}", f"{{a: {text}, b: [{text}]}}"):
            assert yaml.safe_load(written)["a"] == text
            for version in ("1.1", "1.2"):
                assert read_by_ruamel(written, version)["a"] == text


QUOTED = """
    1 1.10 1e3 1E3 7e5 123e4567 0123 08 0o17 0x1F 0b11 1_000 1_0e3 20240101 .5 5. 1. .inf .NaN 1:30 190:20:30
    2024-01-02 2024-1-2 2024-01-02T03:04:05Z y N yes No on OFF true False null NULL ~ -1 +1 - = << @a [::1]:5000/a
    a: {a} *a &a !a %a #a |a >a 'a "a `a ,a a,b a]b a#b
"""
PLAIN = """
    v1 1.2.3 1.2.3-rc1 75f1f84 12e 1e 0x 0b 0xg e3 2024-01-02-rc1 nullable y1 latest _1a a.b/c:1 a/b@sha256:00
    localhost:5000/a/b:1.10
"""


@pytest.mark.parametrize("text", [*QUOTED.split(), "", " a", "a b", "a\n", "é"])
def test_quoted(text: str) -> None:
    assert not stays_string(text)


@pytest.mark.parametrize("text", PLAIN.split())
def test_unquoted(text: str) -> None:
    assert stays_string(text)
