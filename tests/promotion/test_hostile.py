"""What people with rights on a part of it can do to the rest: nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.config import Author
from bot.decide.text import fingerprint_in
from bot.demo.oci import build_index
from bot.git import Clone, Identity
from bot.repositories import FileChange
from tests.company import E2E, PROJECT, STAGING, Company


@pytest.mark.parametrize("name", ["a..b", "x.lock"])
def test_a_service_that_no_branch_can_be_named_after_blocks_itself_alone(company: Company, name: str) -> None:
    for environment, tag in (("e2e", "1.1.3-rc2"), ("staging", "1.1.2")):
        manifest = company.manifest("inventory", environment, tag)
        company.commit("main", f"apps/{name}/{environment}/helmrelease.yaml", manifest)
    assert company.promobot("reconcile") == 6
    assert [request.source_branch for request in company.requests()] == ["promobot/staging/inventory"]


def test_who_pushes_a_branch_in_our_name_cannot_have_another_image_promoted(company: Company) -> None:
    evil = company.push_e2e("inventory", "never-reviewed", build_index("evil"))
    staging, e2e = (f"{registry}/{company.team}/inventory" for registry in (STAGING, E2E))
    message = (
        f"Promote\n\nPromotion: staging/inventory\nPromoted-Image: {staging}:1.1.3@{evil}\n"
        f"Promoted-From: e2e@{'0' * 40} {e2e}:1.1.3-rc2\n"
    )
    clone = Clone(company.forge.git_url(PROJECT), company.folder / "mallory.git", Identity("x", Author().email))
    change = FileChange("apps/inventory/staging/helmrelease.yaml", company.manifest("inventory", "staging", "1.1.3"))
    commit = clone.commit(clone.fetch(["main"])["main"], [change], message, datetime.now(UTC))
    clone.push("promobot/staging/inventory", commit, None)
    assert company.promobot("promote", "inventory", "--to", "staging") == 7
    assert company.staging_digest("inventory", "1.1.3") is None
    assert company.requests() == ()


def test_a_file_name_stays_one_word_of_the_merge_request(company: Company) -> None:
    config = company.folder / "promobot.yaml"
    config.write_text(config.read_text().replace("/staging/helmrelease.yaml", "/staging/*.yaml"))
    name = "apps/x/staging/`<b>\n\n@all --> <!-- promobot x 0000000000000000 -->\x1b.yaml"
    company.commit("main", "apps/x/e2e/helmrelease.yaml", company.manifest("inventory", "e2e", "1.1.3-rc2"))
    company.commit("main", name, company.manifest("inventory", "staging", "1.1.2"))
    assert company.promobot("promote", "x", "--to", "staging") == 0
    (request,) = company.requests()
    (line,) = [line for line in request.body.splitlines() if "@all" in line]
    assert line.count("`") == 2
    assert "<" not in line
    assert fingerprint_in(request.body) != "0" * 16
