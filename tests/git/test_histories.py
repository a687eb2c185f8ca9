"""One walk for all files finds what `git log` finds for each of them alone."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.git.command import GitDirectory
from bot.git.histories import histories
from tests.git.origin import GIT, git

PATHS = ("a", "b", "d", "d/x", "d/y", "d/y/z", "-rf", ":(top)", "ü\n☃")
# Few of them, so that a change is often taken back, and two sides often come to the same.
CONTENTS = (None, b"1", b"2", b"3")


@dataclass(frozen=True)
class Made:
    """A commit to be made: how far back its parents are, what it changes, how many seconds after the one before."""

    parents: tuple[int, ...]
    changes: dict[str, bytes | None]
    later: int


COMMITS = st.lists(
    st.builds(
        Made,
        st.lists(st.integers(1, 4), max_size=3, unique=True).map(tuple),
        st.dictionaries(st.sampled_from(PATHS), st.sampled_from(CONTENTS), max_size=3),
        st.just(60),
    ),
    min_size=1,
    max_size=14,
)


def make(folder: Path, commits: list[Made]) -> tuple[GitDirectory, str]:
    """A bare repository with these commits, the last of them returned."""
    git(folder.parent, "init", "--quiet", "--bare", str(folder))
    lines, clock = [], 1_700_000_000
    for number, commit in enumerate(commits, 1):
        clock += commit.later
        parents = [number - back for back in commit.parents if number > back]
        lines += [f"commit refs/c/{number}\nmark :{number}\ncommitter P <p@example.com> {clock} +0000".encode()]
        lines += [b"data 0"]
        lines += [f"{'merge' if index else 'from'} :{parent}".encode() for index, parent in enumerate(parents)]
        for path, content in commit.changes.items():
            name = '"' + "".join(f"\\{byte:03o}" for byte in path.encode()) + '"'
            lines += [
                f"D {name}".encode()
                if content is None
                else f"M 100644 inline {name}\ndata {len(content)}\n".encode() + content
            ]
    lines += [b"done", b""]
    subprocess.run(
        [GIT, "-C", folder, "fast-import", "--quiet", "--done"], input=b"\n".join(lines), check=True, timeout=60
    )
    return GitDirectory(folder), git(folder, "rev-parse", f"refs/c/{len(commits)}")


def log(repository: GitDirectory, commit: str, path: str, limit: int) -> list[str]:
    """What git finds for one path."""
    arguments = ("log", "--date-order", "--format=%H", f"--max-count={limit}", commit, "--", path)
    return repository.run(*arguments).stdout.decode().split()


def found(repository: GitDirectory, commit: str, limit: int) -> dict[str, list[str]]:
    """What one walk finds for all paths."""
    walked = histories(repository, commit, PATHS, limit)
    return {path: [one.sha for one in commits] for path, commits in walked.items()}


side = Made((1,), {"a": b"2"}, 60)
other_side = Made((2,), {"a": b"2", "b": b"1"}, 60)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example([Made((), {"a": b"1"}, 60), side, other_side, Made((1, 2), {}, 60)], 50)
@given(COMMITS, st.sampled_from([1, 2, 50]))
def test_every_path_has_the_history_that_git_log_tells(
    tmp_path_factory: pytest.TempPathFactory, commits: list[Made], limit: int
) -> None:
    repository, head = make(tmp_path_factory.mktemp("generated") / "r.git", commits)
    expected = {path: log(repository, head, path, limit) for path in PATHS}
    assert found(repository, head, limit) == expected
    assert found(repository, head, limit) == expected, "from what was kept"


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_clocks_that_go_wrong_change_no_more_than_the_order(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    shift = st.sampled_from([-100, 0, 60])
    commits = [Made(made.parents, made.changes, data.draw(shift)) for made in data.draw(COMMITS)]
    repository, head = make(tmp_path_factory.mktemp("generated") / "r.git", commits)
    for path, shas in found(repository, head, 50).items():
        assert sorted(shas) == sorted(log(repository, head, path, 50))
        for index, sha in enumerate(shas):
            earlier = set(repository.run("rev-list", sha).stdout.decode().split()) - {sha}
            assert not earlier.intersection(shas[:index])
