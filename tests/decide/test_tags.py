"""The tag in the next environment."""

from __future__ import annotations

import pytest

from bot.decide.tags import target_tag


@pytest.mark.parametrize(
    ("template", "source", "expected"),
    [
        ("same", "main-75f1f84", "main-75f1f84"),
        ("{major}.{minor}.{patch}", "1.1.3-rc2", "1.1.3"),
        ("{major}.{minor}.{patch}", "1.1.3", "1.1.3"),
        ("{major}.{minor}.{patch}", "v10.20.30-rc.1", "10.20.30"),
        ("v{major}.{minor}", "1.1.3", "v1.1"),
        ("release-{major}", "2.0.0-beta.11", "release-2"),
    ],
)
def test_a_template_is_filled(template: str, source: str, expected: str) -> None:
    assert target_tag(template, source) == expected


@pytest.mark.parametrize("source", ["latest", "1.1", "1.1.3.4", "01.1.3", "1.1.3+build", "75f1f84", "1.1.3-"])
def test_what_is_no_version_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="is not a version"):
        target_tag("{major}.{minor}.{patch}", source)


def test_what_makes_no_tag_is_refused() -> None:
    with pytest.raises(ValueError, match="which is no tag"):
        target_tag("-{major}", "1.0.0")
