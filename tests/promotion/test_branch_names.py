"""Branches that are called as a push rule wants them, on every forge: one that has no second slash for promobot."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from bot.demo.oci import build_index
from bot.errors import ExitCode
from tests.company import E2E, Company
from tests.promotion.shops import ANN, SHOPS, Shop

BRANCH, PIN_BRANCH = "feature/PLAT-12-staging-inventory", "feature/PLAT-13-staging-inventory"
# Ann's begins as promobot's do.
ANNS = "feature/PLAT-12-staging-fix"
E2E_FILE = "apps/inventory/e2e/helmrelease.yaml"
PROMOTE, PIN = ("promote", "inventory", "--to", "staging"), ("pin", "inventory", "--env", "staging")
NAMES = (
    'project: shop/gitops, branches: "feature/PLAT-12-{environment}-{unit}", '
    'pin_branches: "feature/PLAT-13-{environment}-{unit}"}'
)
# What is pushed has to be called so, and what goes may be called anything.
HOOK = r"""#!/bin/sh
while read -r old new ref; do
    echo "$new ${ref#refs/heads/}" | grep -Eq '^(0+ .*|[0-9a-f]+ feature/[A-Z]+-[0-9]+-[a-z0-9-]+)$' ||
        { echo "no branch may be called $ref" >&2; exit 1; }
done
"""


@pytest.fixture(params=SHOPS)
def shop(company: Company, request: pytest.FixtureRequest) -> Iterator[Shop]:
    with SHOPS[request.param](company) as shop:
        hook = shop.repository.path / "hooks" / "pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(HOOK)
        hook.chmod(0o755)
        yield shop


def configure(shop: Shop, old: str = "project: shop/gitops}", new: str = NAMES) -> None:
    """Staging's part of the file says it so."""
    file = shop.company.folder / "promobot.yaml"
    head, staging, tail = file.read_text().partition("  - name: staging\n")
    file.write_text(f"{head}{staging}{tail.replace(old, new, 1)}")


def writes_nothing(shop: Shop, *argv: str, looks: int = 1) -> None:
    """And takes as many looks at the branches as with other names."""
    heads, shown = shop.repository.heads(), shop.requests()
    if shop.running is not None:
        shop.running.forget()
    assert shop.promobot(*argv) == ExitCode.DONE
    assert shop.writes() == []
    assert (shop.repository.heads(), shop.requests()) == (heads, shown)
    if shop.running is not None:  # Git asks without a password first
        assert shop.running.counts(git=True)["git git-upload-pack"] == 3 * looks


def test_the_push_rule_is_there(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert shop.promobot(*PROMOTE) != ExitCode.DONE
    assert "no branch may be called refs/heads/promobot/staging/inventory" in capsys.readouterr().out
    assert shop.requests() == []


def test_a_promotion_from_its_first_proposal_to_the_end(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    configure(shop)
    shop.repository.commit(ANNS, {"README.md": b"fixed\n"}, who=ANN)
    assert shop.opens(ANNS)
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert [(shown.source, shown.state) for shown in shop.requests()] == [(ANNS, "open"), (BRANCH, "open")]
    for command in (("reconcile",), PROMOTE, ("status",)):
        writes_nothing(shop, *command)
    company = shop.company
    company.push_e2e("inventory", "1.1.4-rc1", build_index("newer"))
    shop.repository.commit("main", {E2E_FILE: company.manifest("inventory", "e2e", "1.1.4-rc1")}, who=ANN)
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert [(shown.number, shown.state) for shown in shop.requests()] == [(1, "open"), (2, "open")]
    assert shop.requests()[1].title == "inventory 1.1.2 → 1.1.4 to staging"
    writes_nothing(shop, "reconcile")
    capsys.readouterr()
    assert shop.promobot("mr", "show", "2", "-o", "json") == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["source_branch"] == BRANCH
    assert shop.merges(2, squash=True)
    assert shop.promobot("reconcile") == ExitCode.DONE
    writes_nothing(shop, "reconcile")
    assert sorted(shop.repository.heads()) == [ANNS, "main"]
    assert shop.states == ["open", "merged"]


def test_what_a_person_closed_is_told_with_the_command_that_proposes_it(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(shop)
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    assert shop.closes(1)
    assert shop.promobot(*PROMOTE) == ExitCode.BLOCKED
    assert shop.promobot("mr", "merge", "1") == ExitCode.CONFLICT
    assert "inventory --to staging --reopen" in capsys.readouterr().err
    assert shop.promobot(*PROMOTE, "--reopen") == ExitCode.DONE
    assert shop.states == ["closed", "open"]


def test_the_merge_request_that_nothing_stands_behind_is_closed_and_nobody_elses(shop: Shop) -> None:
    configure(shop)
    shop.repository.commit(ANNS, {"README.md": b"fixed\n"}, who=ANN)
    assert shop.opens(ANNS)
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    with (shop.company.folder / "promobot.yaml").open("a") as file:
        file.write("services:\n  - {match: inventory, skip: [staging]}\n")
    assert shop.promobot("reconcile") == ExitCode.DONE
    assert shop.states == ["open", "closed"]
    assert sorted(shop.repository.heads()) == [ANNS, "main"]


def test_a_pin_has_a_name_of_its_own(shop: Shop) -> None:
    """Which is no promotion's, so that no pass closes what it proposes, or counts it."""
    configure(shop)
    configure(shop, "staging/helmrelease.yaml", "staging/kustomization.yaml")
    company = shop.company
    image = f"{E2E}/{company.team}/inventory:1.1.2-rc7"
    files = {
        "apps/inventory/staging/kustomization.yaml": "resources: [../base]\n",
        "apps/inventory/base/kustomization.yaml": "resources: [deployment.yaml]\n",
        "apps/inventory/base/deployment.yaml": f"kind: Deployment\nspec: {{containers: [{{image: '{image}'}}]}}\n",
    }
    shop.repository.commit("main", {path: text.encode() for path, text in files.items()}, who=ANN)
    assert shop.promobot(*PIN) == ExitCode.DONE
    assert [(shown.source, shown.state) for shown in shop.requests()] == [(PIN_BRANCH, "open")]
    writes_nothing(shop, *PIN, looks=2)
    shop.promobot("reconcile")
    assert [(shown.source, shown.state) for shown in shop.requests()] == [(PIN_BRANCH, "open")]
    assert shop.merges(1, squash=False)
    assert shop.promobot(*PROMOTE) == ExitCode.DONE
    assert [(shown.source, shown.state) for shown in shop.open()] == [(BRANCH, "open")]
