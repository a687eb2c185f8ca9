"""`--together`: several services in one merge request because a command says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cli.targets import checked_intent
from bot.decide import Orders
from bot.demo.registries import RunningRegistry
from bot.errors import ExitCode, UsageError
from bot.images import ImageParts
from tests.cli.registries import Shop
from tests.company import Company
from tests.paper import configured


@pytest.fixture
def three(
    tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry, capsys: pytest.CaptureFixture[str]
) -> Shop:
    """A company with three services."""
    names = ["cart", "inventory", "payments"]
    return Shop(Company.found(tmp_path / "company", e2e_registry, prod_registry, names), capsys)


def test_two_of_three_go_in_one_merge_request_and_once(three: Shop) -> None:
    assert three.run("promote", "inventory", "cart", "--to", "staging", "--together").code == 0
    (request,) = three.company.requests()
    assert request.source_branch == "promobot/staging/cart+inventory"
    changed = three.company.git("diff", "--name-only", "main", request.source_branch).split()
    assert changed == [f"apps/{name}/staging/helmrelease.yaml" for name in ("cart", "inventory")]
    refs = three.company.git("for-each-ref")
    said = three.run("promote", "cart", "inventory", "--to", "staging", "--together", "-o", "json")
    assert [verdict["standing"] for verdict in said.data["verdicts"]] == ["proposed"]
    assert said.data["results"] == []
    assert three.company.git("for-each-ref") == refs
    assert three.run("mr", "merge", "1", "--as", "ann").code == 0
    assert three.run("promote", "cart", "inventory", "--to", "staging", "--together").out.endswith("Nothing to do.\n")


def test_it_may_have_a_name_and_a_plan_shows_its_services(three: Shop) -> None:
    said = three.run("plan", "cart", "inventory", "--to", "staging", "--together", "release-7")
    assert "↑ +release-7 2 services  due\n" in said.out
    assert "      cart        1.1.2 → 1.1.3\n      inventory   1.1.2 → 1.1.3\n" in said.out
    assert "push branch promobot/staging/+release-7 with" in said.out


def test_a_services_name_is_not_taken_for_it(three: Shop) -> None:
    assert three.run("promote", "cart", "inventory", "--to", "staging", "--together", "payments").code == 0
    assert three.run("promote", "payments", "--to", "staging").code == 0
    branches = [request.source_branch for request in three.company.requests()]
    assert branches == ["promobot/staging/+payments", "promobot/staging/payments"]


def test_a_later_pass_sees_it_by_its_branch(three: Shop) -> None:
    assert three.run("promote", "cart", "inventory", "--to", "staging", "--together", "release-7").code == 0
    assert three.run("reconcile").code == 0
    first, second = three.company.requests()
    assert (first.number, first.source_branch) == (1, "promobot/staging/+release-7")
    assert (second.number, second.source_branch) == (2, "promobot/staging/payments")
    refs = three.company.git("for-each-ref")
    said = three.run("promote", "cart", "--to", "staging")
    assert said.code == ExitCode.BLOCKED
    assert "cart is proposed together with other services in !1 (+release-7: cart, inventory)" in said.out
    assert "promobot promote cart inventory --to staging --together +release-7" in said.out
    assert three.company.git("for-each-ref") == refs
    again = three.run("promote", "cart", "inventory", "--to", "staging", "--together", "+release-7")
    assert (again.code, three.company.git("for-each-ref")) == (0, refs)
    assert three.run("mr", "merge", "1", "--as", "ann").code == 0
    assert three.run("promote", "cart", "--to", "staging").out.endswith("Nothing to do.\n")


@pytest.mark.parametrize(
    ("services", "name", "unit"),
    [
        (["b", "a", "b"], "", "a+b"),
        (["b", "a"], "release-7", "+release-7"),
        (["b", "a"], "+release-7", "+release-7"),
        (["b", "a"], "1.4+hotfix", "1.4+hotfix"),
        (["x" * 40, "y" * 40], "", f"{'x' * 40}+{'y' * 13}+f1b0a9d1"),
    ],
)
def test_the_name_follows_from_the_services(services: list[str], name: str, unit: str) -> None:
    intent = checked_intent(configured(), services, [], together=name)
    assert intent.together == unit or (len(unit) > 20 and intent.together is not None and len(intent.together) == 63)
    assert checked_intent(configured(), services[::-1], [], together=name).together == intent.together


def test_many_services_with_one_beginning_are_told_apart_by_all_of_them() -> None:
    names = {
        checked_intent(configured(), ["x" * 60, last], [], together="").together for last in ("y", "z", "y-1", "z-1")
    }
    assert len(names) == 4


@pytest.mark.parametrize(
    ("services", "name", "words"),
    [
        (["a"], "", "--together is for several services"),
        (["a", "a"], "", "--together is for several services"),
        (["a", "b"], "+", "'+' can't be called so"),
        (["a", "b"], "a+", "can't be called so"),
        (["a", "b"], "a..b", "'a..b' can't be called so"),
        (["a", "b"], "a.lock", "can't be called so"),
        (["a", "b"], "-a", "can't be called so"),
        (["a", "b"], "a b", "can't be called so"),
        (["a", "b"], "a/b", "can't be called so"),
        (["a", "b"], "x" * 64, "can't be called so"),
    ],
)
def test_what_can_t_be_a_branch_is_refused(services: list[str], name: str, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        checked_intent(configured(), services, [], together=name)
    assert words in refused.value.message


GROUPED = configured(services=[{"match": "pay-*", "group": "pay"}, {"match": "shop*", "group": "shop"}])


def test_a_group_is_no_part_of_it() -> None:
    with pytest.raises(UsageError) as refused:
        checked_intent(GROUPED, ["pay", "a"], [], together="")
    assert "pay is a group" in refused.value.message


@pytest.mark.parametrize(("service", "unit"), [("a", None), ("pay-api", "+pay-api"), ("shop", "+shop")])
def test_a_given_image_takes_its_service_out_of_the_group_and_leaves_the_group_s_branch_alone(
    service: str, unit: str | None
) -> None:
    orders = Orders(ImageParts.parse(":1.2"))
    assert checked_intent(GROUPED, [service], ["staging"], orders=orders).together == unit


def test_no_image_is_given_to_a_group() -> None:
    with pytest.raises(UsageError) as refused:
        checked_intent(GROUPED, ["pay"], ["staging"], orders=Orders(ImageParts.parse(":1.2")))
    assert "pay is a group, and --image is for one service" in refused.value.message
