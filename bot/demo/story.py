"""The demo as a story: each command is the real one, run for real, with a sentence of why before it."""

from __future__ import annotations

import shlex
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from bot.demo.doubles import RunningDouble
from bot.demo.world import DemoWorld, make_world, push_images, world_of
from bot.errors import BotError, ExitCode
from bot.reconcile import look_around

Run = Callable[[list[str], dict[str, str]], int]

_SERVICE = "inventory"
# Seconds to read what was printed before the next thing comes.
_PAUSE = 0.9


@dataclass(frozen=True)
class Story:
    """Tells the demo on a console; `run` runs a promobot command and returns its exit code."""

    console: Console
    run: Run
    pause: float

    def tell(self, keep: Path | None, forge: str) -> ExitCode:
        """The whole story on a forge of this type; with `keep` the world stays there with its servers running."""
        began = time.monotonic()
        with ExitStack() as stack:
            folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="promobot-demo-")))
            world = stack.enter_context(make_world(folder, detach=keep is not None, forge=forge))
            self._prepare(world)
            self._look(world)
            self._promote(world, "staging")
            self._promote(world, "prod")
            self._once_more(world)
        seconds = time.monotonic() - began
        self.console.print(f"\n[bold green]That was all of it[/], in {seconds:.0f} s. {_left(keep)}")
        return ExitCode.DONE

    def _prepare(self, world: DemoWorld) -> None:
        self._chapter("A company on this machine")
        images: dict[tuple[str, str], set[tuple[str, str]]] = {}
        for item in look_around(world_of(world)):
            if item.ours and item.image is not None and item.image.tag is not None:
                key = (item.environment, item.image.repository)
                images.setdefault(key, set()).add((item.service, item.image.tag))
        count = push_images(world, images)
        kinds = {"e2e": "open", "staging": "with a password", "prod": "with TLS"}
        for name, registry in world.registries.items():
            self.console.print(f"  registry {name:<8} {registry.url:<26} {kinds[name]}")
        if world.double is not None:
            self._introduce(world.double)
        self.console.print("  git      platform/gitops  (e2e and staging),  sre/gitops-prod  (prod)")
        self.console.print(f"  pushed   {count} multi-platform images; e2e runs a release candidate of {_SERVICE}")

    def _introduce(self, double: RunningDouble) -> None:
        """What stands for a server, and how it calls things."""
        kind = double.kind
        self.console.print(f"  {kind.name:<8} {double.url + '/':<33}  a stand-in, from promobot's tests")
        if kind.request != "merge request":
            self.console.print(f"  {'':<8} promobot calls its {kind.request}s merge requests")

    def _look(self, world: DemoWorld) -> None:
        self._chapter("What is there?")
        self._command(world, "check --online", "Is the configuration right, what does it find, who answers?")
        self._command(world, "status", "Which version runs where, and what is due (↑)?")

    def _promote(self, world: DemoWorld, target: str) -> None:
        request = shlex.quote(f"{_project(world, target)}!1")
        self._chapter(f"{_SERVICE} to {target}")
        self._command(world, f"plan {_SERVICE} --to {target}", "What would happen? This changes nothing.")
        self._command(world, f"promote {_SERVICE} --to {target}", "Do it: claim, copy by digest, propose.")
        self._command(world, f"mr show {request}", "What the approver reads, and the whole change.")
        if world.double is None:
            self._command(world, f"mr merge {request} --as approver", "A person decides.")
        else:
            self._decide(world, world.double, target)

    def _once_more(self, world: DemoWorld) -> None:
        self._chapter("And again?")
        self._command(world, f"promote {_SERVICE} --to staging --to prod", "Run again, it changes nothing.")
        self._command(world, "status", "The same bits in all three, each account's own copy.")

    def _chapter(self, title: str) -> None:
        time.sleep(self.pause)
        self.console.print()
        self.console.print(
            Rule(Text(title, style="bold"), align="left", style="dim"), width=min(self.console.width, 100)
        )

    def _command(self, world: DemoWorld, line: str, why: str) -> None:
        self.console.print(f"\n[dim]# {why}[/]\n[bold cyan]$ promobot {line}[/]")
        sys.stdout.flush()
        code = self.run(shlex.split(line), world.environ)
        if code != ExitCode.DONE:
            raise BotError(f"the demo went wrong: `promobot {line}` ended with exit code {code}")
        time.sleep(self.pause)

    def _decide(self, world: DemoWorld, double: RunningDouble, target: str) -> None:
        """What approvers do in a browser; the only merge request of the project is the first."""
        required = world_of(world).config.environment(target).approvers.required
        people = "a person approves" if required == 1 else f"{required} people approve"
        self.console.print(f"\n[dim]# In a browser, {people}.[/]")
        self._press(double, _project(world, target), "approve", "approved", times=required)
        self._command(
            world,
            f"promote {_SERVICE} --to {target}",
            "Any pass sees that: promobot's status, required to merge, turns green.",
        )
        self.console.print("\n[dim]# And a person merges.[/]")
        self._press(double, _project(world, target), "merge", "merged")

    def _press(self, double: RunningDouble, project: str, button: str, done: str, *, times: int = 1) -> None:
        for _ in range(times):
            double.press(button, project, 1)
        self.console.print(f"{done} {double.kind.request} {double.page(project, 1)}", soft_wrap=True)
        time.sleep(self.pause)


def _project(world: DemoWorld, target: str) -> str:
    return world.config().environment(target).repository.project


def _left(keep: Path | None) -> str:
    if keep is None:
        return "Nothing was left running."
    return f"The world stays in {keep}."


def default_pause(console: Console, *, fast: bool) -> float:
    """Pauses are for people: none where nobody watches."""
    return _PAUSE if console.is_terminal and not fast else 0.0
