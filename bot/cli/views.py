"""Plans and outcomes as text for people; `data` has the same as JSON."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from rich.text import Text

from bot.config import Config
from bot.decide import EVERYTHING
from bot.decide.text import step
from bot.forges.local import NUMBER_MARK
from bot.plan import Blocked, Standing, Upkeep, Verdict
from bot.promotion import Move, Unit

_MARKS = {
    Standing.CURRENT: ("=", "green"),
    Standing.PROPOSED: ("…", "cyan"),
    Standing.DUE: ("↑", "yellow"),
    Standing.BLOCKED: ("✗", "red"),
    Standing.OUTSIDE: ("–", "dim"),
}

# So many services of a group are named where there is but a line for it.
_FEW_SERVICES = 6
# So many units that are blocked alike.
_FEW_UNITS = 4
# Columns for the name of a unit, and the most that it gets.
_NAME = 16
_WIDE_NAME = 32


def mark(standing: Standing) -> Text:
    """One coloured character for how something stands; the colour is never the only sign."""
    return Text(*_MARKS[standing])


def unit_text(unit: Unit) -> str:
    """Its name and, where it has several services or one of another name, some of those."""
    if unit.services in {(), (unit.name,)}:
        return _name(unit)
    more = f" and {len(unit.services) - _FEW_SERVICES} more" if len(unit.services) > _FEW_SERVICES else ""
    return f"{unit.name} ({', '.join(unit.services[:_FEW_SERVICES])}{more})"


def _name(unit: Unit) -> str:
    return "every service" if unit == EVERYTHING else unit.name


def service_lines(verdict: Verdict) -> Iterator[Text]:
    """What becomes of each service of a unit that has several, and how many stay as they are."""
    promotion = verdict.promotion
    if promotion is None or len(verdict.unit.services) == 1:
        return
    versions: dict[str, dict[str, None]] = {}
    for move in promotion.moves:
        if move.before != move.after:
            versions.setdefault(move.service, {})[_version(move)] = None
    longest = max(map(len, versions), default=0)
    for service, steps in versions.items():
        yield Text(f"{service.ljust(longest)}   {', '.join(steps)}")
    if versions and len(versions) < len(verdict.unit.services):
        more = len(verdict.unit.services) - len(versions)
        yield Text(f"{more} more {'stays as it is' if more == 1 else 'stay as they are'}", style="dim")


def verdict_line(verdict: Verdict, width: int = _NAME, config: Config | None = None) -> Text:
    """One line: mark, unit in so many columns, versions, how it stands.

    `config` tells whether the number of a merge request may be another one's too.
    """
    standing = _standing(verdict, _project(config, verdict) if config else "")
    return Text.assemble(heading(verdict, width), "  ", (standing, _MARKS[verdict.standing][1]))


def _project(config: Config, verdict: Verdict) -> str:
    """The project of the target, where there are several."""
    projects = {environment.repository.repository for environment in config.environments}
    return config.environment(verdict.target).repository.project if len(projects) > 1 else ""


def heading(verdict: Verdict, width: int = _NAME) -> Text:
    """Mark, unit and versions."""
    return Text.assemble(mark(verdict.standing), f" {_name(verdict.unit):<{width}} {_versions(verdict)}")


def name_width(verdicts: Iterable[Verdict]) -> int:
    """How many columns units take where they stand below each other; one that is far too long has to stick out."""
    lengths = (len(_name(verdict.unit)) for verdict in verdicts)
    return max((length for length in lengths if length <= _WIDE_NAME), default=_NAME)


def _versions(verdict: Verdict) -> str:
    if verdict.promotion is None:
        return ""
    if len(verdict.unit.services) > 1:
        return f"{len(verdict.unit.services)} services"
    if verdict.promotion.created:
        return ", ".join(dict.fromkeys(f"new: {move.tag}" for move in verdict.promotion.moves))
    carried = (
        f"{c.pointer.rpartition('/')[2]} {c.before} → {c.after}"
        for c in verdict.promotion.companions
        if c.before != c.after
    )
    return ", ".join(dict.fromkeys([*(_version(move) for move in verdict.promotion.moves), *carried]))


def _version(move: Move) -> str:
    return move.tag if move.before == move.after else step(move)


def _standing(verdict: Verdict, project: str = "") -> str:
    if verdict.blocked is not None:
        return verdict.blocked.reason
    if verdict.standing is Standing.CURRENT and verdict.step is not None:
        return f"{verdict.standing.value}: {tidying(verdict, project)}"
    if verdict.request is not None and verdict.standing is not Standing.CURRENT:
        note = f", {verdict.note}" if verdict.note else ""
        return f"{verdict.standing.value}: {project}!{verdict.request.number}{note}"
    return f"{verdict.standing.value}: {verdict.note}" if verdict.note else verdict.standing.value


def tidying(verdict: Verdict, project: str = "") -> str:
    """What is left over of a proposal that is no longer due."""
    return f"{project}!{verdict.request.number} is no longer due" if verdict.request else "its branch is left over"


def blocked_alike(verdicts: Iterable[Verdict]) -> Mapping[str, Mapping[str, Sequence[Verdict]]]:
    """What is blocked, by what to do and then by why: a registry that is down blocks many."""
    found: dict[str, dict[str, list[Verdict]]] = {}
    for verdict in verdicts:
        if verdict.standing is Standing.BLOCKED and verdict.blocked is not None:
            found.setdefault(way_out(verdict.blocked), {}).setdefault(verdict.blocked.reason, []).append(verdict)
    return found


def units_text(verdicts: Sequence[Verdict]) -> str:
    """The first few units by name; one alone with its services."""
    if len(verdicts) == 1:
        return unit_text(verdicts[0].unit)
    more = f" and {len(verdicts) - _FEW_UNITS} more" if len(verdicts) > _FEW_UNITS else ""
    return ", ".join(_name(verdict.unit) for verdict in verdicts[:_FEW_UNITS]) + more


def link(project: str, url: str) -> str:
    """Where to look at a merge request: its address, or the command that shows one of the local forge."""
    _, mark, number = url.rpartition(NUMBER_MARK)
    return f"promobot mr show {shlex.quote(f'{project}!{number}')}" if mark and url.startswith("file:") else url


def request_link(config: Config, verdict: Verdict) -> str:
    """The same of a verdict's open merge request; empty where there is none."""
    project = config.environment(verdict.target).repository.project
    return link(project, verdict.request.url) if verdict.request is not None else ""


def under_review(config: Config, verdict: Verdict) -> Iterator[Text]:
    """The open merge request of a unit that is blocked: people may be looking at it."""
    if verdict.blocked is not None and verdict.request is not None:
        said = verdict.outdated or f"!{verdict.request.number} is open"
        yield Text.assemble(("! ", "yellow"), said, (f"  {request_link(config, verdict)}", "dim"))


def warnings(verdict: Verdict, besides: Collection[str] = ()) -> Iterator[Text]:
    """What should be known before it is approved, besides what was said already."""
    for warning in verdict.promotion.warnings if verdict.promotion else ():
        if warning not in besides:
            yield Text.assemble(("! ", "yellow"), warning)


def upkeep_line(item: Upkeep) -> Text:
    """One line: mark, unit, environment, and what stands against it."""
    standing = Standing.BLOCKED if item.blocked else Standing.DUE
    reason = f"  {item.blocked.reason}" if item.blocked else ""
    style = _MARKS[standing][1] if item.blocked else ""
    return Text.assemble(mark(standing), f" {_name(item.unit):<{_NAME}} in {item.environment}", (reason, style))


def way_out(blocked: Blocked) -> str:
    """What to do about it; empty where that isn't said."""
    return f"→ {blocked.remedy}" if blocked.remedy else ""
