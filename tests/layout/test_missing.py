"""What is said where no environment is recognised."""

from __future__ import annotations

import pytest

from bot.layout import look, recognise
from bot.layout.missing import missing

IMAGE = b"image: registry.example.com/shop/cart:1\n"


def said(*paths: str, **contents: str) -> tuple[str, str]:
    files = dict.fromkeys(paths, IMAGE) | {f"{name}.yaml": text.encode() for name, text in contents.items()}
    tree = look(files)
    layout = recognise([tree])
    assert layout.environments == ()
    return missing([tree], layout)


@pytest.mark.parametrize(
    ("paths", "what"),
    [
        ((), "no environments recognised; no manifest names an image"),
        (("a.yaml",), "one manifest names images, in the top folder (1)"),
        (
            ("x/a/1.yaml", "x/a/2.yaml", "x/b/1.yaml", "y/1.yaml", ".github/ci.yaml"),
            "4 manifests name images, in x/a (2), x/b (1), y (1)",
        ),
        (tuple(f"x/{name}/1.yaml" for name in "abcde"), "5 manifests name images, in x (5)"),
        (("apps/cart/base/a.yaml", "apps/web/a.yaml"), ", one of them in a base, which environments share"),
        (
            ("apps/dev/a.yaml", "apps/media/a.yaml", "apps/home/a.yaml"),
            "apps/dev is called like an environment, but home, media beside it are not",
        ),
        (("fleet/ams/a.yaml", "fleet/fra/a.yaml"), "fleet/ams, fleet/fra look like clusters, and names don't tell"),
        (("clusters/c0/a.yaml",), "clusters/c0 looks like a cluster, and"),
    ],
)
def test_what_is_there_instead(paths: tuple[str, ...], what: str) -> None:
    assert what in said(*paths)[0]


def test_environments_without_images() -> None:
    tree = look({"apps/prod/cart/values.yaml": b"replicas: 2", "apps/dev/cart/values.yaml": b"", "base/a.yaml": IMAGE})
    what, hint = missing([tree], recognise([tree]))
    assert what.startswith(
        "dev, prod look like environments, but none of their manifests names an image by tag or digest"
    )
    assert "(apps/dev, apps/prod); one manifest names images, in base (1), one of them" in what
    assert "`images` of its kustomization" in hint


def test_all_environments_in_one_file() -> None:
    what, _ = said(cart="test: {image: x/a:2}\nprod: {image: x/a:1}\n", web="test: {image: x/a:2}\n")
    assert "cart.yaml hold images of prod, test in one file each" in what
    assert "web.yaml" not in what


def test_names_that_tools_give_and_no_path_has() -> None:
    what, _ = said(helmfile="environments: {lab: {}, ward: {}}\n")
    assert "helmfile, Argo CD or a folder calls lab, ward environments, but no manifest with images" in what


def test_templates() -> None:
    tree = look({"a.yaml.gotmpl": b"{{ if .x }}\na: {{ .b }}: {", "b.yaml.j2": b"{% if x %}", "c.yaml": b"{{ x"})
    what, _ = missing([tree], recognise([tree]))
    assert "2 templates say nothing that can be read, such as a.yaml.gotmpl" in what


@pytest.mark.parametrize(
    ("paths", "hint"),
    [
        (("clusters/ams/a.yaml", "clusters/fra/a.yaml"), "in which order: promobot init --order ams,fra"),
        (("clusters/ams/a.yaml",), "--order NAME,NAME"),
        (("a.yaml",), "NAME/values-prod.yaml"),
    ],
)
def test_what_to_do(paths: tuple[str, ...], hint: str) -> None:
    assert hint in said(*paths)[1]
