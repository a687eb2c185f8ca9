"""A file that can't be read as YAML, or could be misread, is told with its line and what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.configfile import load_config
from bot.errors import ConfigError
from tests.configfile.test_faults import GOOD, fault


def refused(tmp_path: Path, content: bytes | str) -> tuple[str, str]:
    """What is wrong, from the line number on, and what to do."""
    path = tmp_path / "promobot.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    return caught.value.message.removeprefix(f"{path}:"), caught.value.hint


@pytest.mark.parametrize(
    ("old", "new", "says", "advises"),
    [
        ("    registry: e2e", "\tregistry: e2e", "15: not YAML: a tab where spaces must be", "indent with spaces"),
        (
            "    registry: e2e",
            "   registry: e2e",
            "15: not YAML: doesn't continue what begins in line 12",
            "indent alike",
        ),
        ('e2e.yaml"]', 'e2e.yaml"', "14: not YAML: a bracket that opens here isn't closed", "close it"),
        ('["apps/{service}/e2e.yaml"]', "[{service}/x]", "14: not YAML: a bracket that opens here", "in quotes"),
        ('{patch}"', "{patch}", "21: not YAML: the text that begins here has no closing quote", "close it"),
        ('"{major}.{minor}.{patch}"', "{major}.{minor}", "21: not YAML: doesn't continue what begins in", "in quotes"),
        ("from: e2e", "from: *e2e", "17: not YAML: a text can't begin with *", "put it in quotes"),
        ("from: e2e", "from: *", "17: not YAML: a text can't begin with *", "put it in quotes"),
        ("from: e2e", "from: @e2e", "17: not YAML: a text can't begin with @", "put it in quotes"),
        ("from: e2e", "from: a: b", "17: not YAML: a colon where none can be", "put a text that holds `: ` in quotes"),
        ("from: e2e", "from:e2e", "17: not YAML: neither a key nor a value", "with a space behind the colon"),
        ("  - name: e2e", "  -name: e2e", "13: not YAML: a colon where none can be", "a space behind `-` or `:`"),
        ("from: e2e", "from: !env e2e", "17: the tag !env means nothing here", "write the value itself"),
        ("from: e2e", "<<: {from: e2e}", "17: << merges nothing here", "write the keys out"),
        ("from: e2e", "from: e2e\n    from: e2e", "18: from is given twice, first in line 17", "leave one of them out"),
        ("from: e2e", "{from: a}: e2e", "17: a key must be a word", "quote a text"),
        ("environments:", "---\nenvironments:", "11: a second document begins here", "take the `---` out"),
    ],
)
def test_what_can_t_be_read(tmp_path: Path, old: str, new: str, says: str, advises: str) -> None:
    assert old in GOOD
    message, hint = refused(tmp_path, GOOD.replace(old, new, 1))
    assert message.startswith(says)
    assert advises in hint


@pytest.mark.parametrize(
    ("content", "says", "advises"),
    [
        (b"", "1: the file is empty", "`promobot init` writes one"),
        (b"# to do\n---\n", "1: the file is empty", "`promobot init` writes one"),
        (b"a: b\nb: \xfc\n", "2: not UTF-8: it holds the byte 0xfc", "save it as UTF-8"),
        (b"a: b\n\x00", "2: not a text: it holds the byte 0x00", "save it as UTF-8"),
        ("a: b".encode("utf-16"), "1: not a text: it holds the byte 0x00", "save it as UTF-8"),
        (b"a: b\nc: [\n", "2: not YAML: the file ends, and a bracket isn't closed", "close it"),
        (b"a: [b,\n{c: d,\n\n", "2: not YAML: the file ends, and a bracket isn't closed", "close it"),
        (b"- a\n", "1: file: must be a mapping with the keys forges, registries, environments, ", "every key"),
        (b"just text\n", "1: file: must be a mapping with the keys forges, ", "every key"),
        (b"? [a, b]\n: c\n", "1: a key must be a word", "quote"),
        (b"#" * (1 << 21), " larger than 1048576 bytes", "this is not a promobot.yaml"),
    ],
)
def test_a_file_of_another_kind(tmp_path: Path, content: bytes, says: str, advises: str) -> None:
    message, hint = refused(tmp_path, content)
    assert message.startswith(says)
    assert advises in hint


@pytest.mark.parametrize("content", [GOOD.replace("\n", "\r\n"), "\ufeff" + GOOD, GOOD.replace("url: l", "url:\tl")])
def test_what_may_be_written_otherwise(tmp_path: Path, content: str) -> None:
    path = tmp_path / "promobot.yaml"
    path.write_bytes(content.encode())
    assert load_config(path).names == ("e2e", "prod")


def test_an_alias_is_for_one_value(tmp_path: Path) -> None:
    one = GOOD.replace("registry: e2e", "registry: &r e2e").replace("registry: prd", "registry: *r")
    path = tmp_path / "promobot.yaml"
    path.write_text(one, encoding="utf-8")
    assert load_config(path).environment("prod").registry == "e2e"
    whole = GOOD.replace("{forge: work, project: platform/gitops}", "&r {forge: work, project: platform/gitops}")
    message, hint = refused(tmp_path, whole.replace("{forge: work, project: sre/gitops, branch: release}", "*r"))
    assert message == "18: the alias *r stands for all that begins in line 13"
    assert hint == "write it out: an alias is for one value"


def test_an_alias_bomb_is_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "alias" in fault(tmp_path, "\n".join(lines))


@pytest.mark.parametrize("content", ["[" * 200_000, "- " * 300_000 + "x"])
def test_deep_nesting_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "promobot.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match="nested more than"):
        load_config(path)


@pytest.mark.parametrize("value", ["!!bool x", "!!timestamp x", "!!int ''", "!!float x", "!!binary ä"])
def test_a_scalar_that_is_not_what_its_tag_says_is_a_fault(tmp_path: Path, value: str) -> None:
    path = tmp_path / "promobot.yaml"
    path.write_text(f"author: {value}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="author"):
        load_config(path)


@pytest.mark.parametrize(
    ("name", "says", "advises"),
    [
        ("nowhere.yaml", "No such file or directory", "`promobot init` writes one, `promobot demo` shows it all"),
        (".", "Is a directory", "name the file in it"),
        ("loop", "Too many levels of symbolic links", "these links lead to each other"),
        ("file/promobot.yaml", "Not a directory", "name the file with -c FILE"),
    ],
)
def test_no_file(tmp_path: Path, name: str, says: str, advises: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / name)
    assert caught.value.message == f"{tmp_path / name}: {says}"
    assert advises in caught.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "promobot.yaml"
    path.write_text(GOOD, encoding="utf-8")
    path.chmod(0)
    with pytest.raises(ConfigError, match="see who may read it"):
        load_config(path)
