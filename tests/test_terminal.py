"""What others wrote is shown, and does nothing else."""

from __future__ import annotations

import io
import logging

import pytest
from rich.text import Text

from bot.cli.terminal import ProgressLine, Terminal
from bot.cli.visible import VisibleFormatter, inline, visible

HOSTILE = "a\x1b]0;title\x07\x1b[31mb\x9b2J\u202ec\u2066d\u200be\rf\udcffg"


def printed(text: str, how: str) -> str:
    stream = io.StringIO()
    terminal = Terminal.on(stream, color=False)
    match how:
        case "say":
            terminal.say(text)
        case "styled":
            terminal.say(Text(text, style="red"))
        case "title":
            terminal.title(text)
        case "table":
            terminal.table(("ONE",), [(text,)])
        case "diff":
            terminal.diff(f"+{text}\n")
        case _:
            terminal.markdown(f"`{text}`")
    return stream.getvalue()


@pytest.mark.parametrize("how", ["say", "styled", "title", "table", "diff", "markdown"])
def test_nothing_that_a_terminal_obeys_or_an_eye_misses_is_printed(how: str) -> None:
    out = printed(HOSTILE, how)
    assert visible(out) == out
    assert "\\x1b[31m" in out
    assert "\\u202e" in out


@pytest.mark.parametrize("how", ["say", "title", "table", "diff"])
@pytest.mark.parametrize("text", ["[bold]x[/bold]", "[/nothing]", "[link=https://evil.example.com]click[/link]"])
def test_no_text_is_markup(how: str, text: str) -> None:
    assert text in printed(text, how)


def test_a_line_of_a_diff_stays_one_line() -> None:
    assert printed("a\x0b+ b\u2028+ c\x85+ d", "diff").count("\n") == 1


def test_logs_tell_no_signed_address() -> None:
    message = 'http://host:80 "GET /blob?signature=canary HTTP/1.1" 200 \x1b[0m'
    record = logging.LogRecord("urllib3", logging.DEBUG, "", 1, message, (), None)
    assert VisibleFormatter().format(record) == 'http://host:80 "GET /blob?… HTTP/1.1" 200 \\x1b[0m'


class Tty(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (Tty(), "\r\x1b[2Ka\\x1b[31mxxxxxxx…\r\x1b[2Ksecond\r\x1b[2K"),
        (io.StringIO(), ""),
    ],
    ids=["terminal", "pipe"],
)
def test_progress_is_one_line_on_a_terminal_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, expected: str
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("bot.cli.terminal._FIRST_NEWS", 0)
    monkeypatch.setattr("bot.cli.terminal._NEWS", 0)
    with ProgressLine(Terminal.on(stream, color=False)) as progress:
        progress.show("a\x1b[31m" + "x" * 30)
        progress.show("second")
    assert stream.getvalue() == expected


def test_on_one_line_a_line_feed_is_seen() -> None:
    assert inline("a\n\tb\x1bc") == "a\\n\\tb\\x1bc"


def test_lines_tabs_and_other_alphabets_stay() -> None:
    assert visible("a\tb\nΩ→✓ 日本語") == "a\tb\nΩ→✓ 日本語"


@pytest.mark.parametrize("said", ["option", "variable"])
def test_without_colour_nothing_is_bold_or_dim_either(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = _Screen()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    Terminal.on(stream, color=True).title("bold")
    assert "\x1b[1m" in stream.getvalue()
    stream = _Screen()
    if said == "variable":
        monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal.on(stream, color=said == "variable")
    terminal.title("bold")
    terminal.say(Text("dim", style="dim"))
    terminal.diff("+added\n")
    terminal.markdown("**strong** `code`")
    assert "\x1b" not in stream.getvalue()


class _Screen(io.StringIO):
    def isatty(self) -> bool:
        return True
