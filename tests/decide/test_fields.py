"""Images where the configuration says that they are: a tag in a file of its own, a variable of a Flux Kustomization."""

from __future__ import annotations

from typing import Any

import pytest

from bot.errors import ExitCode
from bot.plan import CopyImage, PushBranch, Standing, Verdict
from bot.questions import Location
from tests.paper import E2E, STAGING, Paper, configured, digest

E2E_FILE, STAGING_FILE = "apps/web-shop/e2e/values.yaml", "clusters/staging/web-shop"
SUBSTITUTE: dict[str, Any] = {
    "paths": ["clusters/staging/{service}"],
    "fields": [
        {
            "pointer": "/spec/postBuild/substitute/{SERVICE}_IMAGE_TAG",
            "holds": "tag",
            "image": f"{STAGING}/shop/{{service}}",
        }
    ],
}
KUSTOMIZATION = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: web-shop
spec:
  postBuild:
    substitute:
      OTHER_IMAGE_TAG: "0.7.0"
      WEB_SHOP_IMAGE_TAG: {0} # moved by promobot
"""
IMAGE_TAG: dict[str, Any] = {
    "paths": ["clusters/staging/{service}"],
    "fields": [{"pointer": "/image_tag", "holds": "tag", "image": f"{STAGING}/shop/{{service}}"}],
}


@pytest.fixture
def paper() -> Paper:
    """A service with a dash in its name: e2e runs 1.1.3-rc2, staging 1.1.2."""
    image = f"image: {{repository: {E2E}/shop/web-shop, tag: 1.1.3-rc2}}\n"
    return Paper(
        trees={"m1": {E2E_FILE: image.encode(), STAGING_FILE: KUSTOMIZATION.format("1.1.2").encode()}},
        tags={("e2e", "shop/web-shop", "1.1.3-rc2"): digest(2)},
    )


def push_of(verdict: Verdict) -> PushBranch:
    assert verdict.step is not None, verdict
    return next(action for action in verdict.step.actions if isinstance(action, PushBranch))


def test_a_substituted_variable_is_promoted(paper: Paper) -> None:
    verdict = paper.verdict("web-shop", config=configured(staging=SUBSTITUTE))
    (change,) = push_of(verdict).files
    assert change.content.decode() == KUSTOMIZATION.format("1.1.3")
    assert verdict.step is not None
    copies = [action for action in verdict.step.actions if isinstance(action, CopyImage)]
    assert [copy.destination for copy in copies] == [Location("staging", "shop/web-shop")]
    assert copies[0].digest == digest(2)


def test_a_file_that_holds_a_tag_alone_is_promoted(paper: Paper) -> None:
    paper.trees["m1"][STAGING_FILE] = b"image_tag: '1.1.2'\r\nreplicas: 2"
    verdict = paper.verdict("web-shop", config=configured(staging=IMAGE_TAG))
    (change,) = push_of(verdict).files
    assert change.content == b"image_tag: '1.1.3'\r\nreplicas: 2"


def test_from_a_file_that_holds_a_tag_alone(paper: Paper) -> None:
    source = {"fields": [{"pointer": "/version", "holds": "tag", "image": f"{E2E}/shop/{{service}}"}]}
    paper.trees["m1"][E2E_FILE] = b"version: 1.1.3-rc2\n"
    verdict = paper.verdict("web-shop", config=configured(source, SUBSTITUTE))
    assert push_of(verdict).files[0].content.decode() == KUSTOMIZATION.format("1.1.3")


def test_a_tag_that_is_already_there_is_current(paper: Paper) -> None:
    paper.trees["m1"][STAGING_FILE] = KUSTOMIZATION.format("1.1.3").encode()
    paper.tags["staging", "shop/web-shop", "1.1.3"] = digest(2)
    assert paper.verdict("web-shop", config=configured(staging=SUBSTITUTE)).standing is Standing.CURRENT


@pytest.mark.parametrize("end", ["e2e", "staging"])
def test_a_pointer_that_leads_nowhere_is_refused_with_its_file(paper: Paper, end: str) -> None:
    missing = {"pointer": "/spec/{service}/tag", "holds": "tag", "image": "example.com/{service}"}
    if end == "e2e":
        config = configured({"fields": [missing]}, SUBSTITUTE)
    else:
        config = configured(staging={**SUBSTITUTE, "fields": [missing]})
    (verdict,) = paper.plan(config=config).verdicts
    assert verdict.standing is Standing.BLOCKED, "not outside: somebody said that it is there"
    assert verdict.blocked is not None
    path = E2E_FILE if end == "e2e" else STAGING_FILE
    assert f"{path}:1: /spec/web-shop/tag: " in verdict.blocked.reason
    assert verdict.blocked.code is ExitCode.MANIFEST


def test_a_template_at_the_pointer_is_refused(paper: Paper) -> None:
    paper.trees["m1"][STAGING_FILE] = KUSTOMIZATION.format("${TAG}").encode()
    verdict = paper.verdict("web-shop", config=configured(staging=SUBSTITUTE))
    assert verdict.blocked is not None
    assert f"{STAGING_FILE}:9" in verdict.blocked.reason


def test_a_service_whose_name_makes_no_image_blocks_itself_alone(paper: Paper) -> None:
    paper.trees["m1"]["apps/Odd/e2e/values.yaml"] = paper.trees["m1"][E2E_FILE]
    paper.trees["m1"]["clusters/staging/Odd"] = KUSTOMIZATION.format("1.1.2").encode()
    standings = {v.unit.name: v for v in paper.plan(config=configured(staging=SUBSTITUTE)).verdicts}
    assert standings["web-shop"].standing is Standing.DUE
    odd = standings["Odd"]
    assert odd.blocked is not None
    assert "shop/Odd" in odd.blocked.reason


def test_the_same_file_by_other_rules_is_read_again(paper: Paper) -> None:
    first = paper.verdict("web-shop", config=configured(staging=SUBSTITUTE))
    other = {
        **SUBSTITUTE,
        "fields": [{**SUBSTITUTE["fields"][0], "pointer": "/spec/postBuild/substitute/OTHER_IMAGE_TAG"}],
    }
    second = paper.verdict("web-shop", config=configured(staging=other))
    assert b'OTHER_IMAGE_TAG: "0.7.0"' in push_of(first).files[0].content
    assert b'OTHER_IMAGE_TAG: "1.1.3"' in push_of(second).files[0].content


def test_a_field_is_read_in_the_files_of_its_own_pattern(paper: Paper) -> None:
    staging = {
        "paths": ["clusters/staging/{service}", "apps/{service}/staging/values.yaml"],
        "fields": [{**IMAGE_TAG["fields"][0], "path": "clusters/staging/{service}"}],
    }
    paper.trees["m1"][STAGING_FILE] = b"image_tag: 1.1.2\n"
    paper.trees["m1"]["apps/web-shop/staging/values.yaml"] = b"replicas: 1\n"
    verdict = paper.verdict("web-shop", config=configured(staging=staging))
    assert push_of(verdict).files[0].content == b"image_tag: 1.1.3\n"
