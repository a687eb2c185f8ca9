"""What `check` tells of a configuration: ways, and parts that find nothing or too much."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from bot.config import Config
from bot.decide.coverage import Finding
from bot.errors import ExitCode
from bot.images import ImageRef
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


def test_a_way_with_a_gap_is_no_way() -> None:
    paper = world(e2e="1", staging="1", prod="1")
    for service in ("cart", "pay-api"):
        del paper.trees["m1"][f"apps/{service}/staging.yaml"]
    assert paper.cover(chain(*THREE)).ways == {
        (("e2e",), ("staging",), ("prod",)): ("pay-web",),
        (("e2e",),): ("cart", "pay-api"),
        (("prod",),): ("cart", "pay-api"),
    }
    assert findings(paper, chain(*THREE)) == [
        Finding(
            ("environments", 2, "from"),
            "staging has no manifest of cart, so nothing brings it from e2e to prod; and so with 1 more",
            "add its manifest in staging; or, in `services`, `{match: cart, skip: [staging]}`",
        )
    ]


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
        ("environments", 2, "paths", 0),
        f"{pattern} matches no file of local:shop/gitops at main",
        advice,
        ExitCode.USAGE,
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


# --- what fits nothing ----------------------------------------------------------------------------------


def told(paper: Paper, config: Config) -> list[tuple[tuple[int | str, ...], str, str]]:
    return [(found.loc, found.what, found.advice) for found in findings(paper, config) if not found.fault]


@pytest.mark.parametrize(
    ("keys", "key", "says"),
    [
        ({"images": ["shop/*", "shp/*"]}, ("images", 1), "shp/* fits no image of registry staging in staging"),
        (
            {"repositories": {"shop/pay-*": "shop/pay-*", "shop/pay-api": "x/api"}},
            ("repositories", "shop/pay-api"),
            "shop/pay-api fits no image of e2e, or an entry before it does",
        ),
        (
            {"fields": [{"pointer": "/imge", "holds": "image"}]},
            ("fields", 0),
            "/imge finds no image: apps/cart/staging.yaml:1: `fields` names this place, and there is no value; "
            "correct the `pointer` or add the value, and so in 2 more",
        ),
    ],
)
def test_keys_of_an_environment_that_nothing_fits(keys: dict[str, Any], key: tuple[str, int], says: str) -> None:
    (found,) = told(world(e2e="1", staging="1"), environment(**keys))
    assert found[:2] == (("environments", 1, *key), says)


def test_what_is_there_is_told_beside_what_fits_nothing() -> None:
    (found,) = told(world(e2e="1", staging="1"), environment(images=["shop/*", "shp/*"]))
    assert found[2] == "there are shop/cart, shop/pay-api, shop/pay-web"


def below_shop(**staging: Any) -> Config:
    """Both registries begin with /shop."""
    registries = {name: {"url": f"registry-{name}.example.com/shop"} for name in ("e2e", "staging")}
    return chain(THREE[0], {**THREE[1], **staging}, registries=registries)


@pytest.mark.parametrize("glob", ["pay-*", "shop/pay-*", "registry-staging.example.com/shop/pay-*"])
def test_an_image_is_called_as_it_is_shown_or_below_the_prefix(glob: str) -> None:
    config = below_shop(images=[glob])
    moving = [
        config.moving_path("staging", ImageRef.parse(f"registry-staging.example.com/shop/{name}:1"))
        for name in ("pay-api", "cart")
    ]
    assert moving == ["pay-api", None]
    assert told(world(e2e="1", staging="1"), config) == []


def test_names_are_told_as_they_may_be_written() -> None:
    (found,) = told(world(e2e="1", staging="1"), below_shop(images=["shp/*"]))
    assert found[2] == "there are shop/cart, shop/pay-api, shop/pay-web"


def test_a_repository_begins_below_the_prefix() -> None:
    config = below_shop(repositories={"shop/pay-*": "x-*", "cart": "shop/x"})
    (mapped, name) = told(world(e2e="1", staging="1"), config)
    assert mapped[2] == "write pay-*: shop is what registry e2e begins with anyway"
    assert name[1:] == (
        "images would go to registry-staging.example.com/shop/shop/x",
        "write x: shop is what registry staging begins with anyway",
    )


def test_of_images_that_can_t_be_read_nothing_is_said() -> None:
    paper = world(e2e="1", staging="1")
    paper.trees["m1"]["apps/cart/e2e.yaml"] = paper.trees["m1"]["apps/cart/staging.yaml"] = b"image: [\n"
    assert told(paper, environment(images=["shp/*"], repositories={"shp/*": "x/*"})) == []


def test_settings_of_an_environment_that_nothing_is_promoted_to() -> None:
    config = chain(
        {
            **THREE[0],
            "tag": "same",
            "approvers": {"groups": ["a"]},
            "floating_tags": ["stable"],
            "lock": ["floating_tags", "write"],
            "limits": {},
        },
        THREE[1],
    )
    assert told(world(e2e="1", staging="1"), config) == [
        (
            ("environments", 0, key),
            f"nothing is promoted to e2e, so {key} says nothing here",
            "give it a `from`, or take this out",
        )
        for key in ("tag", "limits")
    ] + [
        (
            ("environments", 0, "lock", 1),
            "nothing is promoted to e2e, so to lock write says nothing here",
            "give it a `from`, or take this out",
        )
    ]


def test_rules_that_fit_nothing_where_they_hold() -> None:
    rules = [
        {
            "match": "pay-*",
            "environments": ["e2e", "staging"],
            "names": {"staging": "{service}-live", "e2e": "{service}"},
        },
        {"match": "cart", "environments": ["staging"], "when_missing": "copy"},
    ]
    paper = world(e2e="1", staging="1")
    del paper.trees["m1"]["apps/cart/staging.yaml"]
    assert told(paper, chain(*THREE[:2], services=rules)) == [
        (
            ("services", 0, "environments", 1),
            "staging has none of the services that this rule fits (pay-api, pay-web)",
            "",
        ),
        (("services", 0, "names", "staging"), "staging has nothing called pay-api-live, pay-web-live", ""),
    ]


@pytest.mark.parametrize(
    ("renamed", "what", "advice"),
    [
        (
            {"cart": "cart-live"},
            "staging has no cart, but cart-live",
            '{match: cart, names: {staging: "{service}-live"}}',
        ),
        (
            {"cart": "eu-cart", "pay-api": "eu-pay-api", "pay-web": "eu-pay-web"},
            "staging has no cart, but eu-cart and no pay-api, but eu-pay-api and no pay-web, but eu-pay-web",
            '{match: [cart, pay-api, pay-web], names: {staging: "eu-{service}"}}',
        ),
        (
            {"pay-api": "pay_api"},
            "staging has no pay-api, but pay_api",
            '{match: pay-api, names: {staging: "pay_api"}}',
        ),
        ({"cart": "inventory"}, None, ""),
        ({"cart": "pay-web-2"}, None, ""),
    ],
)
def test_a_service_that_is_called_otherwise_in_the_target(
    renamed: dict[str, str], what: str | None, advice: str
) -> None:
    paper = world(e2e="1", staging="1")
    for service, name in renamed.items():
        paper.trees["m1"][f"apps/{name}/staging.yaml"] = paper.trees["m1"].pop(f"apps/{service}/staging.yaml")
    found = told(paper, chain(*THREE[:2]))
    expected = (("environments", 1, "paths"), what, f"if they are the same, say so in `services`: {advice}")
    assert found == ([expected] if what else [])
    if what:
        rule = yaml.safe_load(advice)
        assert told(paper, chain(*THREE[:2], services=[rule])) == []


def test_an_environment_that_can_t_be_read_is_told_and_no_rule_is_blamed_for_it() -> None:
    paper = world(e2e="1", staging="1")
    config = chain(
        THREE[0],
        {**THREE[1], "repository": {"forge": "local", "project": "a/b", "branch": "mian"}},
        services=[{"match": "x"}],
    )
    (found,) = findings(paper, config)
    assert found == Finding(
        ("environments", 1, "repository", "branch"),
        "local:a/b has no branch mian",
        "push the branch, or correct `repository.branch` of environment staging",
        ExitCode.GIT,
    )
