"""Printing for people: lines that wrap at their own indent, tables that never hide what they are about, diffs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import IO, Self

from rich.cells import cell_len
from rich.console import Console
from rich.markdown import Markdown
from rich.text import Text

from bot.cli.visible import visible, without_comments

# Wide enough that nothing is folded when its reader is a program or a file.
_PIPE_WIDTH = 250
# Prose is hard to read in longer lines.
_PROSE_WIDTH = 100
# Seconds: what is quick is done before anything is said of it.
_FIRST_NEWS = 0.5
_NEWS = 0.1
# Where a text may be broken; best where two blanks keep apart what belongs together.
_PHRASES = re.compile(r"(?:[^ ]| (?=[^ ]))+ *| +")
_WORDS = re.compile(r"[^ ]+ ?| ")
# Blanks between the columns of a table.
_GAP = 3
# What stands below a row of a table is indented by so much.
_BELOW = 4
# Cells that the last column of a table gets at least, else it stands below the others.
_LEAST = 12
# What begins and ends the line of a part that a browser folds away.
_FOLD, _FOLD_END = "<details><summary>", "</summary>"


@dataclass(frozen=True)
class Terminal:
    """A stream that people read, whether it is a terminal or not."""

    console: Console

    @classmethod
    def on(cls, stream: IO[str], *, color: bool) -> Terminal:
        """Print on this stream; as wide as the terminal, else as wide as it takes. Without colour, nothing is bold."""
        width = None if stream.isatty() else _PIPE_WIDTH
        console = _Console(file=stream, no_color=None if color else True, width=width, highlight=False)
        if console.no_color:
            console = _Console(file=stream, color_system=None, width=width, highlight=False)
        return cls(console)

    @property
    def interactive(self) -> bool:
        """Whether somebody may be watching."""
        return self.console.is_terminal

    def say(self, text: Text | str = "", *, indent: int = 0) -> None:
        """Print a line; on a terminal, what is too long for it goes on below, indented by two more."""
        line = printable(text)
        room = max(self.console.width - indent - 2, 20)
        wrapped = line.wrap(self.console, room) if self.interactive and line.cell_len > room + 2 else [line]
        for number, part in enumerate(wrapped):
            part.rstrip()
            self.console.print(Text(" " * (indent + 2 * bool(number))).append_text(part), soft_wrap=True)

    def title(self, text: str) -> None:
        """Print a line that what follows belongs to."""
        self.say(Text(text, style="bold"))

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[Text | str]]) -> None:
        """Print a table; where it is too wide, its last column goes on below, broken at blanks.

        Where a word of it has no room, such as a path, it stands below as a whole; all of them where next to nothing is
        left. Where none is beside the others, its header isn't either.
        """
        cells = [[Text(header, style="bold") for header in headers]]
        cells += [[printable(cell) for cell in row] for row in rows]
        widths = [max(row[column].cell_len for row in cells) + _GAP for column in range(len(headers) - 1)]
        indent, room = sum(widths), self.console.width - sum(widths)
        below = room < min(max(row[-1].cell_len for row in cells), _LEAST)
        beside = [not below and max(map(cell_len, row[-1].plain.split(" "))) <= room for row in cells]
        beside[0] &= any(fits and row[-1] for fits, row in zip(beside[1:], cells[1:], strict=True))
        for fits, (*row, last) in zip(beside, cells, strict=True):
            line = Text()
            for cell, width in zip(row, widths, strict=True):
                line.append_text(cell).append(" " * (width - cell.cell_len))
            if fits:
                self._last_cell(line, last, indent)
                continue
            self._line(line)
            if last:
                self._last_cell(Text(" " * _BELOW), last, _BELOW)

    def _last_cell(self, line: Text, cell: Text, indent: int) -> None:
        """The cell after what stands before it in the line, and in lines below as far as it has no room there."""
        for part in cell.divide(_breaks(cell.plain, max(self.console.width - indent, _LEAST))):
            self._line(line.append_text(part))
            line = Text(" " * indent)

    def _line(self, line: Text) -> None:
        line.rstrip()
        self.console.print(line, soft_wrap=True)

    def diff(self, text: str, *, indent: int = 0) -> None:
        """Print a unified diff; its lines are never wrapped by us."""
        for line in text.removesuffix("\n").split("\n") if text else ():
            shown = visible(line.removesuffix("\r"))
            self.console.print(Text(" " * indent + shown, style=_diff_style(line)), soft_wrap=True)

    def markdown(self, text: str) -> None:
        """Print Markdown as a forge would show it, with nothing folded away."""
        options = self.console.options.update_width(min(self.console.width, _PROSE_WIDTH))
        empty = True
        for parts in self.console.render_lines(Markdown(_unfolded(visible(text))), options, pad=False):
            line = Text.assemble(*((part.text, part.style or "") for part in parts))
            if not (empty and not line.plain.strip()):
                self._line(line)
            empty = not line.plain.strip()


def printable(text: Text | str) -> Text:
    """What others wrote: never as markup, and with nothing in it that a terminal would obey."""
    plain = text if isinstance(text, str) else text.plain
    shown = visible(plain)
    return text if isinstance(text, Text) and shown == plain else Text(shown)


def _unfolded(markdown: str) -> str:
    """Without comments and the elements that fold: what would be the line to click on is a heading."""
    lines = without_comments(markdown).strip().splitlines()
    return "\n".join(_heading(line) for line in lines if line != "</details>")


def _heading(line: str) -> str:
    if not (line.startswith(_FOLD) and line.endswith(_FOLD_END)):
        return line
    summary = line.removeprefix(_FOLD).removesuffix(_FOLD_END)
    return f"### {summary.replace('<b>', '').replace('</b>', '')}"


def _breaks(text: str, room: int) -> list[int]:
    """Where to break a text so that each part fits, if a blank is in the right place."""
    breaks: list[int] = []
    used = 0
    pieces = [*_PHRASES.finditer(text)]
    if any(cell_len(piece[0].rstrip()) > room for piece in pieces):
        pieces = [*_WORDS.finditer(text)]
    for piece in pieces:
        width = cell_len(piece[0].rstrip())
        if used and used + width > room:
            breaks.append(piece.start())
            used = 0
        used += cell_len(piece[0])
    return breaks


class ProgressLine:
    """One line at the foot of a terminal that says what goes on; nothing where nobody watches."""

    def __init__(self, terminal: Terminal, *, quiet: bool = False) -> None:
        self._console = terminal.console
        self._live = terminal.interactive and not terminal.console.is_dumb_terminal and not quiet
        self._due = monotonic() + _FIRST_NEWS
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def show(self, text: str) -> None:
        """Say this, unless something was said just now; room is left for the echo of Ctrl-C."""
        if not self._live or monotonic() < self._due:
            return
        line = printable(text)
        line.truncate(self._console.width - 3, overflow="ellipsis")
        self._write(f"\r\x1b[2K{line.plain}")
        self._shown, self._due = True, monotonic() + _NEWS

    def clear(self) -> None:
        """Make room for a line that stays."""
        if self._shown:
            self._write("\r\x1b[2K")
            self._shown = False

    def _write(self, text: str) -> None:
        self._console.file.write(text)
        self._console.file.flush()


class _Console(Console):
    """Rich ends the process with exit code 1 where the reader of a pipe has gone; that is for our caller to decide."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _diff_style(line: str) -> str:
    if line.startswith(("+++", "---")):
        return "bold"
    return {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
