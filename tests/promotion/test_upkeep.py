"""Soak, floating tags, limits and orphans, on real branches and registries."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.apply import Ended, Event, Started
from bot.cli import main
from bot.demo.oci import build_index, push
from bot.demo.registries import RunningRegistry
from bot.errors import ExitCode
from bot.forges.local import LocalForge
from bot.plan import Done, MoveTag, PushBranch, Stale
from bot.repositories import RequestDraft, Reviewers
from tests.company import PROJECT, Company
from tests.git.origin import git
from tests.proxy import ALWAYS, Answer, Fault, start_proxy

E2E_FILE, STAGING_FILE = "apps/inventory/e2e/helmrelease.yaml", "apps/inventory/staging/helmrelease.yaml"
PROMOTE = ("promote", "inventory", "--to", "staging")


def configure(company: Company, text: str) -> None:
    """More keys for staging, the last environment of the file."""
    path = company.folder / "promobot.yaml"
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def merge(company: Company, number: int = 1) -> None:
    request = company.forge.get(PROJECT, number)
    company.forge.merge(PROJECT, number, head=request.head, by="ann")


def before_each(kind: type[object], do: Callable[[], object]) -> Callable[[Event], None]:
    def watch(event: Event) -> None:
        if isinstance(event, Started) and isinstance(event.action, kind):
            do()

    return watch


def test_what_was_merged_just_now_soaks(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    configure(company, "    gates: {soak: 2h}\n")
    bits = company.e2e_digest("inventory", "1.1.3-rc2")
    assert company.promobot(*PROMOTE) == ExitCode.BLOCKED
    assert "without a digest" in capsys.readouterr().out
    manifest = company.manifest("inventory", "e2e", "1.1.3-rc2") + f"      digest: {bits}\n".encode()
    company.commit("main", E2E_FILE, manifest)
    assert company.promobot(*PROMOTE) == ExitCode.BLOCKED
    assert "soaks in e2e until 20" in capsys.readouterr().out
    assert company.promobot("status") == 0
    assert "soaks in e2e until 20" in capsys.readouterr().out
    assert company.promobot("reconcile") == 0
    assert company.requests() == ()


def test_floating_tags_follow_what_people_merged(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    configure(company, '    floating_tags: ["{major}.{minor}", env-staging]\n')
    assert company.promobot(*PROMOTE) == 0
    assert company.staging_digest("inventory", "1.1") is None
    merge(company)
    capsys.readouterr()
    assert company.promobot("plan", "--exit-code") == ExitCode.DUE
    assert f"move tag 1.1 of {company.team}/inventory in staging → sha256:" in capsys.readouterr().out
    bits = company.e2e_digest("inventory", "1.1.3-rc2")
    assert company.promobot("reconcile") == 0
    assert company.staging_digest("inventory", "1.1") == company.staging_digest("inventory", "env-staging") == bits
    capsys.readouterr()
    assert company.promobot("reconcile", "-o", "json") == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["upkeep"], data["results"]) == ([], [])


def test_a_tag_that_moves_meanwhile_is_looked_at_again(company: Company) -> None:
    configure(company, "    floating_tags: [stable]\n")
    assert company.promobot(*PROMOTE) == 0
    merge(company)
    seen: list[str] = []
    other = build_index("other")

    def watch(event: Event) -> None:
        match event:
            case Started(_, MoveTag()) if not seen:
                push(company.staging.access("staging"), f"{company.team}/inventory", "stable", other)
                seen.append("started")
            case Ended(_, Stale() | Done() as outcome):
                seen.append(type(outcome).__name__)
            case _:
                pass

    assert main(("reconcile",), environ=company.environ, watch=watch) == 0
    assert seen == ["started", "Stale", "Done"]
    assert company.staging_digest("inventory", "stable") == company.e2e_digest("inventory", "1.1.3-rc2")


def test_a_merge_request_of_a_service_that_is_gone_is_closed(company: Company, tmp_path: Path) -> None:
    assert company.promobot(*PROMOTE) == 0
    work = tmp_path / "work"
    git(tmp_path, "clone", "--quiet", "--branch=main", company.forge.git_url(PROJECT), str(work))
    git(work, "mv", "apps/inventory", "apps/stock")
    git(work, "commit", "--quiet", "--message=Rename")
    git(work, "push", "--quiet", "origin", "main")
    assert company.promobot("reconcile") == 0
    assert "promobot/staging/inventory" not in company.branches()
    first = company.forge.get(PROJECT, 1)
    assert (first.state.value, first.ended_by) == ("closed", "promobot")
    assert "no service or group named inventory" in first.reason


def test_two_configurations_share_a_repository_and_close_nothing_of_each_other(
    company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other team's has the same author and names, and other files."""
    ours = (company.folder / "promobot.yaml").read_text(encoding="utf-8")
    theirs = company.folder / "theirs.yaml"
    theirs.write_text(ours.replace("apps/{service}", "teams/{service}"), encoding="utf-8")
    for environment, tag in (("e2e", "1.1.3-rc2"), ("staging", "1.1.2")):
        path = f"teams/cart/{environment}/helmrelease.yaml"
        company.commit("main", path, company.manifest("inventory", environment, tag))
    assert company.promobot("reconcile") == 0
    for _ in range(2):
        assert company.promobot("reconcile", "--config", str(theirs)) == 0
        assert company.promobot("reconcile") == 0
        branches = [request.source_branch for request in company.requests()]
        assert branches == ["promobot/staging/inventory", "promobot/staging/cart"]
    for environment, tag in (("e2e", "1.1.3-rc2"), ("staging", "1.1.2")):
        path = f"teams/inventory/{environment}/helmrelease.yaml"
        company.commit("main", path, company.manifest("inventory", environment, tag))
    refs = company.git("for-each-ref", "refs/heads/promobot")
    capsys.readouterr()
    again = company.promobot("promote", "inventory", "--to", "staging", "--config", str(theirs))
    assert again == ExitCode.CONFLICT
    assert f"branch promobot/staging/inventory changes {STAGING_FILE}, which isn't in" in capsys.readouterr().out
    assert company.git("for-each-ref", "refs/heads/promobot") == refs


@pytest.fixture
def fleet(company: Company, e2e_registry: RunningRegistry, prod_registry: RunningRegistry) -> Company:
    """Twenty services with something due."""
    names = [f"service-{number:02}" for number in range(20)]
    return Company.found(company.folder / "fleet", e2e_registry, prod_registry, names)


def test_what_others_merge_makes_no_step_stale(fleet: Company) -> None:
    """Between any two steps somebody commits something else to the target's branch."""
    stale: list[Stale] = []
    commits, one_at_a_time = iter(range(100)), threading.Lock()

    def commit() -> None:
        with one_at_a_time:
            fleet.commit("main", "README.md", f"{next(commits)}\n".encode())

    other = before_each(PushBranch, commit)

    def watch(event: Event) -> None:
        other(event)
        if isinstance(event, Ended) and isinstance(event.outcome, Stale):
            stale.append(event.outcome)

    assert main(("reconcile",), environ=fleet.environ, watch=watch) == 0
    assert stale == []
    assert len(fleet.requests()) == 20
    for request in fleet.requests():
        merge(fleet, request.number)
    for name in fleet.names:
        path = f"apps/{name}/staging/helmrelease.yaml"
        assert fleet.content("main", path) == fleet.manifest(name, "staging", "1.1.3")


def test_what_stays_stale_is_a_conflict_and_said(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    """Whenever it pushes, somebody has just put the branch elsewhere."""
    commits = iter(range(100))

    def be_quicker() -> None:
        head = company.commit("main", "README.md", f"{next(commits)}\n".encode())
        company.git("update-ref", "refs/heads/promobot/staging/inventory", head)

    watch = before_each(PushBranch, be_quicker)
    assert main(("reconcile",), environ=company.environ, watch=watch) == ExitCode.CONFLICT
    assert "at each of 4 tries" in capsys.readouterr().out


def test_a_version_that_nobody_further_on_had_is_made_anew_where_that_is_allowed(
    company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    push(company.staging.access("staging"), f"{company.team}/inventory", "1.1.3", build_index("an earlier 1.1.3"))
    taken, bits = company.staging_digest("inventory", "1.1.3"), company.e2e_digest("inventory", "1.1.3-rc2")
    assert company.promobot(*PROMOTE) == ExitCode.BLOCKED
    assert "set `replace_unreleased: true` for staging" in " ".join(capsys.readouterr().out.split())
    assert company.staging_digest("inventory", "1.1.3") == taken
    assert set(company.branches()) == {"main"}
    configure(company, "    replace_unreleased: true\n")
    assert company.promobot(*PROMOTE) == 0
    assert company.staging_digest("inventory", "1.1.3") == bits != taken
    (request,) = company.requests()
    assert str(bits) in request.body
    assert company.promobot(*PROMOTE) == 0


def test_a_persons_merge_request_is_merged_once_its_image_is_there(
    company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the local forge, where nobody has to require the status."""
    company.commit("ann/bump", STAGING_FILE, company.manifest("inventory", "staging", "1.1.4"))
    ann = LocalForge(company.folder / "git", user="ann")
    ann.open(PROJECT, RequestDraft("ann/bump", "main", "Bump", "", Reviewers(), ()))
    assert company.promobot("plan", "--exit-code") == ExitCode.CONFLICT
    assert "set the status on ann/bump: failure, " in " ".join(capsys.readouterr().out.split())
    assert company.promobot("reconcile") == 0
    capsys.readouterr()
    assert company.promobot("mr", "merge", "1", "--as", "ann") == ExitCode.CONFLICT
    assert f"{company.team}/inventory:1.1.4 is not in registry staging" in " ".join(capsys.readouterr().err.split())
    assert company.promobot("mr", "list") == 0
    assert "failure" in capsys.readouterr().out
    push(company.staging.access("staging"), f"{company.team}/inventory", "1.1.4", build_index("by hand"))
    assert company.promobot("promote", "inventory", "--to", "staging") == ExitCode.CONFLICT
    assert company.promobot("mr", "show", "1", "-o", "json") == 0
    capsys.readouterr()
    assert company.promobot("mr", "merge", "1", "--as", "ann") == 0
    assert company.content("main", STAGING_FILE) == company.manifest("inventory", "staging", "1.1.4")


def test_what_cannot_be_copied_holds_up_nobody(
    tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    company = Company.found(tmp_path / "company", e2e_registry, prod_registry, ["a", "b", "c", "d"])
    with start_proxy(prod_registry) as proxy:
        company.connect(staging=proxy)
        path = company.folder / "promobot.yaml"
        path.write_text(path.read_text().replace("open_requests: 100", "open_requests: 2"))
        proxy.inject(Fault(f"^(POST|PUT|PATCH) /v2/{company.team}/a/", Answer(403), times=ALWAYS))
        capsys.readouterr()
        assert company.promobot("reconcile", "-o", "json") == ExitCode.REGISTRY
        data = json.loads(capsys.readouterr().out)
        titles = [f"{name} 1.1.2 → 1.1.3 to staging" for name in ("b", "c")]
        assert [request.title for request in company.requests()] == titles
        assert [one["standing"] for one in data["verdicts"]] == ["due", "due", "due", "blocked"]
        assert data["verdicts"][3]["reason"].startswith("waits: 2 merge requests of promobot in ")
        assert company.promobot("reconcile") == 0
        assert [request.title for request in company.requests()] == titles
