"""How merge requests are opened: labels, drafts, assignees, what branches are called, and signed commits."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.errors import ExitCode
from tests.company import Company
from tests.promotion.shops import SHOPS, GitHubShop, GitLabShop, Shop

PROMOTE = ("promote", "inventory", "--to", "staging")
BRANCH = "ops-12/promobot/staging/inventory"
PIPELINE = {
    "gitlab": ("CI_SERVER_URL", "GITLAB_USER_LOGIN"),
    "github": ("GITHUB_SERVER_URL", "GITHUB_ACTOR"),
}


@dataclass(frozen=True)
class Opened:
    """A merge request as the forge has it."""

    source: str
    labels: list[str]
    draft: bool
    assignees: list[str]


def opened(shop: Shop) -> Opened:
    match shop:
        case GitLabShop():
            (request,) = shop.project.requests.values()
            people = [person.username for person in request.assignees]
            return Opened(request.source_branch, request.labels, request.title.startswith("Draft: "), people)
        case GitHubShop():
            (pull,) = shop.hub.pulls("shop/gitops").values()
            return Opened(pull.source, pull.labels, pull.draft, pull.assignees)
        case _:
            raise AssertionError(shop)


@pytest.fixture(params=PIPELINE)
def shop(company: Company, request: pytest.FixtureRequest) -> Iterator[Shop]:
    with SHOPS[request.param](company) as shop:
        yield shop


def configure(shop: Shop, assignee: str) -> None:
    file = shop.company.folder / "promobot.yaml"
    policy = f"    merge_requests: {{labels: [release], draft: true, assignee: {assignee}}}\n"
    text = file.read_text().replace("    promote: auto\n", f"    promote: auto\n{policy}")
    head, staging, tail = text.partition("  - name: staging\n")
    names = "branches: 'ops-12/promobot/{environment}/{unit}'"
    tail = tail.replace("project: shop/gitops}", f"project: shop/gitops, {names}}}", 1)
    file.write_text(f"{head}{staging}{tail}")


def in_pipeline(shop: Shop, user: str, server: str = "") -> dict[str, str]:
    assert shop.running is not None
    server_variable, user_variable = PIPELINE["gitlab" if isinstance(shop, GitLabShop) else "github"]
    return {**shop.environ, server_variable: server or shop.running.url, user_variable: user}


def test_who_started_the_pipeline_gets_it(shop: Shop) -> None:
    configure(shop, "trigger")
    shop.environ = in_pipeline(shop, "ann")
    assert shop.promobot(*PROMOTE) == 0
    assert opened(shop) == Opened(BRANCH, ["promobot", "to-staging", "release"], draft=True, assignees=["ann"])
    assert shop.running is not None
    shop.running.forget()
    assert shop.promobot("reconcile") == 0
    assert shop.writes() == []


def test_a_pipeline_of_another_server_says_nothing_about_this_one(shop: Shop) -> None:
    configure(shop, "trigger")
    shop.environ = in_pipeline(shop, "ann", "https://elsewhere.example.com")
    assert shop.promobot(*PROMOTE) == 0
    assert opened(shop).assignees == []


@pytest.mark.parametrize("assignee", ["ann", "nobody-knows-them"])
def test_a_user_by_name(shop: Shop, assignee: str) -> None:
    """Who isn't there is left out."""
    configure(shop, assignee)
    assert shop.promobot(*PROMOTE) == 0
    assert opened(shop).assignees == (["ann"] if assignee == "ann" else [])
    assert shop.states == ["open"]


# --- signatures -----------------------------------------------------------------------------------------


def sign_with(company: Company, key: Path) -> None:
    file = company.folder / "promobot.yaml"
    signing = f"{{type: local, path: git, signing: {{ssh_key_file: {key}}}}}"
    file.write_text(file.read_text().replace("{type: local, path: git}", signing))


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen isn't installed")
def test_a_signed_promotion_is_proposed_once(company: Company, tmp_path: Path) -> None:
    key, allowed = tmp_path / "key", tmp_path / "allowed"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)  # noqa: S607
    allowed.write_text(f'promobot@localhost namespaces="git" {Path(f"{key}.pub").read_text()}')
    sign_with(company, key)
    assert company.promobot(*PROMOTE) == ExitCode.DONE
    (request,) = company.requests()
    verify = ("-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={allowed}", "verify-commit", request.head)
    company.git(*verify)
    before = company.branches()
    assert company.promobot("reconcile") == ExitCode.DONE
    assert (company.branches(), company.requests()) == (before, (request,))


def test_without_its_key_nothing_is_proposed(
    company: Company, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What only reads needs none."""
    sign_with(company, tmp_path / "absent")
    assert company.promobot("plan") == ExitCode.DONE
    assert company.promobot(*PROMOTE) == ExitCode.GIT
    assert f"can't sign a commit with the SSH key {tmp_path / 'absent'}: No such file" in capsys.readouterr().out
    assert (sorted(company.branches()), company.requests()) == (["main"], ())
    assert company.staging_digest("inventory", "1.1.3") is None
