"""Globs and paths: what they fit is what the plain expression fits, and nothing keeps them busy."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import PathPattern, TagScheme, glob_match, groups_of
from bot.git.reading import matcher

PATHS = st.text("ab-/", max_size=12)


@given(st.text("ab-/*", max_size=10), PATHS)
def test_a_glob_fits_what_its_plain_expression_fits(glob: str, path: str) -> None:
    plain = ".*".join("[^/]*".join(map(re.escape, part.split("*"))) for part in glob.split("**"))
    assert glob_match(glob, path) is bool(re.fullmatch(plain, path))
    one = "[^/]*".join(map(re.escape, glob.split("*")))
    assert matcher([glob])(path) is bool(re.fullmatch(one, path))


PIECES = st.lists(st.sampled_from(["{service}", "{team}", "{x}", "*", "a", "b", "-", "a-", "/"]), max_size=9)


@given(PIECES, PATHS)
def test_a_path_gives_what_its_plain_expression_gives(pieces: list[str], path: str) -> None:
    pattern = PathPattern("".join(pieces))
    if pattern.uncertain or "}{" in pattern.text or "**" in pattern.text:
        return
    seen: set[str] = set()
    plain = ""
    for piece in pieces:
        name = piece.strip("{}")
        plain += {"*": "[^/]*"}.get(piece, re.escape(piece)) if piece == name else ""
        plain += (f"(?P={name})" if name in seen else f"(?P<{name}>[^/]+)") if piece != name else ""
        seen.add(name)
    found = re.fullmatch(plain, path)
    assert pattern.match(path) == (found.groupdict() if found else None)


@pytest.mark.parametrize(
    ("pattern", "path", "values"),
    [
        ("{team}-{service}.yaml", "a-b-c.yaml", {"team": "a-b", "service": "c"}),
        ("{team}/{team}-{service}.yaml", "a/a-b-c.yaml", {"team": "a", "service": "b-c"}),
        ("{team}-{service}/{service}.yaml", "a-b-c/b-c.yaml", {"team": "a", "service": "b-c"}),
        ("{service}-{service}/{service}", "a-a/a", {"service": "a"}),
        ("{service}-{service}/{service}", "a-b/a", None),
        ("{a}_{service}x*", "1_2x3x", {"a": "1", "service": "2x3"}),
    ],
)
def test_what_is_whose_of_a_path(pattern: str, path: str, values: dict[str, str] | None) -> None:
    assert PathPattern(pattern).match(path) == values


MANY = 40
BUSY: dict[str, Callable[[], object]] = {
    "expression": lambda: groups_of(r"(([a-z]+-?)+|(a|a)*|(a*)*)x", "a" * 128),
    "placeholders": lambda: PathPattern("-".join(f"{{p{n}}}" for n in range(MANY)) + ".yaml").match("a-" * 2000),
    "segments": lambda: PathPattern("{a}-*/{b}-*/{c}-*/{d}-*/x").match("/".join(["a-" * 200] * 4) + "/y"),
    "a star in a segment": lambda: glob_match("*a" * MANY + "b", "a" * 4000),
    "stars in many segments": lambda: glob_match("*a*/" * MANY + "b", ("a" * 90 + "/") * MANY),
    "stars across segments": lambda: glob_match("**a" * MANY + "b", "a" * 4000),
    "git": lambda: matcher(["*a" * MANY + "b"])("a" * 4000),
    "a service's name": lambda: fnmatchcase("a" * 4000, "*a" * MANY + "b"),
}


@pytest.mark.parametrize("busy", BUSY.values(), ids=BUSY)
def test_what_would_go_back_and_forth_for_hours_ends(busy: Callable[[], object]) -> None:
    assert not busy()


@pytest.mark.parametrize(
    ("match", "says"),
    [
        ("[", "'[' is no regular expression as RE2 has them: missing ]"),
        ("(?=a)b", "invalid perl operator: (?="),
        (r"(a)\1", "invalid escape sequence"),
        ("a{1,2000}", "invalid repetition size"),
    ],
)
def test_what_can_t_be_matched_in_linear_time_is_refused(match: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        TagScheme(match=match, to="same")


def test_without_the_package_a_match_is_refused_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a Python that the package has no wheel for."""
    monkeypatch.setitem(sys.modules, "re2", None)
    assert TagScheme(to="{major}").to == "{major}"
    with pytest.raises(ValueError, match="`match` needs the Python package google-re2, which isn't installed"):
        TagScheme(match="only-in-this-test", to="same")
