"""How many requests reach a forge, for one service and for each of many: promobot's, and those of a pipeline's script.

Counted by the doubles of the tests; git's are counted apart, and asks without a password, to which it is told to show
one, are none. The figures don't depend on the machine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TypeAlias

from bench.measure import at_most, report
from bot.demo.registries import RunningRegistry, start_registry
from bot.registry import Login
from tests.company import PROJECT, Company
from tests.doubles.server import Running
from tests.promotion.shops.github import GitHubShop, github_shop
from tests.promotion.shops.gitlab import GitLabShop, gitlab_shop

_Shop: TypeAlias = GitLabShop | GitHubShop
_SHOPS: Mapping[str, Callable[[Company], AbstractContextManager[_Shop]]] = {
    "gitlab": gitlab_shop,
    "github": github_shop,
}
_PROMOTE = ("promote", "service-0", "--to", "staging")
# Of the first promotion, with what a run reads once; of each of the others; of a pass with nothing to do.
_ONCE = {"gitlab": 5, "github": 3}
_BARS = {"gitlab": (4 + _ONCE["gitlab"], 4, 2), "github": (5 + _ONCE["github"], 5, 2)}


def main() -> int:
    """The exit code: 0 where the bars hold."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--services", type=int, default=20, help="how many (20)")
    services = [f"service-{number}" for number in range(parser.parse_args().services)]
    held = []
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        e2e, staging = (
            stack.enter_context(start_registry(folder / part, login=Login(part, f"{part}-password")))
            for part in ("e2e", "staging")
        )
        for forge in _BARS:
            held.append(_promobot(folder, forge, e2e, staging, services))
            _script(folder, forge, e2e, staging, services)
    return 0 if all(held) else 1


def _promobot(folder: Path, forge: str, e2e: RunningRegistry, staging: RunningRegistry, services: list[str]) -> bool:
    company = Company.found(folder / forge, e2e, staging, services)
    first, each, idle = (at_most(bar, "requests") for bar in _BARS[forge])
    with _SHOPS[forge](company) as shop:
        shop.need_no_approvals()  # what is waited for costs more, see docs/performance.md
        run = partial(_must, shop)
        held = [report(f"{forge}, first promotion", [_counted(shop, f"{forge} first", partial(run, *_PROMOTE))], first)]
        rest = _counted(shop, f"{forge} {len(services) - 1} more", partial(run, "reconcile"))
        # The lists and who promobot is are read once more by this run.
        held.append(report(f"{forge}, each of the others", [(rest - _ONCE[forge]) / (len(services) - 1)], each))
        nothing = _counted(shop, f"{forge} nothing to do", partial(run, "reconcile"))
        held.append(report(f"{forge}, nothing to do for {len(services)}", [nothing], idle))
    return all(held)


def _script(folder: Path, forge: str, e2e: RunningRegistry, staging: RunningRegistry, services: list[str]) -> None:
    company = Company.found(folder / f"{forge}-script", e2e, staging, services)
    with _SHOPS[forge](company) as shop:
        for words in ("first", "again"):
            run = partial(_pipeline, shop, forge, services[0], Path(tempfile.mkdtemp(dir=folder)))
            _counted(shop, f"{forge} script, {words}", run)


def _pipeline(shop: _Shop, forge: str, service: str, folder: Path) -> None:
    command = [sys.executable, "-m", "bench.pipeline_script", forge, shop.running.url, PROJECT, service, "1.1.3", "ann"]
    environ = {**os.environ, "TOKEN": shop.secrets[0], "GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run([*command, str(folder)], check=True, env=environ)


def _must(shop: _Shop, *argv: str) -> None:
    with redirect_stdout(StringIO()):
        code = shop.promobot(*argv)
    assert code == 0, f"promobot {' '.join(argv)} ended with {code}"


def _counted(shop: _Shop, work: str, act: Callable[[], object]) -> int:
    """Print what an action took: requests of the API, which is returned, and of git."""
    shop.running.forget()
    act()
    api, git = shop.running.counts().total(), _of_git(shop.running)
    print(f"    {work}: {api} requests, and {git} of git")
    return api


def _of_git(running: Running) -> int:
    asked = (exchange for exchange in running.exchanges if exchange.route.startswith("git "))
    return sum(exchange.response is None or exchange.response.status != 401 for exchange in asked)


if __name__ == "__main__":
    sys.exit(main())
