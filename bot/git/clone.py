"""A kept clone: bare, without file contents until they are wanted, and only of the commits asked for."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from bot.errors import GitError
from bot.git import reading, writing
from bot.git.command import Credential, GitDirectory, Remote
from bot.git.failure import explain, redact
from bot.git.histories import histories
from bot.git.identity import Identity, stamp
from bot.git.known import Known
from bot.git.landings import landings
from bot.git.locks import locked, remove_stale_locks
from bot.git.merging import merged_files
from bot.git.names import file_path, object_id
from bot.git.pushing import LeaseLost, Pushed
from bot.git.server import Server
from bot.git.signing import signed
from bot.ownership import not_ours
from bot.process import Completed
from bot.repositories import Commit, File, FileChange, Landing, Summary

_log = logging.getLogger(__name__)

_REFUSES_UNNAMED = "does not allow request for unadvertised object"
_LAST_COMMIT = "refs/promobot/last-commit"
# There if the server gives contents only together with their commits.
_WITH_CONTENTS = "promobot-with-contents"
# Told only to the commands that must know that contents are missing. The others would fetch them, one by one.
_PARTIAL = {"remote.origin.promisor": "true", "remote.origin.partialclonefilter": "blob:none"}
_WANTED_ALONE = {**_PARTIAL, "fetch.negotiationAlgorithm": "noop"}
# Git's own threshold, which is switched off for every other command; bitmaps cannot be made without all contents.
_MAINTENANCE = {**_PARTIAL, "gc.auto": "6700", "gc.autoDetach": "false", "repack.writeBitmaps": "false"}


class Clone:
    """One repository on a server, through a bare clone kept in `directory` (made on first use).

    Several processes and threads may use the same directory at once. Every method raises GitError when git, the
    server or the network fails. Commits are named by their whole ids, and fetched if they aren't here yet.
    """

    def __init__(
        self,
        url: str,
        directory: Path,
        identity: Identity,
        *,
        credential: Credential | None = None,
        timeout: float = 120.0,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """`timeout`, in seconds, is for each use of the network; `env` is added to git's (such as SSH_AUTH_SOCK)."""
        self._remote = Remote(url, credential, timeout, dict(env or {}))
        self._server = Server(self._remote)
        self._git = GitDirectory(directory.absolute())
        self._lock = directory.absolute().with_name(f"{directory.name}.lock")
        self._identity = identity
        self._seen: dict[str, str] = {}
        self._known = Known(self._git)

    def __repr__(self) -> str:
        return f"Clone({redact(self._remote.url)!r}, {str(self._git.path)!r})"

    def heads(
        self, branches: Sequence[str], prefixes: Sequence[str] = (), passing: Sequence[str] = ()
    ) -> dict[str, str]:
        """The commits that branches point to now: these and those whose names begin so; absent ones are left out.

        Of those that are `passing`, what is fetched gets no ref, so that git may forget it in a few weeks.
        """
        found = self._server.heads(branches, (*prefixes, *passing))
        self._seen.update({name: head for name, head in found.items() if not name.startswith(tuple(passing))})
        return found

    def fetch(self, branches: Sequence[str]) -> dict[str, str]:
        """The heads of these branches, with their commits fetched: at most one fetch for all."""
        found = self.heads(branches)
        self._need(*found.values())
        return found

    def files(self, commit: str, patterns: Sequence[str]) -> tuple[File, ...]:
        """The files of a commit that fit any pattern, by path; missing contents are fetched in one batch.

        `*` in a pattern stands for part of one path segment. Submodules are no files. In place of contents that are
        longer than any manifest may be there is UNREAD, which everybody who parses it refuses for its length.
        """
        self._need(commit)
        fits = reading.matcher(patterns)
        entries = [entry for entry in reading.tree(self._git, commit) if fits(entry.path)]
        contents = self._contents(commit, [entry.oid for entry in entries])
        found = ((entry, contents[entry.oid]) for entry in entries)
        return tuple(File(e.path, e.mode, text, e.oid if text is reading.UNREAD else "") for e, text in found)

    def changed(self, branch: str, since: str, paths: Sequence[str]) -> frozenset[str] | None:
        """Which of these files a branch holds otherwise now than at `since`; None if it no longer has that commit."""
        head = self.heads([branch]).get(branch)
        if head in {None, since}:
            return frozenset() if head else None
        self._need(since, str(head))
        return reading.changed(self._git, since, str(head), [file_path(path) for path in paths])

    def paths(self, commit: str) -> tuple[str, ...]:
        """Every path of a commit."""
        self._need(commit)
        return tuple(entry.path for entry in reading.tree(self._git, commit))

    def tree(self, commit: str) -> str:
        """The id of a commit's tree, which stands for every byte and mode of its files."""
        self._need(commit)
        return self._git.run("rev-parse", "--verify", f"{commit}^{{tree}}").stdout.decode().strip()

    def kept_paths(self, branch: str) -> tuple[str, ...]:
        """Every path of a branch as it was last seen, without a look at the server; none where it never was."""
        if not (self._git.path / "HEAD").is_file():
            return ()
        _must_be_ours(self._git.path.parent, self._git.path)
        try:
            return tuple(entry.path for entry in reading.tree(self._git, _kept(branch)))
        except GitError:
            return ()

    def commits(self, base: str, heads: Iterable[str], *, paths: bool = False) -> dict[str, tuple[Commit, ...]]:
        """The commits that each head has and `base` has not, newest first; with `paths`, which files each changes."""
        wanted = tuple(heads)
        self._need(base, *wanted)
        return reading.commits(self._git, base, wanted, paths=paths)

    def merge_base(self, one: str, other: str) -> str | None:
        """The newest commit that both come from, if there is one."""
        self._need(one, other)
        done = self._git.run("merge-base", one, other, statuses=(0, 1))
        return done.stdout.decode().strip() or None

    def merged(self, into: str, head: str, paths: Sequence[str]) -> tuple[File, ...] | None:
        """These files as merging `head` into `into` would leave them; None where it would conflict in one of them."""
        base = self.merge_base(into, head)
        if base is None:
            return None
        sides = ({file.path: file for file in self.files(commit, paths)} for commit in (base, into, head))
        return merged_files(self._git, *sides)

    def summaries(self, base: str, head: str, limit: int) -> tuple[Summary, ...]:
        """The commits that `head` has and `base` has not, without merges, newest first, by their first lines."""
        self._need(base, head)
        return reading.summaries(self._git, base, head, limit)

    def histories(self, commit: str, paths: Sequence[str], limit: int) -> dict[str, tuple[Commit, ...]]:
        """The commits that led to each file's content at `commit`, newest first, from merged side branches too.

        At most `limit` for each file; one walk for all of them.
        """
        self._need(commit)
        return histories(self._git, commit, paths, limit)

    def landed(self, commit: str, paths: Sequence[str], limit: int) -> dict[str, tuple[Landing, ...]]:
        """What a branch at `commit` has had in each file, by its own commits (first parents), newest first.

        At most `limit` for each file; one walk for all of them, and their contents fetched in one batch.
        """
        self._need(commit)
        found = landings(self._git, commit, [file_path(path) for path in paths], limit)
        contents = self._contents(commit, [oid for each in found.values() for _, _, oid in each if oid])
        return {
            path: tuple(Landing(sha, at, contents[oid] if oid else None) for sha, at, oid in each)
            for path, each in found.items()
        }

    def commit(self, base: str, files: Sequence[FileChange], message: str, when: datetime) -> str:
        """Put one commit on top of `base`, without a branch, and return its id; equal arguments give an equal id.

        It is signed where the identity says how; by some keys, no signature is the same twice.

        Files keep their modes, new ones are regular files; for a symbolic link (mode 120000) the content is its target.
        """
        self._need(base)
        with self._writing() as git:
            changes = writing.with_modes(files, {entry.path: entry.mode for entry in reading.tree(git, base)})
            signature = f"{self._identity} {stamp(when)}"
            made = writing.commit(git, _LAST_COMMIT, base, changes, message=message, signature=signature)
            if self._identity.signing is None:
                return made
            proven = signed(self._git, made, self._identity, when, self._identity.signing)
            git.run("update-ref", _LAST_COMMIT, proven)
            return proven

    def push(self, branch: str, commit: str | None, expected: str | None) -> Pushed | LeaseLost:
        """Point `branch` at `commit` (None: delete it) if the server still has it at `expected` (None: not at all).

        A branch that is at `commit` already counts as pushed, whatever was expected.
        """
        self._make()
        return self._server.push(self._git, branch, commit, expected)

    def _make(self) -> None:
        """Make the clone, or find it made. It gets its name when it is whole, so half a one is never found."""
        directory = self._git.path
        if (directory / "HEAD").is_file():
            _must_be_ours(directory.parent, directory)
            return
        with locked(self._lock, timeout=self._remote.timeout):
            if (directory / "HEAD").is_file():
                return
            new = directory.with_name(f"{directory.name}.new")
            shutil.rmtree(new, ignore_errors=True)
            GitDirectory(new).run("init", "--quiet", "--bare", "--template=", "--initial-branch=main")
            try:
                new.rename(directory)
            except OSError as error:
                raise GitError(
                    f"{directory} is not a clone: {error.strerror}",
                    hint="move it away, or choose another folder (PROMOBOT_CACHE)",
                ) from error

    @contextmanager
    def _writing(self) -> Iterator[GitDirectory]:
        with locked(self._lock, timeout=self._remote.timeout) as descriptor:
            remove_stale_locks(self._git.path)
            yield GitDirectory(self._git.path, fds=(descriptor,))

    def _need(self, *commits: str) -> None:
        """Fetch the commits that aren't here, and with them every branch head seen, in one go."""
        self._make()
        wanted = {object_id(commit) for commit in commits}
        if not wanted & self._missing(wanted):
            return
        with self._writing() as git:
            more = self._missing(wanted)
            missing = sorted(wanted & more)
            if not missing:
                return
            done = self._fetch(sorted(more))
            if done.returncode and len(more) > len(missing):  # a head seen before may be gone by now
                done = self._fetch(missing)
            if done.returncode:
                raise self._server.failed(f"fetch {', '.join(missing)} from", done, self._git.path)
            self._maintain(git)

    def _missing(self, wanted: set[str]) -> set[str]:
        return self._known.missing(wanted, self._seen.copy().values())

    def _fetch(self, commits: Iterable[str]) -> Completed:
        """By object id, not by name: what is fetched is what was seen, even if the branch has moved since.

        The lock is not git's here: its connection may outlive us for as long as a server stalls, and writes no ref.
        """
        names = {commit: branch for branch, commit in self._seen.copy().items()}
        refspecs = [f"+{commit}:{_kept(names[commit])}" if commit in names else commit for commit in commits]
        content = "--no-filter" if self._with_contents else "--filter=blob:none"
        return self._server.fetch(self._git, refspecs, content, config=_PARTIAL)

    def _contents(self, commit: str, oids: Sequence[str]) -> dict[str, bytes]:
        contents = reading.objects(self._git, oids)
        if len(contents) < len(set(oids)):
            with self._writing() as git:
                self._fetch_contents(commit, reading.missing(git, oids))
            contents |= reading.objects(self._git, [oid for oid in oids if oid not in contents])
        return contents

    def _fetch_contents(self, commit: str, oids: Sequence[str]) -> None:
        if not oids:
            return
        done = self._server.fetch(self._git, oids, "--filter=blob:none", config=_WANTED_ALONE)
        if done.returncode and _REFUSES_UNNAMED in done.stderr:
            (self._git.path / _WITH_CONTENTS).touch()
            done = self._server.fetch(self._git, [commit], "--refetch", "--no-filter", config=_PARTIAL)
        if done.returncode:
            raise self._server.failed(f"fetch {len(oids)} files from", done, self._git.path)

    @property
    def _with_contents(self) -> bool:
        return (self._git.path / _WITH_CONTENTS).exists()

    def _maintain(self, git: GitDirectory) -> None:
        """Git's own housekeeping, at the one time when nobody else writes. That it fails is no reason to stop."""
        try:
            done = self._remote.run("gc", "--auto", "--quiet", clone=git, config=_MAINTENANCE)
        except GitError as error:
            _log.warning("%s", error)
            return
        if done.returncode:
            _log.warning("git gc in %s: %s", git.path, explain(done.stderr)[0])


def _must_be_ours(*folders: Path) -> None:
    """Git obeys a repository's own configuration, which can name programs to run, and isn't asked whose it is here."""
    for folder in folders:
        if why := not_ours(folder):
            raise GitError(
                f"{folder} {why}, so what it tells git to do can't be trusted",
                hint="choose a folder of your own (PROMOBOT_CACHE)",
            )


def _kept(branch: str) -> str:
    """The ref that keeps a branch's head: by hash, since `a` and `a/b`, one deleted, may follow each other."""
    return f"refs/promobot/heads/{hashlib.sha256(branch.encode()).hexdigest()[:32]}"
