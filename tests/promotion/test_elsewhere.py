"""Images that only the configuration knows, and what is carried with them, in a real promotion."""

from __future__ import annotations

from bot.errors import ExitCode
from tests.company import STAGING, Company

E2E_FILE, STAGING_FILE = "apps/inventory/e2e/helmrelease.yaml", "apps/inventory/staging/helmrelease.yaml"
PROMOTE = ("promote", "inventory", "--to", "staging")


def reconfigure(company: Company, old: str, new: str) -> None:
    path = company.folder / "promobot.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_tag_in_a_file_of_its_own_is_promoted(company: Company) -> None:
    image = f"{STAGING}/{company.team}/{{service}}"
    reconfigure(
        company,
        'paths: ["apps/{service}/staging/helmrelease.yaml"]',
        'paths: ["releases/staging/{service}"]\n'
        f"    fields: [{{pointer: '/{{service}}/image_tag', holds: tag, image: '{image}'}}]",
    )
    company.commit("main", "releases/staging/inventory", b"# who: shop\ninventory:\n  image_tag:  '1.1.2'   # kept\n")
    assert company.promobot(*PROMOTE) == 0
    (request,) = company.requests()
    content = company.content(request.source_branch, "releases/staging/inventory")
    assert content == b"# who: shop\ninventory:\n  image_tag:  '1.1.3'   # kept\n"
    assert company.staging_digest("inventory", "1.1.3") == company.e2e_digest("inventory", "1.1.3-rc2")
    assert company.promobot("mr", "merge", "1", "--as", "ann") == 0
    assert company.promobot("plan", "--exit-code") == 0


def test_a_chart_version_goes_along_and_other_changes_are_told(company: Company) -> None:
    reconfigure(company, "    promote: auto\n", "    promote: auto\n    also_promote: [/spec/chart/spec/version]\n")

    def manifest(environment: str, tag: str, chart: str, extra: str = "") -> bytes:
        content = company.manifest("inventory", environment, tag).decode()
        chart = f"spec:\n  chart: {{spec: {{chart: shop, version: {chart}}}}}\n"
        return (content.replace("spec:\n", chart, 1) + extra).encode()

    company.commit("main", STAGING_FILE, manifest("staging", "1.1.2", "1.0.0"))
    company.commit("main", E2E_FILE, manifest("e2e", "1.1.3-rc2", "1.2.0", "    debug: false\n"))
    assert company.promobot(*PROMOTE) == 0
    (request,) = company.requests()
    assert company.content(request.source_branch, STAGING_FILE) == manifest("staging", "1.1.3", "1.2.0")
    assert "Not carried" not in request.body, "nobody knows since when"
    assert company.promobot("mr", "merge", "1", "--as", "ann") == 0
    assert company.promobot("plan", "--exit-code") == 0

    company.commit(
        "main", E2E_FILE, manifest("e2e", "1.1.3-rc2", "1.3.0", "    debug: true\n    env: {FEATURE_X: on}\n")
    )
    assert company.promobot(*PROMOTE) == 0
    (request,) = company.requests()
    assert request.title == "inventory version 1.2.0 → 1.3.0 to staging"
    assert company.content(request.source_branch, STAGING_FILE) == manifest("staging", "1.1.3", "1.3.0")
    left = request.body.partition("**Not carried**")[2].partition("**To undo**")[0]
    assert "- `spec.values.debug` `false` → `true`\n- `spec.values.env` added\n" in left
    assert "version" not in left


def test_a_service_that_staging_has_not_is_proposed_as_a_draft(company: Company) -> None:
    reconfigure(company, "    promote: auto\n", "    promote: auto\n    when_missing: copy\n")
    content = company.manifest("inventory", "e2e", "1.1.3-rc2")
    company.commit("main", "apps/web/e2e/helmrelease.yaml", content + b"    host: web.e2e.example.com\n")
    listing = b"resources:\n- inventory/staging/helmrelease.yaml\n"
    company.commit("main", "apps/kustomization.yaml", listing)
    assert company.promobot("promote", "web", "--to", "staging") == 0
    (request,) = company.requests()
    assert request.draft
    assert "- host name `web.e2e.example.com`" in request.body
    made = company.content(request.source_branch, "apps/web/staging/helmrelease.yaml")
    assert made == company.manifest("inventory", "staging", "1.1.3") + b"    host: web.e2e.example.com\n"
    listed = company.content(request.source_branch, "apps/kustomization.yaml")
    assert listed == listing + b"- web/staging/helmrelease.yaml\n"
    assert company.staging_digest("inventory", "1.1.3") == company.e2e_digest("inventory", "1.1.3-rc2")
    assert company.promobot("plan", "web", "--exit-code") == 0
    assert company.promobot("mr", "merge", "1", "--as", "ann") == ExitCode.CONFLICT
    company.commit(request.source_branch, "apps/web/staging/helmrelease.yaml", made.replace(b"e2e.", b"staging."))
    assert company.promobot("promote", "web", "--to", "staging") == 0, "a reviewer's commit gets its status"
    assert company.promobot("plan", "web", "--exit-code") == 0, "and changes nothing else"
    assert company.promobot("mr", "ready", "1") == 0
    assert company.promobot("mr", "merge", "1", "--as", "ann") == 0
    assert company.promobot("plan", "web", "--exit-code") == 0
