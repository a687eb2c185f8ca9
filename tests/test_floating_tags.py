"""One tag for two environments of one registry is a fault, whoever gives it, and whatever the registry is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.configfile import load_config
from bot.errors import ConfigError

REGISTRIES = {
    "same": "{url: a.example.com/shop}",
    "other": "{url: a.example.com/shop2}",
    "alias": "{url: b.example.com/shop, endpoint: 'A.example.com:443'}",
    "port": "{url: b.example.com/shop, endpoint: 'a.example.com:5000'}",
}
PRD = "prd: {url: a.example.com/shop}"
STABLE = "floating_tags: [stable]"


def faults(tmp_path: Path, *, staging: str = "", prod: str = "", second: str = "prd", services: str = "") -> list[str]:
    """What is wrong where two environments, of `prd` and of another registry, say this; line 8 and 12 name them."""
    lines = ["forges: {f: {type: local, path: git}}", "registries:", f"  {PRD}"]
    lines += [f"  {name}: {registry}" for name, registry in REGISTRIES.items()]
    lines += ["environments:"]
    for name, registry, more in (("staging", "prd", staging), ("prod", second, prod)):
        lines += [f"  - name: {name}", "    repository: {forge: f, project: a/b}"]
        lines += [f'    paths: ["{name}/{{service}}.yaml"]', f"    registry: {registry}"]
        lines += [f"    {line}" for line in more.splitlines()]
    lines += [f"services: [{services}]"]
    path = tmp_path / "promobot.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    try:
        load_config(path)
    except ConfigError as error:
        return error.message.replace(f"{path}:", "").splitlines()
    return []


def test_the_plain_case(tmp_path: Path) -> None:
    said = faults(tmp_path, staging=STABLE, prod="floating_tags: ['{major}', stable]")
    assert said == [
        "18: environments.1.floating_tags.1: stable follows staging already, in the same registry: name it such as "
        "stable-prod"
    ]


@pytest.mark.parametrize(
    ("second", "why"),
    [("same", "(prd and same are one)"), ("alias", "(prd and alias are one)"), ("other", None), ("port", None)],
)
def test_two_names_of_one_registry(tmp_path: Path, second: str, why: str | None) -> None:
    said = faults(tmp_path, staging=STABLE, prod=STABLE, second=second)
    assert [why in one for one in said if why] == ([True] if why else [])
    assert bool(said) is bool(why)


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        (
            "{match: 'pay-*', environments: [prod], floating_tags: [stable]}",
            "18: services.0.floating_tags.0: stable follows staging already, in the same registry: name it such as",
        ),
        (
            "{match: pay, environments: [prod], floating_tags: [a, stable]}",
            "services.0.floating_tags.1: stable follows staging already",
        ),
        (
            "{match: 'pay-*', environments: [staging], floating_tags: []}, {match: ['p?y-[a-c]', '*'], environments: "
            "prod, floating_tags: [stable]}",
            "services.1.floating_tags.0: stable follows staging already",
        ),
        ("{match: '*', environments: [prod], floating_tags: [stable]}, {match: '*', floating_tags: []}", None),
        ("{match: a, floating_tags: []}, {match: a, environments: [prod], floating_tags: [stable]}", None),
        (
            "{match: 'pay-*', floating_tags: [x]}",
            "services.0.floating_tags.0: x would follow staging and prod in one registry: say in `environments` which",
        ),
        (
            "{match: '*', floating_tags: []}, {match: 'pay-*', environments: [staging], floating_tags: [x]}, "
            "{match: '*-api', environments: [prod], floating_tags: [x]}",
            "services.2.floating_tags.0: x follows staging already by services.1, in the same registry: name it",
        ),
        (
            "{match: '*', floating_tags: []}, {match: 'pay-*', environments: [staging], floating_tags: [x]}, "
            "{match: 'cart-*', environments: [prod], floating_tags: [x]}",
            None,
        ),
    ],
)
def test_by_the_environment_and_by_rules(tmp_path: Path, rules: str, says: str | None) -> None:
    said = faults(tmp_path, staging=STABLE, services=rules)
    assert len(said) == (says is not None)
    assert (says or "") in "".join(said)


def test_what_an_environment_locks_no_rule_gives(tmp_path: Path) -> None:
    rule = "{match: '*', floating_tags: [stable]}"
    assert faults(tmp_path, staging=STABLE, prod="lock: [floating_tags]", services=rule) == []
    assert faults(tmp_path, staging=STABLE, prod="lock: [tag]", services=rule)
