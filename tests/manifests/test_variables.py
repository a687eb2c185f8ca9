"""Where a variable's value is said to come from."""

from __future__ import annotations

import pytest

from bot.manifests import find_images
from bot.manifests.variables import Settings, facts, variables


def kustomization(folder: str, build: str) -> bytes:
    head = f"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec:\n  path: {folder}\n  postBuild:\n"
    return f"{head}{build}".encode()


SUBSTITUTE = "    substitute:\n      TAG: '1'\n"
FROM = "    substituteFrom:\n      - kind: ConfigMap\n        name: settings\n      - {kind: Secret, name: hidden}\n"
CONFIG_MAP = b"kind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  TAG: '2'\n"

DEV = ("clusters/dev.yaml", kustomization("./apps/dev", SUBSTITUTE))
PROD = ("clusters/prod.yaml", kustomization("apps/prod/", SUBSTITUTE))
SHARED = ("clusters/shared.yaml", kustomization("./apps/shared", FROM))
MAP = ("settings.yaml", CONFIG_MAP)
SHARED_SAYS = "TAG may be set in ConfigMap settings, Secret hidden (substituteFrom in clusters/shared.yaml:7)"
AT = "clusters/{}.yaml:7 (/spec/postBuild/substitute/TAG)"
SET = f"TAG is set in {AT}"


@pytest.mark.parametrize(
    ("files", "path", "expected"),
    [
        ([DEV], "apps/dev/a.yaml", SET.format("dev")),
        ([DEV, PROD], "/home/me/repo/apps/prod/web/a.yaml", SET.format("prod")),
        ([DEV, PROD], "apps/base/a.yaml", f"{SET.format('dev')}, {AT.format('prod')}"),
        ([DEV] * 5, "x.yaml", f"{SET.format('dev')}, {AT.format('dev')}, {AT.format('dev')} and 2 more"),
        ([SHARED, MAP], "apps/shared/a.yaml", "TAG is set in settings.yaml:5 (/data/TAG)"),
        ([SHARED], "a.yaml", SHARED_SAYS),
        ([DEV, SHARED, MAP], "apps/shared/a.yaml", "TAG is set in settings.yaml:5 (/data/TAG)"),
        ([MAP], "a.yaml", ""),
        ([], "a.yaml", ""),
    ],
)  # fmt: skip
def test_where_a_variable_is_set(files: list[tuple[str, bytes]], path: str, expected: str) -> None:
    settings = Settings()
    for name, content in files:
        settings.add(facts(name, content))
    assert settings.whence("TAG", path) == expected


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("image: org/app:${TAG}", ("TAG",)),
        ("image: ${HOST:=ghcr.io}/app:${TAG:-1}@${TAG}", ("HOST", "TAG")),
        ("image: {repository: org/app, tag: '${TAG/-/.}', pullPolicy: '${POLICY}'}", ("TAG",)),
        ("image: org/app:$${TAG}", ()),
        ("image: org/app:${{ github.sha }}", ()),
        ("a: {b: {image: 'x:${A}'}}\nimage: x:${B}", ("A", "B")),
        ("app: {imageRepository: org/app, imageTag: '${TAG}', other: '${OTHER}'}", ("TAG",)),
        ("global: {imageRegistry: '${HOST}'}", ("HOST",)),
        (
            "kind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1\nimages: [{name: a, newTag: '${TAG}'}]",
            ("TAG",),
        ),
        ("list:\n- a~/b: {image: 'x:${A}'}", ("A",)),
    ],
)
def test_the_variables_of_an_image(text: str, names: tuple[str, ...]) -> None:
    content = text.encode()
    images = find_images("values.yaml", content)
    assert images
    assert tuple(name for image in images for name in variables("values.yaml", content, image)) == names


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"kind: Kustomization\nspec: postBuild\n",
        b"kind: Kustomization\nspec: {postBuild: [substitute]}\n",
        b"kind: [ConfigMap]\n",
        b"kind: ConfigMap\ndata: [a]\n",
        b"- ConfigMap\n",
        b"kind: Kustomization # postBuild\n",
    ],
)
def test_odd_documents_say_nothing(content: bytes) -> None:
    assert list(facts("a.yaml", content)) == []
