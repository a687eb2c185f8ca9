"""Small repositories in the shapes that people use: what `init` makes of each, and that `check` accepts it.

A file of `repositories/` is one: what is expected of it, as YAML, then its files, each below a line `-- path --`.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.cli import main
from bot.errors import ExitCode

CASES = sorted((Path(__file__).parent / "repositories").iterdir())
_FILE = re.compile(r"^-- (\S+) --\n", re.MULTILINE)


def unpack(case: Path, folder: Path) -> dict[str, Any]:
    """Write a case's files, and say what is expected of them."""
    expected, *parts = _FILE.split(case.read_text(encoding="utf-8"))
    for path, content in zip(parts[::2], parts[1::2], strict=True):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(expected)
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_init_recognises_or_says_why_not(case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = unpack(case, tmp_path / "gitops")
    config = str(tmp_path / "promobot.yaml")
    environ = {"PROMOBOT_CACHE": str(tmp_path / "cache")}
    code = main(["init", str(tmp_path / "gitops"), "--try", "-c", config, "-o", "json"], environ=environ)
    said = capsys.readouterr()
    if "refused" in expected:
        assert code == ExitCode.USAGE
        assert [word for word in expected["refused"] if word not in said.err] == []
        return
    assert (code, said.err) == (ExitCode.DONE, "")
    written = json.loads(said.out)
    assert {one["name"]: one["from"] for one in written["environments"]} == expected["from"]
    doubts = " ".join(one["reason"] for one in written["unsure"])
    assert [word for word in expected.get("unsure", []) if word not in doubts] == []
    assert main(["check", "-c", config, "-o", "json"], environ=environ) == ExitCode.DONE
    checked = json.loads(capsys.readouterr().out)
    images: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for image in checked["images"]:
        images[image["environment"]][image["service"]].append(image["image"])
    assert checked["problems"] == []
    assert images == expected["images"]
