"""Printing for people: what a table does on a narrow terminal and in a pipe."""

from __future__ import annotations

import io
import re

import pytest

from bot.cli.terminal import Terminal

HEADERS = ("SERVICE", "FOUND AT")
ROWS = [("inventory", "apps/inventory/staging/helmrelease.yaml:29"), ("web", "a title of several words")]


class Tty(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_narrow_terminal_breaks_titles_at_blanks_and_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "32")
    stream = Tty()
    Terminal.on(stream, color=False).table(HEADERS, ROWS)
    assert re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()).splitlines() == [
        "SERVICE     FOUND AT",
        "inventory",
        "    apps/inventory/staging/helmrelease.yaml:29",
        "web         a title of several",
        "            words",
    ]


def test_a_last_column_that_has_next_to_no_room_stands_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "24")
    stream = Tty()
    rows = [("inventory-of-prod", "● staging, prod"), ("web", "")]
    Terminal.on(stream, color=False).table(("SERVICE", ""), rows)
    assert re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()).splitlines() == [
        "SERVICE",
        "inventory-of-prod",
        "    ● staging, prod",
        "web",
    ]


def test_a_header_stands_where_what_it_heads_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "32")
    stream = Tty()
    Terminal.on(stream, color=False).table(HEADERS, ROWS[:1])
    assert re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()).splitlines() == [
        "SERVICE",
        "    FOUND AT",
        "inventory",
        "    apps/inventory/staging/helmrelease.yaml:29",
    ]


def test_what_two_blanks_keep_apart_is_broken_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "28")
    stream = Tty()
    Terminal.on(stream, color=False).table(
        ("TAG", ""), [("2.4.0", "● staging  = 2.4.0-rc1"), ("1", "= a  and more of it here")]
    )
    assert re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()).splitlines() == [
        "TAG",
        "2.4.0   ● staging",
        "        = 2.4.0-rc1",
        "1       = a",
        "        and more of it here",
    ]


def test_a_pipe_gets_one_line_for_a_row_and_no_blanks_at_its_end() -> None:
    stream = io.StringIO()
    Terminal.on(stream, color=False).table(HEADERS, ROWS)
    assert stream.getvalue().splitlines() == [
        "SERVICE     FOUND AT",
        "inventory   apps/inventory/staging/helmrelease.yaml:29",
        "web         a title of several words",
    ]


def test_no_line_ends_in_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream = Tty()
    terminal = Terminal.on(stream, color=False)
    terminal.say("a line that is too long for a terminal of forty columns, so it goes on below")
    terminal.markdown("A paragraph.\n\n| a | b |\n| --- | --- |\n| 1 | a longer cell |\n")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()).splitlines()
    assert lines == [line.rstrip() for line in lines]
    assert "A paragraph." in lines
