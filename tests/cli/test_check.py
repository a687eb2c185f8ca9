"""`promobot check --online`: what it learns at registries, and that it changes nothing there."""

from __future__ import annotations

from typing import Any

import pytest

from bot.demo.registries import RunningRegistry
from bot.errors import ExitCode
from tests.cli.registries import Shop, shop
from tests.company import E2E
from tests.proxy import Answer, start_proxy

__all__ = ["shop"]

WRITING = "whether it may write there isn't tried: a check changes nothing\n"


def registry(shop: Shop, name: str, *, code: int = 0) -> dict[str, Any]:
    said = shop.run("check", "--online", "-o", "json")
    assert said.code == code
    (found,) = [one for one in said.data["registries"] if one["name"] == name]
    return dict(found)


def test_a_registry_that_knows_us(shop: Shop) -> None:
    assert registry(shop, "e2e") == {
        "name": "e2e",
        "reached": True,
        "login": "accepted",
        "reads": f"{E2E}/{shop.path}",
        "error": "",
    }
    out = shop.run("check", "--online").out
    assert f"registry e2e: reached, credentials accepted, may read {shop.path}\n" in out
    assert out.endswith(WRITING)
    assert WRITING not in shop.run("check").out


def test_an_environment_without_an_image_of_its_registry_is_told(shop: Shop) -> None:
    config = shop.company.folder / "promobot.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace(f"url: {E2E}", "url: registry.example.org"), encoding="utf-8")
    what = f"environments.0.registry: no image in e2e is from registry.example.org, but from {E2E}\n"
    assert f"{what}  → correct `url` of registry e2e, or which `registry` e2e pulls from\n" in shop.run("check").out
    assert f"! no image in e2e is from registry.example.org, but from {E2E}: promobot check\n" in shop.run("status").out


def test_a_check_only_reads(shop: Shop) -> None:
    with start_proxy(shop.company.e2e) as proxy:
        shop.company.connect(e2e=proxy)
        assert shop.run("check", "--online").code == 0
        assert proxy.seen
        assert {seen.method for seen in proxy.seen} <= {"GET", "HEAD"}


def test_wrong_credentials(shop: Shop) -> None:
    shop.environ["E2E_PASSWORD"] = "wrong"
    found = registry(shop, "e2e", code=ExitCode.REGISTRY)
    assert (found["reached"], found["login"]) == (False, None)
    assert "does not accept the credentials (HTTP 401)" in found["error"]


def test_a_registry_that_lets_everybody_in_proves_no_credentials(shop: Shop, open_registry: RunningRegistry) -> None:
    config = shop.company.folder / "promobot.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace(shop.company.e2e.host, open_registry.host), encoding="utf-8")
    assert registry(shop, "e2e")["login"] == "unproven"
    assert "reached, lets in without a login too, so whether the credentials" in shop.run("check", "--online").out


def test_an_account_that_may_not_read_is_told(shop: Shop) -> None:
    with start_proxy(shop.company.e2e, gate=lambda seen: Answer(403) if "/manifests/" in seen.path else None) as proxy:
        shop.company.connect(e2e=proxy)
        found = registry(shop, "e2e", code=ExitCode.REGISTRY)
        assert (found["reached"], found["login"], found["reads"]) == (True, "accepted", None)
        said = shop.run("check", "--online")
        assert "registry e2e: reached, credentials accepted\n✗ registry e2e: " in said.out


def test_a_registry_where_nobody_is(shop: Shop) -> None:
    config = shop.company.folder / "promobot.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace(shop.company.e2e.host, "127.0.0.1:1"), encoding="utf-8")
    found = registry(shop, "e2e", code=ExitCode.REGISTRY)
    assert found["reached"] is False
    assert shop.run("check").out.splitlines()[0].endswith("promobot.yaml: valid")
    assert shop.run("check", "--online").out.splitlines()[0].endswith("can be read; what is wrong has a ✗ below")
    assert registry(shop, "staging", code=ExitCode.REGISTRY)["reached"] is True


@pytest.mark.parametrize("where", ["variable", "home"])
def test_logins_of_docker(shop: Shop, where: str) -> None:
    """By a real registry that checks them, found where docker would find them."""
    login = shop.company.e2e.login
    assert login is not None
    folder = shop.company.folder / ("docker" if where == "variable" else "home/.docker")
    folder.mkdir()
    auths = f'{{"auths": {{"https://{E2E}/v1/": {{"auth": "{login.basic}"}}}}}}'
    (folder / "config.json").write_text(auths, encoding="utf-8")
    if where == "variable":
        shop.environ["DOCKER_CONFIG"] = str(folder)
    config = shop.company.folder / "promobot.yaml"
    text = config.read_text(encoding="utf-8")
    basic = f'{{type: basic, username: "{login.username}", password_env: E2E_PASSWORD}}'
    assert basic in text
    config.write_text(text.replace(basic, "{type: docker}"), encoding="utf-8")
    assert registry(shop, "e2e")["login"] == "accepted"
    assert shop.run("tags", "inventory").code == 0
