"""How many requests reach the registries: where an image is promoted already, and for three more tags on a digest.

Counted at a proxy in front of each registry; the registries want a password and no tokens. Started programs are
counted by Python's own audit events. The figures don't depend on the machine.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path

from bench.measure import Bar, at_most, report
from bot.configfile import load_config
from bot.demo.registries import start_registry
from bot.images import Digest
from bot.questions import Location
from bot.registry import ImageRepository, Login, RegistryClient
from bot.registry.tagging import Tagged, add_tags
from bot.world import World
from tests.company import PROJECT, Company
from tests.proxy import FaultProxy, start_proxy

_E2E, _STAGING = Login("e2e-robot", "e2e-password"), Login("staging-robot", "staging-password")
_NO_PROGRAM = at_most(0, "runs of skopeo")
_SERVICE, _TAG = "inventory", "1.1.3"


class Programs:
    """Counts runs of skopeo by whoever starts them, directly or by another program."""

    def __init__(self) -> None:
        self.skopeos = 0
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == "subprocess.Popen" and "skopeo" in str(arguments[1]):
            self.skopeos += 1


@dataclass(frozen=True)
class Office:
    """A company with one service, promoted and merged, whose registries are behind proxies that count."""

    company: Company
    proxies: tuple[FaultProxy, FaultProxy]
    programs: Programs

    def count(self, work: str, action: Callable[[], object], bar: Bar) -> bool:
        """Report how many requests an action takes, and any run of skopeo."""
        for proxy in self.proxies:
            proxy.seen.clear()
        self.programs.skopeos = 0
        with redirect_stdout(StringIO()):
            action()
        for name, proxy in zip(("e2e", "staging"), self.proxies, strict=True):
            for request in proxy.seen:
                print(f"    {name}: {request}")
        few = report(work, [sum(len(proxy.seen) for proxy in self.proxies)], bar)
        return few and (not self.programs.skopeos or report(work, [self.programs.skopeos], _NO_PROGRAM))

    def promobot(self, *argv: str) -> None:
        """Run a command that must end well."""
        code = self.company.promobot(*argv)
        assert code == 0, f"promobot {' '.join(argv)} ended with {code}"

    def copy_again(self, digest: Digest) -> None:
        """The copy alone, as a step of a run makes it."""
        config = self.company.folder / "promobot.yaml"
        world = World(load_config(config), self.company.environ, self.company.folder / "cache")
        source, destination = (Location(name, f"{self.company.team}/{_SERVICE}") for name in ("e2e", "staging"))
        assert not world.copy(source, digest, destination, _TAG, watch=lambda _: None)

    def tag(self, digest: Digest) -> None:
        """Three more tags on what is there."""
        with closing(RegistryClient(self.proxies[1].access("staging"))) as staging:
            there = ImageRepository(staging, f"{self.company.team}/{_SERVICE}")
            added = add_tags(there, digest, ["1.1.3-a", "1.1.3-b", "1.1.3-c"])
        assert all(isinstance(one, Tagged) for one in added)


@contextmanager
def open_office(folder: Path) -> Iterator[Office]:
    """Found the company, promote its service and merge that."""
    with ExitStack() as stack:
        e2e = stack.enter_context(start_registry(folder / "e2e", login=_E2E))
        staging = stack.enter_context(start_registry(folder / "staging", login=_STAGING))
        proxies = stack.enter_context(start_proxy(e2e)), stack.enter_context(start_proxy(staging))
        company = Company.found(folder / "company", e2e, staging, [_SERVICE])
        company.connect(e2e=proxies[0], staging=proxies[1])
        yield Office(company, proxies, Programs())


def main() -> int:
    """The exit code: 0 where the bars hold."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    ).parse_args()
    with tempfile.TemporaryDirectory() as folder, open_office(Path(folder)) as office:
        two, four, to = at_most(2, "requests"), at_most(4, "requests"), ("--to", "staging")
        with redirect_stdout(StringIO()):
            office.promobot("promote", _SERVICE, *to)
        assert office.programs.skopeos, "a copy must be counted where there is one"
        digest = office.company.staging_digest(_SERVICE, _TAG)
        assert digest is not None
        counted = [
            office.count("promobot promote, proposed before", lambda: office.promobot("promote", _SERVICE, *to), two),
            office.count("a step's copy of an image that is there", lambda: office.copy_again(digest), two),
        ]
        with redirect_stdout(StringIO()):
            office.promobot("mr", "merge", f"{PROJECT}!1", "--as", "approver")
        counted += [
            office.count(
                f"promobot {command}, promoted and merged", partial(office.promobot, command, _SERVICE, *to), two
            )
            for command in ("plan", "promote")
        ]
        counted.append(office.count("three more tags on a digest", lambda: office.tag(digest), four))
    return 0 if all(counted) else 1


if __name__ == "__main__":
    sys.exit(main())
