"""What doesn't forbid a promotion but is said before it is approved, in the merge request and the plan."""

from __future__ import annotations

import pytest

from bot.cli.data import verdict_data
from bot.manifests import find_pull_secrets
from bot.plan import OpenRequest, Verdict
from tests.paper import E2E, STAGING, Paper, digest, values

E2E_FILE, STAGING_FILE = "apps/api/e2e/values.yaml", "apps/api/staging/values.yaml"
SECRETS = "imagePullSecrets:\n  - name: registry-login\n"


def decided(staging: bytes, e2e: bytes | None = None) -> Verdict:
    paper = Paper(
        trees={"m1": {E2E_FILE: e2e or values(E2E, "1.1.3-rc2"), STAGING_FILE: staging}},
        tags={("e2e", "shop/api", "1.1.3-rc2"): digest(2)},
    )
    return paper.verdict("api")


def warnings(verdict: Verdict) -> tuple[str, ...]:
    assert verdict.promotion is not None, verdict
    return verdict.promotion.warnings


def test_another_registry_beside_pull_secrets_is_said_in_plan_and_merge_request() -> None:
    verdict = decided(values(E2E, "1.1.2", extra=SECRETS))
    (warning,) = warnings(verdict)
    assert warning == (
        f"the registry changes from {E2E} to {STAGING}, and imagePullSecrets at line 4 of {STAGING_FILE} "
        "may have no login for it"
    )
    assert verdict_data(verdict)["warnings"] == [warning]
    assert verdict.step is not None
    (opening,) = [action for action in verdict.step.actions if isinstance(action, OpenRequest)]
    assert f"**Know before you approve:**\n\n- {warning}\n" in opening.draft.body.replace("`", "")


@pytest.mark.parametrize("staging", [values(STAGING, "1.1.2", extra=SECRETS), values(E2E, "1.1.2")])
def test_one_of_the_two_alone_is_nothing_to_say(staging: bytes) -> None:
    assert warnings(decided(staging)) == ()


SIDECAR = "sidecar:\n  image:\n    repository: quay.io/org/proxy\n    tag: *tag\n"


def test_an_image_that_follows_by_an_alias_is_named() -> None:
    staging = values(STAGING, "&tag 1.1.2", extra=SIDECAR)
    (warning,) = warnings(decided(staging))
    assert warning == f"quay.io/org/proxy goes from 1.1.2 to 1.1.3 as well, by an alias at line 7 of {STAGING_FILE}"


def test_the_fingerprint_is_of_the_edits_alone() -> None:
    plain, warned = decided(values(E2E, "1.1.2")), decided(values(E2E, "1.1.2", extra=SECRETS))
    assert plain.promotion is not None
    assert warned.promotion is not None
    assert plain.promotion.fingerprints == warned.promotion.fingerprints


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (SECRETS, (1,)),
        ("a: {b: [{imagePullSecrets: [x]}]}\n", (1,)),
        ("a: 1\n---\nimage:\n  pullSecrets: [x]\n", (4,)),
        ("imagePullSecrets: []\nother: {imagePullSecrets: null, pullSecrets: {}}\n# imagePullSecrets: [x]\n", ()),
        ("serviceAccount: {create: true}\n", ()),
    ],
)
def test_pull_secrets_are_found_wherever_they_say_something(content: str, lines: tuple[int, ...]) -> None:
    assert find_pull_secrets("values.yaml", content.encode()) == lines
