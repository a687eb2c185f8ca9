"""The way to a real forge works: the cases of every forge run where the variables say, here on a double."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.doubles.github import GitHub, Role
from tests.doubles.github.serving import serve_github
from tests.doubles.gitlab import MAINTAINER, GitLab
from tests.doubles.gitlab.serving import serve_gitlab
from tests.forges.live import LIVE, VARIABLES

ROOT = Path(__file__).parents[2]
PROJECT = "acme/scratch"
CASES = ("tests/forges/test_every.py", "tests/forges/test_refusals.py")
# What test_refusals.py asks for though GitLab's own description forbids it.
UNDESCRIBED = (
    "GET /api/v4/projects/acme%2Fscratch/nothing -> 404: no such operation is known",
    "POST /api/v4/projects/acme%2Fscratch/merge_requests -> 400: request.title: required",
)
FILES = {"README.md": b"# For tests\n", "old/file": b"1\n"}


@contextmanager
def gitlab(root: Path) -> Iterator[dict[str, str]]:
    made = GitLab(root)
    project = made.project(PROJECT, FILES)
    made.protect(project, "main", merge=MAINTAINER)
    person, robot = (made.user(name, "acme", role=MAINTAINER) for name in ("pat.smith", "robot"))
    project.repository.commit("left-behind", {"a": b"9\n"})
    made.open(project, person, "left-behind")
    with serve_gitlab(made) as running:
        tokens = {"TOKEN": made.token(robot), "PERSON_TOKEN": made.token(person)}
        yield {"URL": running.url, "PROJECT": PROJECT, **tokens}
        assert set(project.repository.heads()) == {"main"}
        assert not [request for request in project.requests.values() if request.open]
        running.complaints[:] = [words for words in running.complaints if not words.endswith(UNDESCRIBED)]


@contextmanager
def github(root: Path) -> Iterator[dict[str, str]]:
    hub = GitHub(root)
    project = hub.project(PROJECT, FILES, roles={"pat-smith": Role.WRITE, "robot": Role.WRITE})
    project.repository.commit("left-behind", {"a": b"9\n"})
    hub.open(PROJECT, "pat-smith", "left-behind")
    with serve_github(hub) as running:
        tokens = {"TOKEN": hub.classic("robot", "repo"), "PERSON_TOKEN": hub.classic("pat-smith", "repo")}
        yield {"URL": running.url, "REPO": PROJECT, **tokens}
        assert set(project.repository.heads()) == {"main"}
        assert not project.open_pulls


FORGES = {"gitlab": gitlab, "github": github}
# What it doesn't get of our environment. Coverage has those cases from the run that they are part of.
_OURS = ("PROMOBOT_LIVE", "PYTEST", "COVERAGE_PROCESS")


def cases(forge: str, variables: dict[str, str], *chosen: str) -> str:
    """What pytest says of the cases on the live forge."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith(_OURS)}
    told = {f"PROMOBOT_LIVE_{forge.upper()}_{name}": text for name, text in variables.items()}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n0", *chosen]
    done = subprocess.run(
        [*command, *CASES],
        check=False,
        cwd=ROOT,
        env=environ | told,
        capture_output=True,
        text=True,
    )
    return done.stdout


@pytest.mark.parametrize("forge", FORGES)
def test_cases_run_on_a_live_forge(tmp_path: Path, forge: str) -> None:
    with FORGES[forge](tmp_path) as variables:
        said = cases(forge, variables, "-k", f"live-{forge} and (stays_ended or is_opened_is_found)")
    assert " 2 passed" in f" {said.splitlines()[-1]}", said


@pytest.mark.long
@pytest.mark.parametrize("forge", FORGES)
def test_all_of_them_do(tmp_path: Path, forge: str) -> None:
    with FORGES[forge](tmp_path) as variables:
        said = cases(forge, variables, "-k", f"live-{forge}")
    assert "passed" in said.splitlines()[-1], said
    assert not {"failed", "error", "skipped"} & set(said.splitlines()[-1].split()), said


def test_with_half_of_the_variables_the_cases_fail() -> None:
    chosen = ("-k", "live-github and stays_ended")
    assert "PROMOBOT_LIVE_GITHUB_TOKEN" in cases("github", {"REPO": PROJECT}, *chosen)
    assert "PROMOBOT_LIVE_GITHUB_REPO" in cases("github", {"TOKEN": "secret"}, *chosen)


def test_without_them_there_are_none() -> None:
    assert "no tests collected" in cases("github", {}, "-k", "live-", "--collect-only")


def test_the_cases_are_tried_on_real_forges() -> None:
    """They are, where this isn't skipped."""
    untold = [f"{VARIABLES[kind]}*" for kind in VARIABLES if kind not in LIVE]
    if untold:
        pytest.skip(f"{' and '.join(untold)} aren't set: nothing is tried there (docs/development.md)")
