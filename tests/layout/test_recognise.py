"""What is made of trees of manifests, one row for each layout that people use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from bot.images import ImageRef
from bot.layout import Layout, Seen, Tree, look, recognise
from bot.layout.tree import LeftOut

DEV, LIVE = "dev.example.com/shop", "live.example.com/shop"


def tree(*files: str) -> Tree:
    """`path image image …`; a file without images is one that says nothing of any, `:1.2` says a tag alone."""
    return Tree(tuple(_seen(*line.split(" ")) for line in files))


def _seen(path: str, *images: str) -> Seen:
    named = tuple(ImageRef.parse(image) for image in images if not image.startswith(":"))
    return Seen(path, named, len(images) - len(named))


def paths(layout: Layout) -> dict[str, list[str]]:
    return {one.name: list(one.paths) for one in layout.environments}


def sources(layout: Layout) -> dict[str, str | None]:
    return {one.name: one.source for one in layout.environments}


def unsure(layout: Layout, name: str) -> tuple[str, ...]:
    (environment,) = (one for one in layout.environments if one.name == name)
    return environment.unsure


LAYOUTS: dict[str, tuple[Tree, dict[str, list[str]], list[str]]] = {
    "a folder for each environment below each service": (
        tree(
            f"apps/cart/dev/helmrelease.yaml {DEV}/cart:2",
            f"apps/cart/prod/helmrelease.yaml {LIVE}/cart:1",
            f"apps/web/prod/helmrelease.yaml {LIVE}/web:1",
            f"apps/web/base/helmrelease.yaml {LIVE}/web:1",
        ),
        {"dev": ["apps/{service}/dev/helmrelease.yaml"], "prod": ["apps/{service}/prod/helmrelease.yaml"]},
        ["cart", "web"],
    ),
    "kustomize overlays": (
        tree(
            f"cart/overlays/dev/kustomization.yaml {DEV}/cart:2",
            f"cart/overlays/prod/kustomization.yaml {LIVE}/cart:1",
            f"web/overlays/prod/kustomization.yaml {LIVE}/web:1",
        ),
        {
            "dev": ["{service}/overlays/dev/kustomization.yaml"],
            "prod": ["{service}/overlays/prod/kustomization.yaml"],
        },
        ["cart", "web"],
    ),
    "services below environments": (
        tree(
            f"clusters/dev/cart/release.yaml {DEV}/cart:2",
            f"clusters/dev/web/release.yaml {DEV}/web:2",
            f"clusters/prod/cart/release.yaml {LIVE}/cart:1",
            f"clusters/prod/web/release.yaml {LIVE}/web:1",
        ),
        {"dev": ["clusters/dev/{service}/release.yaml"], "prod": ["clusters/prod/{service}/release.yaml"]},
        ["cart", "web"],
    ),
    "a file for each service below environments": (
        tree(
            f"envs/dev/cart.yaml {DEV}/cart:2",
            f"envs/dev/web.yaml {DEV}/web:2",
            f"envs/prod/cart.yaml {LIVE}/cart:1",
            f"envs/prod/web.yaml {LIVE}/web:1",
        ),
        {"dev": ["envs/dev/{service}.yaml"], "prod": ["envs/prod/{service}.yaml"]},
        ["cart", "web"],
    ),
    "HelmRelease patches named after the service": (
        tree(
            f"apps/staging/cart-values.yaml {DEV}/cart:2",
            f"apps/production/cart-values.yaml {LIVE}/cart:1",
            f"apps/production/web-values.yaml {LIVE}/web:1",
        ),
        {"staging": ["apps/staging/{service}-values.yaml"], "production": ["apps/production/{service}-values.yaml"]},
        ["cart", "web"],
    ),
    "values for each environment": (
        tree(
            f"charts/cart/values-dev.yaml {DEV}/cart:2",
            f"charts/cart/values-prod.yaml {LIVE}/cart:1",
            f"charts/web/values-prod.yaml {LIVE}/web:1",
            f"charts/web/values.yaml {LIVE}/web:1",
        ),
        {"dev": ["charts/{service}/values-dev.yaml"], "prod": ["charts/{service}/values-prod.yaml"]},
        ["cart", "web"],
    ),
    "service and environment in the name of the file": (
        tree(
            f"values/cart-dev.yaml {DEV}/cart:2",
            f"values/cart-prod.yaml {LIVE}/cart:1",
            f"values/web-prod.yaml {LIVE}/web:1",
        ),
        {"dev": ["values/{service}-dev.yaml"], "prod": ["values/{service}-prod.yaml"]},
        ["cart", "web"],
    ),
    "clusters whose names hold the environment": (
        tree(
            f"clusters/eu-dev/cart.yaml {DEV}/cart:2",
            f"clusters/eu-prod/cart.yaml {LIVE}/cart:1",
            f"clusters/us-prod/cart.yaml {LIVE}/cart:1",
        ),
        {
            "eu-dev": ["clusters/eu-dev/{service}.yaml"],
            "eu-prod": ["clusters/eu-prod/{service}.yaml"],
            "us-prod": ["clusters/us-prod/{service}.yaml"],
        },
        ["cart"],
    ),
    "regions below the environment": (
        tree(
            f"apps/cart/dev/eu/values.yaml {DEV}/cart:2",
            f"apps/cart/prod/eu/values.yaml {LIVE}/cart:1",
            f"apps/web/prod/eu/values.yaml {LIVE}/web:1",
        ),
        {"dev": ["apps/{service}/dev/eu/values.yaml"], "prod": ["apps/{service}/prod/eu/values.yaml"]},
        ["cart", "web"],
    ),
    "many teams": (
        tree(*(f"{team}/cart/{env}/values.yaml {DEV}/cart:2" for team in "abcd" for env in ("dev", "prod"))),
        {"dev": ["{team}/{service}/dev/values.yaml"], "prod": ["{team}/{service}/prod/values.yaml"]},
        ["a-cart", "b-cart", "c-cart", "d-cart"],
    ),
    "one service": (
        tree(f"overlays/dev/kustomization.yaml {DEV}/cart:2", f"overlays/prod/kustomization.yaml {LIVE}/cart:1"),
        {"dev": ["{service}/dev/kustomization.yaml"], "prod": ["{service}/prod/kustomization.yaml"]},
        ["overlays"],
    ),
    "one service in one folder": (
        tree(f"values-dev.yaml {DEV}/cart:2", f"values-prod.yaml {LIVE}/cart:1"),
        {"dev": ["{service}-dev.yaml"], "prod": ["{service}-prod.yaml"]},
        ["values"],
    ),
}


@pytest.mark.parametrize(("seen", "found", "services"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_layouts(seen: Tree, found: dict[str, list[str]], services: list[str]) -> None:
    layout = recognise([seen])
    assert paths(layout) == found
    assert sorted({name for one in layout.environments for name in one.services}) == services


@pytest.mark.parametrize(
    "seen",
    [
        tree(f"apps/dev/cart/values.yaml {DEV}/cart:1", "apps/media/x/values.yaml", "apps/home/x/values.yaml"),
        tree(f"apps/test/values.yaml {DEV}/test:1"),
        tree(f".github/dev/values.yaml {DEV}/cart:1", f"tests/dev/values.yaml {DEV}/cart:1"),
        tree(f"apps/contest/values.yaml {DEV}/contest:1", f"apps/web/values.yaml {DEV}/web:1"),
        tree(f"apps/cart/base/values.yaml {DEV}/cart:1"),
        tree(f"apps/{{cart}}/dev/values.yaml {DEV}/cart:1", f"apps/*/dev/values.yaml {DEV}/cart:1"),
        tree(f"apps/-cart/dev/values.yaml {DEV}/cart:1"),
        tree(),
    ],
    ids=["a namespace dev", "a service test", "not deployed", "words inside", "base alone", "pattern", "name", "none"],
)
def test_what_is_no_environment(seen: Tree) -> None:
    assert recognise([seen]).environments == ()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("prod dev staging", {"dev": None, "staging": "dev", "prod": "staging"}),
        ("prd uat int qa dev", {"dev": None, "int": "dev", "qa": "int", "uat": "qa", "prd": "uat"}),
        ("pre-prod live test", {"test": None, "pre-prod": "test", "live": "pre-prod"}),
        ("eu-dev eu-prod us-dev us-prod", {"eu-dev": None, "us-dev": None, "eu-prod": "eu-dev", "us-prod": "us-dev"}),
        ("dev prod-eu prod-us", {"dev": None, "prod-eu": "dev", "prod-us": "dev"}),
        ("Dev PROD", {"dev": None, "prod": "dev"}),
        ("non-prod prod", {"non-prod": None, "prod": "non-prod"}),
        ("eu-non-prod eu-prod us-prod", {"eu-non-prod": None, "eu-prod": "eu-non-prod", "us-prod": "eu-non-prod"}),
    ],
)
def test_the_order_of_environments(names: str, expected: dict[str, Any]) -> None:
    layout = recognise([tree(*(f"apps/cart/{name}/values.yaml {DEV}/cart:1" for name in names.split()))])
    assert sources(layout) == expected


def test_an_order_that_no_word_tells_is_said_to_be_unsure() -> None:
    names = ("dev", "prod", "blue")
    layout = recognise([tree(*(f"apps/cart/{name}/values.yaml {DEV}/cart:1" for name in names))])
    assert sources(layout) == {"dev": None, "prod": "dev", "blue": None}
    assert "name doesn't tell" in unsure(layout, "blue")[0]
    several = recognise(
        [tree(*(f"cart/{name}/values.yaml {DEV}/cart:1" for name in ("dev", "eu-qa", "us-qa", "prod")))]
    )
    assert (sources(several)["eu-qa"], sources(several)["prod"]) == ("dev", "dev")


@pytest.mark.parametrize(
    ("images", "urls"),
    [
        (
            ("dev.example.com/shop/cart", "live.example.com/shop/cart"),
            ["dev.example.com/shop", "live.example.com/shop"],
        ),
        (("one.example.com/shop/cart", "one.example.com/shop/cart"), ["one.example.com/shop"] * 2),
        (("one.example.com/dev/cart", "one.example.com/prod/cart"), ["one.example.com/dev", "one.example.com/prod"]),
        (("one.example.com:5000/cart", "cart"), ["one.example.com:5000", "registry.example.com"]),
        (("a.example.com/proxy:3 one.example.com/cart", "one.example.com/cart"), ["one.example.com"] * 2),
    ],
)
def test_registries(images: Sequence[str], urls: Sequence[str]) -> None:
    dev, prod = images
    layout = recognise([tree(f"cart/dev/values.yaml {dev}:2", f"cart/prod/values.yaml {prod}:1")])
    assert [layout.registries[one.registry] for one in layout.environments] == urls


def test_environments_with_the_same_images_share_what_all_of_them_have_in_common() -> None:
    layout = recognise(
        [
            tree(
                "cart/dev/values.yaml one.example.com/a/cart:2",
                "web/dev/values.yaml one.example.com/b/web:2",
                "cart/prod/values.yaml one.example.com/a/cart:1",
            )
        ]
    )
    assert layout.registries == {"images": "one.example.com"}


def test_images_of_other_hosts_and_of_none_are_told() -> None:
    layout = recognise(
        [tree(f"cart/dev/values.yaml {DEV}/cart:2 quay.io/x/proxy:1 busybox:1", f"web/dev/a.yaml {DEV}/b:1")]
    )
    said = " ".join(unsure(layout, "dev"))
    assert "most images are from dev.example.com; those from quay.io are left as they are" in said
    assert "images of one service name no registry's host" in said


def test_the_order_that_somebody_gives_counts_before_words() -> None:
    layout = recognise(
        [tree(*(f"cart/{name}/values.yaml {DEV}/cart:1" for name in ("dev", "blue", "prod")))], ("prod", "blue")
    )
    assert [(one.name, one.source) for one in layout.environments] == [("prod", None), ("blue", "prod"), ("dev", None)]
    assert unsure(layout, "blue") == ()


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("stages/one stages/two", ["one", "two"]),
        ("envs/one envs/base", []),
        ("stages/one", []),
        ("clusters/one clusters/two", []),
        ("dev prod apps", ["dev", "prod"]),
    ],
)
def test_folders_that_say_what_is_in_them(names: str, expected: list[str]) -> None:
    files = {f"{name}/cart/values.yaml": f"image: {DEV}/cart:1\n".encode() for name in names.split()}
    assert [one.name for one in recognise([look(files)]).environments] == expected


APPLICATION_SET = """kind: ApplicationSet
apiVersion: argoproj.io/v1alpha1
spec:
  generators: [{matrix: {generators: [{list: {elements: %s}}, {git: {}}]}}]
  template: {spec: {source: {path: "%s"}}}
"""


@pytest.mark.parametrize(
    ("elements", "path", "expected"),
    [
        ("[{env: one}, {env: two}]", "cart/{{env}}", ["one", "two"]),
        ("[{targetEnv: one}, {targetEnv: two}]", "cart/{{ .targetEnv }}/x", ["one", "two"]),
        ("[{service: one}, {service: two}]", "cart/{{service}}", []),
        ("[{env: one}, {env: two}]", "cart/{{other}}", []),
        ("[{env: one}, {env: two}]", "https://{{env}}/cart", []),
    ],
)
def test_names_that_an_application_set_makes_paths_of(elements: str, path: str, expected: list[str]) -> None:
    files = {f"cart/{name}/values.yaml": f"image: {DEV}/cart:1\n".encode() for name in ("one", "two", "three", "four")}
    files["argocd/set.yaml"] = (APPLICATION_SET % (elements, path)).encode()
    assert sorted(one.name for one in recognise([look(files)]).environments) == expected


def test_an_image_inherited_from_a_base_is_told() -> None:
    layout = recognise(
        [
            tree(
                f"cart/dev/values.yaml {DEV}/cart:2",
                "cart/staging/values.yaml",
                f"web/dev/values.yaml {DEV}/web:2",
                f"web/staging/values.yaml {DEV}/web:2",
                "pay/staging/values.yaml :3",
                "cart/prod/values.yaml",
            )
        ]
    )
    assert unsure(layout, "staging") == (
        "says only the tag of pay, and inherits the rest from a base: see `promobot pin`",
        "inherits the image of cart from its base: see `promobot pin`",
    )
    assert layout.silent == ("prod",)


def test_environments_in_several_repositories() -> None:
    layout = recognise(
        [
            tree(f"cart/dev/values.yaml {DEV}/cart:2", f"cart/prod/values.yaml {DEV}/cart:2"),
            tree(f"cart/prod/values.yaml {LIVE}/cart:1", f"web/prod/values.yaml {LIVE}/web:1"),
        ]
    )
    assert [(one.name, one.repository, one.source) for one in layout.environments] == [
        ("dev", 0, None),
        ("prod", 1, "dev"),
    ]
    assert layout.left_out == (LeftOut("prod", 0, ("cart",)),)


def test_manifests_that_are_about_images_without_running_one_dont_count() -> None:
    seen = tree(
        f"clusters/dev/scan.yaml {DEV}/cart", f"cart/dev/values.yaml {DEV}/cart:2", f"web/dev/values.yaml {DEV}/web"
    )
    assert paths(recognise([seen])) == {"dev": ["{service}/dev/values.yaml"]}
    assert recognise([seen]).environments[0].services == ("cart", "web")


def test_what_fits_the_paths_by_chance_is_excluded() -> None:
    seen = tree(
        f"cart/dev/values.yaml {DEV}/cart:2",
        f"cart/prod/values.yaml {DEV}/cart:1",
        f"dev/prod/values.yaml {DEV}/dev:1",
        f"examples/dev/values.yaml {DEV}/cart:2",
        "tests/prod/values.yaml",
        "base/prod/values.yaml",
    )
    exclude = {one.name: one.exclude for one in recognise([seen]).environments}
    assert exclude == {"dev": ("examples/**",), "prod": ("dev/prod/values.yaml", "tests/**")}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("1.2.0-rc1", "1.1.0", "{major}.{minor}.{patch}"),
        ("v1.2.0-rc.1", "v1.1.0", "v{major}.{minor}.{patch}"),
        ("1.2.0", "1.1.0", ""),
        ("1.2.0-rc1", "1.1.0-rc1", ""),
        ("main-4f2c", "1.1.0", ""),
        ("1.2.0-rc1", "stable", ""),
    ],
)
def test_tags_that_are_cut_on_the_way(before: str, after: str, expected: str) -> None:
    layout = recognise(
        [
            tree(
                f"apps/cart/dev/values.yaml {DEV}/cart:{before} {DEV}/proxy:1.0.0-alpine",
                f"apps/cart/prod/values.yaml {LIVE}/cart:{after} {LIVE}/proxy:1.0.0-alpine",
            )
        ]
    )
    assert [one.tag for one in layout.environments] == ["", expected]
