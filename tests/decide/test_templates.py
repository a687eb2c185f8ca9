"""Templates of one's own: what they know, what they are told about their faults, and that they end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.decide.text import BODY, COMMIT_MESSAGE, TITLE, Texts, headline
from bot.decide.text.context import make_context
from bot.decide.text.sample import samples
from bot.errors import ConfigError
from bot.resources import load_replacements, load_templates
from tests.paper import TEXTS

ROOT = Path(__file__).parents[2]


def names(context: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in context.items():
        yield f"{prefix}{name}"
        if isinstance(value, tuple) and value and isinstance(value[0], Mapping):
            yield from names(value[0], f"{prefix}{name}.")


def test_the_documentation_names_what_templates_know() -> None:
    page = (ROOT / "docs/templates.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `([\w.]+)` \|", page, re.MULTILINE)
    contexts = [make_context(promotion, background, 1) for promotion, background in samples()]
    known = dict.fromkeys(name for context in contexts for name in names(context))
    assert sorted(documented) == sorted(known)


def test_the_documentations_templates_are_fine() -> None:
    page = (ROOT / "docs/templates.md").read_text(encoding="utf-8")
    title, body = re.findall(r"```\n(\{%.*?)```", page, re.DOTALL)
    Texts({**load_templates(), TITLE: title, COMMIT_MESSAGE: title, BODY: body}).check()
    ticketed = Texts({TITLE: title})
    promotion = samples()[0][0]
    assert ticketed.title(replace(promotion, target="prod")) == f"PLAT-12: {headline(promotion)} to prod"
    assert ticketed.title(promotion) == f"{headline(promotion)} to staging"


def test_our_own_templates_are_fine() -> None:
    TEXTS.check()


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("a\n{{ unti }}", ":2: there is no name unti, did you mean unit?; known are adds, approvals, companions, "),
        (
            "\n{% for m in moves %}\n{{ m.tga }}{% endfor %}",
            ":3: there is no name tga, did you mean tag?; known are ",
        ),
        ("{% if x", ":1: "),
        ("a\n{% endfor %}", ":2: "),
        ("{{ moves }}", ":1: a list can't be printed"),
        ("{{ moves[0] }}", ":1: what has service, image, now"),
        ("{{ unit | safe }}", ":1: there is no filter safe; known are join, length, lower, replace, upper"),
        ("{{ unit is callable }}", ":1: there is no test callable"),
        ("{{ unit.upper }}", ":1: this can't be printed"),
        ("{{ unit.__class__ }}", ":1: "),
        ("{{ unit.upper() }}", ":1: a call can't be used in a template"),
        ("{% for i in range(9) %}{% endfor %}", ":1: a call can't be used"),
        ("{% macro m() %}{% endmacro %}", ":1: macro can't be used"),
        ("a\n{% include 'title.j2' %}", ":2: include can't be used"),
        ("{% import 'x' as y %}", ":1: import can't be used"),
        ("{% extends 'title.j2' %}", ":1: extends can't be used"),
        ("{% filter upper %}x{% endfilter %}", ":1: filter can't be used"),
        ("{% set a %}x{% endset %}", ":1: set without = can't be used"),
        ("{{ 'x' * 1000000000 }}", ":1: mul can't be used"),
        ("{{ 9 ** 9 ** 9 }}", ":1: pow can't be used"),
        ("{{ '%999999999d' % 1 }}", ":1: mod can't be used"),
        ("{% for m in moves recursive %}{{ loop(moves) }}{% endfor %}", ":1: "),
        ("{% for c in unit %}{% endfor %}", ":1: only lists can be looped over"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", ":1: is nested too deeply"),
        ("{% for m in moves %}" * 30 + "{% endfor %}" * 30, ":1: is nested too deeply"),
        ("x" * 100_001, ":1: is longer than 100,000 characters"),
        ("{{ 1" + "0" * 5000 + " }}", ":1: "),
        ("\ue000", ":1: holds a character"),
        ("{{ 1 < unit }}", ":1: '<' not supported"),
    ],
)
def test_a_fault_is_told_with_its_line(template: str, said: str) -> None:
    texts = Texts({**load_templates(), BODY: template}, {BODY: "texts/merge_request.md.j2"})
    with pytest.raises(ConfigError) as caught:
        texts.check()
    assert caught.value.message.startswith(f"texts/merge_request.md.j2{said}"), caught.value.message


DIGITS = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"
LONG = "{% set t = '" + "y" * 50_000 + "' %}" + "{% for m in moves %}" * 2 + "{{ t }}" * 9 + "{% endfor %}" * 2
DOUBLED = "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a ~ a %}" * 60


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("".join(f"{{% for a{n} in {DIGITS} %}}" for n in range(8)) + "{% endfor %}" * 8, "go round more than"),
        (DOUBLED, "makes a text of more than 100,000"),
        (DOUBLED.replace("a ~ a", "[a, a] | join"), "can only be printed|makes a text of more than 100,000"),
        ("{{ 'x'" + "| replace('x', 'xxxxxxxxxx')" * 30 + " }}", "makes a text of more than 100,000"),
        (
            LONG,
            "makes more than",
        ),
        ("y" * 90_000, "makes more than the 65,000 characters that forges take"),
    ],
)
def test_what_would_run_away_ends(template: str, said: str) -> None:
    texts = Texts({**load_templates(), BODY: template})
    with pytest.raises(ConfigError, match=said):
        texts.check()


def test_what_would_be_too_much_of_long_lists_is_made_of_shorter_ones() -> None:
    (promotion, _), *_ = samples()
    moves = tuple(replace(promotion.moves[0], service=f"s{number}") for number in range(100))
    loops = "{% for a in moves %}" * 3 + "x" + "{% endfor %}" * 3
    texts = Texts({**load_templates(), TITLE: f"{loops} y", BODY: loops})
    many = replace(promotion, moves=moves)
    assert texts.body(many).partition("\n")[0] == "x" * 20**3
    assert texts.title(many).startswith("xxx")


def test_a_file_that_replaces_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "merge_request.j2").write_text("x")
    with pytest.raises(ConfigError) as caught:
        load_replacements(tmp_path, load_templates().keys())
    assert caught.value.message == f"{tmp_path}/merge_request.j2:1: replaces no template"
    assert caught.value.hint.startswith("did you mean merge_request.md.j2? there are ")


@pytest.mark.parametrize(("content", "said"), [(b"a\n\xff", ":2: is not UTF-8"), (b"x" * 100_001, ":1: is larger")])
def test_a_file_that_is_no_template_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / BODY).write_bytes(content)
    with pytest.raises(ConfigError, match=re.escape(said)):
        load_replacements(tmp_path, [BODY])


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no/such: No such file"):
        load_replacements(tmp_path / "no/such", [BODY])


def test_a_file_of_ones_own_replaces_ours_and_hidden_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / BODY).write_bytes(b"\xef\xbb\xbfours: {{ unit }}")
    (tmp_path / ".gitkeep").touch()
    assert load_replacements(tmp_path, [BODY]) == {BODY: "ours: {{ unit }}"}
