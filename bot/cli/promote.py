"""`promobot promote` and `promobot reconcile`: decide, act, and say what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeGuard

from rich.text import Text

from bot.cli.actions import outcome_lines
from bot.cli.call import Call
from bot.cli.data import result_data, upkeep_data, verdict_data
from bot.cli.outputfile import OutputFile, Variables, promotion_variables
from bot.cli.plan import hop, show_blocked, show_plan, show_upkeep
from bot.cli.targets import checked_intent, checked_orders
from bot.cli.terminal import printable
from bot.cli.views import heading, request_link, service_lines, verdict_line, warnings
from bot.cli.waiting import Patience, Waiting, code_of, open_requests, wait
from bot.cli.watching import watching
from bot.errors import ExitCode
from bot.plan import AlreadyDone, Done, OpenRequest, Outcome, Plan, Standing, UpdateRequest, Verdict
from bot.reconcile import Pass, exit_code, look, run, worst
from bot.repositories import RequestState

if TYPE_CHECKING:
    from bot.cli import answers
    from bot.cli.terminal import Terminal
    from bot.config import Config
    from bot.decide import Intent, Texts
    from bot.world import World

# So many merge requests are named on one line.
_FEW = 5


def main(call: Call) -> ExitCode:
    """Promote what was named, or everything that is due by itself."""
    file = OutputFile.named(call.args.output_file)
    world = call.world()
    texts = call.texts(world.config)
    named = call.args.command == "promote"
    intent = checked_intent(
        world.config,
        call.args.services if named else (),
        call.args.to,
        automatic=not named,
        together=call.args.together if named else None,
        orders=checked_orders(call.args) if named else None,
    )
    intent = replace(intent, reopen=named and call.args.reopen)
    fine = not named and not call.args.strict
    if call.args.dry_run:
        return _dry_run(call, world, texts, intent, file, blocked_is_fine=fine)
    with watching(call, world) as watch:
        done = run(world, texts, intent, clock=lambda: datetime.now(UTC), watch=watch)
    code = exit_code(done, blocked_is_fine=fine)
    if not call.json:
        _show_text(call, world.config, done)
    if not (named and call.args.wait):
        return _end(call, file, _Answer(done), code)
    if file is not None:  # who is interrupted while waiting has the merge requests' addresses
        file.write(call, _Answer(done).data(), _Answer(done).variables(), code)
    return _end(call, file, *_wait(call, world, texts, intent, done, code))


@dataclass(frozen=True)
class _Answer:
    """What a pass came to, what became of the merge requests that were waited for, and what was done after that."""

    done: Pass
    waited: Sequence[Waiting] = ()
    after: Pass = field(default_factory=lambda: Pass(Plan(())))

    @property
    def opened(self) -> dict[tuple[str, str], str]:
        """The addresses of the merge requests that were opened or updated, by target and unit."""
        return {
            (result.step.target, result.step.unit.name): outcome.detail
            for result in (*self.done.results, *self.after.results)
            for outcome in result.outcomes
            if _is_request(outcome)
        }

    @property
    def verdicts(self) -> Iterator[Verdict]:
        """The last word on each unit."""
        newer = {(verdict.target, verdict.unit.name): verdict for verdict in self.after.plan.verdicts}
        for verdict in self.done.plan.verdicts:
            yield newer.get((verdict.target, verdict.unit.name), verdict)

    def data(self) -> answers.Promoted:
        """As JSON."""
        opened = self.opened
        verdicts = [verdict_data(verdict) for verdict in self.verdicts]
        for data in verdicts:
            data["merge_request"] = opened.get((data["target"], data["unit"])) or data["merge_request"]
        results = [result_data(result) for result in (*self.done.results, *self.after.results)]
        upkeep = [upkeep_data(item) for item in (*self.done.plan.upkeep, *self.after.plan.upkeep)]
        return {
            "verdicts": verdicts,
            "upkeep": upkeep,
            "results": results,
            "waited": [_waited_data(one) for one in self.waited],
        }

    def variables(self) -> Variables:
        """For a dotenv file."""
        waited = {(one.target, one.unit.name): one.request.url for one in self.waited}
        return promotion_variables(self.verdicts, self.opened, waited)


def _waited_data(one: Waiting) -> answers.Waited:
    return {
        "unit": one.unit.name,
        "target": one.target,
        "repository": str(one.repository),
        "number": one.request.number,
        "url": one.request.url,
        "state": one.request.state.value,
        "ended_by": one.request.ended_by,
        "reason": one.request.reason,
    }


def _dry_run(
    call: Call, world: World, texts: Texts, intent: Intent, file: OutputFile | None, *, blocked_is_fine: bool
) -> ExitCode:
    with call.looking(world):
        plan = look(world, texts, intent, now=datetime.now(UTC))
    if not call.json:
        show_plan(call, world.config, plan, diff=call.args.diff)
    news = call.args.command == "reconcile" and call.args.exit_code
    code = exit_code(plan, blocked_is_fine=blocked_is_fine, due_is_news=news)
    return _end(call, file, _Answer(Pass(plan)), code)


def _end(call: Call, file: OutputFile | None, answer: _Answer, code: ExitCode) -> ExitCode:
    if call.json:
        call.print_json(answer.data())
    if file is not None:
        file.write(call, answer.data(), answer.variables(), code)
    return code


# --- waiting --------------------------------------------------------------------------------------------


def _wait(
    call: Call, world: World, texts: Texts, intent: Intent, done: Pass, code: ExitCode
) -> tuple[_Answer, ExitCode]:
    """Wait, then do for what was merged what comes after a merge; the answer, and the worst that came of it."""
    waiting = open_requests(world, done)
    notes = call.terminal(stderr=True)
    patience = Patience(call.args.timeout, call.args.interval)
    if not waiting:
        notes.say(_why_no_wait(done.plan))
    with _saying_what_is_waited_for(notes, waiting, patience):
        ended = wait(world, waiting, patience, lambda one: notes.say(_ended_text(one)))
    for one in ended:
        if one.request.state is RequestState.OPEN:
            notes.say(Text(f"… {one.target}/{one.unit.name}: {one.name} is still open", style="yellow"))
    codes = [code, *(code_of(one) for one in ended)]
    merged = tuple(service for one in ended if code_of(one) is ExitCode.DONE for service in one.unit.services)
    after = Pass(Plan(()))
    if merged and worst(codes) is ExitCode.DONE:
        with watching(call, world) as watch:
            after = run(world, texts, intent, clock=lambda: datetime.now(UTC), watch=watch)
        if not call.json:
            _show_text(call, world.config, after)
        codes.append(exit_code(after))
    return _Answer(done, ended, after), worst(codes)


@contextmanager
def _saying_what_is_waited_for(notes: Terminal, waiting: Sequence[Waiting], patience: Patience) -> Iterator[None]:
    if not waiting:
        yield
        return
    first = ", ".join(one.name for one in waiting[:_FEW])
    more = f" and {len(waiting) - _FEW} more" if len(waiting) > _FEW else ""
    text = f"waiting for {first}{more}, at most {_minutes(patience.timeout)}"
    if notes.interactive:
        with notes.console.status(printable(f"{text} (Ctrl-C ends the waiting alone)")):
            yield
    else:
        notes.say(text)
        yield


def _why_no_wait(plan: Plan) -> str:
    """What is open while something is blocked isn't what was asked for."""
    held = [f"!{one.request.number}" for one in plan.verdicts if one.standing is Standing.BLOCKED and one.request]
    open_ones = ", ".join(held[:_FEW])
    why = f": what is blocked isn't proposed, and what is open ({open_ones}) is something else" if held else ""
    return f"nothing to wait for{why}"


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return " ".join(filter(None, [f"{minutes} min" if minutes else "", f"{rest} s" if rest else ""]))


def _ended_text(one: Waiting) -> Text:
    merged = one.request.state is RequestState.MERGED
    sign, style = ("✓", "green") if merged else ("✗", "red")
    reason = f": {one.request.reason}" if one.request.reason else ""
    by = f" by {one.request.ended_by}" if one.request.ended_by else ""
    said = f" {one.target}/{one.unit.name}: {one.name} was {one.request.state.value}{by}{reason}"
    return Text.assemble((sign, style), said)


# --- what is shown --------------------------------------------------------------------------------------


def show_pass(call: Call, config: Config, done: Pass) -> None:
    """Print what was decided and what came of it, in the form that was asked for."""
    if call.json:
        call.print_json(_Answer(done).data())
    else:
        _show_text(call, config, done)


def _show_text(call: Call, config: Config, done: Pass) -> None:
    terminal = call.terminal()
    # What stands on this screen already, from when it ended, isn't said twice: what each step came to is.
    seen = terminal.interactive and call.terminal(stderr=True).interactive
    outcomes = {result.step.key: _results(result.outcomes) if seen else result.outcomes for result in done.results}
    for target in dict.fromkeys(verdict.target for verdict in done.plan.verdicts):
        terminal.title(hop(config, target))
        shown = [one for one in done.plan.verdicts if one.target == target and one.standing is not Standing.OUTSIDE]
        for verdict in shown:
            if verdict.standing is not Standing.BLOCKED:
                _show_verdict(terminal, config, verdict, outcomes.get(verdict.step.key, ()) if verdict.step else ())
        show_blocked(terminal, config, shown, outcomes)
    show_upkeep(terminal, done.plan, outcomes)
    if not any(outcomes.values()):
        terminal.say(_why_nothing(done))


def _results(outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
    """What failed, and the merge request; where there is neither, the last that was done."""
    failed = [one for one in outcomes if not isinstance(one, Done | AlreadyDone)]
    requests = [one for one in outcomes if _is_request(one)]
    return [*requests, *failed] or outcomes[-1:]


def _is_request(outcome: Outcome) -> TypeGuard[Done | AlreadyDone]:
    return isinstance(outcome, Done | AlreadyDone) and isinstance(outcome.action, OpenRequest | UpdateRequest)


def _why_nothing(done: Pass) -> str:
    blocked = sum(verdict.standing is Standing.BLOCKED for verdict in done.plan.verdicts)
    if blocked := blocked + sum(item.blocked is not None for item in done.plan.upkeep):
        return f"Nothing was done: {blocked} blocked."
    return "Nothing to do."


def _show_verdict(terminal: Terminal, config: Config, verdict: Verdict, outcomes: Sequence[Outcome]) -> None:
    terminal.say(heading(verdict) if outcomes else verdict_line(verdict, config=config), indent=2)
    for line in service_lines(verdict):
        terminal.say(line, indent=6)
    for outcome in outcomes:
        for line in outcome_lines(outcome):
            terminal.say(line, indent=6)
    if verdict.standing is Standing.PROPOSED and verdict.request and not any(map(_is_request, outcomes)):
        terminal.say(Text(request_link(config, verdict), style="dim"), indent=6)
    told = [note for outcome in outcomes if isinstance(outcome, Done | AlreadyDone) for note in outcome.notes]
    for line in warnings(verdict, besides=told):
        terminal.say(line, indent=6)
