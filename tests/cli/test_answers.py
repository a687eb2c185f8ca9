"""Every command's JSON is what `promobot schema COMMAND` says, and no more."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from bot.cli import main
from bot.cli.answers import ANSWERS
from bot.cli.arguments import make_parser
from bot.cli.schema import answer_schema
from bot.errors import ExitCode
from tests.cli.conftest import Promobot
from tests.cli.registries import Shop, shop

__all__ = ["shop"]

# What prints JSON whatever it is asked for.
_NO_ANSWER = {"schema"}


def fits(name: str, data: object) -> bool:
    """Whether it is what the schema says."""
    validator = jsonschema.Draft202012Validator(json.loads(answer_schema(name)))
    assert [error.message for error in validator.iter_errors(data)] == []
    return True


def check(shop: Shop, name: str, *argv: str, code: int = 0) -> None:
    """Run a command whose answer has to fit."""
    said = shop.run(*name.split(), *argv, "-o", "json")
    assert said.code == code
    assert fits(name, said.data)


def commands(parser: argparse.ArgumentParser, *before: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command and verb."""
    nested = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not nested:
        yield " ".join(before), parser
    for action in nested:
        for name, one in action.choices.items():
            yield from commands(one, *before, name)


def test_every_command_that_answers_has_a_schema() -> None:
    answering = {name for name, one in commands(make_parser()) if any(a.dest == "output" for a in one._actions)}
    assert answering - _NO_ANSWER == set(ANSWERS)


def test_every_command_helps_with_examples() -> None:
    for name, one in commands(make_parser()):
        shown = [line for line in one.format_help().splitlines() if f"promobot {name}" in line and "usage" not in line]
        assert shown, name
        assert all(len(line) <= 80 for line in shown), name


def test_without_a_command_it_helps(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], environ={}) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert "New here? `promobot demo`" in err


@pytest.mark.parametrize("name", ANSWERS)
def test_a_schema_is_one_and_leaves_nothing_open(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", *name.split()], environ={}) == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    objects = [one for one in (schema, *schema.get("$defs", {}).values()) if one.get("type") == "object"]
    assert objects
    assert all(one["additionalProperties"] is False for one in objects)
    assert all(one["required"] == list(one["properties"]) for one in objects), "every key is always there"


def test_a_schema_that_there_isn_t_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "demo"], environ={}) == ExitCode.USAGE
    assert "there is one of check, images" in capsys.readouterr().err


def test_answers_fit_from_the_first_look_to_the_merge(shop: Shop) -> None:
    promote = ("inventory", "--to", "staging")
    check(shop, "check", "--online")
    check(shop, "tags", "inventory")
    check(shop, "inspect", f"{shop.path}:1.1.3-rc2")
    check(shop, "status")
    check(shop, "plan")
    check(shop, "promote", *promote, "--dry-run")
    check(shop, "promote", *promote)
    check(shop, "promote", *promote, "--wait", "--timeout", "1s", code=ExitCode.BLOCKED)
    check(shop, "status")
    check(shop, "mr list")
    check(shop, "mr show", "1")
    check(shop, "mr ready", "1")
    check(shop, "mr close", "1", "--as", "ann")
    check(shop, "plan", code=ExitCode.BLOCKED)
    check(shop, "status", "--blocked")
    check(shop, "promote", *promote, "--reopen")
    check(shop, "mr merge", "2", "--as", "ann")
    check(shop, "reconcile")


@pytest.mark.parametrize("name", ["check", "status", "plan", "reconcile"])
def test_answers_fit_when_nothing_can_be_read(shop: Shop, name: str) -> None:
    (shop.company.folder / "git").rename(shop.company.folder / "away")
    assert fits(name, shop.run(name, "-o", "json").data)


def test_answers_about_files_fit(promobot: Promobot, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("image: org/app:1\nother: {image: '${X}'}\n", encoding="utf-8")
    assert fits("images", promobot("images", tmp_path, "-o", "json").data)
    assert fits("set-image", promobot("set-image", file, "/image", ":2", "--check", "-o", "json").data)
