"""What people with rights on a part of it can do to the rest: nothing."""

from __future__ import annotations

import pytest

from tests.company import Company


@pytest.mark.parametrize("name", ["a..b", "x.lock"])
def test_a_service_that_no_branch_can_be_named_after_blocks_itself_alone(company: Company, name: str) -> None:
    for environment, tag in (("e2e", "1.1.3-rc2"), ("staging", "1.1.2")):
        manifest = company.manifest("inventory", environment, tag)
        company.commit("main", f"apps/{name}/{environment}/helmrelease.yaml", manifest)
    assert company.promobot("reconcile") == 6
    assert [request.source_branch for request in company.requests()] == ["promobot/staging/inventory"]
