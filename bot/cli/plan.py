"""`promobot plan`: what would happen and why not; changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING

from rich.text import Text

from bot.cli.actions import action_text, outcome_lines
from bot.cli.call import Call
from bot.cli.data import upkeep_data, verdict_data
from bot.cli.outputfile import OutputFile, promotion_variables
from bot.cli.targets import checked_intent
from bot.cli.views import (
    blocked_alike,
    mark,
    name_width,
    service_lines,
    under_review,
    units_text,
    upkeep_line,
    verdict_line,
    warnings,
    way_out,
)
from bot.errors import ExitCode
from bot.plan import Outcome, Plan, Standing, Step, Verdict
from bot.reconcile import exit_code, look

if TYPE_CHECKING:
    from bot.cli import answers
    from bot.cli.terminal import Terminal
    from bot.config import Config

# Of more units that are due, what would be done is told with --diff only.
_FEW = 5
_UPKEEP = "upkeep"
# What somebody has to look at comes first.
_ORDER = (Standing.BLOCKED, Standing.DUE, Standing.PROPOSED, Standing.CURRENT, Standing.OUTSIDE)


def main(call: Call) -> ExitCode:
    """Decide and show."""
    file = OutputFile.named(call.args.output_file)
    world = call.world()
    intent = checked_intent(world.config, call.args.services, call.args.to, together=call.args.together)
    with call.looking(world):
        plan = look(world, call.texts(world.config), intent, now=datetime.now(UTC))
    answer = plan_data(plan)
    if call.json:
        call.print_json(answer)
    else:
        show_plan(call, world.config, plan, diff=call.args.diff, named=bool(call.args.services))
    code = exit_code(plan, due_is_news=call.args.exit_code)
    if file is not None:
        file.write(call, answer, promotion_variables(plan.verdicts, {}), code)
    return code


def show_plan(call: Call, config: Config, plan: Plan, *, diff: bool | None = None, named: bool = True) -> None:
    """Print a plan for people: for each target what is blocked, then what is due, then the rest.

    `diff`: whether to say what would be done for each (None: if they are few); `named`: whether what is current counts
    as an answer, however much it is.
    """
    terminal = call.terminal()
    due = sum(verdict.standing is Standing.DUE for verdict in plan.verdicts)
    in_full = due <= _FEW if diff is None else diff
    targets = dict.fromkeys(verdict.target for verdict in plan.verdicts)
    for target in targets:
        terminal.title(hop(config, target))
        shown = [
            verdict
            for verdict in plan.verdicts
            if verdict.target == target and (verdict.standing is not Standing.OUTSIDE or call.args.verbose)
        ]
        show_blocked(terminal, config, shown, {})
        width = name_width(shown)
        for verdict in sorted(shown, key=lambda verdict: _ORDER.index(verdict.standing)):
            if verdict.standing is not Standing.BLOCKED and (named or call.args.verbose or _is_news(verdict, shown)):
                _show_verdict(terminal, verdict_line(verdict, width, config), verdict, in_full=in_full)
        if len(targets) > 1 and len(shown) > _FEW:
            terminal.say(sum_text(shown), indent=2)
    if due and not in_full:
        terminal.say(Text("--diff shows what would be done for each that is due", style="dim"))
    show_upkeep(terminal, plan, {})
    terminal.say(sum_text(plan.verdicts, len(plan.upkeep), told=call.args.verbose))


def plan_data(plan: Plan) -> answers.Planned:
    """A plan as JSON."""
    return {
        "verdicts": [verdict_data(verdict) for verdict in plan.verdicts],
        "upkeep": [upkeep_data(item) for item in plan.upkeep],
    }


def show_upkeep(terminal: Terminal, plan: Plan, outcomes: Mapping[tuple[str, str, str], Sequence[Outcome]]) -> None:
    """What is due beside promotions, each with its outcomes where there are some."""
    if plan.upkeep:
        terminal.title(_UPKEEP)
    for item in plan.upkeep:
        terminal.say(upkeep_line(item), indent=2)
        if item.blocked:
            terminal.say(way_out(item.blocked), indent=6)
        for line in _of_step(item.step, outcomes):
            terminal.say(line, indent=6)


def hop(config: Config, target: str) -> str:
    """`source → target`."""
    return f"{', '.join(config.environment(target).from_)} → {target}"


def show_blocked(
    terminal: Terminal,
    config: Config,
    verdicts: Iterable[Verdict],
    outcomes: Mapping[tuple[str, str, str], Sequence[Outcome]],
) -> None:
    """What is blocked and why; what to do comes after the last of those that it helps.

    What is done about an open merge request is shown by its outcomes where there are some.
    """
    for advice, reasons in blocked_alike(verdicts).items():
        width = name_width(chain(*reasons.values()))
        for reason, ones in reasons.items():
            several = Text.assemble(mark(Standing.BLOCKED), f" {units_text(ones)}: ", (reason, "red"))
            terminal.say(verdict_line(ones[0], width) if len(ones) == 1 else several, indent=2)
            for line in chain(*((*under_review(config, one), *_of_step(one.step, outcomes)) for one in ones)):
                terminal.say(line, indent=6)
        if advice:
            terminal.say(advice, indent=6)


def _of_step(step: Step | None, outcomes: Mapping[tuple[str, str, str], Sequence[Outcome]]) -> Iterator[Text | str]:
    """What came of a step's actions, or what they are."""
    if step is not None and step.key in outcomes:
        yield from chain(*map(outcome_lines, outcomes[step.key]))
    elif step is not None:
        yield from map(action_text, step.actions)


def _is_news(verdict: Verdict, shown: Sequence[Verdict]) -> bool:
    """Where there are many, those that stay as they are are only counted."""
    current = sum(one.standing is Standing.CURRENT for one in shown)
    return verdict.standing is not Standing.CURRENT or verdict.step is not None or current <= _FEW


def _show_verdict(terminal: Terminal, first: Text, verdict: Verdict, *, in_full: bool) -> None:
    terminal.say(first, indent=2)
    for line in service_lines(verdict):
        terminal.say(line, indent=6)
    for line in warnings(verdict):
        terminal.say(line, indent=6)
    if verdict.step is not None and in_full:
        for action in verdict.step.actions:
            terminal.say(action_text(action), indent=6)
        terminal.diff(verdict.step.diff, indent=6)


def sum_text(verdicts: Iterable[Verdict], upkeep: int = 0, *, told: bool = True) -> Text:
    """`told`: whether it is said why those are left out that are."""
    counts = Counter(verdict.standing for verdict in verdicts)
    out = counts.pop(Standing.OUTSIDE, 0)
    words = [
        *(Text(f"{counts[one]:,} {one.value}", style=mark(one).style) for one in _ORDER if counts[one]),
        *([Text(f"{upkeep:,} of {_UPKEEP}")] if upkeep else []),
        *([Text(f"{out:,} left out{'' if told else ' (-v says why)'}", style="dim")] if out else []),
    ]
    return Text(", ").join(words) if words else Text("nothing to promote: no environment has a `from`")
