"""Services and environments as a table that fits its terminal: what it can do without gives way first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from rich.text import Text

from bot.cli.views import mark
from bot.config import Config
from bot.errors import ExitCode
from bot.plan import Plan, Standing, Verdict
from bot.promotion import Deployed

if TYPE_CHECKING:
    from bot.cli.terminal import Terminal

# Of a tag that is longer, the middle goes where there is no room: versions differ at their ends.
_SHORTEST_TAG = 11
_GAP = 3
# So many different tags of one service are named in a cell.
_FEW = 2
# Stands for what is known of an environment as a whole.
_EVERYTHING = "*"


@dataclass(frozen=True)
class Matrix:
    """What runs where and how it stands, of these services in these environments; both are found at once."""

    config: Config
    environments: tuple[str, ...]
    services: tuple[str, ...]
    deployed: Sequence[Deployed]
    plan: Plan

    @property
    def verdicts(self) -> Sequence[Verdict]:
        """How units stand."""
        return self.plan.verdicts

    @cached_property
    def images(self) -> Mapping[tuple[str, str], list[Deployed]]:
        """By service and environment."""
        found: dict[tuple[str, str], list[Deployed]] = {}
        for item in self.deployed:
            found.setdefault((item.service, item.environment), []).append(item)
        return found

    @cached_property
    def standing(self) -> Mapping[tuple[str, str], Verdict]:
        """By service and target."""
        return {(service, verdict.target): verdict for verdict in self.verdicts for service in verdict.unit.services}

    @property
    def marks(self) -> Iterator[Standing]:
        """How every cell stands that is shown, and every environment of which that is said as a whole."""
        yield from (verdict.standing for verdict in self.verdicts if not verdict.unit.services)
        shown = set(self.services)
        for (service, _), verdict in self.standing.items():
            if service in shown:
                yield _standing_of(service, verdict)


@dataclass(frozen=True)
class _Shape:
    """What there is room for, besides services, tags and marks."""

    owner: bool = True
    group: bool = True
    proposed: bool = True
    longest_tag: int | None = None


# From everything to the least that still answers what runs where. Who reads a pipe has room for everything.
_SHAPES = (
    _Shape(),
    _Shape(owner=False),
    _Shape(owner=False, group=False),
    _Shape(owner=False, group=False, longest_tag=_SHORTEST_TAG + 8),
    _Shape(owner=False, group=False, longest_tag=_SHORTEST_TAG),
    _Shape(owner=False, group=False, proposed=False, longest_tag=_SHORTEST_TAG),
)


def show_matrix(terminal: Terminal, matrix: Matrix) -> None:
    """Print it in the fullest shape that fits; where none does, each environment has a line of its own."""
    for shape in _SHAPES:
        headers, rows = _table(matrix, shape)
        if not terminal.interactive or _width(headers, rows) <= terminal.console.width:
            terminal.table(headers, rows)
            if terminal.interactive and len(rows) > terminal.console.height:
                terminal.title(_foot(headers, rows))
            return
    _show_lists(terminal, matrix)


def _table(matrix: Matrix, shape: _Shape) -> tuple[list[str], list[list[Text]]]:
    headers = ["SERVICE", *(name.upper() for name in matrix.environments)]
    groups = [matrix.config.group(service) or "" for service in matrix.services] if shape.group else []
    owners = [matrix.config.owner(service) for service in matrix.services] if shape.owner else []
    rows = [
        [Text(service), *(_cell(matrix, shape, service, name) for name in matrix.environments)]
        for service in matrix.services
    ]
    for header, column in (("GROUP", groups), ("OWNER", owners)):
        if any(column):
            headers.append(header)
            for row, text in zip(rows, column, strict=True):
                row.append(Text(text, style="dim"))
    return headers, rows


def _width(headers: Sequence[str], rows: Sequence[Sequence[Text]]) -> int:
    return sum(_widths(headers, rows)) + _GAP * (len(headers) - 1)


def _widths(headers: Sequence[str], rows: Sequence[Sequence[Text]]) -> Iterator[int]:
    for column, header in enumerate(headers):
        yield max(len(header), *(row[column].cell_len for row in rows))


def _foot(headers: Sequence[str], rows: Sequence[Sequence[Text]]) -> str:
    """The headers once more, where those above have left the screen."""
    widths = _widths(headers, rows)
    return "".join(header.ljust(width + _GAP) for header, width in zip(headers, widths, strict=True)).rstrip()


def _show_lists(terminal: Terminal, matrix: Matrix) -> None:
    shape = _Shape(longest_tag=terminal.console.width // 3)
    longest = max(map(len, matrix.environments))
    for service in matrix.services:
        terminal.title(service)
        for name in matrix.environments:
            terminal.say(Text(f"{name.ljust(longest)}   ").append_text(_cell(matrix, shape, service, name)), indent=2)


def _cell(matrix: Matrix, shape: _Shape, service: str, environment: str) -> Text:
    here = matrix.images.get((service, environment), [])
    verdict = matrix.standing.get((service, environment))
    cell = _running(matrix, shape, environment, here, verdict)
    for flag, word in (("missing", False), ("drift", True)):
        if any((item.drift if flag == "drift" else item.present) is word for item in here):
            cell.append(f" {flag}", style="red")
    if verdict is None or verdict.standing is Standing.OUTSIDE:
        return cell
    standing = _standing_of(service, verdict)
    cell.append(" ").append_text(mark(standing))
    if shape.proposed and standing in {Standing.DUE, Standing.PROPOSED} and verdict.promotion is not None:
        # Where only a digest or what goes with the image changes, `↑` says it all.
        moves = (move for move in verdict.promotion.moves if move.service == service)
        new = dict.fromkeys(move.tag for move in moves if move.before.tag != move.tag)
        cell.append(f" {_some(tuple(new), shape)}" if new else "", style="dim")
    return cell


def _running(
    matrix: Matrix, shape: _Shape, environment: str, here: Sequence[Deployed], verdict: Verdict | None
) -> Text:
    images = [item.image for item in here if item.ours and item.image]
    if not images and verdict is not None and verdict.promotion is not None:
        # `images` may say that something doesn't move on from here, and yet it is what came here.
        brought = {move.before for move in verdict.promotion.moves}
        images = [item.image for item in here if item.image in brought]
    if images:
        tags = (image.tag or (image.digest.short if image.digest else "?") for image in images)
        return Text(_some(tuple(dict.fromkeys(tags)), shape))
    whole = matrix.images.get((_EVERYTHING, environment), [])
    unreadable = any(item.code is not ExitCode.DONE for item in (*here, *whole))
    return Text("?", style="red") if unreadable else Text("–", style="dim")


def _standing_of(service: str, verdict: Verdict) -> Standing:
    """A service of a group whose own images stay is current, whatever is due for the others."""
    if verdict.standing not in {Standing.DUE, Standing.PROPOSED} or len(verdict.unit.services) == 1:
        return verdict.standing
    moves = [move for move in verdict.promotion.moves if move.service == service] if verdict.promotion else []
    return Standing.CURRENT if moves and all(move.before == move.after for move in moves) else verdict.standing


def _some(tags: Sequence[str], shape: _Shape) -> str:
    more = f" +{len(tags) - _FEW}" if len(tags) > _FEW else ""
    return ", ".join(_short(tag, shape.longest_tag) for tag in tags[:_FEW]) + more


def _short(tag: str, longest: int | None) -> str:
    if longest is None or len(tag) <= longest:
        return tag
    head = longest // 2
    return f"{tag[:head]}…{tag[head + 1 - longest :]}"
