"""The estate in fixtures/gitops-repo is what its README says: valid, and each image from the right account."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.images import ImageRef

ESTATE = Path(__file__).parents[1] / "fixtures" / "gitops-repo"
ACCOUNTS = {"e2e": "111111111111", "staging": "222222222222", "prod": "333333333333"}
FOLDERS = {"e2e": "platform-gitops", "staging": "platform-gitops", "prod": "sre-gitops-prod"}
TAGS = {
    "inventory": {"e2e": "1.1.3-rc2", "staging": "1.1.2", "prod": "1.1.2"},
    "storefront": {"e2e": "2.4.0-rc1", "staging": "2.3.1", "prod": "2.3.0"},
    "payments": {"e2e": "3.7.2", "staging": "3.7.2", "prod": "3.7.2"},
    "notifications": {"e2e": "0.9.0-rc3", "staging": "0.8.4"},
}
FILES = sorted(ESTATE.rglob("*.yaml"))
RUNS = [(service, environment) for service, tags in TAGS.items() for environment in tags]


def documents(path: Path) -> list[Any]:
    return list(yaml.safe_load_all(path.read_bytes()))


def images(node: Any) -> Iterator[ImageRef]:
    """Every image below a node, whether it is one string or a map of registry, repository and tag."""
    match node:
        case {"repository": str(repository), "tag": str(tag)}:
            registry = f"{node['registry']}/" if "registry" in node else ""
            yield ImageRef.parse(f"{registry}{repository}:{tag}")
        case dict():
            for key, value in node.items():
                if key == "image" and isinstance(value, str):
                    yield ImageRef.parse(value)
                yield from images(value)
        case list():
            for value in node:
                yield from images(value)
        case _:
            return


def deployed(service: str, environment: str) -> list[ImageRef]:
    folder = ESTATE / FOLDERS[environment] / "apps" / service / environment
    return [image for path in sorted(folder.glob("*.yaml")) for doc in documents(path) for image in images(doc)]


def is_ours(image: ImageRef) -> bool:
    return ".dkr.ecr." in (image.registry or "")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ESTATE)))
def test_every_file_is_a_kubernetes_object(path: Path) -> None:
    docs = documents(path)
    assert docs
    for doc in docs:
        if path.name in {"values.yaml", "kustomizeconfig.yaml"}:
            assert isinstance(doc, dict)
            continue
        assert {"apiVersion", "kind"} <= doc.keys()
        if doc["kind"] == "HelmRelease":
            assert doc["apiVersion"] == "helm.toolkit.fluxcd.io/v2"
            assert doc["metadata"]["name"] == path.parts[-3]
            assert doc["spec"]["chart"]["spec"].keys() >= {"chart", "version", "sourceRef"}
            assert doc["spec"].keys() & {"values", "valuesFrom"}


@pytest.mark.parametrize(("service", "environment"), RUNS)
def test_each_environment_runs_our_image_from_its_own_account(service: str, environment: str) -> None:
    expected = f"{ACCOUNTS[environment]}.dkr.ecr.eu-west-2.amazonaws.com/shop/{service}:{TAGS[service][environment]}"
    assert {str(image) for image in deployed(service, environment) if is_ours(image)} == {expected}


@pytest.mark.parametrize(("service", "environment"), RUNS)
def test_each_service_has_an_image_that_is_not_ours(service: str, environment: str) -> None:
    others = {image.registry for image in deployed(service, environment) if not is_ours(image)}
    assert others
    assert others <= {"ghcr.io", "quay.io", "docker.io"}


@pytest.mark.parametrize("folder", ["platform-gitops", "sre-gitops-prod"])
def test_no_account_number_stands_in_another_environment(folder: str) -> None:
    for path in (ESTATE / folder).rglob("*.yaml"):
        environment = next(part for part in path.parts if part in ACCOUNTS)
        assert FOLDERS[environment] == folder
        assert set(re.findall(r"\d{12}", path.read_text())) <= {ACCOUNTS[environment]}, path


def test_flux_is_pointed_at_every_service_and_at_nothing_else() -> None:
    for environment, folder in FOLDERS.items():
        root = ESTATE / folder
        applied = {doc["spec"]["path"] for doc in documents(root / "clusters" / environment / "apps.yaml")}
        assert applied == {f"./apps/{service}/{environment}" for service, tags in TAGS.items() if environment in tags}
        assert all((root / path / "kustomization.yaml").is_file() for path in applied)


def test_the_quirks_that_edits_have_to_survive_are_there() -> None:
    apps = ESTATE / "platform-gitops" / "apps"
    notifications = (apps / "notifications/staging/helmrelease.yaml").read_bytes()
    assert notifications.count(b"\r\n") == notifications.count(b"\n") > 0
    assert not (apps / "storefront/staging/helmrelease.yaml").read_bytes().endswith(b"\n")
    assert b'tag: 1.1.3-rc2 # {"$imagepolicy"' in (apps / "inventory/e2e/helmrelease.yaml").read_bytes()
    assert b'tag: "1.1.2"   # ' in (apps / "inventory/staging/helmrelease.yaml").read_bytes()
    assert b"tag: '1.1.2'\n" in (ESTATE / "sre-gitops-prod/apps/inventory/prod/helmrelease.yaml").read_bytes()
