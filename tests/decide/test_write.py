"""What a target's image is written as: as it is found, without a digest, or always with one."""

from __future__ import annotations

import pytest

from bot.images import Digest
from bot.plan import OpenRequest, PushBranch, Standing
from tests.paper import E2E, STAGING, Paper, configured, digest, values

E2E_FILE, STAGING_FILE = "apps/api/e2e/values.yaml", "apps/api/staging/values.yaml"
NEW, OLD = digest(2), digest(1)
PINNED = f"  digest: {OLD}\n"


def string(version: str) -> bytes:
    return f"image: {STAGING}/shop/api:{version}\n".encode()


def by_digest(pinned: Digest) -> bytes:
    return f"image: {STAGING}/shop/api@{pinned}\n".encode()


def in_a_map(pinned: Digest) -> bytes:
    return f"image:\n  repository: {STAGING}/shop/api\n  digest: {pinned}\n".encode()


@pytest.fixture
def paper() -> Paper:
    return Paper(
        trees={"m1": {E2E_FILE: values(E2E, "1.1.3-rc2"), STAGING_FILE: values(STAGING, "1.1.2")}},
        tags={("e2e", "shop/api", "1.1.3-rc2"): NEW},
    )


def written(paper: Paper, write: str) -> bytes:
    step = paper.verdict("api", config=configured(staging={"write": write})).step
    assert step is not None
    (push,) = [action for action in step.actions if isinstance(action, PushBranch)]
    return push.files[0].content


@pytest.mark.parametrize(
    ("found", "write", "wanted"),
    [
        (values(STAGING, "1.1.2"), "as-found", values(STAGING, "1.1.3")),
        (values(STAGING, "1.1.2"), "tag", values(STAGING, "1.1.3")),
        (values(STAGING, "1.1.2"), "tag+digest", values(STAGING, "1.1.3", extra=f"  digest: {NEW}\n")),
        (values(STAGING, "1.1.2", extra=PINNED), "as-found", values(STAGING, "1.1.3", extra=f"  digest: {NEW}\n")),
        (values(STAGING, "1.1.2", extra=PINNED), "tag", values(STAGING, "1.1.3", extra='  digest: ""\n')),
        (values(STAGING, "1.1.2", extra=PINNED), "tag+digest", values(STAGING, "1.1.3", extra=f"  digest: {NEW}\n")),
        (values(STAGING, f"1.1.2@{OLD}"), "as-found", values(STAGING, f"1.1.3@{NEW}")),
        (values(STAGING, f"1.1.2@{OLD}"), "tag", values(STAGING, "1.1.3")),
        (string("1.1.2"), "as-found", string("1.1.3")),
        (string("1.1.2"), "tag+digest", string(f"1.1.3@{NEW}")),
        (string(f"1.1.2@{OLD}"), "tag", string("1.1.3")),
        (by_digest(OLD), "as-found", by_digest(NEW)),
        (by_digest(OLD), "tag", string("1.1.3")),
        (by_digest(OLD), "tag+digest", string(f"1.1.3@{NEW}")),
        (in_a_map(OLD), "as-found", in_a_map(NEW)),
        (string("1.1.2"), "digest", by_digest(NEW)),
        (string(f"1.1.2@{OLD}"), "digest", by_digest(NEW)),
        (by_digest(OLD), "digest", by_digest(NEW)),
        (in_a_map(OLD), "digest", in_a_map(NEW)),
    ],
)
def test_what_is_written(paper: Paper, found: bytes, write: str, wanted: bytes) -> None:
    paper.trees["m1"][STAGING_FILE] = found
    assert written(paper, write) == wanted


@pytest.mark.parametrize(
    ("write", "extra", "title"),
    [
        ("tag+digest", "", "api 1.1.3 with digest to staging"),
        ("tag", f"  digest: {NEW}\n", "api 1.1.3 without digest to staging"),
    ],
)
def test_the_same_version_is_proposed_once_more_for_its_digest(
    paper: Paper, write: str, extra: str, title: str
) -> None:
    paper.trees["m1"][STAGING_FILE] = values(STAGING, "1.1.3", extra=extra)
    paper.tags["staging", "shop/api", "1.1.3"] = NEW
    assert paper.verdict("api").standing is Standing.CURRENT
    verdict = paper.verdict("api", config=configured(staging={"write": write}))
    assert verdict.step is not None
    (opening,) = [action for action in verdict.step.actions if isinstance(action, OpenRequest)]
    assert opening.draft.title == title


def test_a_form_without_room_for_a_digest_is_refused(paper: Paper) -> None:
    paper.trees["m1"][STAGING_FILE] = b"version: 1.1.2\n"
    staging = {
        "write": "tag+digest",
        "fields": [{"pointer": "/version", "holds": "tag", "image": f"{STAGING}/shop/{{service}}"}],
    }
    verdict = paper.verdict("api", config=configured(staging=staging))
    assert verdict.blocked is not None
    assert "no place for a digest" in verdict.blocked.reason


@pytest.mark.parametrize(
    "found", [values(STAGING, "1.1.2"), values(STAGING, "1.1.2", extra=PINNED), values(STAGING, f"1.1.2@{OLD}")]
)
def test_no_tag_stays_empty_or_stale_beside_a_digest_that_shall_stand_alone(paper: Paper, found: bytes) -> None:
    paper.trees["m1"][STAGING_FILE] = found
    verdict = paper.verdict("api", config=configured(staging={"write": "digest"}))
    assert verdict.blocked is not None
    assert f"{STAGING_FILE}:2: /image can't become {STAGING}/shop/api@{NEW}" in verdict.blocked.reason
    assert "the key `tag` would stay without a value" in verdict.blocked.reason
    assert "write: tag+digest" in verdict.blocked.remedy
