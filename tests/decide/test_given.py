"""An image that somebody names: proven by what its source ran, or marked as unproven."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.decide import Orders
from bot.errors import ExitCode
from bot.images import ImageParts
from bot.plan import CopyImage, OpenRequest, PushBranch, Standing, Verdict
from bot.promotion import Given, Proof
from bot.repositories import Commit, Landing
from tests.paper import E2E, STAGING, Paper, commit, configured, digest, values

E2E_FILE, STAGING_FILE = "apps/api/e2e/values.yaml", "apps/api/staging/values.yaml"
NEW, WANTED = digest(2), digest(3)


def landed(*contents: tuple[str, bytes]) -> tuple[Landing, ...]:
    return tuple(Landing(sha, datetime(2026, 11, 1, tzinfo=UTC), content) for sha, content in contents)


@pytest.fixture
def paper() -> Paper:
    """E2e runs 1.1.5-rc1 and named 1.1.4-rc1 before; staging runs 1.1.2."""
    return Paper(
        trees={
            "m1": {E2E_FILE: values(E2E, "1.1.5-rc1"), STAGING_FILE: values(STAGING, "1.1.2")},
        },
        landed={
            E2E_FILE: landed(("c2", values(E2E, "1.1.5-rc1")), ("c1", values(E2E, "1.1.4-rc1")), ("c0", b"image: [\n"))
        },
        history={E2E_FILE: tuple(commit(sha, email="dev@example.com") for sha in ("c2", "c1", "c0"))},
        tags={
            ("e2e", "shop/api", "1.1.5-rc1"): NEW,
            ("e2e", "shop/api", "1.1.4-rc1"): WANTED,
            ("e2e", "shop/api", "1.1.9-rc1"): digest(9),
        },
    )


def given(paper: Paper, image: str, unproven: str = "") -> Verdict:
    return paper.verdict("api", orders=Orders(ImageParts.parse(image), unproven))


def origin(verdict: Verdict) -> Given:
    assert verdict.promotion is not None, verdict.blocked
    (move,) = verdict.promotion.moves
    assert isinstance(move.origin, Given)
    return move.origin


def proof(verdict: Verdict) -> Proof:
    assert verdict.promotion is not None, verdict.blocked
    return verdict.promotion.moves[0].proof


def named(by: str) -> bytes:
    return f"image: {E2E}/shop/api:1.1.4-rc1@{by}\n".encode()


@pytest.mark.parametrize(
    "image", [":1.1.4-rc1", f"{E2E}/shop/api:1.1.4-rc1", "shop/api:1.1.4-rc1", f":1.1.4-rc1@{WANTED}"]
)
def test_a_tag_that_the_source_named_before_is_proven(paper: Paper, image: str) -> None:
    verdict = given(paper, image)
    assert (origin(verdict).commit, origin(verdict).unproven, proof(verdict)) == ("c1", "", Proof.HISTORY)
    assert verdict.step is not None
    (copy,) = [action for action in verdict.step.actions if isinstance(action, CopyImage)]
    assert (copy.digest, copy.tag) == (WANTED, "1.1.4")
    assert verdict.promotion is not None
    assert verdict.promotion.warnings == ()
    (opening,) = [action for action in verdict.step.actions if isinstance(action, OpenRequest)]
    assert "under exactly the digest that `e2e` ran before." in opening.draft.body
    assert "unproven" not in opening.draft.title + opening.draft.body


def test_what_the_source_runs_now_is_proven_as_ever(paper: Paper) -> None:
    verdict = given(paper, ":1.1.5-rc1")
    assert (origin(verdict).commit, proof(verdict)) == ("c2", Proof.REGISTRY)


def test_a_digest_that_the_source_named_before_brings_its_tag(paper: Paper) -> None:
    paper.trees["m1"][E2E_FILE] = named(str(NEW))
    paper.landed[E2E_FILE] = landed(("c2", named(str(NEW))), ("c1", named(str(WANTED))))
    verdict = given(paper, f"@{WANTED}")
    assert (origin(verdict).commit, proof(verdict)) == ("c1", Proof.HISTORY)
    assert str(origin(verdict).image) == f"{E2E}/shop/api:1.1.4-rc1@{WANTED}"


def test_a_digest_that_a_promotion_recorded_is_proven(paper: Paper) -> None:
    recorded = commit(
        "c1",
        Promotion="e2e/api",
        Promoted_Image=f"{E2E}/shop/api:1.1.4-rc1@{WANTED}",
        Promoted_From="dev@c7 registry-dev.example.com/shop/api:1.1.4-dev",
    )
    paper.history[E2E_FILE] = (commit("c2", email="dev@example.com"), recorded)
    del paper.tags["e2e", "shop/api", "1.1.4-rc1"]
    verdict = given(paper, f"@{WANTED}")
    assert (origin(verdict).commit, proof(verdict)) == ("c1", Proof.RECORD)


@pytest.mark.parametrize("trailers", [{}, {"Promoted_Image": f"{E2E}/shop/api:1.1.9-rc1@{digest(9)}"}])
def test_what_a_commit_said_that_the_branch_never_had_proves_nothing(paper: Paper, trailers: dict[str, str]) -> None:
    """Somebody's merge request named it and took it back: nobody who merged that saw it."""
    both = {**trailers, "Promoted_From": "dev@c7 registry-dev.example.com/shop/api:1.1.9"} if trailers else {}
    paper.history[E2E_FILE] = (commit("t2", email="dev@example.com"), commit("t1", email="dev@example.com", **both))
    paper.trees["t1"] = {E2E_FILE: values(E2E, "1.1.9-rc1")}
    verdict = given(paper, f"@{digest(9)}" if trailers else ":1.1.9-rc1")
    assert verdict.step is None
    assert verdict.blocked is not None


def test_what_never_ran_is_marked_wherever_it_is_seen(paper: Paper) -> None:
    reason = "CVE, see INC-7 @all `x` <b>"
    verdict = given(paper, ":1.1.9-rc1", reason)
    assert (origin(verdict).commit, origin(verdict).unproven, proof(verdict)) == ("", reason, Proof.NOTHING)
    assert verdict.step is not None
    assert verdict.promotion is not None
    assert verdict.promotion.warnings == (f"unproven: e2e never ran 1.1.9-rc1 ({digest(9).short}); {reason}",)
    push, _, _, opening = verdict.step.actions
    assert isinstance(push, PushBranch)
    assert isinstance(opening, OpenRequest)
    assert push.message.splitlines()[-3:] == [
        f"Promoted-Image: {STAGING}/shop/api:1.1.9@{digest(9)}",
        f"Promoted-From: unproven {E2E}/shop/api:1.1.9-rc1",
        "Unproven: CVE, see INC-7 \\u0040all \\u0060x\\u0060 \\u003cb\\u003e",
    ]
    assert opening.draft.title == "Unproven: api 1.1.2 → 1.1.9 to staging"
    assert "`e2e` never ran it." in opening.draft.body
    assert "| **nowhere** |" in opening.draft.body
    assert "CVE, see INC-7" in opening.draft.body
    assert "<b>" not in opening.draft.body


def test_a_tag_is_resolved_once(paper: Paper) -> None:
    """Whoever asks again means what was proposed, even if the tag moved since."""
    verdict = given(paper, ":1.1.9-rc1", "because")
    assert verdict.step is not None
    push = next(action for action in verdict.step.actions if isinstance(action, PushBranch))
    trailers = tuple(tuple(line.split(": ", 1)) for line in push.message.split("\n\n")[-1].splitlines())
    paper.heads[push.branch] = "b1"
    paper.ahead["m1", "b1"] = (Commit("b1", "promobot@localhost", "promobot@localhost", trailers),)  # type: ignore[arg-type]  # pairs, all of them
    paper.trees["b1"] = {**paper.trees["m1"], **{change.path: change.content for change in push.files}}
    paper.tags["staging", "shop/api", "1.1.9"] = digest(9)
    paper.tags["e2e", "shop/api", "1.1.9-rc1"] = digest(10)
    again = given(paper, ":1.1.9-rc1", "because")
    assert again.promotion is not None
    assert again.promotion.moves[0].digest == digest(9)


def test_only_the_given_image_moves(paper: Paper) -> None:
    two = "a:\n  image: {0}/shop/api:{1}\nb:\n  image: {0}/shop/worker:{1}\n"
    paper.trees["m1"] = {
        E2E_FILE: two.format(E2E, "1.1.5-rc1").encode(),
        STAGING_FILE: two.format(STAGING, "1.1.2").encode(),
    }
    paper.tags["e2e", "shop/worker", "1.1.5-rc1"] = digest(12)
    verdict = given(paper, "shop/api:1.1.4-rc1")
    assert verdict.step is not None
    (push,) = [action for action in verdict.step.actions if isinstance(action, PushBranch)]
    assert push.files[0].content.decode() == two.format(STAGING, "1.1.2").replace("shop/api:1.1.2", "shop/api:1.1.4")
    assert "several images" in refusal(given(paper, ":1.1.4-rc1"))[0]


def test_what_is_said_of_a_taken_version_is_said_of_the_given_image(paper: Paper) -> None:
    paper.tags["staging", "shop/api", "1.1.4"] = digest(77)
    reason, *_ = refusal(given(paper, ":1.1.4-rc1"))
    assert reason.endswith(f"but what was given is {WANTED.short}")


def test_what_to_type_repeats_the_image(paper: Paper) -> None:
    paper.trees["m1"][STAGING_FILE] = values(STAGING, "1.1.5")
    _, remedy, _ = refusal(given(paper, ":1.1.4-rc1"))
    assert "`promobot promote api --to staging --image :1.1.4-rc1 --allow-downgrade`" in remedy


def refusal(verdict: Verdict) -> tuple[str, str, ExitCode]:
    assert verdict.standing is Standing.BLOCKED
    assert verdict.blocked is not None
    return verdict.blocked.reason, verdict.blocked.remedy, verdict.blocked.code


@pytest.mark.parametrize(
    ("image", "reason", "remedy", "code"),
    [
        (
            ":1.1.9-rc1",
            f"e2e never ran {E2E}/shop/api:1.1.9-rc1 ({digest(9).short}), by the history of {E2E_FILE}",
            "deploy it to e2e first; if it has to go untested, "
            "`promobot promote api --to staging --image :1.1.9-rc1 --unproven REASON` proposes it",
            ExitCode.BLOCKED,
        ),
        (
            ":1.1.8-rc1",
            f"{E2E}/shop/api:1.1.8-rc1 is not in registry e2e",
            "`promobot tags api` lists what is there",
            ExitCode.BLOCKED,
        ),
        (
            f"@{digest(9)}",
            f"{E2E}/shop/api@{digest(9)} has no tag, and staging needs one for its copy",
            f"give a tag too: `--image {E2E}/shop/api:TAG@{digest(9)}`",
            ExitCode.USAGE,
        ),
        (
            f":1.1.4-rc1@{digest(9)}",
            f"{E2E}/shop/api:1.1.4-rc1 points to {WANTED.short} in registry e2e, and not to {digest(9).short}",
            "leave the tag out of `--image`, or give the digest that it points to",
            ExitCode.USAGE,
        ),
        (
            "shop/other:1.0.0",
            f"shop/other:1.0.0 is none of the images of api in e2e, which are {E2E}/shop/api",
            "give one of these with a tag or digest: `--image NAME:TAG`",
            ExitCode.USAGE,
        ),
        (
            ":1.1.4-amd64",
            "--image: 1.1.4-amd64 is for amd64 alone, which {major}.{minor}.{patch} would drop: add {arch}",
            "release it under another tag, or change `tag` of environment staging",
            ExitCode.BLOCKED,
        ),
    ],
)
def test_a_refusal_says_why_and_what_to_do(paper: Paper, image: str, reason: str, remedy: str, code: ExitCode) -> None:
    assert refusal(given(paper, image)) == (reason, remedy, code)


def test_an_older_image_needs_two_words(paper: Paper) -> None:
    paper.trees["m1"][STAGING_FILE] = values(STAGING, "1.1.5")
    assert "would be a downgrade: staging runs 1.1.5" in refusal(given(paper, ":1.1.4-rc1"))[0]
    orders = Orders(ImageParts.parse(":1.1.4-rc1"), drop=True)
    assert paper.verdict("api", orders=orders).standing is Standing.DUE


def test_what_the_source_runs_soaks_whoever_names_it(paper: Paper) -> None:
    """Only what doesn't run there can't."""
    soaking = configured(staging={"gates": {"soak": timedelta(hours=2)}})
    now, before = (
        paper.verdict("api", config=soaking, orders=Orders(ImageParts.parse(image)))
        for image in (":1.1.5-rc1", ":1.1.4-rc1")
    )
    assert now.blocked is not None
    assert "since when e2e has run" in now.blocked.reason
    assert before.promotion is not None
    assert any("soak of 2h was skipped" in warning for warning in before.promotion.warnings)
