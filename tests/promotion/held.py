"""promobot as a process of its own, held at the moment that a test names: a request, or the start of a git command."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tests.company import Company
from tests.proxy import Fault, Kind, start_proxy
from tests.registry.copies import wait_until

ROOT = Path(__file__).parents[2]
PROMOTE = ("promote", "inventory", "--to", "staging")
FILE = "apps/inventory/staging/helmrelease.yaml"

# git, but a command with this word in it says that it is there, and stays.
_HOLDING_GIT = """\
#!/bin/sh
case " $* " in *" {word} "*) : > {mark}; exec sleep 600;; esac
exec {git} "$@"
"""


@dataclass(frozen=True)
class AtRequest:
    """The first request to a registry, `e2e` or `staging`, whose `METHOD /path` this finds."""

    side: str
    match: str
    kind: Kind


@dataclass(frozen=True)
class AtGit:
    """The first start of a git command."""

    word: str


Moment: TypeAlias = AtRequest | AtGit


@contextmanager
def started(company: Company, *argv: str, environ: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """promobot in a process group of its own, as a shell starts it; whatever happens, it is over afterwards."""
    with subprocess.Popen(
        [sys.executable, "-m", "bot", *argv],
        cwd=company.folder,
        env={**company.environ, "PYTHONPATH": str(ROOT), **(environ or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def held_at(company: Company, moment: Moment) -> Iterator[tuple[dict[str, str], Callable[[], bool]]]:
    """What a run needs in its environment to be held, and whether it is. Afterwards nothing is in the way any more."""
    with ExitStack() as stack:
        match moment:
            case AtRequest(side, match, kind):
                proxy = stack.enter_context(start_proxy(company.e2e if side == "e2e" else company.staging))
                company.connect(**{side: proxy})
                stack.callback(company.connect)
                proxy.inject(Fault(match, kind))
                yield {}, lambda: proxy.count(match) > 0
            case AtGit(word):
                mark = company.folder / "held"
                yield {"PATH": f"{_holding_git(company, word, mark)}:{company.environ['PATH']}"}, mark.exists


def _holding_git(company: Company, word: str, mark: Path) -> Path:
    folder = company.folder / "bin"
    folder.mkdir()
    script = folder / "git"
    script.write_text(_HOLDING_GIT.format(word=word, mark=mark, git=shutil.which("git")))
    script.chmod(0o755)
    return folder


def wait_until_held(process: subprocess.Popen[bytes], held: Callable[[], bool]) -> None:
    wait_until(lambda: held() or process.poll() is not None)
    assert process.poll() is None


def is_promoted(company: Company) -> bool:
    """Everything that promoting inventory comes to: the digest at its tag, one merge request, one branch, its file."""
    requests = [request.source_branch for request in company.all_requests()]
    branch = "promobot/staging/inventory"
    return (
        company.staging_digest("inventory", "1.1.3") == company.e2e_digest("inventory", "1.1.3-rc2")
        and requests == [branch]
        and sorted(company.branches()) == ["main", branch]
        and company.content(branch, FILE) == company.manifest("inventory", "staging", "1.1.3")
    )
