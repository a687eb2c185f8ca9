"""What `check` tells of a configuration: ways, and parts that find nothing or too much."""

from __future__ import annotations

from typing import Any

import pytest

from bot.config import Config
from bot.decide.coverage import Finding
from tests.decide.test_units import FORK, THREE, chain, manifest, world
from tests.paper import Paper


def findings(paper: Paper, config: Config) -> list[Finding]:
    return list(paper.cover(config).findings)


def test_ways_by_the_services_that_take_them() -> None:
    paper = world(e2e="1", eu="1", us="1", prod="1")
    del paper.trees["m1"]["apps/cart/prod.yaml"]
    config = chain(*FORK, services=[{"match": "pay-web", "skip": ["eu", "us"]}])
    assert paper.cover(config).ways == {
        (("e2e",), ("eu", "us"), ("prod",)): ("pay-api",),
        (("e2e",), ("eu", "us")): ("cart",),
        (("e2e",), ("prod",)): ("pay-web",),
    }
    assert findings(paper, config) == []


@pytest.mark.parametrize(
    ("pattern", "advice"),
    [
        ("apps/{service}/prd.yaml", "did you mean apps/{service}/prod.yaml?"),
        ("app/{service}/prod.yaml", "did you mean apps/{service}/prod.yaml?"),
        ("apps/{service}/prod.yml", "did you mean apps/{service}/prod.yaml?"),
        ("clusters/{service}/somewhere-else.yaml", ""),
    ],
)
def test_a_path_that_finds_nothing(pattern: str, advice: str) -> None:
    config = chain(*THREE[:2], {**THREE[2], "paths": [pattern]})
    (found,) = findings(world(e2e="1", staging="1", prod="1"), config)
    assert found == Finding(
        ("environments", 2, "paths", 0), f"{pattern} matches no file of local:shop/gitops at main", advice, fault=True
    )


def test_one_path_of_several_that_finds_nothing_is_no_fault() -> None:
    config = chain(*THREE[:2], {**THREE[2], "paths": ["apps/{service}/prod.yaml", "live/{service}.yaml"]})
    (found,) = findings(world(e2e="1", staging="1", prod="1"), config)
    assert (found.loc, found.fault) == (("environments", 2, "paths", 1), False)


def environment(**keys: Any) -> Config:
    return chain(THREE[0], {**THREE[1], **keys})


def test_an_exclude_that_excludes_nothing() -> None:
    config = environment(exclude=["apps/pay-*/**", "apps/old/**"])
    (found,) = findings(world(e2e="1", staging="1"), config)
    assert (found.loc, found.fault) == (("environments", 1, "exclude", 1), False)


def test_a_file_of_two_environments_is_a_fault() -> None:
    paper = world(e2e="1", staging="1")
    for service in ("cart", "pay-api", "pay-web"):
        paper.trees["m1"][f"apps/{service}/base.yaml"] = manifest("e2e", service, "1")
    paths = {name: [f"apps/{{service}}/{name}.yaml", "apps/{service}/base.yaml"] for name in ("e2e", "staging")}
    config = chain({**THREE[0], "paths": paths["e2e"]}, {**THREE[1], "paths": paths["staging"]})
    (found,) = findings(paper, config)
    assert (found.loc, found.what, found.fault) == (
        ("environments", 1, "paths", 1),
        "apps/cart/base.yaml belongs to e2e and to staging",
        True,
    )


def test_two_paths_that_make_one_name_are_a_fault() -> None:
    paper = world(e2e="1")
    paper.trees["m1"] |= {"t/a-b/c.yaml": manifest("staging", "x", "1"), "t/a/b-c.yaml": manifest("staging", "x", "1")}
    (found,) = findings(paper, environment(paths=["t/{team}/{service}.yaml"]))
    assert (found.what, found.fault) == ("t/a-b/c.yaml and t/a/b-c.yaml are both a-b-c", True)


@pytest.mark.parametrize("named", ["*", "pay-*"])
def test_a_group_that_is_called_like_a_service_outside_of_it(named: str) -> None:
    rules = [{"match": "pay-*", "owner": "payments"}, {"match": named, "group": "cart"}]
    told = findings(world(e2e="1", staging="1"), chain(*THREE[:2], services=rules))
    faults = [(found.loc, found.what) for found in told if found.fault]
    clash = (("services", 1, "group"), "cart is also a service that isn't one of this group")
    assert faults == ([clash] if named == "pay-*" else [])


def test_rules_that_do_nothing() -> None:
    rules = [{"match": ["pay-*", "carts"]}, {"match": "cart", "tag": "same", "promote": "auto"}]
    config = chain(THREE[0], {**THREE[1], "lock": ["promote"]}, services=rules)
    told = [(found.loc, found.what, found.advice) for found in findings(world(e2e="1", staging="1"), config)]
    assert told == [
        (("services", 0, "match"), "carts fits no service", "did you mean cart?"),
        (("services", 1, "promote"), "promote is locked in staging and stays as it is there", ""),
    ]
