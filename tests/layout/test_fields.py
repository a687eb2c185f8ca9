"""The entries of `fields` that several manifests have in common."""

from __future__ import annotations

import pytest

from bot.images import ImageRef
from bot.layout import Seen, Tree, recognise
from bot.layout.tree import Environment, Told


def environment(**files: str) -> Environment:
    """The only one of clusters/prod: of each service either an image, or `VARIABLE=image …`."""
    seen = (_seen(name.replace("_", "-"), text) for name, text in files.items())
    (found,) = recognise([Tree((*seen,))]).environments
    return found


def _seen(service: str, text: str) -> Seen:
    told = [word.split("=") for word in text.split() if "=" in word]
    rules = tuple(Told(f"/v/{name}", "tag", ImageRef.parse(image), "x:1") for name, image in told)
    images = (*(rule.image for rule in rules), *(ImageRef.parse(word) for word in text.split() if "=" not in word))
    return Seen(f"clusters/prod/{service}.yaml", images, told=rules)


def said(found: Environment) -> list[tuple[str, str]]:
    return [(field.pointer, field.image) for field in found.fields]


@pytest.mark.parametrize(
    ("files", "fields", "services"),
    [
        ({"cart": "A=x/one:1 B=x/two:1"}, [("/v/A", "x/one"), ("/v/B", "x/two")], ("cart",)),
        ({"cart": "TAG=x/cart:1", "my_web": "TAG=x/my-web:1"}, [("/v/TAG", "x/{service}")], ("cart", "my-web")),
        (
            {"cart": "CART_TAG=x/cart:1", "my_web": "MY_WEB_TAG=x/my-web:1"},
            [("/v/{SERVICE}_TAG", "x/{service}")],
            ("cart", "my-web"),
        ),
        (
            {"cart": "cart_tag=x/cart/app:1", "web": "web_tag=x/web/app:1"},
            [("/v/{service}_tag", "x/{service}/app")],
            ("cart", "web"),
        ),
        ({"cart": "T=x/cart:1 S=x/s:1", "web": "T=x/web:1"}, [("/v/T", "x/{service}")], ("cart", "web")),
        ({"cart": "T=x/cart:1", "web": "T=x/web:1", "old": "x/old:1"}, [("/v/T", "x/{service}")], ("cart", "web")),
        ({"cart": "T=x/cart:1", "web": "x/web:1", "old": "x/old:1"}, [], ("old", "web")),
    ],
)  # fmt: skip
def test_what_most_manifests_have_is_written(
    files: dict[str, str], fields: list[tuple[str, str]], services: tuple[str, ...]
) -> None:
    found = environment(**files)
    assert (said(found), found.services) == (fields, services)


def test_who_is_left_out_is_told_and_excluded() -> None:
    found = environment(cart="T=x/cart:1 S=x/s:1", web="T=x/web:1", old="x/old:1", none="")
    assert found.exclude == ("clusters/prod/none.yaml", "clusters/prod/old.yaml")
    doubts = " ".join(found.unsure)
    assert "clusters/prod/old.yaml hasn't the variables that `fields` name: it is left out" in doubts
    assert "S says a version too, but not in all manifests there" in doubts


def test_rules_that_few_would_need_arent_written() -> None:
    found = environment(cart="T=x/cart:1", web="x/web:1", old="x/old:1")
    assert found.exclude == ("clusters/prod/cart.yaml",)
    assert "clusters/prod/cart.yaml says versions by the variables T" in " ".join(found.unsure)
