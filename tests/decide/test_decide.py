"""What is decided, and why not, over worlds on paper."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from bot.decide.objections import fingerprints
from bot.decide.text import fingerprints_in
from bot.errors import ExitCode, UsageError
from bot.images import Digest
from bot.plan import (
    Action,
    CloseRequest,
    CopyImage,
    DeleteBranch,
    OpenRequest,
    PushBranch,
    Standing,
    Verdict,
)
from bot.promotion import Proof
from bot.questions import Location, TagDigest
from bot.repositories import File, MergeRequest, RequestState, Reviewers
from tests.paper import CONFIG, E2E, STAGING, Paper, commit, configured, digest, values
from tests.paperwork import Desk

BRANCH = "promobot/staging/api"
E2E_FILE, STAGING_FILE = "apps/api/e2e/values.yaml", "apps/api/staging/values.yaml"
NEW, OLD = digest(2), digest(1)


@pytest.fixture
def paper() -> Paper:
    """One service: e2e runs 1.1.3-rc2, staging 1.1.2."""
    return Paper(
        trees={"m1": {E2E_FILE: values(E2E, "1.1.3-rc2"), STAGING_FILE: values(STAGING, "1.1.2")}},
        tags={("e2e", "shop/api", "1.1.3-rc2"): NEW, ("staging", "shop/api", "1.1.2"): OLD},
    )


def kinds(actions: Iterable[Action]) -> list[str]:
    return [type(action).__name__ for action in actions]


def actions_of(verdict: Verdict) -> tuple[Action, ...]:
    assert verdict.step is not None, verdict
    return verdict.step.actions


def push_of(verdict: Verdict) -> PushBranch:
    return next(action for action in actions_of(verdict) if isinstance(action, PushBranch))


def pushed(paper: Paper, *, foreign: str = "") -> PushBranch:
    """Carry the planned push out on paper, with a person's commit on top where an address is given."""
    push = push_of(paper.verdict("api"))
    trailers = [line.split(": ", 1) for line in push.message.splitlines() if ": " in line and "romot" in line]
    ours = commit("b1", **{key.replace("-", "_"): value for key, value in trailers})
    above = (commit("b2", email=foreign),) if foreign else ()
    paper.heads[BRANCH] = above[0].sha if above else "b1"
    paper.trees[paper.heads[BRANCH]] = {**paper.trees["m1"], **{c.path: c.content for c in push.files}}
    paper.ahead["m1", paper.heads[BRANCH]] = (*above, ours)
    return push


def request_of(paper: Paper, *, state: RequestState = RequestState.OPEN, ended_by: str = "") -> MergeRequest:
    """The merge request that is planned, as the forge would show it."""
    (opening,) = [a for a in actions_of(paper.verdict("api")) if isinstance(a, OpenRequest)]
    draft = opening.draft
    return replace(
        MergeRequest(
            1, draft.title, draft.body, draft.source_branch, "main", "b1", state, "url", "promobot", ours=True
        ),
        ended_by=ended_by,
        ended_by_us=ended_by == "promobot",
    )


# --- what is due ----------------------------------------------------------------------------------------


def test_a_newer_image_is_claimed_then_copied_then_proposed(paper: Paper) -> None:
    verdict = paper.verdict("api")
    assert verdict.standing is Standing.DUE
    assert kinds(actions_of(verdict)) == ["PushBranch", "CopyImage", "SetStatus", "OpenRequest"]
    push, copy, _, opening = actions_of(verdict)
    assert isinstance(push, PushBranch)
    assert isinstance(copy, CopyImage)
    assert isinstance(opening, OpenRequest)
    assert (push.branch, push.base, push.expected) == (BRANCH, "m1", None)
    assert push.files[0].content == values(STAGING, "1.1.3")
    assert copy == CopyImage(Location("e2e", "shop/api"), NEW, Location("staging", "shop/api"), "1.1.3")
    assert opening.draft.title == "api 1.1.2 → 1.1.3 to staging"
    assert opening.draft.reviewers == Reviewers(groups=("team",))


def test_what_a_run_opened_without_finishing_it_is_opened_again(paper: Paper) -> None:
    desk = Desk(paper)
    desk.carry_out(paper.plan())
    (request,) = paper.opened
    assert paper.verdict("api").step is None
    desk.change(request.number, unfinished=True)
    assert kinds(actions_of(paper.verdict("api"))) == ["OpenRequest"]


def test_the_commit_records_the_digest_and_where_it_came_from(paper: Paper) -> None:
    message = push_of(paper.verdict("api")).message
    assert message.splitlines()[-3:] == [
        "Promotion: staging/api",
        f"Promoted-Image: {STAGING}/shop/api:1.1.3@{NEW}",
        f"Promoted-From: e2e@c0 {E2E}/shop/api:1.1.3-rc2",
    ]


def test_the_merge_request_names_the_digest_and_ends_with_the_fingerprint(paper: Paper) -> None:
    verdict = paper.verdict("api")
    request = request_of(paper)
    assert str(NEW) in request.body
    assert verdict.promotion is not None
    assert fingerprints_in(request.body) == set(verdict.promotion.fingerprints)


def test_an_image_that_is_there_is_not_copied_again(paper: Paper) -> None:
    paper.tags["staging", "shop/api", "1.1.3"] = NEW
    assert kinds(actions_of(paper.verdict("api"))) == ["PushBranch", "SetStatus", "OpenRequest"]


def test_the_same_image_in_both_is_current(paper: Paper) -> None:
    paper.trees["m1"][STAGING_FILE] = values(STAGING, "1.1.3")
    paper.tags["staging", "shop/api", "1.1.3"] = NEW
    verdict = paper.verdict("api")
    assert verdict.standing is Standing.CURRENT
    assert verdict.step is None


def test_an_image_that_the_manifest_names_and_the_registry_lacks_is_copied(paper: Paper) -> None:
    paper.trees["m1"][STAGING_FILE] = values(STAGING, "1.1.3")
    assert kinds(actions_of(paper.verdict("api"))) == ["CopyImage"]


def test_a_digest_in_the_target_is_kept_up_with(paper: Paper) -> None:
    paper.trees["m1"][STAGING_FILE] = values(STAGING, "1.1.2", extra=f"  digest: {OLD}\n")
    assert f"digest: {NEW}".encode() in push_of(paper.verdict("api")).files[0].content


def test_a_target_that_still_names_the_source_registry_gets_its_own(paper: Paper) -> None:
    paper.trees["m1"][STAGING_FILE] = values(E2E, "1.1.2")
    assert push_of(paper.verdict("api")).files[0].content == values(STAGING, "1.1.3")


def test_a_decision_takes_few_rounds_however_many_services(paper: Paper) -> None:
    for number in range(20):
        paper.trees["m1"][f"apps/s{number}/e2e/values.yaml"] = values(E2E, "1.0.0")
        paper.trees["m1"][f"apps/s{number}/staging/values.yaml"] = values(STAGING, "0.9.0")
        paper.tags["e2e", "shop/api", "1.0.0"] = NEW
    assert len(paper.plan(config=configured(staging={"limits": {"open_requests": None}})).steps) == 21
    assert paper.rounds <= 6
    assert len(paper.asked) == len(set(paper.asked)), "nothing is asked twice"


# --- the digest -----------------------------------------------------------------------------------------


def move_digest(verdict: Verdict) -> tuple[Digest, Proof]:
    assert verdict.promotion is not None, verdict
    return verdict.promotion.moves[0].digest, verdict.promotion.moves[0].proof


def test_a_digest_in_the_source_manifest_wins_over_the_tag(paper: Paper) -> None:
    paper.trees["m1"][E2E_FILE] = values(E2E, "1.1.3-rc2", extra=f"  digest: {digest(7)}\n")
    assert move_digest(paper.verdict("api")) == (digest(7), Proof.MANIFEST)


def test_without_a_record_the_registry_is_asked(paper: Paper) -> None:
    assert move_digest(paper.verdict("api")) == (NEW, Proof.REGISTRY)


def record(tag: str, bits: Digest) -> dict[str, str]:
    return {"Promoted_Image": f"{E2E}/shop/api:{tag}@{bits}", "Promoted_From": f"dev@d0 dev.example.com/api:{tag}"}


def test_a_record_of_the_source_environments_own_promotion_wins(paper: Paper) -> None:
    paper.history[E2E_FILE] = (commit("h2", email="dev@example.com"), commit("h1", **record("1.1.3-rc2", NEW)))
    assert move_digest(paper.verdict("api")) == (NEW, Proof.RECORD)


def test_a_tag_that_moved_since_its_promotion_is_drift(paper: Paper) -> None:
    paper.history[E2E_FILE] = (commit("h1", **record("1.1.3-rc2", digest(9))),)
    verdict = paper.verdict("api")
    assert verdict.blocked is not None
    assert verdict.blocked.reason.startswith("drift: ")
    assert digest(9).short in verdict.blocked.reason
    assert NEW.short in verdict.blocked.reason


def test_a_record_of_another_tag_does_not_count(paper: Paper) -> None:
    paper.history[E2E_FILE] = (commit("h1", **record("1.1.3-rc1", digest(9))),)
    assert move_digest(paper.verdict("api")) == (NEW, Proof.REGISTRY)


def test_malformed_trailers_do_not_count(paper: Paper) -> None:
    paper.history[E2E_FILE] = (
        commit("h1", Promoted_Image="../../etc:1@sha256:12", Promoted_From="x"),
        commit("h0", Promoted_Image=f"{E2E}/shop/api:1.1.3-rc2", Promoted_From="x@y z"),
    )
    assert move_digest(paper.verdict("api")) == (NEW, Proof.REGISTRY)


def test_a_tag_that_flips_after_the_claim_changes_nothing(paper: Paper) -> None:
    pushed(paper)
    paper.tags["e2e", "shop/api", "1.1.3-rc2"] = digest(66)
    paper.tags["staging", "shop/api", "1.1.3"] = NEW
    verdict = paper.verdict("api")
    assert move_digest(verdict) == (NEW, Proof.REGISTRY)
    assert kinds(actions_of(verdict)) == ["SetStatus", "OpenRequest"]


@pytest.mark.parametrize("now", [digest(66), None])
def test_a_claim_that_no_registry_bears_out_is_not_believed(paper: Paper, now: Digest | None) -> None:
    pushed(paper)
    del paper.tags["e2e", "shop/api", "1.1.3-rc2"]
    if now is not None:
        paper.tags["e2e", "shop/api", "1.1.3-rc2"] = now
    verdict = paper.verdict("api")
    assert verdict.step is None
    assert verdict.blocked is not None
    assert f"is {NEW.short}, but its tag" in verdict.blocked.reason
    assert "delete the branch" in verdict.blocked.remedy


def test_a_claim_of_other_bits_than_were_copied_is_not_believed(paper: Paper) -> None:
    """Where versions may be made anew, it would move the tag to bits that the source never ran."""
    pushed(paper)
    paper.tags["e2e", "shop/api", "1.1.3-rc2"] = paper.tags["staging", "shop/api", "1.1.3"] = digest(66)
    verdict = paper.verdict("api", config=configured(staging={"replace_unreleased": True}))
    assert verdict.step is None
    assert verdict.blocked is not None
    assert f"is {NEW.short}, but its tag" in verdict.blocked.reason


def test_a_newer_candidate_of_the_same_release_is_resolved_anew(paper: Paper) -> None:
    pushed(paper)
    paper.trees["m1"][E2E_FILE] = values(E2E, "1.1.3-rc3")
    paper.tags["e2e", "shop/api", "1.1.3-rc3"] = digest(3)
    verdict = paper.verdict("api")
    assert move_digest(verdict) == (digest(3), Proof.REGISTRY)
    assert push_of(verdict).expected == "b1"


# --- the branch and the merge request -------------------------------------------------------------------


def test_after_a_crash_the_next_pass_goes_on_from_the_branch(paper: Paper) -> None:
    pushed(paper)
    paper.tags["staging", "shop/api", "1.1.3"] = NEW
    assert kinds(actions_of(paper.verdict("api"))) == ["SetStatus", "OpenRequest"]


def test_once_proposed_nothing_is_left_to_do(paper: Paper) -> None:
    paper.opened = (request_of(paper),)
    pushed(paper)
    paper.tags["staging", "shop/api", "1.1.3"] = NEW
    verdict = paper.verdict("api")
    assert verdict.standing is Standing.PROPOSED
    assert verdict.step is None
    assert verdict.request == paper.opened[0]


def test_another_commit_on_the_source_changes_neither_branch_nor_text(paper: Paper) -> None:
    paper.opened = (request_of(paper),)
    pushed(paper)
    paper.tags["staging", "shop/api", "1.1.3"] = NEW
    paper.history[E2E_FILE] = (commit("later", email="dev@example.com"),)
    assert paper.verdict("api").standing is Standing.PROPOSED


def changed_meanwhile(paper: Paper) -> None:
    pushed(paper)
    paper.heads["main"] = "m2"
    paper.trees["m2"] = {**paper.trees["m1"], STAGING_FILE: values(STAGING, "1.1.2", extra="replicas: 3\n")}
    paper.ahead["m2", "b1"] = paper.ahead["m1", "b1"]


def test_the_branch_stays_when_merging_it_makes_the_same_of_the_target_s_file(paper: Paper) -> None:
    changed_meanwhile(paper)
    merged = File(STAGING_FILE, "100644", values(STAGING, "1.1.3", extra="replicas: 3\n"))
    paper.merges["m2", "b1"] = (merged,)
    assert "PushBranch" not in kinds(actions_of(paper.verdict("api")))
    paper.merges["m2", "b1"] = (replace(merged, content=values(STAGING, "1.1.3", extra="replicas: 4\n")),)
    assert "PushBranch" in kinds(actions_of(paper.verdict("api")))


def test_the_branch_is_rebuilt_when_the_target_s_file_conflicts(paper: Paper) -> None:
    changed_meanwhile(paper)
    push = push_of(paper.verdict("api"))
    assert (push.base, push.expected) == ("m2", "b1")
    assert push.files[0].content == values(STAGING, "1.1.3", extra="replicas: 3\n")


def test_the_branch_stays_when_only_other_files_changed(paper: Paper) -> None:
    pushed(paper)
    paper.heads["main"] = "m2"
    paper.trees["m2"] = {**paper.trees["m1"], "README.md": b"new"}
    paper.ahead["m2", "b1"] = paper.ahead["m1", "b1"]
    assert "PushBranch" not in kinds(actions_of(paper.verdict("api")))


def test_a_persons_commit_on_the_branch_is_never_overwritten(paper: Paper) -> None:
    pushed(paper, foreign="ann@example.com")
    paper.trees["b2"][STAGING_FILE] = values(STAGING, "1.1.3", extra="by: ann\n")
    verdict = paper.verdict("api")
    assert verdict.step is None
    assert verdict.blocked is not None
    assert verdict.blocked.code is ExitCode.CONFLICT
    assert "ann@example.com" in verdict.blocked.reason


def amended(paper: Paper) -> None:
    """What `git commit --amend` or a forge's rebase button makes of our commit."""
    pushed(paper)
    (ours,) = paper.ahead["m1", "b1"]
    paper.ahead["m1", "b1"] = (replace(ours, committer_email="ann@example.com"),)


def test_our_commit_that_a_person_amended_is_never_overwritten(paper: Paper) -> None:
    amended(paper)
    paper.trees["b1"][STAGING_FILE] = values(STAGING, "1.1.3", extra="by: ann\n")
    verdict = paper.verdict("api")
    assert "by ann@example.com, which isn't overwritten" in reason(verdict)
    assert verdict.blocked is not None
    assert verdict.blocked.code is ExitCode.CONFLICT


def test_our_commit_that_a_person_rebased_is_still_our_proposal(paper: Paper) -> None:
    amended(paper)
    assert kinds(actions_of(paper.verdict("api"))) == ["CopyImage", "SetStatus", "OpenRequest"]


def test_a_persons_commit_beside_our_change_does_not_stop_the_proposal(paper: Paper) -> None:
    pushed(paper, foreign="ann@example.com")
    assert kinds(actions_of(paper.verdict("api"))) == ["CopyImage", "SetStatus", "OpenRequest"]


def test_a_branch_that_only_a_person_made_is_left_alone(paper: Paper) -> None:
    paper.heads[BRANCH] = "b9"
    paper.ahead["m1", "b9"] = (commit("b9", email="ann@example.com"),)
    paper.trees["b9"] = paper.trees["m1"]
    assert paper.verdict("api").standing is Standing.BLOCKED


def test_a_close_counts_however_the_image_would_be_written_now(paper: Paper) -> None:
    paper.closed = (request_of(paper, state=RequestState.CLOSED, ended_by="ann"),)
    assert "ann closed !1" in reason(paper.verdict("api", config=configured(staging={"write": "tag+digest"})))


def test_to_write_the_image_that_is_there_in_another_way_is_another_proposal(paper: Paper) -> None:
    paper.closed = (request_of(paper, state=RequestState.CLOSED, ended_by="ann"),)
    paper.trees["m1"][STAGING_FILE] = values(STAGING, "1.1.3")
    verdict = paper.verdict("api", config=configured(staging={"write": "tag+digest"}))
    assert push_of(verdict).files[0].path == STAGING_FILE


def test_to_make_a_manifest_is_another_proposal_than_to_edit_it(paper: Paper) -> None:
    promotion = paper.verdict("api").promotion
    assert promotion is not None
    edited, made = (set(fingerprints("staging", promotion.moves, created=c)) for c in ((), (STAGING_FILE,)))
    assert edited == set(promotion.fingerprints)
    assert edited.isdisjoint(made)


def test_what_a_person_closed_is_not_opened_again(paper: Paper) -> None:
    paper.closed = (request_of(paper, state=RequestState.CLOSED, ended_by="ann"),)
    verdict = paper.verdict("api")
    assert verdict.blocked is not None
    assert "ann closed !1" in verdict.blocked.reason
    assert paper.verdict("api", reopen=True).standing is Standing.DUE


def test_what_promobot_closed_itself_may_come_again(paper: Paper) -> None:
    paper.closed = (request_of(paper, state=RequestState.CLOSED, ended_by="promobot"),)
    assert paper.verdict("api").standing is Standing.DUE


def test_a_newer_image_than_the_closed_one_is_proposed(paper: Paper) -> None:
    paper.closed = (request_of(paper, state=RequestState.CLOSED, ended_by="ann"),)
    paper.trees["m1"][E2E_FILE] = values(E2E, "1.1.4-rc1")
    paper.tags["e2e", "shop/api", "1.1.4-rc1"] = digest(4)
    assert paper.verdict("api").standing is Standing.DUE


def test_what_is_no_longer_due_is_closed_and_tidied_away(paper: Paper) -> None:
    paper.opened = (request_of(paper),)
    pushed(paper)
    paper.tags["staging", "shop/api", "1.1.3"] = NEW
    paper.heads["main"] = "m2"
    paper.trees["m2"] = {**paper.trees["m1"], STAGING_FILE: values(STAGING, "1.1.3")}
    paper.ahead["m2", "b1"] = paper.ahead["m1", "b1"]
    close, delete = actions_of(paper.verdict("api"))
    assert isinstance(close, CloseRequest)
    assert delete == DeleteBranch(close.repository, BRANCH, "b1")


def test_a_merge_request_that_a_person_retargeted_is_not_duplicated(paper: Paper) -> None:
    request = request_of(paper)
    pushed(paper)
    paper.opened = (replace(request, target_branch="release"),)
    paper.tags["staging", "shop/api", "1.1.3"] = NEW
    verdict = paper.verdict("api")
    assert "the target branch of !1, from promobot/staging/api, was changed from main to release" in reason(verdict)
    assert verdict.blocked is not None
    # Who closes it says no, so that alone would not do.
    assert "close !1, then `promobot promote api --to staging --reopen`" in verdict.blocked.remedy
    assert verdict.blocked.code is ExitCode.CONFLICT


def test_the_branch_of_a_merge_request_that_a_person_retargeted_is_not_taken_away(paper: Paper) -> None:
    request = request_of(paper)
    pushed(paper)
    paper.opened = (replace(request, target_branch="release"),)
    paper.tags["staging", "shop/api", "1.1.3"] = NEW
    paper.heads["main"] = "m2"
    paper.trees["m2"] = {**paper.trees["m1"], STAGING_FILE: values(STAGING, "1.1.3")}
    paper.ahead["m2", "b1"] = paper.ahead["m1", "b1"]
    assert paper.verdict("api").step is None


def test_a_merge_request_that_a_person_opened_is_neither_rewritten_nor_closed(paper: Paper) -> None:
    paper.opened = (replace(request_of(paper), author="ann", ours=False, title="Mine", body="hello"),)
    pushed(paper)
    paper.tags["staging", "shop/api", "1.1.3"] = NEW
    verdict = paper.verdict("api")
    assert verdict.standing is Standing.PROPOSED
    assert verdict.request == paper.opened[0]
    paper.heads["main"] = "m2"
    paper.trees["m2"] = {**paper.trees["m1"], STAGING_FILE: values(STAGING, "1.1.3")}
    paper.ahead["m2", "b1"] = paper.ahead["m1", "b1"]
    assert paper.verdict("api").step is None, "its branch is not taken away either"


def test_a_merge_request_with_a_persons_commit_is_not_closed(paper: Paper) -> None:
    paper.opened = (request_of(paper),)
    pushed(paper, foreign="ann@example.com")
    paper.tags["staging", "shop/api", "1.1.3"] = NEW
    paper.heads["main"] = "m2"
    paper.trees["m2"] = {**paper.trees["m1"], STAGING_FILE: values(STAGING, "1.1.3")}
    paper.ahead["m2", "b2"] = paper.ahead["m1", "b2"]
    verdict = paper.verdict("api")
    assert verdict.standing is Standing.CURRENT
    assert verdict.step is None


# --- refusals -------------------------------------------------------------------------------------------


def reason(verdict: Verdict) -> str:
    assert verdict.standing is Standing.BLOCKED, verdict
    assert verdict.step is None
    assert verdict.blocked is not None
    return verdict.blocked.reason


def test_a_version_tag_that_holds_other_bits_is_taken(paper: Paper) -> None:
    paper.tags["staging", "shop/api", "1.1.3"] = digest(13)
    assert "version taken" in reason(paper.verdict("api"))


@pytest.mark.parametrize("registry", ["e2e", "staging"])
def test_an_unreachable_registry_is_unknown_not_absent(paper: Paper, registry: str) -> None:
    paper.unreachable = frozenset({registry})
    verdict = paper.verdict("api")
    assert "connection refused" in reason(verdict)
    assert verdict.blocked is not None
    assert verdict.blocked.code is ExitCode.REGISTRY


def test_an_image_that_the_source_registry_lacks(paper: Paper) -> None:
    del paper.tags["e2e", "shop/api", "1.1.3-rc2"]
    assert "is not in registry e2e" in reason(paper.verdict("api"))


def test_a_tag_that_is_no_version(paper: Paper) -> None:
    paper.trees["m1"][E2E_FILE] = values(E2E, "main-75f1f84")
    paper.tags["e2e", "shop/api", "main-75f1f84"] = NEW
    assert "is not a version" in reason(paper.verdict("api"))


def test_a_service_that_the_target_does_not_have(paper: Paper) -> None:
    del paper.trees["m1"][STAGING_FILE]
    paper.trees["m1"]["apps/other/staging/values.yaml"] = b"{}"
    assert "apps/api/staging/values.yaml" in reason(paper.verdict("api"))
    assert paper.plan().verdicts[0].standing is Standing.OUTSIDE


def test_a_service_without_an_image_of_ours(paper: Paper) -> None:
    paper.trees["m1"][E2E_FILE] = values("quay.io", "1.0.0")
    said = reason(paper.verdict("api"))
    assert said.endswith("names no image to promote from registry-e2e.example.com, but quay.io/shop/api")
    assert paper.plan().verdicts[0].standing is Standing.OUTSIDE


def test_a_service_whose_source_inherits_its_image_is_told_so(paper: Paper) -> None:
    paper.trees["m1"][E2E_FILE] = b"image:\n  tag: 1.1.3-rc2\n"
    assert "apps/api/e2e/values.yaml:2: inherits repository from base" in reason(paper.verdict("api"))


def test_a_target_that_names_another_registry(paper: Paper) -> None:
    """A slip in a registry's address is not an image that is missing."""
    paper.trees["m1"][STAGING_FILE] = values("quay.io", "1.0.0")
    blocked = paper.verdict("api").blocked
    assert blocked is not None
    assert blocked.reason == (
        f"e2e runs {E2E}/shop/api:1.1.3-rc2, but api in staging names quay.io/shop/api:1.0.0 ({STAGING_FILE}:2), "
        f"which isn't from {STAGING}"
    )
    assert blocked.remedy == "correct the image there, or `url` of registry staging"


def test_a_manifest_that_cannot_be_edited_exactly(paper: Paper) -> None:
    paper.trees["m1"][STAGING_FILE] = (
        b"x: &t 1.1.2\nimage:\n  repository: " + STAGING.encode() + b"/shop/api\n  tag: *t\n"
    )
    verdict = paper.verdict("api")
    assert "apps/api/staging/values.yaml:4: promobot can't edit this image: taken by an alias from line 1" in reason(
        verdict
    )
    assert verdict.blocked is not None
    assert verdict.blocked.code is ExitCode.MANIFEST


def test_a_manifest_that_is_not_yaml(paper: Paper) -> None:
    paper.trees["m1"][E2E_FILE] = b"a: [\n"
    assert E2E_FILE in reason(paper.verdict("api"))


def test_a_symbolic_link_is_not_followed(paper: Paper) -> None:
    paper.modes = {STAGING_FILE: "120000"}
    assert "symbolic link" in reason(paper.verdict("api"))


def test_a_missing_branch(paper: Paper) -> None:
    paper.heads = {}
    assert "has no branch main" in reason(paper.verdict("api"))


def test_where_a_source_has_no_service_at_all_its_paths_are_told(paper: Paper) -> None:
    paper.trees["m1"] = {STAGING_FILE: paper.trees["m1"][STAGING_FILE]}
    with pytest.raises(UsageError, match=r"sources are e2e") as caught:
        paper.plan("api")
    assert "apps/{service}/e2e/values.yaml" in caught.value.hint


def test_of_many_services_a_few_are_told(paper: Paper) -> None:
    paper.trees["m1"] |= {f"apps/s{n}/e2e/values.yaml": values(E2E, "1.0.0") for n in range(30)}
    with pytest.raises(UsageError) as caught:
        paper.plan("zzz-unlike-any")
    assert caught.value.hint.endswith(" and 11 more")


def test_a_misspelt_service_is_an_error_with_a_suggestion(paper: Paper) -> None:
    with pytest.raises(UsageError, match="did you mean api"):
        paper.plan("apii")


def test_an_image_without_a_tag(paper: Paper) -> None:
    paper.trees["m1"][E2E_FILE] = f"image:\n  repository: {E2E}/shop/api\n  digest: {NEW}\n".encode()
    assert "has no tag" in reason(paper.verdict("api"))


def test_one_blocked_service_does_not_hold_the_others(paper: Paper) -> None:
    paper.trees["m1"]["apps/bad/e2e/values.yaml"] = values(E2E, "9.9.9", repository="shop/bad")
    paper.trees["m1"]["apps/bad/staging/values.yaml"] = values(STAGING, "9.9.8", repository="shop/bad")
    standings = {verdict.unit.name: verdict.standing for verdict in paper.plan().verdicts}
    assert standings == {"api": Standing.DUE, "bad": Standing.BLOCKED}


# --- several images -------------------------------------------------------------------------------------

TWO = """\
worker:
  image:
    repository: {0}/shop/worker
    tag: {1}
api:
  image:
    repository: {0}/shop/api
    tag: {1}
"""


def test_a_services_images_move_together_whatever_their_order(paper: Paper) -> None:
    paper.trees["m1"][E2E_FILE] = TWO.format(E2E, "2.0.0-rc1").encode()
    halves = TWO.format(STAGING, "1.0.0").partition("api:\n")
    paper.trees["m1"][STAGING_FILE] = f"api:\n{halves[2]}{halves[0]}".encode()
    paper.tags["e2e", "shop/api", "2.0.0-rc1"] = NEW
    paper.tags["e2e", "shop/worker", "2.0.0-rc1"] = digest(5)
    verdict = paper.verdict("api")
    assert kinds(actions_of(verdict)) == ["PushBranch", "CopyImage", "CopyImage", "SetStatus", "OpenRequest"]
    assert push_of(verdict).files[0].content.count(b"tag: 2.0.0\n") == 2


def test_one_missing_image_holds_the_whole_service(paper: Paper) -> None:
    paper.trees["m1"][E2E_FILE] = TWO.format(E2E, "2.0.0-rc1").encode()
    paper.trees["m1"][STAGING_FILE] = TWO.format(STAGING, "1.0.0").encode()
    paper.tags["e2e", "shop/api", "2.0.0-rc1"] = NEW
    assert "shop/worker:2.0.0-rc1 is not in registry e2e" in reason(paper.verdict("api"))


def test_only_what_is_needed_is_asked(paper: Paper) -> None:
    paper.verdict("api")
    asked = {question for question in paper.asked if isinstance(question, TagDigest)}
    assert asked == {
        TagDigest(Location("e2e", "shop/api"), "1.1.3-rc2"),
        TagDigest(Location("staging", "shop/api"), "1.1.3"),
    }


def test_the_configuration_of_these_tests_is_valid() -> None:
    assert [target.name for _, target in CONFIG.hops] == ["staging"]
