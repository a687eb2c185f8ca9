"""What a run is given: where its configuration is."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from bot.cli.call import Call


def call(config: str | None = None) -> Call:
    return Call(Namespace(config=config), {}, lambda _: None)


def test_the_configuration_is_looked_for_up_to_the_top_of_the_clone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top, deep = tmp_path / "clone", tmp_path / "clone" / "apps" / "cart"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    (tmp_path / "promobot.yaml").touch()
    (top / "promobot.yaml").touch()
    here = Path("promobot.yaml")
    assert call().config_path == here, "outside of a clone nowhere else"
    (top / ".git").mkdir()
    assert call().config_path == top / "promobot.yaml"
    assert call().written_path == here
    assert call("x.yaml").config_path == call("x.yaml").written_path == Path("x.yaml")
    (top / "promobot.yaml").unlink()
    assert call().config_path == here, "not above the clone"
    (deep.parent / "promobot.yaml").touch()
    assert call().config_path == deep.parent / "promobot.yaml"
    (deep / "promobot.yaml").touch()
    assert call().config_path == here
