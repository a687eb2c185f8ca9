"""A repository where it is served: what its branches are at, what is fetched from it, what is pushed.

A failure that may pass is no answer. What only reads is tried again; what writes, after a look at whether it was done.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.errors import GitError
from bot.git import pushing
from bot.git.command import GitDirectory, Remote
from bot.git.failure import explain, may_pass, redact
from bot.git.names import branch_ref, object_id
from bot.git.pushing import LeaseLost, Pushed
from bot.network.retry import ATTEMPTS, pause
from bot.process import Completed

_log = logging.getLogger(__name__)

# More of them would be too much for a command line, and the server compares every one with every branch.
_FEW_BRANCHES = 200
_ALL_BRANCHES = "refs/heads/*"
_FETCH = (
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-auto-maintenance",
    "--no-recurse-submodules",
    "--stdin",
)


@dataclass(frozen=True)
class Server:
    """One repository on a server. Every method raises GitError when git, the server or the network fails."""

    remote: Remote
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def heads(self, branches: Sequence[str], prefixes: Sequence[str] = ()) -> dict[str, str]:
        """The commits that branches point to now: these and those whose names begin so. One `ls-remote`.

        Those that don't exist are left out.
        """
        refs = {branch_ref(branch) for branch in branches}
        begin = tuple(f"refs/heads/{prefix}" for prefix in prefixes)
        if not refs and not begin:
            return {}
        few = len(refs) + len(begin) <= _FEW_BRANCHES
        named = [*refs, *(f"{prefix}*" for prefix in begin)] if few else [_ALL_BRANCHES]
        # Only branches are told by the server then: forges have many other refs, for each merge request and pipeline.
        arguments = ("ls-remote", "--heads", "--", self.remote.url, *named)
        done = self._again(lambda: self.remote.run(*arguments))
        if done.returncode:
            raise self.failed("read the branches of", done)
        # Names may have what else ends a line in Unicode.
        lines = (line.split("\t") for line in done.stdout.decode("utf-8", "replace").split("\n")[:-1])
        wanted = {ref: commit for commit, ref in lines if ref in refs or ref.startswith(begin)}
        return {ref.removeprefix("refs/heads/"): commit for ref, commit in wanted.items()}

    def fetch(
        self, clone: GitDirectory, refspecs: Iterable[str], *options: str, config: Mapping[str, str]
    ) -> Completed:
        """Fetch into a clone, which may end with a status that tells that the server refuses."""
        stdin = "".join(f"{refspec}\n" for refspec in refspecs).encode()
        arguments = (*_FETCH, *options, "origin")
        return self._again(lambda: self.remote.run(*arguments, clone=clone, stdin=stdin, config=config))

    def push(self, clone: GitDirectory, branch: str, commit: str | None, expected: str | None) -> Pushed | LeaseLost:
        """Point `branch` at `commit` (None: delete it) if it still is at `expected` (None: not there).

        A branch that is at `commit` already counts as pushed, whatever was expected.
        """
        ref = branch_ref(branch)
        for oid in (commit, expected):
            if oid is not None:
                object_id(oid)
        attempt = 1
        while True:
            done = self._push(clone, ref, commit, expected)
            if not done.returncode:
                return Pushed(changed=pushing.changed(done))
            if (found := self._after_failure(branch, commit, expected, done)) is not None:
                return found
            if attempt == ATTEMPTS or not may_pass(_said(done)):
                raise self.failed(f"push branch {branch} to", done)
            self._wait(attempt, "push")
            attempt += 1

    def _push(self, clone: GitDirectory, ref: str, commit: str | None, expected: str | None) -> Completed:
        arguments = pushing.arguments(ref, commit, expected)
        done = self.remote.run(*arguments, clone=clone)
        if done.returncode and pushing.lacks_objects(_said(done)):
            done = self.remote.run(*arguments, clone=clone, config={"push.negotiate": "true"})
        return done

    def _after_failure(
        self, branch: str, commit: str | None, expected: str | None, done: Completed
    ) -> Pushed | LeaseLost | None:
        """Believe the branch more than the words: the answer to a push that succeeded may have been lost.

        None where nothing was done.
        """
        lost = LeaseLost(f"branch {branch} of {redact(self.remote.url)} is no longer {expected or 'absent'}")
        stale = pushing.lost_the_lease(_said(done))
        try:
            now = self.heads([branch]).get(branch)
        except GitError:
            if stale:
                return lost
            raise self.failed(f"push branch {branch} to", done) from None
        # Where a connection is cut before the answer, curl sends the push again by itself, which then comes too late.
        # A branch that is gone may have been deleted by anybody.
        if now == commit and not (stale and commit is None):
            return Pushed(changed=True)
        return lost if stale or now != expected else None

    def _again(self, read: Callable[[], Completed]) -> Completed:
        """What comes of a read at last. One that takes too long is not tried again: that was patience enough."""
        attempt = 1
        while (done := read()).returncode and attempt < ATTEMPTS and may_pass(_said(done)):
            self._wait(attempt, "read")
            attempt += 1
        return done

    def _wait(self, attempt: int, what: str) -> None:
        wait = pause(attempt)
        _log.debug("%s: %s number %d failed, the next in %.1f s", redact(self.remote.url), what, attempt, wait)
        self.sleep(wait)

    def failed(self, what: str, done: Completed, clone: Path | None = None) -> GitError:
        """The error that a command's last words make."""
        words, hint = explain(_said(done), clone or "the clone", self.remote.credential_name)
        return GitError(f"cannot {what} {redact(self.remote.url)}: {words}", hint=hint)


def _said(done: Completed) -> str:
    """All of it: a push tells the reason of a refusal on its standard output."""
    return f"{done.stdout.decode('utf-8', 'replace')}\n{done.stderr}"
