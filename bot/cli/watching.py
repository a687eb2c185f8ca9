"""What goes on while a pass looks and acts, for who watches a terminal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.text import Text

from bot.apply import Ended, Event, Progressing, Started, Watch
from bot.cli.actions import action_text, outcome_lines
from bot.cli.call import Call, look_text
from bot.cli.sizes import size
from bot.cli.terminal import printable
from bot.plan import Outcome, Step

if TYPE_CHECKING:
    from rich.status import Status

    from bot.cli.terminal import Terminal
    from bot.registry import Progress
    from bot.world import Look, World


@contextmanager
def watching(call: Call, world: World) -> Iterator[Watch]:
    """Say what is being done while it is being done: on a terminal only, and never on stdout."""
    terminal = call.terminal(stderr=True)
    if not terminal.interactive:
        yield call.watch
        return
    with terminal.console.status("looking at what is deployed …") as status:
        ticker = _Ticker(call, terminal, status)
        world.lookout.watch = ticker.look
        yield ticker
        world.lookout.watch = None


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

    def look(self, look: Look) -> None:
        """What is read, where nothing is done yet."""
        with self._lock:
            if not self._running:
                self._status.update(self._lines([look_text(look)]))

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
