"""Time that a digest must have been in the source environment: counted from what its branch said, and from when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.config import Config, ServiceRule
from bot.errors import ExitCode
from bot.plan import Standing, Verdict
from bot.repositories import Landing, MergeRequest, RequestState
from tests.paper import E2E, STAGING, Paper, commit, configured, digest, values

E2E_FILE, STAGING_FILE = "apps/api/e2e/values.yaml", "apps/api/staging/values.yaml"
NEW, OLD, OTHER = digest(2), digest(1), digest(3)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SOAKING = configured(staging={"gates": {"soak": timedelta(hours=2)}})
RECORD = {"Promoted_Image": f"{E2E}/shop/api:1.1.3-rc2@{NEW}", "Promoted_From": "dev@d0 dev.example.com/api:1.1.3-rc2"}


def named(bits: str, tag: str = "1.1.3-rc2") -> bytes:
    return values(E2E, tag, extra=f"  digest: {bits}\n")


def landing(hours: float, content: bytes | None, sha: str = "c") -> Landing:
    """What landed that many hours ago."""
    return Landing(sha, NOW - timedelta(hours=hours), content)


@pytest.fixture
def paper() -> Paper:
    """One service: e2e runs 1.1.3-rc2 by digest, staging 1.1.2."""
    return Paper(
        trees={"m1": {E2E_FILE: named(str(NEW)), STAGING_FILE: values(STAGING, "1.1.2")}},
        tags={("e2e", "shop/api", "1.1.3-rc2"): NEW, ("staging", "shop/api", "1.1.2"): OLD},
        now=NOW,
    )


def blocked(verdict: Verdict) -> str:
    assert verdict.standing is Standing.BLOCKED, verdict
    assert verdict.step is None
    assert verdict.blocked is not None
    assert verdict.blocked.code is ExitCode.BLOCKED
    return verdict.blocked.reason


UNTIL = f"api 1.1.3-rc2 ({NEW.short}) soaks in e2e until 2026-11-21 {{}} UTC"


@pytest.mark.parametrize(
    ("landings", "until"),
    [
        ((landing(3, named(str(NEW))),), None),
        ((landing(2, named(str(NEW))),), None),
        ((landing(1.5, named(str(NEW))),), "12:30"),
        # Its replicas changed meanwhile; the digest didn't.
        ((landing(1, named(str(NEW)) + b"replicas: 3\n"), landing(5, named(str(NEW)))), None),
        # A break starts it anew: another digest, no manifest, one that says nothing, one that can't be read.
        ((landing(1, named(str(NEW))), landing(2, named(str(OTHER))), landing(9, named(str(NEW)))), "13:00"),
        ((landing(1, named(str(NEW))), landing(2, None), landing(9, named(str(NEW)))), "13:00"),
        ((landing(1, named(str(NEW))), landing(2, b"image: {}\n"), landing(9, named(str(NEW)))), "13:00"),
        ((landing(1, named(str(NEW))), landing(2, b"a: [\n"), landing(9, named(str(NEW)))), "13:00"),
        # The same digest under another tag is the same digest.
        ((landing(1, named(str(NEW))), landing(9, named(str(NEW), tag="1.1.3-rc1"))), None),
        # A clock that is ahead: it counts as just landed, however far ahead.
        ((landing(-100, named(str(NEW))),), "14:00"),
        ((landing(1.999, named(str(NEW))),), "12:01"),
    ],
)
def test_it_counts_from_when_the_branch_first_named_the_digest_without_a_break(
    paper: Paper, landings: tuple[Landing, ...], until: str | None
) -> None:
    paper.landed[E2E_FILE] = landings
    verdict = paper.verdict("api", config=SOAKING)
    if until is None:
        assert verdict.standing is Standing.DUE
    else:
        assert blocked(verdict) == UNTIL.format(until)


def test_the_forges_own_time_of_the_merge_counts_before_a_commits(paper: Paper) -> None:
    paper.landed[E2E_FILE] = (landing(48, named(str(NEW)), sha="merge"),)
    merged = MergeRequest(
        7, "", "", "b", "main", "h", RequestState.MERGED, "url", "ann", ours=False, merge_commit="merge"
    )
    paper.merged["merge"] = replace(merged, merged_at=NOW - timedelta(hours=1))
    assert blocked(paper.verdict("api", config=SOAKING)) == UNTIL.format("13:00")
    paper.merged["merge"] = merged  # a forge that doesn't know
    assert paper.verdict("api", config=SOAKING).standing is Standing.DUE


def by_tag(paper: Paper) -> None:
    """E2e's manifest says no digest."""
    paper.trees["m1"][E2E_FILE] = values(E2E, "1.1.3-rc2")
    paper.landed[E2E_FILE] = (landing(72, values(E2E, "1.1.3-rc2")),)


def test_a_tag_that_nobody_recorded_is_unknown_and_not_old(paper: Paper) -> None:
    by_tag(paper)
    verdict = paper.verdict("api", config=SOAKING)
    assert "isn't known" in blocked(verdict)
    assert verdict.blocked is not None
    assert "write the digest beside the tag" in verdict.blocked.remedy


def test_a_tag_whose_digest_was_recorded_at_its_promotion_counts(paper: Paper) -> None:
    by_tag(paper)
    paper.history[E2E_FILE] = (commit("h1", **RECORD),)
    assert paper.verdict("api", config=SOAKING).standing is Standing.DUE


def test_a_record_says_nothing_of_the_time_before_it_was_there(paper: Paper) -> None:
    """Whoever moves a tag and then has a trailer merged doesn't make its new bits old."""
    by_tag(paper)
    older = landing(72, values(E2E, "1.1.3-rc2"), sha="c1")
    paper.landed[E2E_FILE] = (landing(1, values(E2E, "1.1.3-rc2", extra="replicas: 3\n"), sha="c2"), older)
    paper.history[E2E_FILE] = (commit("c2", **RECORD), commit("c1", email="dev@example.com"))
    paper.history_at["c1", E2E_FILE] = (commit("c1", email="dev@example.com"),)
    assert blocked(paper.verdict("api", config=SOAKING)) == UNTIL.format("13:00")


@pytest.mark.parametrize("config", [configured(), configured(staging={"gates": {"soak": timedelta(0)}})])
def test_nothing_waits_where_no_time_is_said(paper: Paper, config: Config) -> None:
    paper.landed[E2E_FILE] = (landing(0, named(str(NEW))),)
    assert paper.verdict("api", config=config).standing is Standing.DUE


def test_what_the_target_runs_already_need_not_soak_again(paper: Paper) -> None:
    paper.trees["m1"][STAGING_FILE] = values(STAGING, "1.1.3")
    paper.tags["staging", "shop/api", "1.1.3"] = NEW
    assert paper.verdict("api", config=SOAKING).standing is Standing.CURRENT
    assert not [question for question in paper.asked if type(question).__name__ in {"Landed", "MergedBy"}]


def test_in_a_group_each_service_soaks_for_itself(paper: Paper) -> None:
    for service, bits in (("young", digest(8)), ("old", digest(9))):
        tree: Mapping[str, bytes] = {
            f"apps/{service}/e2e/values.yaml": named(str(bits)),
            f"apps/{service}/staging/values.yaml": values(STAGING, "1.1.2"),
        }
        paper.trees["m1"].update(tree)
    del paper.trees["m1"][E2E_FILE], paper.trees["m1"][STAGING_FILE]
    paper.landed["apps/young/e2e/values.yaml"] = (landing(1, named(str(digest(8)))),)
    paper.landed["apps/old/e2e/values.yaml"] = (landing(9, named(str(digest(9)))),)
    config = SOAKING.model_copy(update={"services": (ServiceRule(match=("*",), group="pair"),)})
    together, alone = paper.plan(config=config).verdicts
    assert (together.unit.services, together.standing) == (("old",), Standing.DUE)
    until = "soaks in e2e until 2026-11-21 13:00 UTC"
    assert (alone.unit.name, blocked(alone)) == ("young", f"young 1.1.3-rc2 ({digest(8).short}) {until}")
