"""Overlays that inherit their images: where the image really is, and how it gets into the overlay."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.config import Config
from bot.decide import Facts
from bot.decide.pin import Pin, decide_pin
from bot.errors import ExitCode, UsageError
from bot.plan import OpenRequest, Plan, PushBranch, Standing, Verdict
from bot.questions import Files
from bot.repositories import ApprovalRule, Commit, MergeRequest, RequestState, Reviewers
from tests.paper import E2E, STAGING, Paper, commit, configured, digest

E2E_FILE, OVERLAY = "apps/api/e2e/kustomization.yaml", "apps/api/staging/kustomization.yaml"
DEPLOYMENT = "apps/api/base/deployment.yaml"
CONFIG = configured(
    e2e={"paths": ["apps/{service}/e2e/kustomization.yaml"]},
    staging={"paths": ["apps/{service}/staging/kustomization.yaml"]},
)
BARE = "# ours\nresources:\n  - ../base\nnamespace: shop"
PINNED = f"""\
images:
  - name: {E2E}/shop/api
    newName: {E2E}/shop/api
    newTag: 1.1.2-rc9
"""


def deployment(image: str = f"{E2E}/shop/api:1.1.2-rc9", kind: str = "Deployment") -> bytes:
    containers = f"containers:\n        - image: {image}\n        - image: docker.io/library/redis:7.4.1\n"
    return f"kind: {kind}\nspec:\n  template:\n    spec:\n      {containers}".encode()


@pytest.fixture
def paper() -> Paper:
    """Staging's overlay names no image; the base does."""
    e2e = f"resources: [../base]\nimages:\n  - name: {E2E}/shop/api\n    newTag: 1.1.3-rc2\n"
    return Paper(
        trees={
            "m1": {
                E2E_FILE: e2e.encode(),
                OVERLAY: BARE.encode(),
                "apps/api/base/kustomization.yaml": b"resources:\n- deployment.yaml\n- service.yaml\n",
                DEPLOYMENT: deployment(),
                "apps/api/base/service.yaml": b"kind: Service\n",
            }
        },
        tags={("e2e", "shop/api", "1.1.3-rc2"): digest(2)},
    )


def pinned(paper: Paper, service: str = "api", config: Config = CONFIG) -> Verdict:
    facts = Facts()
    for _ in range(12):
        decided = decide_pin(config, Pin(service, "staging"), facts)
        if isinstance(decided, Plan):
            (verdict,) = decided.verdicts
            return verdict
        facts = facts.learn({question: paper.answer(question) for question in decided.questions})
    raise AssertionError("asks without end")


def push_of(verdict: Verdict) -> PushBranch:
    assert verdict.step is not None, verdict
    return next(action for action in verdict.step.actions if isinstance(action, PushBranch))


def why(verdict: Verdict) -> tuple[str, str]:
    assert verdict.standing is Standing.BLOCKED, verdict
    assert verdict.blocked is not None
    return verdict.blocked.reason, verdict.blocked.remedy


# --- the refusal ----------------------------------------------------------------------------------------


def test_an_inherited_image_blocks_with_its_place(paper: Paper) -> None:
    assert why(paper.verdict("api", config=CONFIG)) == (
        f"e2e runs {E2E}/shop/api:1.1.3-rc2, but api in staging inherits its image from "
        f"{DEPLOYMENT}:6, {E2E}/shop/api:1.1.2-rc9",
        "`promobot pin api --env staging` proposes to write it there",
    )


def test_of_several_levels_the_nearest_that_names_it_is_told(paper: Paper) -> None:
    middle = f"bases: [../base]\nimages:\n- name: {E2E}/shop/api\n  newTag: 1.1.1\n"
    paper.trees["m1"] |= {
        OVERLAY: b"resources: [../middle]\n",
        "apps/api/middle/kustomization.yml": middle.encode(),
    }
    assert (
        f"inherits its image from apps/api/middle/kustomization.yml:3, {E2E}/shop/api:1.1.1"
        in why(paper.verdict("api", config=CONFIG))[0]
    )


def test_where_it_is_not_found_it_is_told_what_was_looked_at(paper: Paper) -> None:
    paper.trees["m1"] |= {OVERLAY: b"resources: [../base, https://example.com/base]\n", DEPLOYMENT: b"kind: Job\n"}
    assert why(paper.verdict("api", config=CONFIG)) == (
        f"e2e runs {E2E}/shop/api:1.1.3-rc2, but api in staging names no image for it (looked into {OVERLAY}, "
        f"apps/api/base/kustomization.yaml, {DEPLOYMENT}, apps/api/base/service.yaml; "
        "not looked into: https://example.com/base)",
        f"write the image in {OVERLAY}, at /images/0 as in apps/api/e2e/kustomization.yaml",
    )


def test_of_what_a_kustomization_lists_without_end_a_thousand_are_looked_at(paper: Paper) -> None:
    listed = "".join(f"- far/{number}\n" for number in range(5_000))
    paper.trees["m1"] |= {OVERLAY: f"resources:\n{listed}".encode(), DEPLOYMENT: b"kind: Job\n"}
    reason, _ = why(paper.verdict("api", config=CONFIG))
    assert reason.endswith(f", {OVERLAY.replace('kustomization.yaml', 'far/1019')}, 3,980 more)")
    most = max(len(question.patterns) for question in paper.asked if isinstance(question, Files))
    assert most == 4_000


def test_a_patch_of_a_helmrelease_is_to_be_completed_by_hand(paper: Paper) -> None:
    paths = {"paths": ["apps/{service}/staging/helmrelease.yaml"]}
    config = configured(e2e={"paths": ["apps/{service}/e2e/kustomization.yaml"]}, staging=paths)
    patch = "apps/api/staging/helmrelease.yaml"
    release = f"kind: HelmRelease\nspec:\n  values:\n    image: {{repository: {E2E}/shop/api, tag: 1.1.2-rc9}}\n"
    paper.trees["m1"] |= {
        patch: b"kind: HelmRelease\nspec: {values: {replicas: 2}}\n",
        DEPLOYMENT: release.encode(),
    }
    reason, remedy = why(paper.verdict("api", config=config))
    assert f"inherits its image from {DEPLOYMENT}:4, " in reason
    assert remedy == f"write the image with its repository in {patch}, so that staging has its own"
    assert why(pinned(paper, config=config)) == (
        f"{patch} is no kustomization, and only those can have `images`",
        f"write the image with its repository in {patch} by hand, as {DEPLOYMENT}:4 has it",
    )


# --- the pin --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (BARE, f"{BARE}\n{PINNED}"),
        (f"{BARE}\n", f"{BARE}\n{PINNED}"),
        (f"{BARE}\n".replace("\n", "\r\n"), f"{BARE}\n{PINNED}".replace("\n", "\r\n")),
        (
            f"images:\n- name: redis # cache\n  newTag: '7'\n\n{BARE}\n",
            "images:\n- name: redis # cache\n  newTag: '7'\n" + PINNED[8:].replace("\n  ", "\n")[2:] + f"\n{BARE}\n",
        ),
    ],
    ids=["no line end", "a line end", "CRLF", "a list that is there"],
)
def test_the_overlay_gets_what_the_base_names(paper: Paper, found: str, wanted: str) -> None:
    paper.trees["m1"][OVERLAY] = found.encode()
    (file,) = push_of(pinned(paper)).files
    assert file.content.decode() == wanted


def test_a_digest_is_pinned_too(paper: Paper) -> None:
    paper.trees["m1"][DEPLOYMENT] = deployment(f"{STAGING}/shop/api:1.1@{digest(4)}")
    (file,) = push_of(pinned(paper)).files
    entry = (
        f'  - name: {STAGING}/shop/api\n    newName: {STAGING}/shop/api\n    newTag: "1.1"\n    digest: {digest(4)}\n'
    )
    assert file.content.decode() == f"{BARE}\nimages:\n{entry}"


def test_it_is_opened_as_the_environment_says(paper: Paper) -> None:
    given = CONFIG.model_dump(by_alias=True, exclude_unset=True)
    given["environments"][1]["repository"]["pin_branches"] = "ops/promobot-pin/{environment}/{unit}"
    given["environments"][1]["merge_requests"] = {"labels": ["pin"]}
    given["environments"][1]["approvers"] = {"users": ["ann"], "rule": True}
    verdict = pinned(paper, config=Config.model_validate(given))
    assert verdict.step is not None
    (opening,) = [action for action in verdict.step.actions if isinstance(action, OpenRequest)]
    assert push_of(verdict).branch == opening.draft.source_branch == "ops/promobot-pin/staging/api"
    assert opening.draft.labels == ("promobot", "to-staging", "pin")
    assert opening.draft.rules == (ApprovalRule("promobot: ann", 1, Reviewers(users=("ann",))),)


def test_it_is_proposed_once_and_then_current(paper: Paper) -> None:
    verdict = pinned(paper)
    push = push_of(verdict)
    assert verdict.step is not None
    (opening,) = [action for action in verdict.step.actions if isinstance(action, OpenRequest)]
    assert (push.branch, opening.draft.title) == (
        "promobot-pin/staging/api",
        "Pin api in staging to what its base names",
    )
    assert f"`{DEPLOYMENT}` line 6" in opening.draft.body
    assert opening.draft.reviewers == Reviewers(groups=("team",))
    ours = Commit("b1", "promobot@localhost", "promobot@localhost", (("Pinned", "staging/api"),))
    paper.heads[push.branch] = "b1"
    paper.ahead["m1", "b1"] = (ours,)
    paper.trees["b1"] = {**paper.trees["m1"], **{file.path: file.content for file in push.files}}
    half = pinned(paper)
    assert half.step is not None
    assert [type(action) for action in half.step.actions] == [OpenRequest]
    draft = opening.draft
    request = MergeRequest(
        1, draft.title, draft.body, draft.source_branch, "main", "b1", RequestState.OPEN, "url", "promobot", ours=True
    )
    paper.opened = (replace(request, unfinished=True),)
    left = pinned(paper)
    assert left.step is not None
    assert left.step.actions == half.step.actions, "what a run left unfinished is finished by the next"
    paper.opened = (request,)
    assert (pinned(paper).standing, pinned(paper).step) == (Standing.PROPOSED, None)
    paper.trees["m1"] = paper.trees["b1"]
    assert pinned(paper).standing is Standing.CURRENT
    assert paper.verdict("api", config=CONFIG).standing is Standing.DUE, "now it can be promoted"
    promoted = PINNED.replace(f"newName: {E2E}", f"newName: {STAGING}")
    paper.trees["m1"][OVERLAY] = f"{BARE}\n{promoted}".encode()
    again = pinned(paper)
    assert again.standing is Standing.CURRENT, "and is not pinned again by the base's name"
    assert again.note.startswith(f"{OVERLAY}:")
    assert again.note.endswith(f" names {STAGING}/shop/api:1.1.2-rc9 already")


def test_none_is_opened_beside_one_that_a_person_sent_elsewhere(paper: Paper) -> None:
    branch = "promobot-pin/staging/api"
    request = MergeRequest(1, "t", "", branch, "other", "b1", RequestState.OPEN, "url", "promobot", ours=True)
    paper.heads[branch], paper.trees["b1"], paper.opened = "b1", paper.trees["m1"], (request,)
    paper.ahead["m1", "b1"] = (commit("b1", Pinned="staging/api"),)
    verdict = pinned(paper)
    assert why(verdict) == (
        f"the target branch of !1, from {branch}, was changed from main to other",
        "change it back to main; or close !1, then `promobot pin api --env staging` proposes again",
    )
    assert verdict.blocked is not None
    assert verdict.blocked.code is ExitCode.CONFLICT


def test_a_persons_commit_on_the_branch_is_left(paper: Paper) -> None:
    paper.heads["promobot-pin/staging/api"] = "b2"
    paper.ahead["m1", "b2"] = (commit("b2", email="ann@example.com"),)
    paper.trees["b2"] = paper.trees["m1"]
    verdict = pinned(paper)
    assert "has commit b2 by ann@example.com" in why(verdict)[0]
    assert verdict.blocked is not None
    assert verdict.blocked.code is ExitCode.CONFLICT


@pytest.mark.parametrize(
    ("base", "reason"),
    [
        (deployment("docker.io/library/nginx:1"), f"no image from {STAGING} or a source's registry was found in "),
        (deployment(f"{E2E}/shop/api"), f"{DEPLOYMENT}:6 names {E2E}/shop/api without tag and digest"),
        (f"kind: Job\nspec:\n  image: {E2E}/shop/api:1\n".encode(), f"{DEPLOYMENT}:3 isn't a container's image"),
        (
            deployment() + f"        - image: {E2E}/shop/api:7\n".encode(),
            f"{DEPLOYMENT}:6 names {E2E}/shop/api:1.1.2-rc9, but {DEPLOYMENT}:8 names {E2E}/shop/api:7",
        ),
        (b"images:\n- {name: a, newName: b}\n", "no image from"),
    ],
)
def test_what_can_not_be_pinned_is_told(paper: Paper, base: bytes, reason: str) -> None:
    paper.trees["m1"][DEPLOYMENT] = base
    assert reason in why(pinned(paper))[0]


def test_a_base_that_renames_the_image_is_told(paper: Paper) -> None:
    renamed = f"resources: [deployment.yaml]\nimages: [{{name: api, newName: {E2E}/shop/api, newTag: '1'}}]\n"
    paper.trees["m1"]["apps/api/base/kustomization.yaml"] = renamed.encode()
    reason, by_hand = why(pinned(paper))
    assert "renames the image by `newName`" in reason
    assert why(paper.verdict("api", config=CONFIG))[1] == by_hand


def test_a_pin_that_is_proposed_is_to_be_merged(paper: Paper) -> None:
    paper.carry_out(pinned(paper))
    assert why(paper.verdict("api", config=CONFIG))[1] == "merge !1, which writes it there"


@pytest.mark.parametrize("found", ["resources: [../base]\n...\n", "{resources: [../base]}\n", f"images: []\n{BARE}\n"])
def test_an_overlay_without_an_exact_place_is_refused(paper: Paper, found: str) -> None:
    paper.trees["m1"][OVERLAY] = found.encode()
    verdict = pinned(paper)
    assert f"{OVERLAY}:" in why(verdict)[0]
    assert verdict.blocked is not None
    assert verdict.blocked.code is ExitCode.MANIFEST


def test_a_manifest_without_images_beside_one_that_names_them_is_no_obstacle(paper: Paper) -> None:
    paths = ["apps/{service}/staging/kustomization.yaml", "apps/{service}/staging/values.yaml"]
    paper.trees["m1"] |= {
        OVERLAY: b"resources: []\n",
        "apps/api/staging/values.yaml": f"image: {STAGING}/shop/api:1.1.2\n".encode(),
    }
    assert pinned(paper, config=configured(staging={"paths": paths})).standing is Standing.CURRENT


def test_no_pin_is_advised_where_it_would_be_refused(paper: Paper) -> None:
    paper.trees["m1"][DEPLOYMENT] = deployment("localhost:5000/shop/api:1.0.0")
    reason, remedy = why(paper.verdict("api", config=CONFIG))
    assert f"inherits its image from {DEPLOYMENT}:6, localhost:5000/shop/api:1.0.0" in reason
    assert remedy == f"write the image with its repository in {OVERLAY}, so that staging has its own"
    assert "no image from" in why(pinned(paper))[0]


def test_a_service_that_is_not_there_is_a_mistake(paper: Paper) -> None:
    with pytest.raises(UsageError, match="staging has no service named apo"):
        pinned(paper, "apo")


def test_a_base_of_itself_ends(paper: Paper) -> None:
    paper.trees["m1"][OVERLAY] = b"resources: [../staging, ., ../../api/staging]\n"
    assert "names no image for it" in why(paper.verdict("api", config=CONFIG))[0]
    assert replace(pinned(paper), blocked=None).standing is Standing.BLOCKED


def test_a_base_at_the_root_of_the_repository_is_found(paper: Paper) -> None:
    paper.trees["m1"] |= {OVERLAY: b"resources: [../../..]\n", "kustomization.yaml": b"resources: [d.yaml]\n"}
    paper.trees["m1"]["d.yaml"] = deployment()
    assert "inherits its image from d.yaml:6" in why(paper.verdict("api", config=CONFIG))[0]
