"""`promobot promote` and `promobot reconcile`: decide, act, and say what came of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.text import Text

from bot.apply import Ended, Event, Progressing, Started, Watch
from bot.cli.call import Call
from bot.cli.plan import hop, plan_data, show_plan, show_upkeep
from bot.cli.sizes import size
from bot.cli.targets import checked_intent, checked_orders
from bot.cli.terminal import printable
from bot.cli.views import action_text, heading, outcome_lines, remedy, result_data, verdict_line
from bot.errors import ExitCode
from bot.plan import Outcome, Standing, Step, Verdict
from bot.reconcile import Pass, exit_code, look, run

if TYPE_CHECKING:
    from rich.status import Status

    from bot.cli.terminal import Terminal
    from bot.config import Config
    from bot.registry import Progress


def main(call: Call) -> ExitCode:
    """Promote what was named, or everything that is due by itself."""
    world = call.world()
    texts = call.texts(world.config)
    named = call.args.command == "promote"
    intent = checked_intent(
        world.config,
        call.args.services if named else (),
        call.args.to,
        automatic=not named,
        reopen=named and call.args.reopen,
        orders=checked_orders(call.args) if named else None,
    )
    if named and call.args.dry_run:
        plan = look(world, texts, intent, now=datetime.now(UTC))
        show_plan(call, world.config, plan)
        return exit_code(plan)
    with watching(call) as watch:
        done = run(world, texts, intent, clock=lambda: datetime.now(UTC), watch=watch)
    show_pass(call, world.config, done)
    return exit_code(done, blocked_is_fine=not named and not call.args.strict)


@contextmanager
def watching(call: Call) -> Iterator[Watch]:
    """Say what is being done while it is being done: on a terminal only, and never on stdout."""
    terminal = call.terminal(stderr=True)
    if not terminal.interactive:
        yield call.watch
        return
    with terminal.console.status("looking at what is deployed …") as status:
        yield _Ticker(call, terminal, status)


class _Ticker:
    """Keeps the spinner's lines at what goes on, one for each step that is carried out at the moment."""

    def __init__(self, call: Call, terminal: Terminal, status: Status) -> None:
        self._call, self._terminal, self._status = call, terminal, status
        self._running: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        key = (event.step.target, event.step.unit.name)
        match event:
            case Started(_, action):
                self._set(key, action_text(action))
            case Progressing(_, action, progress):
                self._set(key, f"{_how_far(progress)}: {action_text(action)}")
            case Ended(step, outcome):
                self._set(key, None)
                self._say(step, outcome)
        self._call.watch(event)

    def _set(self, key: tuple[str, str], text: str | None) -> None:
        with self._lock:
            if text is None:
                self._running.pop(key, None)
            else:
                self._running[key] = text
            self._status.update(self._lines([*self._running.values()] or ["looking again …"]))

    def _say(self, step: Step, outcome: Outcome) -> None:
        """A line that stays, above those of what goes on."""
        first = next(outcome_lines(outcome))
        with self._lock:
            self._terminal.say(Text.assemble((f"{step.target}/{step.unit.name} ", "dim"), first))

    def _lines(self, texts: list[str]) -> Text:
        """As many lines as there is room for, with room left for the spinner and for the echo of Ctrl-C."""
        room = max(self._terminal.console.height - 2, 1)
        if len(texts) > room:
            texts = [*texts[: room - 1], f"… and {len(texts) - room + 1} more"]
        lines = [printable(text) for text in texts]
        for line in lines:
            line.truncate(max(self._terminal.console.width - 5, 10), overflow="ellipsis")
        return Text("\n  ").join(lines)  # below what follows the spinner


def _how_far(progress: Progress) -> str:
    share = f"{100 * progress.bytes // max(progress.total_bytes, 1)} %".rjust(5)
    sent = f"{size(progress.bytes)} of {size(progress.total_bytes)}"
    return f"{share}, {sent}, layer {progress.layers} of {progress.total_layers}"


def show_pass(call: Call, config: Config, done: Pass) -> None:
    """Print what was decided and what came of it, in the form that was asked for."""
    if call.json:
        call.print_json({**plan_data(done.plan), "results": [result_data(result) for result in done.results]})
        return
    terminal = call.terminal()
    # What stands on this screen already, from when it ended, isn't said twice: how each step ended is.
    first = -1 if terminal.interactive and call.terminal(stderr=True).interactive else 0
    outcomes = {result.step.key: result.outcomes[first:] for result in done.results}
    for target in dict.fromkeys(verdict.target for verdict in done.plan.verdicts):
        terminal.title(hop(config, target))
        for verdict in done.plan.verdicts:
            if verdict.target == target and verdict.standing is not Standing.OUTSIDE:
                _show_verdict(terminal, verdict, outcomes.get(verdict.step.key, ()) if verdict.step else ())
    show_upkeep(terminal, done.plan, outcomes)
    if not any(outcomes.values()):
        terminal.say(_why_nothing(done))


def _why_nothing(done: Pass) -> str:
    blocked = sum(verdict.standing is Standing.BLOCKED for verdict in done.plan.verdicts)
    if blocked := blocked + sum(item.blocked is not None for item in done.plan.upkeep):
        return f"Nothing was done: {blocked} blocked."
    return "Nothing to do."


def _show_verdict(terminal: Terminal, verdict: Verdict, outcomes: Sequence[Outcome]) -> None:
    terminal.say(heading(verdict) if outcomes else verdict_line(verdict), indent=2)
    for outcome in outcomes:
        for line in outcome_lines(outcome):
            terminal.say(line, indent=6)
    if remedy(verdict):
        terminal.say(remedy(verdict), indent=6)
    for warning in verdict.promotion.warnings if verdict.promotion else ():
        terminal.say(f"! {warning}", indent=6)
