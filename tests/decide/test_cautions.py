"""What is never promoted by accident: each refusal says why and what to do, once, in full."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from bot.config import Config
from bot.decide import Orders
from bot.errors import ExitCode
from bot.plan import OpenRequest, PushBranch, Standing
from bot.questions import Commits
from bot.repositories import Commit
from tests.paper import E2E, STAGING, Paper, commit, configured, digest, values

E2E_FILE, STAGING_FILE = "apps/api/e2e/values.yaml", "apps/api/staging/values.yaml"
NEW, OLD = digest(2), digest(1)
NOW, PROPOSED, THIRD = "a" * 40, "b" * 40, "c" * 40
DROP = "`promobot promote api --to staging --allow-downgrade` proposes this one all the same"
REVISION = "org.opencontainers.image.revision"
SOURCE = configured(services=[{"match": "api", "source": {"forge": "local", "project": "shop/api"}}])


@dataclass
class Case:
    """A world, and what is said of it; `way` is what was said by name to do it all the same."""

    reason: str
    remedy: str
    change: Callable[[Paper], None]
    config: Config = field(default_factory=configured)
    way: Orders | None = None
    code: ExitCode = ExitCode.BLOCKED


def two(registry: str, api: str, worker: str) -> bytes:
    return f"a:\n  image: {registry}/shop/api:{api}\nb:\n  image: {registry}/shop/worker:{worker}\n".encode()


def newer(paper: Paper) -> None:
    paper.trees["m1"][STAGING_FILE] = values(STAGING, "1.1.4")


def hotfix(paper: Paper) -> None:
    paper.labels = {OLD: {REVISION: NOW}, NEW: {REVISION: PROPOSED}}
    paper.ahead[PROPOSED, NOW] = (commit(NOW), commit(THIRD))


def rebuilt(paper: Paper) -> None:
    newer(paper)
    paper.tags["staging", "shop/api", "1.1.4"] = OLD
    paper.labels = {OLD: {REVISION: NOW}, NEW: {REVISION: NOW}}


def unknown_commit(paper: Paper) -> None:
    hotfix(paper)
    paper.lost = frozenset({NOW})


def half(paper: Paper) -> None:
    paper.trees["m1"] = {E2E_FILE: two(E2E, "1.1.3-rc2", "1.0.0"), STAGING_FILE: two(STAGING, "1.0.0", "1.0.0")}
    paper.tags["e2e", "shop/worker", "1.0.0"] = digest(7)


def half_of_a_candidate(paper: Paper) -> None:
    """Both become 1.1.3, and the last time they came from the same."""
    paper.trees["m1"] = {E2E_FILE: two(E2E, "1.1.3-rc2", "1.1.3-rc1"), STAGING_FILE: two(STAGING, "1.1.2", "1.1.2")}
    paper.tags["e2e", "shop/worker", "1.1.3-rc1"] = digest(7)
    paper.history[STAGING_FILE] = (promoted("1.1.2-rc3", "1.1.2-rc3"),)
    paper.trees["c9"] = paper.trees["m1"]


def promoted(api: str, worker: str) -> Commit:
    return commit(
        "p1",
        Promotion="staging/api",
        Promoted_Image=[f"{STAGING}/shop/api:1.1.2@{OLD}", f"{STAGING}/shop/worker:1.1.2@{digest(8)}"],
        Promoted_From=[f"e2e@c9 {E2E}/shop/api:{api}", f"e2e@c9 {E2E}/shop/worker:{worker}"],
    )


def policy(paper: Paper) -> None:
    marked = values(STAGING, '1.1.2 # {"$imagepolicy": "flux-system:api:tag"}')
    paper.trees["m1"][STAGING_FILE] = marked


CASES = {
    "a newer version": Case(
        "would be a downgrade: staging runs 1.1.4, which is newer than 1.1.3",
        "bring a version after 1.1.4 to e2e; " + DROP,
        newer,
        way=Orders(drop=True),
    ),
    "a newer version, where no image says its revision": Case(
        "would be a downgrade: staging runs 1.1.4, which is newer than 1.1.3",
        "bring a version after 1.1.4 to e2e; " + DROP,
        newer,
        SOURCE,
        way=Orders(drop=True),
    ),
    "a rebuild of the same commit": Case(
        "would be a downgrade: staging runs 1.1.4, which is newer than 1.1.3, "
        "though both were built from commit aaaaaaaaaaaa",
        "bring a version after 1.1.4 to e2e; " + DROP,
        rebuilt,
        SOURCE,
        way=Orders(drop=True),
    ),
    "a hotfix": Case(
        "would lose a hotfix: staging runs 1.1.2, which has 2 commits of shop/api that 1.1.3 lacks, "
        "the newest is aaaaaaaaaaaa",
        "bring a version that has them to e2e; " + DROP,
        hotfix,
        SOURCE,
        way=Orders(drop=True),
    ),
    "a revision that Git doesn't have": Case(
        f"staging runs 1.1.2, and whether 1.1.3 has all of its commits is not known: cannot fetch {PROPOSED}",
        "it is no longer there; "
        "`promobot promote api --to staging --allow-downgrade` proposes 1.1.3 without this check",
        unknown_commit,
        SOURCE,
        way=Orders(drop=True),
        code=ExitCode.GIT,
    ),
    "half an update": Case(
        "e2e runs api 1.1.3-rc2 and worker 1.0.0, while staging runs 1.0.0 of every image of api: "
        "the update of e2e seems to be unfinished",
        "bring them to one version in e2e; if they are meant to differ, "
        "`promobot promote api --to staging --allow-mixed` allows it",
        half,
        way=Orders(mixed=True),
    ),
    "half a release candidate": Case(
        "e2e runs api 1.1.3-rc2 and worker 1.1.3-rc1, while staging runs 1.1.2 of every image of api: "
        "the update of e2e seems to be unfinished",
        "bring them to one version in e2e; if they are meant to differ, "
        "`promobot promote api --to staging --allow-mixed` allows it",
        half_of_a_candidate,
        way=Orders(mixed=True),
    ),
    "a tag that Flux keeps": Case(
        f"{STAGING_FILE}:2: Flux sets the tag here by its image policy flux-system:api:tag, "
        "and would overwrite what is promoted",
        "remove the `$imagepolicy` comment from that line, or set `allow_image_policy: true` for staging",
        policy,
    ),
}


@pytest.fixture
def paper() -> Paper:
    """One service: e2e runs 1.1.3-rc2, staging 1.1.2."""
    return Paper(
        trees={"m1": {E2E_FILE: values(E2E, "1.1.3-rc2"), STAGING_FILE: values(STAGING, "1.1.2")}},
        tags={("e2e", "shop/api", "1.1.3-rc2"): NEW, ("staging", "shop/api", "1.1.2"): OLD},
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_refusal_says_why_and_what_to_do(paper: Paper, case: Case) -> None:
    case.change(paper)
    verdict = paper.verdict("api", config=case.config)
    assert verdict.standing is Standing.BLOCKED
    assert verdict.blocked is not None
    assert (verdict.blocked.reason, verdict.blocked.remedy) == (case.reason, case.remedy)
    assert verdict.blocked.code is case.code


WAYS = {name: case for name, case in CASES.items() if case.way}


@pytest.mark.parametrize("case", WAYS.values(), ids=WAYS.keys())
def test_what_is_allowed_by_name_goes_is_told_and_stays_allowed(paper: Paper, case: Case) -> None:
    case.change(paper)
    verdict = paper.verdict("api", config=case.config, orders=case.way)
    assert verdict.step is not None
    assert verdict.promotion is not None
    (push,) = [action for action in verdict.step.actions if isinstance(action, PushBranch)]
    (opening,) = [action for action in verdict.step.actions if isinstance(action, OpenRequest)]
    (warning,) = verdict.promotion.warnings
    assert warning in opening.draft.body.replace("`", "")
    assert opening.draft.title.startswith("Downgrade: ") == bool(case.way and case.way.drop)
    trailers = [line.partition(": ") for line in push.message.split("\n\n")[-1].splitlines()]
    assert [value for key, _, value in trailers if key == "Allowed"] == list(verdict.promotion.moves[0].allowed)
    ours = Commit("b1", "promobot@localhost", "promobot@localhost", tuple((key, value) for key, _, value in trailers))
    paper.heads[push.branch] = "b1"
    paper.ahead["m1", "b1"] = (ours,)
    paper.trees["b1"] = {**paper.trees["m1"], **{change.path: change.content for change in push.files}}
    again = paper.verdict("api", config=case.config)
    assert again.blocked is None
    assert again.promotion is not None
    assert again.promotion.warnings == (warning,)


def test_what_flux_keeps_is_changed_where_that_is_allowed(paper: Paper) -> None:
    policy(paper)
    assert paper.verdict("api", config=configured(staging={"allow_image_policy": True})).standing is Standing.DUE


def test_what_flux_keeps_and_has_right_is_current(paper: Paper) -> None:
    paper.trees["m1"][STAGING_FILE] = values(STAGING, '1.1.3 # {"$imagepolicy": "flux-system:api:tag"}')
    paper.tags["staging", "shop/api", "1.1.3"] = NEW
    assert paper.verdict("api").standing is Standing.CURRENT


@pytest.mark.parametrize(
    ("now", "tag", "source"),
    [
        ("main-75f1f84", "same", "main-0a1b2c3"),
        ("latest", "same", "1.1.3-rc2"),
        ("20240131", "same", "1.1.3-rc2"),
        ("v1.1.3", "{major}.{minor}.{patch}", "1.1.3-rc2"),
        ("1.1.3", "{major}.{minor}.{patch}{arch}", "1.1.3-amd64"),
        ("1.1.3-rc9", "{major}.{minor}.{patch}", "1.1.3-rc10"),
    ],
)
def test_what_has_no_order_or_is_no_older_does_not_block(paper: Paper, now: str, tag: str, source: str) -> None:
    paper.trees["m1"] = {E2E_FILE: values(E2E, source), STAGING_FILE: values(STAGING, now)}
    paper.tags["e2e", "shop/api", source] = NEW
    assert paper.verdict("api", config=configured(staging={"tag": tag})).standing is Standing.DUE


def test_a_hotfix_that_was_merged_back_does_not_block(paper: Paper) -> None:
    hotfix(paper)
    paper.ahead[PROPOSED, NOW] = ()
    newer(paper)
    paper.tags["staging", "shop/api", "1.1.4"] = OLD
    assert paper.verdict("api", config=SOURCE).standing is Standing.DUE, "commits tell more than numbers"


def test_a_rebuild_of_the_same_commit_goes_forward(paper: Paper) -> None:
    paper.labels = {OLD: {REVISION: NOW}, NEW: {REVISION: NOW}}
    assert paper.verdict("api", config=SOURCE).standing is Standing.DUE


def test_commits_are_asked_only_where_a_source_is_named_and_the_tags_differ(paper: Paper) -> None:
    hotfix(paper)
    paper.verdict("api")
    paper.trees["m1"][STAGING_FILE] = values(STAGING, "1.1.3")
    paper.tags["staging", "shop/api", "1.1.3"] = NEW
    paper.verdict("api", config=SOURCE)
    assert not [question for question in paper.asked if isinstance(question, Commits)]
    paper.trees["m1"][STAGING_FILE] = values(STAGING, "1.1.2")
    paper.verdict("api", config=SOURCE)
    assert len([question for question in paper.asked if isinstance(question, Commits)]) == 1


@pytest.mark.parametrize("label", ["", "main", "-x", "A" * 40, "a" * 39, f"{'a' * 40}\n"])
def test_a_label_that_is_no_commit_counts_as_none(paper: Paper, label: str) -> None:
    hotfix(paper)
    paper.labels[NEW] = {REVISION: label}
    assert paper.verdict("api", config=SOURCE).standing is Standing.DUE


def test_many_images_are_asked_about_at_once(paper: Paper) -> None:
    names = [f"n{number}" for number in range(12)]
    for registry, path, tag in ((E2E, E2E_FILE, "1.1.3-rc2"), (STAGING, STAGING_FILE, "1.1.2")):
        images = (f"{name}: {{image: {registry}/shop/{name}:{tag}}}\n" for name in names)
        paper.trees["m1"][path] = "".join(images).encode()
    for number, name in enumerate(names):
        paper.tags["e2e", f"shop/{name}", "1.1.3-rc2"] = digest(100 + number)
        paper.tags["staging", f"shop/{name}", "1.1.2"] = digest(200 + number)
        paper.labels |= {digest(100 + number): {REVISION: PROPOSED}, digest(200 + number): {REVISION: NOW}}
    assert paper.verdict("api", config=SOURCE).standing is Standing.DUE
    assert paper.rounds <= 9


def test_images_that_always_differ_are_not_held(paper: Paper) -> None:
    paper.trees["m1"] = {E2E_FILE: two(E2E, "1.1.3-rc2", "7.0.0"), STAGING_FILE: two(STAGING, "1.1.2", "6.0.0")}
    paper.tags["e2e", "shop/worker", "7.0.0"] = digest(7)
    assert paper.verdict("api").standing is Standing.DUE


@pytest.mark.parametrize("before", [(), (promoted("1.1.2-rc3", "1.1.2-rc1"),)], ids=["unknown", "differed"])
def test_candidates_that_differed_the_last_time_too_are_not_held(paper: Paper, before: tuple[Commit, ...]) -> None:
    half_of_a_candidate(paper)
    paper.history[STAGING_FILE] = before
    assert paper.verdict("api").standing is Standing.DUE
