"""The tag in the next environment."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from bot.config import TagScheme
from bot.decide.tags import split_arch, target_tag
from tests.paper import configured

RELEASE = "{major}.{minor}.{patch}"
PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
ROWS = re.findall(r"^\| (`.*`) \| `([^`]*)` \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def tagged(template: str, source: str) -> str:
    return target_tag(TagScheme(to=template), source)


@pytest.mark.parametrize(("scheme", "source", "result"), ROWS)
def test_the_documented_table_is_true(scheme: str, source: str, result: str) -> None:
    said = yaml.safe_load(scheme.strip("`"))
    wanted = TagScheme.model_validate(said if isinstance(said, dict) else {"to": said})
    if not result.startswith("refused: "):
        assert f"`{target_tag(wanted, source)}`" == result
        return
    with pytest.raises(ValueError, match=source) as refused:
        target_tag(wanted, source)
    why = result.removeprefix("refused: it ").split(",")[0].replace("`", "")
    assert why in str(refused.value)


def test_the_table_is_there() -> None:
    assert len(ROWS) > 10


@pytest.mark.parametrize(
    ("template", "source", "expected"),
    [
        ("same", "main-75f1f84", "main-75f1f84"),
        (RELEASE, "1.1.3", "1.1.3"),
        (RELEASE, "v10.20.30-rc.1", "10.20.30"),
        (RELEASE, "1.1.3-main.42.g75f1f84", "1.1.3"),
        (RELEASE, "1.1.3-debugging.4", "1.1.3"),
        ("v{major}.{minor}", "1.1.3", "v1.1"),
        ("release-{major}", "2.0.0-beta.11", "release-2"),
        ("{v}{major}.{minor}.{patch}{pre}{arch}", "v1.2.3-rc1-linux-arm64", "v1.2.3-rc1-linux-arm64"),
        (RELEASE + "{arch}", "1.2.3-rc1-arm64-v8", "1.2.3-arm64-v8"),
        (RELEASE + "{arch}", "1.2.3", "1.2.3"),
        (RELEASE + "{pre}", "1.2.3-amd-fixes", "1.2.3-amd-fixes"),
    ],
)
def test_a_template_is_filled(template: str, source: str, expected: str) -> None:
    assert tagged(template, source) == expected


@pytest.mark.parametrize(
    "source", ["latest", "1.1", "1.1.3.4", "01.1.3", "1.1.3+build", "75f1f84", "1.1.3-", "vv1.2.3"]
)
def test_what_is_no_version_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="is not a version"):
        tagged(RELEASE, source)


@pytest.mark.parametrize("arch", ["amd64", "arm64", "arm64v8", "armv7", "linux-amd64", "x86_64", "s390x", "ppc64le"])
@pytest.mark.parametrize("version", ["1.2.3", "v1.2.3", "1.2.3-rc1"])
def test_an_architecture_is_not_dropped_unasked(version: str, arch: str) -> None:
    assert split_arch(f"{version}-{arch}") == (version, f"-{arch}")
    with pytest.raises(ValueError, match=rf"is for {arch} alone, .* add {{arch}}"):
        tagged(RELEASE, f"{version}-{arch}")


@pytest.mark.parametrize("flavour", ["alpine", "alpine3.20", "slim", "rc1-slim", "bookworm", "debug", "ubi9", "fips"])
def test_a_flavour_is_not_dropped_unasked(flavour: str) -> None:
    with pytest.raises(ValueError, match=r"image of its version, .* add {pre}"):
        tagged(RELEASE, f"1.2.3-{flavour}")


def test_what_makes_no_tag_is_refused() -> None:
    with pytest.raises(ValueError, match="which is no tag"):
        tagged("{pre}", "1.0.0-rc1")


def test_a_group_that_did_not_take_part_is_empty() -> None:
    scheme = TagScheme(match="(?P<n>[0-9]+)(?P<rest>-x)?", to="r{n}{rest}")
    assert (target_tag(scheme, "7"), target_tag(scheme, "7-x")) == ("r7", "r7-x")


@pytest.mark.parametrize(
    ("tag", "says"),
    [
        ("stable", "every image would get the tag stable"),
        ({"match": "(?P<n>[0-9]+)", "to": "stable"}, "every image would get the tag stable"),
        ("{version}", "unknown placeholder {version}; there are {v}, {major}, {minor}, {patch}, {pre}, {arch}"),
        ("{major", "a brace without its partner"),
    ],
)
def test_a_scheme_that_can_not_be_meant_is_refused(tag: object, says: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(says)):
        configured(staging={"tag": tag})
