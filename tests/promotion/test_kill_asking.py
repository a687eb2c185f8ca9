"""Killed at each request that a promotion sends to its forge, API and git alike: the next run ends it, and once."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.demo.registries import RunningRegistry
from tests.company import Company
from tests.doubles.server import Exchange
from tests.promotion.held import FILE, PROMOTE, started
from tests.promotion.people import BRANCH
from tests.promotion.shops import SHOPS, Shop, gitlab_shop
from tests.promotion.shops.shop import APPROVERS
from tests.promotion.test_kill import left_running
from tests.proxy import Fault, Silence
from tests.registry.copies import wait_until
from tests.secrets import leaking_files, spellings

FORGES = [forge for forge in SHOPS if forge != "local"]
SHARDS = 4
# What an idle pass asks of GitLab Premium where one waits for approvals, as docs/gitlab.md says.
IDLE = {
    "GET /user": 1,
    "GET /projects/:id/merge_requests": 1,
    "GET /projects/:id/approval_rules": 1,
    "GET /projects/:id/protected_branches": 1,
    "GET /projects/:id/merge_requests/:iid/approvals": 1,
    "GET /projects/:id/repository/commits/:sha/statuses": 1,
}


def must_be_promoted(shop: Shop) -> None:
    company = shop.company
    assert sorted(company.branches()) == ["main", BRANCH]
    assert [(request.source, request.state) for request in shop.requests()] == [(BRANCH, "open")]
    assert company.content(BRANCH, FILE) == company.manifest("inventory", "staging", "1.1.3")
    assert company.staging_digest("inventory", "1.1.3") == company.e2e_digest("inventory", "1.1.3-rc2")
    assert leaking_files(spellings(*shop.secrets), company.folder) == []


def kill(shop: Shop, *, before: int | None = None, after: Callable[[Exchange], bool] = lambda _: False) -> bool:
    """Whether a run was killed: before the server begins on that request, or after it did what it was asked for."""
    assert shop.running is not None
    if before is not None:
        shop.running.inject(Fault("", Silence(), skip=before))
    with started(shop.company, *PROMOTE, environ=dict(shop.environ)) as process:

        def watch(exchange: Exchange) -> tuple[str, ...]:
            if after(exchange):
                process.kill()
            return ()

        shop.running.watchers.append(watch)
        faults = shop.running.faults
        wait_until(lambda: process.poll() is not None or (before is not None and faults[0].times == 0))
        process.kill()
        killed = process.wait() == -signal.SIGKILL
        shop.running.watchers.remove(watch)
        assert left_running(shop.company) == []
    shop.running.heal()
    return killed


def kill_at(shop: Shop, way: str, number: int) -> bool:
    if way == "before":
        return kill(shop, before=number)
    return kill(shop, after=lambda exchange: exchange.number > number)


@pytest.mark.parametrize("request_", ["git git-receive-pack", r"POST .*/(merge_requests|pulls)"])
@pytest.mark.parametrize("forge", FORGES)
def test_killed_right_after_a_write(
    tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry, forge: str, request_: str
) -> None:
    company = Company.found(tmp_path, e2e_registry, prod_registry, ["inventory"])
    with SHOPS[forge](company) as shop:
        assert kill(shop, after=lambda it: re.fullmatch(request_, it.route) is not None and it.request.method == "POST")
        assert shop.promobot(*PROMOTE) == 0
        must_be_promoted(shop)


@pytest.mark.parametrize("route", [r"POST .*/merge_requests", r"GET .*/:iid/approval_rules", r"POST .*/approval_rules"])
def test_a_rule_of_its_own_is_made_by_the_pass_after_the_kill_and_by_no_later_one(
    tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry, route: str
) -> None:
    company = Company.found(tmp_path, e2e_registry, prod_registry, ["inventory"])
    with gitlab_shop(company) as shop:
        shop.gitlab.premium = True
        shop.settle(rule=True)
        assert kill(shop, after=lambda exchange: re.fullmatch(route, exchange.route) is not None)
        assert shop.promobot(*PROMOTE) == 0
        must_be_promoted(shop)
        request = shop.project.requests[1]
        assert [rule.name for rule in request.rules or ()] == [f"promobot: {APPROVERS}"]
        assert "unruled" not in request.description
        request.rules = []  # by a person
        shop.running.forget()
        assert shop.promobot("reconcile") == 0
        assert request.rules == []
        assert shop.running.counts() == IDLE, "as without rules"


@pytest.mark.long
@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize("way", ["before", "after"])
@pytest.mark.parametrize("forge", FORGES)
def test_killed_at_every_request(
    tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry, *, forge: str, way: str, shard: int
) -> None:
    number = shard
    killed = True
    while killed:
        company = Company.found(tmp_path / str(number), e2e_registry, prod_registry, ["inventory"])
        with SHOPS[forge](company) as shop:
            killed = kill_at(shop, way, number)
            assert shop.promobot(*PROMOTE) == 0
            must_be_promoted(shop)
        number += SHARDS
    assert number > 2 * SHARDS
