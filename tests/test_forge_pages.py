"""docs/gitlab.md and docs/github.md are what happens: their configuration, their commands, and pipelines that fit."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.cli import main
from bot.cli.arguments import make_parser
from bot.demo.oci import build_index, push
from bot.demo.registries import RunningRegistry
from tests.doubles.github import GitHub, Role
from tests.doubles.github.serving import serve_github
from tests.doubles.gitlab import DEVELOPER, GitLab
from tests.doubles.gitlab.serving import serve_gitlab

DOCS = Path(__file__).parents[1] / "docs"
RUNNING = {("dev", "cart"): "1.1.0", ("dev", "web"): "2.0.0", ("prod", "cart"): "1.0.0", ("prod", "web"): "2.0.0"}


@contextmanager
def gitlab(root: Path, files: dict[str, bytes]) -> Iterator[tuple[str, str]]:
    made = GitLab(root)
    project = made.project("platform/gitops", files)
    ann = made.user("ann", "platform/approvers", role=DEVELOPER)
    made.join(ann, project.namespace, DEVELOPER)  # as the group's invitation does
    with serve_gitlab(made) as running:
        yield running.url, made.bot(made.accounts.group("platform"))
    assert project.requests[1].reviewers == [ann]


@contextmanager
def github(root: Path, files: dict[str, bytes]) -> Iterator[tuple[str, str]]:
    hub = GitHub(root)
    hub.team("acme", "sre", "bob")
    roles = dict.fromkeys(("ann", "acme-robot"), Role.WRITE)
    hub.project("acme/gitops", files, roles=roles, teams={"sre": Role.WRITE})
    with serve_github(hub) as running:
        yield running.url, hub.classic("acme-robot", "repo", "read:org")
    (pull,) = hub.pulls("acme/gitops").values()
    assert (pull.teams, pull.reviewers) == (["sre"], ["ann"])


Forge = Callable[[Path, dict[str, bytes]], Any]
FORGES: dict[str, tuple[Forge, str]] = {
    "gitlab": (gitlab, "https://gitlab.example.com"),
    "github": (github, "https://github.com"),
}


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    found = re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(block) for _, kind, block in found if kind == language]


@pytest.mark.parametrize("page", FORGES)
def test_the_first_merge_request_is_as_the_page_tells(
    page: str, tmp_path: Path, open_registry: RunningRegistry, repository: str, capsys: pytest.CaptureFixture[str]
) -> None:
    serve, shown_at = FORGES[page]
    here = f"{open_registry.host}/{repository}"
    files = {}
    for (env, service), tag in RUNNING.items():
        image = f"image:\n  repository: {here}/{env}/{service}\n  tag: {tag}\n"
        files[f"apps/{service}/{env}-values.yaml"] = image.encode()
        push(open_registry.access("images"), f"{repository}/{env}/{service}", tag, build_index(f"{service} {tag}"))
    with serve(tmp_path / "git", files) as (url, token):
        config = blocks(page, "yaml")[0].replace(shown_at, url)
        config = re.sub(r"url: registry.example.com/(\w+)", rf"url: {here}/\1, plain_http: true", config)
        (tmp_path / "promobot.yaml").write_text(config, encoding="utf-8")
        environ = {
            "PROMOBOT_CONFIG": str(tmp_path / "promobot.yaml"),
            "PROMOBOT_CACHE": str(tmp_path / "cache"),
            "HOME": str(tmp_path),
            f"{page.upper()}_TOKEN": token,
        }
        (session,) = blocks(page, "console")
        for command, shown in re.findall(r"^\$ promobot (.*)\n((?:[^$].*\n)*)", session, re.MULTILINE):
            assert main(shlex.split(command), environ=environ) == 0
            said = capsys.readouterr().out
            for line in shown.splitlines():
                assert _words(line.replace(shown_at, url)) in _words(said)


def _words(text: str) -> str:
    return " ".join(text.split())


def test_gitlabs_pipeline_fits() -> None:
    """By https://docs.gitlab.com/ci/yaml/: a job on a schedule, one at a time."""
    (pipeline,) = blocks("gitlab", "yaml")[1:]
    ((name, job),) = yaml.safe_load(pipeline).items()
    assert name == "promobot"
    assert job.keys() == {"image", "rules", "resource_group", "timeout", "script"}
    assert job["image"].keys() == {"name", "entrypoint"}
    assert job["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "schedule"'}]
    _are_commands(job["script"])


def test_githubs_workflow_fits() -> None:
    """By https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax; YAML has `on` as True."""
    (text,) = blocks("github", "yaml")[1:]
    workflow = yaml.safe_load(text)
    assert workflow.keys() == {"name", True, "permissions", "concurrency", "jobs"}
    assert workflow[True].keys() == {"schedule", "workflow_dispatch"}
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"] == {"group": "promobot", "cancel-in-progress": False}
    (job,) = workflow["jobs"].values()
    assert {"runs-on", "timeout-minutes", "container", "steps"} == job.keys()
    checkout, step = job["steps"]
    assert checkout == {"uses": "actions/checkout@v4"}
    assert step["env"] == {"GITHUB_APP_KEY": "${{ secrets.PROMOBOT_APP_KEY }}"}
    _are_commands([step["run"]])


def test_githubs_workflow_for_its_queue_fits() -> None:
    """By https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#merge_group.

    Of the commit that triggers it, it runs nothing; and a job of that name would be taken for the status.
    """
    (text,) = (block for block in blocks("github", "") if "merge_group" in block)
    workflow, other = yaml.safe_load(text), yaml.safe_load(blocks("github", "yaml")[1])
    assert workflow[True] == {"merge_group": {}, **other[True]}
    assert workflow["jobs"].keys() == other["jobs"].keys() != {"promobot"}
    checkout, step = workflow["jobs"]["reconcile"]["steps"]
    assert checkout == {"uses": "actions/checkout@v4", "with": {"ref": "main"}}
    assert step == other["jobs"]["reconcile"]["steps"][1]


def _are_commands(lines: list[str]) -> None:
    commands = [shlex.split(line) for line in lines]
    assert [words[:2] for words in commands] == [["promobot", "reconcile"]]
    for words in commands:
        make_parser().parse_args(words[1:])
