"""Public repositories: whether `init` makes a configuration of each that has environments, and what it finds there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from bot.errors import ExitCode
from tests.manifests.corpus.index import ABSENT, CORPUS, indexed, present

pytestmark = pytest.mark.skipif(not present(), reason=ABSENT)

# Repository → its environments, each with where images come from and how many services say something of an image.
# `usdf…`, `idf…` and the like are sites.
EXPECTED: dict[str, dict[str, tuple[str | None, int]]] = {
    "equinor+radix-flux": {
        "development": (None, 1),
        "production": ("development", 1),
        "c2-production": ("development", 1),
        "c3": (None, 1),
        "playground": (None, 1),
    },
    "lsst-sqre+phalanx": {
        "usdfdev": (None, 6),
        "usdfint": ("usdfdev", 4),
        "usdfprod": ("usdfint", 6),
        "ccin2p3": (None, 1),
        "idfdemo": (None, 2),
        "summit": (None, 9),
        "tucson-teststand": (None, 7),
    },
    "redhat-appstudio+infra-deployments": {
        "development": (None, 7),
        "staging": ("development", 11),
        "production": ("staging", 12),
    },
    "stefanprodan+podinfo": {"prod": (None, 1)},
}
# Environments that say which chart runs, or what is set in it, but name no image by tag or digest.
SILENT = ("fluxcd+flux2-kustomize-helm-example", "fluxcd+flux2-multi-tenancy")


def run(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> tuple[int, Any]:
    """A command's exit code and answer, and nothing left of what it said before."""
    capsys.readouterr()
    environ = {"PROMOBOT_CACHE": str(folder / "cache")}
    code = main([*words, "-c", str(folder / "promobot.yaml"), "-o", "json"], environ=environ)
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out else said.err


@pytest.mark.parametrize("repository", EXPECTED)
def test_check_accepts_what_init_writes(repository: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, written = run(capsys, tmp_path, "init", str(CORPUS / repository), "--try")
    assert code == ExitCode.DONE
    found = {one["name"]: (one["from"], len(one["services"])) for one in written["environments"]}
    assert found == EXPECTED[repository]
    code, checked = run(capsys, tmp_path, "check")
    assert (code, checked["problems"]) == (ExitCode.DONE, [])
    services = {(image["environment"], image["service"]) for image in checked["images"]}
    assert services == {(one["name"], service) for one in written["environments"] for service in one["services"]}


@pytest.mark.parametrize("repository", SILENT)
def test_environments_without_images_are_told(
    repository: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = run(capsys, tmp_path, "init", str(CORPUS / repository))
    assert code == ExitCode.USAGE
    assert "production, staging look like environments, but none of their manifests names an image" in said
    assert not (tmp_path / "promobot.yaml").exists()


def test_all_others_are_said_to_have_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    others = {path.name for path in CORPUS.iterdir() if path.is_dir()} - {*EXPECTED, *SILENT}
    assert len(others) == 12
    for name in others:
        code, said = run(capsys, tmp_path, "init", str(CORPUS / name))
        assert (code, "no environments recognised" in said) == (ExitCode.USAGE, True), name


def test_images_in_variables_are_found_by_the_fields_that_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, tmp_path, "init", str(CORPUS / "equinor+radix-flux"), "--try")
    _, checked = run(capsys, tmp_path, "check")
    found = {image["image"] for image in checked["images"] if image["environment"] == "production"}
    assert found == {
        "docker.io/alpine/git:2.45.2",
        "docker.io/alpine:3.22.1",
        "docker.io/bash:5.3.15-alpine3.24",
        "docker.io/redis:8.6.0-alpine3.23",
        "ghcr.io/equinor/radix/charts/radix-operator:1.126.1",
        "quay.io/oauth2-proxy/oauth2-proxy:v7.15.2",
    }


# Repository → where the index has images, with service and environment; and those that have none of a version there:
# a registry alone, an image without tag, or a hidden folder of tests.
SERVICES = {
    "redhat-appstudio+infra-deployments": (
        r"components/(?:monitoring/)?(?P<service>[^/]+)/(?P<env>development|staging|production)/.*",
        {("development", "policies"), ("staging", "kanary"), ("production", "kyverno")},
    ),
    "lsst-sqre+phalanx": (
        r"applications/(?P<service>[^/]+)/values-(?P<env>\w*?(?:dev|int|prod)|ccin2p3|idfdemo|summit|tuc.*)\.yaml",
        {("idfdev", "nublado"), ("ukidacdev", "nublado"), ("ukidacprod", "nublado")},
    ),
}


@pytest.mark.parametrize("repository", SERVICES)
def test_services_are_those_whose_files_the_index_has_images_of(
    repository: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pattern, without_version = SERVICES[repository]
    found = (re.fullmatch(f"{re.escape(repository)}/{pattern}", file.path) for file in indexed() if file.rows)
    truth = {(match["env"], match["service"]) for match in found if match}
    _, written = run(capsys, tmp_path, "init", str(CORPUS / repository), "--stdout")
    said = {(one["name"], service) for one in written["environments"] for service in one["services"]}
    assert (truth - said, said - truth) == (without_version, set())
