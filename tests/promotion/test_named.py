"""What is said by name, over a real company: a given image, a downgrade, a pin; and what Git says of revisions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.apply import Event, Started
from bot.cli import main
from bot.demo.oci import build_index, push
from bot.errors import ExitCode
from bot.forges.local import create_project
from bot.plan import OpenRequest
from tests.company import DEVELOPER, E2E, STAGING, Company
from tests.promotion.test_commands import BRANCH, FILE, PROMOTE, answer, said
from tests.proxy import start_proxy

REVISION = "org.opencontainers.image.revision"
E2E_FILE = "apps/inventory/e2e/helmrelease.yaml"
CODE = "shop/inventory"


# --- a given image --------------------------------------------------------------------------------------


def test_an_image_that_ran_before_is_promoted_by_its_digest(company: Company) -> None:
    before = company.e2e_digest("inventory", "1.1.3-rc2")
    company.push_e2e("inventory", "1.1.4-rc1", build_index("newer"))
    company.commit("main", E2E_FILE, company.manifest("inventory", "e2e", "1.1.4-rc1"))
    assert company.promobot(*PROMOTE, "--image", ":1.1.3-rc2") == 0
    assert company.staging_digest("inventory", "1.1.3") == before
    (request,) = company.requests()
    assert request.title == "inventory 1.1.2 → 1.1.3 to staging"
    ran = company.git("rev-parse", "main~1").strip()
    assert f"Promoted-From: e2e@{ran} {E2E}/{company.team}/inventory:1.1.3-rc2" in company.git("log", "-1", BRANCH)
    assert company.promobot(*PROMOTE, "--image", ":1.1.3-rc2") == 0
    assert len(company.all_requests()) == 1


def test_one_that_never_ran_needs_a_reason_and_is_marked(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    untried = company.push_e2e("inventory", "1.1.9-rc1", build_index("untried"))
    words = said(company, capsys, *PROMOTE, "--image", ":1.1.9-rc1", code=ExitCode.BLOCKED)
    assert f"e2e never ran {E2E}/{company.team}/inventory:1.1.9-rc1" in words
    assert "--unproven REASON`" in words
    given = (*PROMOTE, "--image", f":1.1.9-rc1@{untried}", "--unproven", "CVE, see INC-7")
    assert "! unproven: e2e never ran 1.1.9-rc1" in said(company, capsys, *given, "--dry-run")
    (verdict,) = answer(company, capsys, *given)["verdicts"]
    (move,) = verdict["moves"]
    assert (move["from"]["unproven"], move["proof"], move["digest"]) == ("CVE, see INC-7", "nothing", str(untried))
    (request,) = company.requests()
    assert request.title == "Unproven: inventory 1.1.2 → 1.1.9 to staging"
    assert "CVE, see INC-7" in request.body
    assert "Unproven: CVE, see INC-7" in company.git("log", "-1", "--format=%(trailers)", BRANCH)


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("--image", "inventory"), "has neither tag nor digest"),
        (("--image", "-x"), "promote has no option -x"),
        (("--image=-x",), "not a repository path"),
        (("--image", ":1@sha256:1"), "not a sha256 digest"),
        (("--image", ":1.1.3-rc2", "--to", "e2e"), "--image is for one service and one environment"),
        (("--unproven", "because"), "--unproven says nothing without --image"),
        (("--image", ":1", "--unproven", " "), "--unproven needs a reason"),
        (("--image", ":1", "--unproven", "\u202ereason"), "--unproven needs a reason"),
        (("--image", ":1", "--unproven", "x" * 301), "--unproven needs a reason"),
    ],
)
def test_what_can_not_be_given_is_refused(
    company: Company, capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], says: str
) -> None:
    assert company.promobot(*PROMOTE, *argv) == ExitCode.USAGE
    assert says in capsys.readouterr().err


# --- hotfixes -------------------------------------------------------------------------------------------


def built_from(company: Company, commits: dict[str, str]) -> None:
    """E2e's image and staging's say which commits of the code they were built from."""
    company.push_e2e("inventory", "1.1.4-rc1", build_index("proposed", labels={REVISION: commits["e2e"]}))
    company.commit("main", E2E_FILE, company.manifest("inventory", "e2e", "1.1.4-rc1"))
    running = build_index("running", labels={REVISION: commits["staging"]})
    push(company.staging.access("staging"), f"{company.team}/inventory", "1.1.2", running)
    config = company.folder / "promobot.yaml"
    rule = f"services:\n  - match: inventory\n    source: {{forge: local, project: {CODE}}}\n"
    config.write_text(config.read_text(encoding="utf-8") + rule, encoding="utf-8")


@pytest.fixture
def code(company: Company) -> dict[str, str]:
    """The commits of a repository: what is released, a hotfix on a branch of its own, and what came after on main."""
    clone = company.folder / "git" / f"{CODE}.git"
    create_project(company.folder / "git", CODE, {"a": b"1\n"}, who=DEVELOPER, when=datetime.now(UTC))
    first = git(company, clone, "rev-parse", "main")
    tree = git(company, clone, "rev-parse", "main^{tree}")
    made = {"released": first}
    for name in ("hotfix", "later"):
        made[name] = git(company, clone, "commit-tree", tree, "-p", first, "-m", name)
        git(company, clone, "update-ref", f"refs/heads/{name}", made[name])
    return made


def git(company: Company, repository: Any, *args: str) -> str:
    who = ("-c", "user.name=dev", "-c", "user.email=dev@example.com")
    return company.git("--git-dir", str(repository), *who, *args).strip()


def test_a_hotfix_that_the_proposed_image_lacks_blocks_until_it_is_allowed(
    company: Company, capsys: pytest.CaptureFixture[str], code: dict[str, str]
) -> None:
    built_from(company, {"e2e": code["later"], "staging": code["hotfix"]})
    words = said(company, capsys, *PROMOTE, code=ExitCode.BLOCKED)
    assert f"would lose a hotfix: staging runs 1.1.2, which has a commit of {CODE} that 1.1.4 lacks" in words
    assert company.requests() == ()
    assert company.promobot(*PROMOTE, "--allow-downgrade") == 0
    (request,) = company.requests()
    assert (
        "staging may lose what 1.1.2 has and 1.1.4 doesn't have, which was allowed by --allow-downgrade"
        in request.body.replace("`", "")
    )
    assert company.promobot("reconcile", "--strict") == 0, "what was allowed stays so"
    assert len(company.all_requests()) == 1


def test_an_image_that_has_all_commits_goes(company: Company, code: dict[str, str]) -> None:
    built_from(company, {"e2e": code["later"], "staging": code["released"]})
    assert company.promobot(*PROMOTE) == 0
    assert len(company.requests()) == 1


def test_a_revision_that_git_has_not_is_not_taken_for_a_no(
    company: Company, capsys: pytest.CaptureFixture[str], code: dict[str, str]
) -> None:
    built_from(company, {"e2e": code["later"], "staging": "a" * 40})
    assert "is not known: " in said(company, capsys, *PROMOTE, code=ExitCode.GIT)
    assert company.promobot(*PROMOTE, "--allow-downgrade") == 0


def test_an_older_version_blocks_without_a_question(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    company.commit("main", FILE, company.manifest("inventory", "staging", "1.1.4"))
    with start_proxy(company.staging) as staging:
        company.connect(staging=staging)
        words = said(company, capsys, *PROMOTE, code=ExitCode.BLOCKED)
        assert "would be a downgrade: staging runs 1.1.4, which is newer than 1.1.3" in words
        assert staging.count("manifests/1.1.4") == 0


# --- pin ------------------------------------------------------------------------------------------------

OVERLAY = "apps/inventory/staging/kustomization.yaml"
PIN = ("pin", "inventory", "--env", "staging")


@pytest.fixture
def overlaid(company: Company) -> Company:
    """Staging inherits its image from a base."""
    image = f"{E2E}/{company.team}/inventory:1.1.2-rc7"
    deployment = f"kind: Deployment\nspec: {{template: {{spec: {{containers: [{{image: '{image}'}}]}}}}}}\n"
    company.commit("main", OVERLAY, b"resources: [../base]\n")
    company.commit("main", "apps/inventory/base/kustomization.yaml", b"resources: [deployment.yaml]\n")
    company.commit("main", "apps/inventory/base/deployment.yaml", deployment.encode())
    config = company.folder / "promobot.yaml"
    config.write_text(
        config.read_text(encoding="utf-8").replace("staging/helmrelease.yaml", "staging/kustomization.yaml"),
        encoding="utf-8",
    )
    return company


def test_an_inherited_image_is_pinned_and_then_promoted(overlaid: Company, capsys: pytest.CaptureFixture[str]) -> None:
    words = said(overlaid, capsys, *PROMOTE, code=ExitCode.BLOCKED)
    assert "inherits its image from apps/inventory/base/deployment.yaml:2" in words
    assert "`promobot pin inventory --env staging`" in words
    refs = overlaid.git("for-each-ref")
    assert "+images:" in said(overlaid, capsys, *PIN, "--dry-run")
    assert overlaid.git("for-each-ref") == refs
    assert answer(overlaid, capsys, *PIN)["results"][0]["outcomes"][-1]["outcome"] == "Done"
    assert answer(overlaid, capsys, *PIN)["verdicts"][0]["standing"] == "proposed"
    (request,) = overlaid.requests()
    assert request.title == "Pin inventory in staging to what its base names"
    assert overlaid.promobot("mr", "merge", "1", "--as", "ann") == 0
    assert answer(overlaid, capsys, *PIN)["verdicts"][0]["standing"] == "current"
    assert overlaid.promobot(*PROMOTE) == 0
    assert b"newTag: 1.1.3\n" in overlaid.content(BRANCH, OVERLAY)


def test_a_pin_that_was_interrupted_goes_on(overlaid: Company) -> None:
    def die(event: Event) -> None:
        if isinstance(event, Started) and isinstance(event.action, OpenRequest):
            raise KeyboardInterrupt

    assert main(PIN, environ=overlaid.environ, watch=die) == 130
    assert (overlaid.requests(), len(overlaid.branches())) == ((), 2)
    assert overlaid.promobot(*PIN) == 0
    assert (len(overlaid.requests()), len(overlaid.branches())) == (1, 2)


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("pin", "inventory", "--env", "stagin"), "did you mean staging?"),
        (("pin", "../x", "--env", "staging"), "is not a service's name"),
        (("pin", "inventroy", "--env", "staging"), "staging has no service named inventroy"),
    ],
)
def test_what_can_not_be_pinned_is_a_mistake(
    company: Company, capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], says: str
) -> None:
    assert says in said(company, capsys, *argv, code=ExitCode.USAGE)


def test_an_image_of_its_own_needs_no_pin(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    (verdict,) = answer(company, capsys, *PIN)["verdicts"]
    path = "apps/inventory/staging/helmrelease.yaml"
    assert verdict["standing"] == "current"
    assert verdict["reason"] == f"{path}:8 names {STAGING}/{company.team}/inventory:1.1.2 already"
    assert f"current: {verdict['reason']}\n" in said(company, capsys, *PIN)
