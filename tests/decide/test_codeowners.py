"""CODEOWNERS, by the examples of both manuals."""

from __future__ import annotations

import pytest

from bot.decide.codeowners import Owned, owned

FILE = "apps/shop/prod/values.yaml"


def names(text: str, path: str = FILE, *, gitlab: bool = True) -> list[tuple[int, str]]:
    return [(one.required, " ".join(sorted(one.owners))) for one in owned(text, path, sections=gitlab)]


@pytest.mark.parametrize(
    ("pattern", "gitlab", "github"),
    [
        ("*", True, True),
        ("/apps/", True, True),
        ("apps/", True, True),
        ("shop/", True, True),
        ("/shop/", False, False),
        ("/apps/shop/prod/values.yaml", True, True),
        ("values.yaml", True, True),
        ("*.yaml", True, True),
        ("/apps/*", False, False),
        ("/apps/**", True, True),
        ("/apps/**/values.yaml", True, True),
        ("/apps/shop/prod/**/values.yaml", True, True),
        ("/apps/*/prod/values.yaml", True, True),
        ("/apps", False, True),
        ("shop/prod", False, False),
        ("prod/values.yaml", True, False),
        ("/apps/sh", False, False),
        ("alues.yaml", False, False),
        ("/docs/", False, False),
    ],
)
def test_what_a_pattern_is_of(pattern: str, gitlab: bool, github: bool) -> None:  # noqa: FBT001
    text = f"{pattern} @sre\n"
    assert bool(names(text)) is gitlab
    assert bool(names(text, gitlab=False)) is github


def test_the_last_line_that_fits_counts_and_one_without_owners_takes_them_away() -> None:
    text = "* @everybody\n# comment\n/apps/ @SRE @ann # why\n"
    assert names(text) == names(text, gitlab=False) == [(1, "ann sre")]
    assert names(f"{text}{FILE}\n", gitlab=False) == []


def test_sections_ask_each_for_itself() -> None:
    text = (
        "* @all\n[SRE][2] @sre\n*.yaml\n^[Docs]\n* @writers\n[Security]\n/secrets/ @security\n[sre]\n/apps/ @sre @ops\n"
    )
    assert names(text) == [(1, "all"), (2, "ops sre")]
    assert names(text, "a.yaml") == [(1, "all"), (2, "sre")]
    assert owned(text, "README.md", sections=True) == (Owned(1, frozenset({"all"})),)


def test_a_path_that_is_left_out_has_no_owner() -> None:
    assert names("* @sre\n!/apps/\n") == []


def test_a_space_in_a_path_is_escaped() -> None:
    assert names("/my\\ apps/ @sre\n", "my apps/a") == [(1, "sre")]
