"""What promobot's branches may be called: names that Git takes, and that tell whose a branch is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.configfile.test_faults import GOOD, fault, load

ONE_REPOSITORY = GOOD.replace("sre/gitops, branch: release", "platform/gitops")
THIRD = (
    "  - name: prod-eu\n"
    "    from: e2e\n"
    "    repository: {forge: work, project: platform/gitops}\n"
    '    paths: ["apps/{service}/eu.yaml"]\n'
    "    registry: prd\n"
)


def named(name: str, key: str = "branches", text: str = GOOD, environment: str = "prod") -> str:
    """The configuration where an environment's branches are called so."""
    head, begin, tail = text.partition(f"  - name: {environment}\n")
    return head + begin + tail.replace("gitops", f'gitops, {key}: "{name}"', 1)


def test_what_they_are_called(tmp_path: Path) -> None:
    prod = load(tmp_path, GOOD).environment("prod")
    assert (prod.branch_prefix, prod.pin_prefix) == ("promobot/prod/", "promobot-pin/prod/")
    text = named("PLAT-12-{environment}--{unit}", text=named("pins-of.{environment}_{unit}", "pin_branches"))
    prod = load(tmp_path, text).environment("prod")
    assert (prod.branch_prefix, prod.pin_prefix) == ("PLAT-12-prod--", "pins-of.prod_")


@pytest.mark.parametrize("key", ["branches", "pin_branches"])
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("promobot/prod", "'promobot/prod' must end with {unit}, and have it once"),
        ("{unit}/{environment}", "'{unit}/{environment}' must end with {unit}"),
        ("x/{unit}/{unit}", "must end with {unit}, and have it once"),
        ("{unit}", "write something before {unit}: by that promobot's branches are told from others"),
        ("x/{enviroment}/{unit}", "unknown placeholder {enviroment}, did you mean {environment}?"),
        ("x/{environment}/{units}", "unknown placeholder {units}, did you mean {unit}?"),
        ("x/{}/{unit}", "unknown placeholder {}; there are {environment}, {unit}"),
        ("x/{environment/{unit}", "a brace without its partner"),
        ("x/}{unit}", "a brace without its partner"),
        ("x y/{unit}", "no branch can be called 'x y/{unit}'"),
        ("x//{unit}", "no branch can be called"),
        ("/x/{unit}", "no branch can be called"),
        ("x..{unit}", "no branch can be called"),
        ("x/.{unit}", "no branch can be called"),
        ("x.{unit}", "no branch can be called"),
        ("x.{environment}/{unit}", "no branch can be called"),
        ("x.lock/{unit}", "no branch can be called"),
        ("x:y/{unit}", "no branch can be called"),
        ("x@{{unit}", "a brace without its partner"),
        ("-x/{unit}", "no branch can be called"),
        ("refs/x/{unit}", "no branch can be called"),
        ("gh-readonly-queue/{unit}", "no branch can be called"),
        ("x+y/{unit}", "x+y/{unit}: no plus can be in it"),
    ],
)
def test_what_no_branch_can_be_called(tmp_path: Path, key: str, name: str, says: str) -> None:
    words = fault(tmp_path, named(name, key))
    assert f"DIR/promobot.yaml:18: environments.1.repository.{key}: " in words
    assert says in words


@pytest.mark.parametrize("key", ["branch_prefix", "branchs"])
def test_a_key_that_there_is_not(tmp_path: Path, key: str) -> None:
    words = fault(tmp_path, named("ops", key))
    assert f"environments.1.repository.{key}: unknown key, did you mean branches?" in words


# --- whose a branch is ----------------------------------------------------------------------------------


def test_two_environments_of_a_repository_have_not_the_same_names(tmp_path: Path) -> None:
    text = named("x-{unit}", text=named("x-{unit}", text=ONE_REPOSITORY), environment="e2e")
    assert fault(tmp_path, text) == (
        "DIR/promobot.yaml:18: environments.1.repository.branches: branches called x-… are promotions of environment "
        "e2e as well: tell them apart, such as by {environment}"
    )


def test_two_environments_with_one_name_are_one_fault(tmp_path: Path) -> None:
    words = fault(tmp_path, ONE_REPOSITORY.replace("  - name: prod\n", "  - name: e2e\n"))
    assert "environments.1.name: a second environment named e2e" in words
    assert "branches called" not in words


def test_of_two_repositories_they_may(tmp_path: Path) -> None:
    load(tmp_path, named("x-{unit}", text=named("x-{unit}"), environment="e2e"))


@pytest.mark.parametrize(
    ("prod", "europe", "place"),
    [("x-{environment}-{unit}", "x-{environment}-{unit}", 2), ("x-prod-eu-1-{unit}", "x-{environment}-{unit}", 1)],
)
def test_names_of_one_may_not_begin_as_all_of_the_others_do(tmp_path: Path, prod: str, europe: str, place: int) -> None:
    """A service of prod may be called `eu-cart`."""
    text = named(europe, text=named(prod, text=ONE_REPOSITORY + THIRD), environment="prod-eu")
    words = fault(tmp_path, text)
    short, long = ("prod", "x-prod-eu-") if place == 2 else ("prod-eu", "x-prod-eu-1-")
    assert f"environments.{place}.repository.branches: branches called {long}… could be promotions of" in words
    assert f"environment {short}, which are called " in words
    told = ("x-{environment}--{unit}", "x-{environment}--{unit}")
    load(tmp_path, named(told[0], text=named(told[1], text=ONE_REPOSITORY + THIRD), environment="prod-eu"))


@pytest.mark.parametrize(
    ("name", "key", "says"),
    [
        (
            "promobot/{unit}",
            "pin_branches",
            "promobot/prod/… could be pins of environment prod, which are called promob",
        ),
        ("promobot/e2e/{unit}", "pin_branches", "promobot/e2e/… are promotions of environment e2e as well"),
        ("promobot/e2e/pins/{unit}", "pin_branches", "pins/… could be promotions of environment e2e, which are called"),
        ("promobot-pin/{environment}/{unit}", "branches", "promobot-pin/prod/… are promotions of environment prod as"),
    ],
)
def test_a_pin_is_no_promotion(tmp_path: Path, name: str, key: str, says: str) -> None:
    assert says in fault(tmp_path, named(name, key, ONE_REPOSITORY))


@pytest.mark.parametrize("key", ["branches", "pin_branches"])
def test_the_branch_that_is_deployed_is_none_of_them(tmp_path: Path, key: str) -> None:
    """A service may be called `lease`."""
    words = fault(tmp_path, named("re{unit}", key))
    assert (
        f"environments.1.repository.{key}: release, which environment prod is deployed from, could be one of re…"
        in words
    )


def test_git_has_no_branch_below_another(tmp_path: Path) -> None:
    words = fault(tmp_path, named("release/{environment}/{unit}"))
    assert (
        "repository.branches: beside branch release, which environment prod is deployed from, Git has no release/…"
        in words
    )
