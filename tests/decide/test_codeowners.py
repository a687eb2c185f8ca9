"""CODEOWNERS, by the examples of both manuals."""

from __future__ import annotations

import pytest

from bot.decide import codeowners
from bot.decide.codeowners import Owned, owned
from bot.git.reading import UNREAD
from bot.globs import across_segments

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
        ("/apps/**", False, True),
        ("/apps/**/*", True, True),
        ("/**/shop/**/values.yaml", True, True),
        ("apps/**/prod/**/values.yaml", True, True),
        ("/ap**/shop/prod/values.yaml", True, True),
        ("/ap**/values.yaml", False, True),
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
    assert names(text) == [(1, "all"), (1, "ops sre")], "a line has the count of the head above it"
    assert names(text, "a.yaml") == [(1, "all"), (2, "sre")]
    assert owned(text, "README.md", sections=True) == (Owned(1, frozenset({"all"})),)


def test_a_path_that_is_left_out_has_no_owner_whatever_comes_later() -> None:
    assert names("* @sre\n!/apps/\n") == names("* @sre\n!/apps/\n/apps/ @sre\n") == []
    assert names("!/apps/\n* @sre\n[Shop]\nshop/ @shop\n") == [(1, "shop")]


def test_a_section_is_optional_if_all_of_it_is() -> None:
    assert names("[SRE]\n*.md @sre\n^[SRE]\n*.yaml @sre\n") == [(1, "sre")]
    assert names("^[SRE]\n*.md @sre\n^[sre] and so on\n*.yaml @sre\n") == []


def test_a_pattern_that_comes_again_stays_in_its_place() -> None:
    """GitLab keeps lines by their patterns."""
    text = "/apps/ @dev\n*.yaml @everybody\n/apps/ @sre\n"
    assert (names(text), names(text, gitlab=False)) == ([(1, "everybody")], [(1, "sre")])


def test_gitlab_has_no_comments_behind_owners() -> None:
    text = "/apps/ @sre # was @dev\n"
    assert (names(text), names(text, gitlab=False)) == ([(1, "dev sre")], [(1, "sre")])


@pytest.mark.parametrize("gitlab", [True, False])
def test_who_has_no_at_is_nobody(gitlab: bool) -> None:  # noqa: FBT001
    assert all("sre" not in one.owners for one in owned("/apps/ sre\n", FILE, sections=gitlab))
    assert all("sre" not in one.owners for one in owned("/apps/ sre@example.com\n", FILE, sections=gitlab))
    assert names("[SRE] @sre\n/apps/ nobody\n") == [], "nor does it fall back on the section's"


@pytest.mark.parametrize(
    "line", ["/apps/sho[p]/ @dev", "/apps/sho?/ @dev", "/apps/sh\\op/ @dev", "/**/a/**/b/**/c @dev"]
)
def test_what_may_fit_is_nobody_s_we_know(line: str) -> None:
    assert names(f"/apps/ @sre\n{line}\n") == [(1, "")]


@pytest.mark.parametrize("line", ["/apps/sho?/ @dev", "/ @dev", "\\", "/**/a/**/b/**/c @dev"])
def test_what_may_fit_on_github_is_nobody_s_we_know(line: str) -> None:
    assert names(f"/apps/ @sre\n{line}\n", gitlab=False) == [(1, "")]


@pytest.mark.parametrize("between", ["\u2028", "\x0b", "\x85"])
def test_lines_end_where_git_says(between: str) -> None:
    assert names(f"/docs/ @dev{between}/apps/ @sre\n") == []


def test_a_space_in_a_path_is_escaped() -> None:
    assert names("/my\\ apps/ @sre\n", "my apps/a") == [(1, "sre")]


@pytest.mark.parametrize(("count", "required"), [("9" * 5000, 999_999_999), ("0" * 5000 + "2", 2), ("0", None)])
def test_a_count_of_any_length_is_one(count: str, required: int | None) -> None:
    found = names(f"[SRE][{count}] @sre\n*.yaml\n")
    assert found == ([] if required is None else [(required, "sre")])


def test_a_file_of_thousands_of_lines_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a pass, each path of each merge request is looked for in it, several times."""
    read: list[str] = []

    def counted(glob: str) -> str:
        read.append(glob)
        return across_segments(glob)

    monkeypatch.setattr(codeowners, "across_segments", counted)
    text = "".join(f"/teams/{number}/ @team-{number}\n" for number in range(3000))
    for path in range(20):
        assert names(text, f"teams/{path}/prod/values.yaml", gitlab=False) == [(1, f"team-{path}")]
    assert len(read) == 3000


@pytest.mark.parametrize("line", [UNREAD.decode(), f"/{'*a' * 1_000_000} @sre", f"/docs/ {'@sre ' * 1_000_000}"])
def test_a_line_that_has_no_end_is_nobody_s_we_know(line: str) -> None:
    for gitlab in (True, False):
        assert names(f"/apps/ @sre\n{line}\n", gitlab=gitlab) == [(1, "")]
