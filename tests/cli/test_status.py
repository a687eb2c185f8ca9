"""`promobot status`: what it tells of registries and merge requests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.demo.oci import build_index, push
from bot.demo.registries import RunningRegistry
from bot.errors import ExitCode
from tests.cli.registries import Shop, shop
from tests.company import PROJECT, STAGING, Company
from tests.proxy import Answer, start_proxy

__all__ = ["shop"]


@pytest.fixture
def two(
    tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry, capsys: pytest.CaptureFixture[str]
) -> Shop:
    """A company with two services."""
    names = ["inventory", "payments"]
    return Shop(Company.found(tmp_path / "company", e2e_registry, prod_registry, names), capsys)


def test_one_registrys_advice_is_given_once(two: Shop) -> None:
    with start_proxy(two.company.e2e, gate=lambda _: Answer(403)) as proxy:
        two.company.connect(e2e=proxy)
        lines = two.run("status").out.splitlines()
    assert [re.sub(" to .*", "", line) for line in lines if line.startswith("✗ ")][-2:] == ["✗ inventory", "✗ payments"]
    assert sum("→" in line for line in lines) == 1
    assert lines[-1].startswith("  → ")


@pytest.mark.parametrize("command", ["status", "plan"])
def test_a_login_that_is_not_accepted_is_told_of_once(two: Shop, command: str) -> None:
    two.environ["E2E_PASSWORD"] = "wrong"
    said = two.run(command)
    assert said.code == ExitCode.REGISTRY
    (line,) = [line for line in said.out.splitlines() if "does not accept the credentials" in line]
    assert "✗ inventory, payments" in line
    assert two.company.team not in line


@pytest.mark.parametrize("words", [("status",), ("plan",), ("reconcile",), ("check", "--online")])
@pytest.mark.parametrize(
    ("endpoint", "why"),
    [("127.0.0.1:1", "the connection was refused"), ("nowhere.invalid:443", "the host name cannot be resolved")],
)
def test_a_registry_that_is_down_is_told_of_once(two: Shop, words: tuple[str, ...], endpoint: str, why: str) -> None:
    config = two.company.folder / "promobot.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace(two.company.e2e.host, endpoint), encoding="utf-8")
    said = two.run(*words)
    assert said.code == ExitCode.REGISTRY
    (line,) = [line.strip() for line in said.out.splitlines() if why in line]
    who = {"check": "", "status": "inventory, payments to staging: "}.get(words[0], "inventory, payments: ")
    assert line == f"✗ {who}registry e2e: {endpoint}: {why}"
    assert said.out.count("→ check the address of registry e2e, and ") == 1


def test_what_runs_and_is_not_in_its_registry_is_told(shop: Shop) -> None:
    path = "apps/inventory/staging/helmrelease.yaml"
    shop.company.commit("main", path, shop.company.manifest("inventory", "staging", "1.1.3"))
    said = shop.run("status")
    assert "inventory   1.1.3-rc2   1.1.3 missing ↑\n" in said.out
    assert f"✗ staging runs {STAGING}/{shop.path}:1.1.3, which registry staging doesn't have\n" in said.out
    present = {item["environment"]: item["present"] for item in shop.run("status", "-o", "json").data["deployed"]}
    assert present == {"e2e": True, "staging": False}
    assert shop.run("promote", "inventory", "--to", "staging").code == 0
    assert "missing" not in shop.run("status").out


def test_nothing_is_asked_of_a_registry_for_status_alone(shop: Shop) -> None:
    """What staging runs now is no matter for what is due, so whether it is there isn't known."""
    present = {item["environment"]: item["present"] for item in shop.run("status", "-o", "json").data["deployed"]}
    assert present == {"e2e": True, "staging": None}


def test_an_open_merge_request_is_told_while_something_newer_is_due(shop: Shop) -> None:
    assert shop.run("promote", "inventory", "--to", "staging").code == 0
    shop.company.push_e2e("inventory", "1.1.4-rc1", build_index("newer"))
    path = "apps/inventory/e2e/helmrelease.yaml"
    shop.company.commit("main", path, shop.company.manifest("inventory", "e2e", "1.1.4-rc1"))
    said = shop.run("status").out
    assert "inventory   1.1.4-rc1   1.1.2 ↑ 1.1.4\n" in said
    assert f"↑ inventory to staging: {PROJECT}!1  " in said


def test_what_is_blocked_shows_what_people_are_looking_at(shop: Shop, tmp_path: Path) -> None:
    assert shop.run("promote", "inventory", "--to", "staging").code == 0
    company = shop.company
    company.push_e2e("inventory", "1.1.4-rc1", build_index("newer"))
    push(company.staging.access("staging"), f"{company.team}/inventory", "1.1.4", build_index("other"))
    path = "apps/inventory/e2e/helmrelease.yaml"
    company.commit("main", path, company.manifest("inventory", "e2e", "1.1.4-rc1"))
    (request,) = company.requests()
    words = "!1 proposes inventory 1.1.3, which isn't what runs in e2e now"
    for command in (("status",), ("plan",), ("promote", "inventory", "--to", "staging"), ("reconcile",)):
        said = shop.run(*command)
        assert f"! {words}  promobot mr show '{PROJECT}!1'\n" in said.out
    (verdict,) = shop.run("plan", "-o", "json").data["verdicts"]
    assert verdict["standing"] == "blocked"
    assert (verdict["merge_request"], verdict["outdated"]) == (request.url, words)
    (after,) = company.requests()
    assert (after.number, after.title, after.head) == (request.number, request.title, request.head)
    assert "isn't what would be proposed now" in after.note
    file = tmp_path / "out.env"
    assert shop.run("plan", "--output-file", str(file)).code == ExitCode.BLOCKED
    assert "MERGE_REQUEST" not in file.read_text()


def test_only_what_was_asked_for_is_told(two: Shop) -> None:
    assert [one["name"] for one in two.run("status", "payments", "-o", "json").data["services"]] == ["payments"]
    data = two.run("status", "--env", "e2e", "-o", "json").data
    assert (data["environments"], data["verdicts"]) == (["e2e"], [])
    assert {item["environment"] for item in data["deployed"]} == {"e2e"}
    assert two.run("promote", "payments", "--to", "staging").code == 0
    assert [one["name"] for one in two.run("status", "--due", "-o", "json").data["services"]] == ["inventory"]
    assert two.run("status", "--blocked").out == "Nothing is blocked.\n"
    assert two.run("mr", "close", "1", "--as", "ann").code == 0
    assert "✗ payments to staging: ann closed !1" in two.run("status", "--blocked").out
    assert "inventory" not in two.run("status", "--blocked").out


@pytest.mark.parametrize(
    ("words", "hint"),
    [(("inventry",), "did you mean inventory?"), (("--env", "stagin"), "did you mean staging?")],
)
def test_what_there_isn_t_is_a_mistake(two: Shop, words: tuple[str, ...], hint: str) -> None:
    said = two.run("status", *words)
    assert said.code == ExitCode.USAGE
    assert hint in said.err


def test_who_asks_for_a_service_is_told_why_nothing_is_promoted(shop: Shop) -> None:
    shop.company.commit("main", "apps/payments/e2e/helmrelease.yaml", shop.company.manifest("payments", "e2e", "1.0.0"))
    why = "– payments to staging: payments has no manifest in staging"
    assert why in shop.run("status", "payments").out
    assert why not in shop.run("status").out


def test_a_repository_that_is_gone_is_the_reason_of_all_that_it_blocks(two: Shop) -> None:
    """Nothing says that there are no images, and nobody asks for a credential."""
    file = two.company.folder / "promobot.yaml"
    prod = file.read_text().partition("  - name: staging\n")[2].replace("from: e2e", "from: staging")
    file.write_text(f"{file.read_text()}  - name: prod\n{prod.replace('/staging/', '/prod/')}")
    (two.company.folder / "git" / f"{PROJECT}.git").rename(two.company.folder / "gone")
    lines = two.run("status").out.splitlines()
    (line,) = [line for line in lines if "cannot read" in line]
    assert line.startswith("✗ every service to staging and prod: cannot read the branches of file://")
    assert lines == [line, "  → check `project` in the configuration"]
