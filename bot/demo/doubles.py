"""What stands for a forge's server in the demo: the doubles that promobot is tested with, as a process of their own.

They are no part of promobot, so only a checkout has them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import urllib3

from bot.demo.listening import address_of
from bot.errors import ForgeError, UsageError
from bot.process import start
from bot.resources import checkout

_PACKAGE = "tests.doubles.standing"
_LISTENING = re.compile(r"^listening on (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Kind:
    """What people call a forge and what is opened there, and where they see that."""

    name: str
    request: str
    page: str


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "gitlab": Kind("GitLab", "merge request", "{url}/{project}/-/merge_requests/{number}"),
        "github": Kind("GitHub", "pull request", "{url}/{project}/pull/{number}"),
    }
)


@dataclass(frozen=True)
class RunningDouble:
    """A double that answers at `url`."""

    kind: Kind
    url: str
    pid: int

    def page(self, project: str, number: int) -> str:
        """Where a browser shows a merge request."""
        return self.kind.page.format(url=self.url, project=project, number=number)

    def press(self, button: str, project: str, number: int) -> None:
        """Press a button on that page, `approve` or `merge`. Raises ForgeError where that is refused."""
        page = self.page(project, number)
        with urllib3.PoolManager() as pool:
            answer = pool.request("POST", f"{page}?{button}", redirect=False, retries=False, timeout=30.0)
        if answer.status != 303:
            raise ForgeError(f"the button {button} of {page} was refused (HTTP {answer.status})")


def must_be_there(name: str) -> Path:
    """The checkout that has the doubles. Raises UsageError where there is none."""
    root = checkout()
    if not root.joinpath(*_PACKAGE.split(".")).is_dir():
        raise UsageError(
            f"the demo on {KINDS[name].name} needs a checkout of promobot: its tests have what stands for the server",
            hint=f"in a clone of promobot's repository: ./run demo --forge {name}",
        )
    return root


@contextmanager
def start_double(
    name: str, repositories: Path, token: Path, *, groups: Sequence[str], port: int | None, detach: bool
) -> Iterator[RunningDouble]:
    """Run one over bare repositories for as long as the context lasts, or for good with `detach`.

    The content of the file `token` opens it. What it says is in a file beside that. Raises UsageError where this is no
    checkout, and ForgeError where it does not come up.
    """
    log = token.with_name(f"{name}.log")
    log.write_bytes(b"")  # the port of an earlier run must not be taken for this one's
    argv = [sys.executable, "-P", "-m", _PACKAGE, name, str(repositories), f"--token-file={token}"]
    argv += [f"--port={port or 0}", *(f"--group={group}" for group in groups)]
    process = start(argv, output=log, env={"PYTHONPATH": str(must_be_there(name))}, detach=detach)
    keep = False
    try:
        url = address_of(process, log, _LISTENING, failed=ForgeError, name=f"what stands for {KINDS[name].name}")
        yield RunningDouble(KINDS[name], url, process.pid)
        keep = detach
    finally:
        if not keep:
            process.stop()
