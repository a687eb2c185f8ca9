"""A service that the target hasn't, where each service has a Flux Kustomization of its own."""

from __future__ import annotations

import pytest

from bot.plan import OpenRequest, PushBranch, Verdict
from tests.paper import E2E, STAGING, Paper, configured, digest, values

FLUX = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: %s}
spec:
  path: %s # where it is
  prune: true
"""
MANIFEST = "apps/{service}/%s/values.yaml"
OBJECT = "clusters/%s/{service}.yaml"
STAGING_FILE, STAGING_OBJECT = "apps/api/staging/values.yaml", "clusters/staging/api.yaml"


def flux(name: str, path: str) -> bytes:
    return (FLUX % (name, path)).encode()


@pytest.fixture
def paper() -> Paper:
    """E2e runs api and web, staging only web; a Kustomization in clusters/<environment> applies each of them."""
    tree = {
        "apps/api/e2e/values.yaml": values(E2E, "1.1.3-rc2"),
        "clusters/e2e/api.yaml": flux("api", "./apps/api/e2e"),
        "apps/web/e2e/values.yaml": values(E2E, "1.0.0", repository="shop/web"),
        "clusters/e2e/web.yaml": flux("web", "./apps/web/e2e"),
        "apps/web/staging/values.yaml": values(STAGING, "1.0.0", repository="shop/web"),
        "clusters/staging/web.yaml": flux("web", "./apps/web/staging"),
    }
    return Paper(trees={"m1": tree}, tags={("e2e", "shop/api", "1.1.3-rc2"): digest(2)})


def decided(paper: Paper, *, objects: bool) -> tuple[dict[str, str], str]:
    """The files that are pushed, and the merge request's text; with `objects`, paths name these too."""
    patterns = [MANIFEST, OBJECT] if objects else [MANIFEST]
    e2e, staging = ({"paths": [pattern % env for pattern in patterns]} for env in ("e2e", "staging"))
    verdict: Verdict = paper.verdict("api", config=configured(e2e, {**staging, "when_missing": "copy"}))
    assert verdict.step is not None, verdict
    pushed = next(action for action in verdict.step.actions if isinstance(action, PushBranch))
    opened = next(action for action in verdict.step.actions if isinstance(action, OpenRequest))
    plain = opened.draft.body.replace("`", "")
    return {change.path: change.content.decode() for change in pushed.files}, plain


def test_what_applies_it_is_said_to_be_missing(paper: Paper) -> None:
    files, body = decided(paper, objects=False)
    assert files.keys() == {STAGING_FILE}
    assert (
        "clusters/staging/api.yaml is missing: a Flux Kustomization that applies ./apps/api/staging, "
        "as clusters/staging/web.yaml applies ./apps/web/staging"
    ) in body
    assert "no kustomization lists" not in body
    assert "e2e/api.yaml is missing" not in body


def test_of_each_cluster(paper: Paper) -> None:
    paper.trees["m1"]["clusters/staging-2/web/flux.yaml"] = flux("web", "apps/web")
    _, body = decided(paper, objects=False)
    assert "clusters/staging/api.yaml is missing" in body
    assert "clusters/staging-2/api/flux.yaml is missing: a Flux Kustomization that applies apps/api, as" in body


def test_what_is_there_isnt_missing(paper: Paper) -> None:
    paper.trees["m1"][STAGING_OBJECT] = flux("api", "./apps/api/staging")
    _, body = decided(paper, objects=False)
    assert "is missing" not in body
    assert "no kustomization lists" not in body


@pytest.mark.parametrize("path", ["./apps", "./apps/web/e2e", "./", "./apps/all"])
def test_where_others_have_none_of_their_own_nobody_knows(paper: Paper, path: str) -> None:
    paper.trees["m1"]["clusters/staging/web.yaml"] = flux("web", path)
    paper.trees["m1"]["apps/web/broken.yaml"] = b"kustomize.toolkit.fluxcd.io: ["
    _, body = decided(paper, objects=False)
    assert f"no kustomization lists files like {STAGING_FILE}: see that it is deployed" in body


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("./apps/api/e2e", "./apps/api/staging"),
        ("apps/api/e2e/", "apps/api/staging/"),
        ("'/apps/api/e2e'", "'/apps/api/staging'"),
    ],
)
def test_a_copied_one_applies_the_copies(paper: Paper, path: str, expected: str) -> None:
    paper.trees["m1"]["clusters/e2e/api.yaml"] = flux("api", path)
    files, body = decided(paper, objects=True)
    assert files == {
        STAGING_FILE: values(STAGING, "1.1.3").decode(),
        STAGING_OBJECT: FLUX % ("api", expected),
    }
    said = expected.strip("'")
    assert (
        f"- {STAGING_OBJECT} is new: clusters/e2e/api.yaml of e2e with staging's images, applying {said}, "
        "and no other byte changed.\n"
    ) in body
    assert "is missing" not in body
    assert "no kustomization lists" not in body, "all of clusters/staging is applied, and web is there too"


def test_a_copied_one_that_applies_what_both_have_in_common_stays_as_it_is(paper: Paper) -> None:
    paper.trees["m1"]["clusters/e2e/api.yaml"] = flux("api", "./apps/api")
    files, body = decided(paper, objects=True)
    assert files[STAGING_OBJECT] == FLUX % ("api", "./apps/api")
    assert "see that it is right here" not in body


def test_a_copied_one_that_applies_something_else_is_told(paper: Paper) -> None:
    paper.trees["m1"]["clusters/e2e/api.yaml"] = flux("api", "./deploy/api")
    files, body = decided(paper, objects=True)
    assert files[STAGING_OBJECT] == FLUX % ("api", "./deploy/api")
    assert f"{STAGING_OBJECT} applies ./deploy/api, as clusters/e2e/api.yaml does: see that it is right here" in body


def test_a_kustomization_of_the_cluster_lists_the_copied_one(paper: Paper) -> None:
    paper.trees["m1"]["clusters/staging/kustomization.yaml"] = b"resources:\n  - web.yaml\n"
    files, _ = decided(paper, objects=True)
    assert files["clusters/staging/kustomization.yaml"] == "resources:\n  - web.yaml\n  - api.yaml\n"
