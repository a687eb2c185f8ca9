"""A service that the target hasn't: a draft made from the source's manifest, where the configuration says so."""

from __future__ import annotations

from typing import Any

import pytest
from markdown_it import MarkdownIt

from bot.decide.text import fingerprints_in
from bot.errors import ExitCode
from bot.plan import Action, CopyImage, OpenRequest, PushBranch, SetStatus, Standing, Verdict
from bot.repositories import MergeRequest, RequestState
from tests.paper import E2E, STAGING, Paper, commit, configured, digest, values

E2E_FILE, STAGING_FILE = "apps/api/e2e/values.yaml", "apps/api/staging/values.yaml"
NEW = digest(2)
COPY = configured(staging={"when_missing": "copy"})
MORE = """\
ingress: {host: api.e2e.example.com}   # ours
role: arn:aws:iam::111111111111:role/api
existingSecret: api-db
"""
LISTING = """\
kind: Kustomization
resources:
  - ./web/staging/values.yaml # first
  - ./zoo/staging/values.yaml
namespace: shop
"""


@pytest.fixture
def paper() -> Paper:
    """E2e runs api 1.1.3-rc2, which staging hasn't; staging's kustomization lists other services."""
    return Paper(
        trees={
            "m1": {
                E2E_FILE: values(E2E, "1.1.3-rc2", extra=MORE),
                "apps/web/staging/values.yaml": values(STAGING, "1.0.0", repository="shop/web"),
                "apps/kustomization.yaml": LISTING.encode(),
            }
        },
        tags={("e2e", "shop/api", "1.1.3-rc2"): NEW},
    )


def decided(paper: Paper, **staging: Any) -> Verdict:
    return paper.verdict("api", config=configured(staging={"when_missing": "copy", **staging}))


def action(verdict: Verdict, kind: type[Action]) -> Any:
    assert verdict.step is not None, verdict
    return next(action for action in verdict.step.actions if isinstance(action, kind))


def files(verdict: Verdict) -> dict[str, bytes]:
    return {change.path: change.content for change in action(verdict, PushBranch).files}


def body(verdict: Verdict) -> str:
    return str(action(verdict, OpenRequest).draft.body)


def test_without_the_key_nothing_is_made(paper: Paper) -> None:
    assert paper.verdict("api").standing is Standing.BLOCKED
    assert paper.plan().verdicts[0].standing is Standing.OUTSIDE


def test_the_copy_is_the_sources_bytes_with_the_targets_image(paper: Paper) -> None:
    verdict = decided(paper)
    assert files(verdict)[STAGING_FILE] == values(STAGING, "1.1.3", extra=MORE)
    assert verdict.step is not None
    assert [type(one) for one in verdict.step.actions] == [PushBranch, CopyImage, SetStatus, OpenRequest]
    assert f"--- /dev/null\n+++ b/{STAGING_FILE}\n" in verdict.step.diff


def test_the_merge_request_is_a_draft(paper: Paper) -> None:
    verdict = decided(paper)
    draft = action(verdict, OpenRequest).draft
    assert draft.draft
    assert draft.title == "Add api 1.1.3 to staging"
    assert action(verdict, PushBranch).message.startswith("Add api 1.1.3 to staging\n")
    assert "Promotion: staging/api" in action(verdict, PushBranch).message


def test_a_copy_that_names_the_very_same_image_says_so(paper: Paper) -> None:
    verdict = decided(paper, registry="e2e", tag="same")
    assert files(verdict)[STAGING_FILE] == paper.trees["m1"][E2E_FILE]
    assert action(verdict, OpenRequest).draft.title == "Add api 1.1.3-rc2 to staging"
    assert action(verdict, PushBranch).message.startswith("Add api 1.1.3-rc2 to staging\n")


def test_what_is_new_beside_what_changes_is_called_so(paper: Paper) -> None:
    paper.trees["m1"]["apps/web/e2e/values.yaml"] = values(E2E, "1.2.0", repository="shop/web")
    paper.tags["e2e", "shop/web", "1.2.0"] = digest(3)
    rules = [{"match": "*", "group": "shop"}]
    verdict = paper.verdict("shop", config=configured(staging={"when_missing": "copy"}, services=rules))
    assert action(verdict, OpenRequest).draft.title == "shop: new api 1.1.3, web 1.0.0 → 1.2.0 to staging"
    assert action(verdict, PushBranch).message.startswith("Promote shop: new api 1.1.3, web ")


def test_other_merge_requests_are_no_drafts(paper: Paper) -> None:
    paper.trees["m1"][STAGING_FILE] = values(STAGING, "1.1.2")
    verdict = decided(paper)
    assert not action(verdict, OpenRequest).draft.draft
    assert files(verdict).keys() == {STAGING_FILE}


def test_the_kustomization_lists_the_copy_like_its_neighbours(paper: Paper) -> None:
    neighbour = "  - ./zoo/staging/values.yaml\n"
    wanted = LISTING.replace(neighbour, f"{neighbour}  - ./api/staging/values.yaml\n")
    verdict = decided(paper)
    assert files(verdict)["apps/kustomization.yaml"].decode() == wanted
    assert "- `apps/kustomization.yaml` lists it.\n" in body(verdict)
    assert verdict.step is not None
    assert "\n+  - ./api/staging/values.yaml\n" in verdict.step.diff


def test_the_reviewer_is_told_what_was_copied(paper: Paper) -> None:
    text = body(decided(paper))
    assert (
        f"- `{STAGING_FILE}` is new: `{E2E_FILE}` of `e2e` with `staging`'s images, and no other byte changed.\n"
        in text
    )
    assert "  - host name `api.e2e.example.com`, line 4\n" in text
    assert "  - cloud account `111111111111`, line 5\n" in text
    assert "  - Secret `api-db`, line 6\n" in text
    assert "registry-e2e" not in text.partition("**This is a draft**")[2].partition("**To undo**")[0]
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert html.count("<ul>") == 5, "what is there, what to look at in the file, evidence and its details"
    assert "<td>new</td>" in html


def test_of_much_that_was_copied_the_first_is_told_and_never_at_length(paper: Paper) -> None:
    names = [f"{'x' * 300}{number}" for number in range(130)]
    more = "".join(f"k{number}: {{secretName: {name}}}\n" for number, name in enumerate(names))
    paper.trees["m1"][E2E_FILE] = values(E2E, "1.1.3-rc2", extra=more)
    text = body(decided(paper))
    assert text.count(f"- Secret `{'x' * 199}…`, ") == 100
    assert "  - and 30 more\n" in text


def test_a_file_that_is_listed_already_is_not_listed_twice(paper: Paper) -> None:
    paper.trees["m1"]["apps/kustomization.yaml"] += b"# api\n"
    paper.trees["m1"]["apps/kustomization.yaml"] = LISTING.replace("./zoo", "api/../api").encode()
    assert files(decided(paper)).keys() == {STAGING_FILE}


@pytest.mark.parametrize(
    ("listings", "note"),
    [
        ({}, f"no kustomization lists files like {STAGING_FILE}: see that it is deployed"),
        ({"apps/kustomization.yaml": "resources: [../x, ns.yaml]\n"}, "no kustomization lists files like"),
        (
            {"apps/kustomization.yaml": "resources: [web/staging/values.yaml]\n"},
            "apps/kustomization.yaml:1: resources isn't a list with web/staging/values.yaml on a line of its own",
        ),
        (
            {"apps/kustomization.yaml": "resources:\n- web\n- zoo/staging/values.yaml\n"},
            "apps/kustomization.yaml lists such files in several ways (web and zoo/staging/values.yaml)",
        ),
        (
            {"kustomization.yaml": "resources:\n- apps/web/staging\n"},
            "kustomization.yaml lists folders, and apps/api/staging has no kustomization: add one, and list the folder",
        ),
        ({"apps/kustomization.yaml": "resources: ["}, "apps/kustomization.yaml:1: not YAML"),
    ],
)
def test_where_no_kustomization_is_plain_the_reviewer_is_told(
    paper: Paper, listings: dict[str, str], note: str
) -> None:
    del paper.trees["m1"]["apps/kustomization.yaml"]
    paper.trees["m1"] |= {path: content.encode() for path, content in listings.items()}
    verdict = decided(paper)
    assert files(verdict).keys() == {STAGING_FILE}
    assert note in body(verdict).replace("`", "")


def test_a_folder_is_listed_once_it_has_a_kustomization_of_its_own(paper: Paper) -> None:
    del paper.trees["m1"]["apps/kustomization.yaml"]
    paper.trees["m1"] |= {
        "kustomization.yaml": b"resources:\n- apps/web/staging/\n",
        "apps/api/e2e/kustomization.yaml": b"resources: [values.yaml]\n",
    }
    patterns = ["apps/{service}/{0}/values.yaml", "apps/{service}/{0}/kustomization.yaml"]
    config = configured(
        {"paths": [pattern.replace("{0}", "e2e") for pattern in patterns]},
        {"paths": [pattern.replace("{0}", "staging") for pattern in patterns], "when_missing": "copy"},
    )
    pushed = files(paper.verdict("api", config=config))
    assert pushed.keys() == {STAGING_FILE, "apps/api/staging/kustomization.yaml", "kustomization.yaml"}
    assert pushed["kustomization.yaml"] == b"resources:\n- apps/web/staging/\n- apps/api/staging/\n"
    assert pushed["apps/api/staging/kustomization.yaml"] == b"resources: [values.yaml]\n"


def test_what_a_copied_kustomization_lists_is_no_worry(paper: Paper) -> None:
    del paper.trees["m1"]["apps/kustomization.yaml"]
    paper.trees["m1"]["apps/api/e2e/kustomization.yaml"] = b"resources: [values.yaml]\n"
    patterns = ["apps/{service}/{0}/values.yaml", "apps/{service}/{0}/kustomization.yaml"]
    config = configured(
        {"paths": [pattern.replace("{0}", "e2e") for pattern in patterns]},
        {"paths": [pattern.replace("{0}", "staging") for pattern in patterns], "when_missing": "copy"},
    )
    text = body(paper.verdict("api", config=config)).replace("`", "")
    assert f"files like {STAGING_FILE}" not in text
    assert "no kustomization lists files like apps/api/staging/kustomization.yaml" in text


def test_a_path_that_does_not_say_where_the_copy_belongs(paper: Paper) -> None:
    verdict = decided(paper, paths=["apps/{service}/stag*/values.yaml"])
    assert verdict.blocked is not None
    assert "`paths` there don't say where a copy of apps/api/e2e/values.yaml belongs" in verdict.blocked.reason
    assert verdict.blocked.code is ExitCode.USAGE


def test_a_service_without_an_image_of_ours_is_not_copied(paper: Paper) -> None:
    paper.trees["m1"][E2E_FILE] = values("quay.io", "1.0.0")
    assert paper.plan(config=COPY).verdicts[0].standing is Standing.OUTSIDE


# --- once it is proposed --------------------------------------------------------------------------------


@pytest.fixture
def proposed(paper: Paper) -> Paper:
    """The draft is open, its branch holds our commit, the image is copied."""
    verdict = decided(paper)
    draft = action(verdict, OpenRequest).draft
    paper.opened = (
        MergeRequest(
            1, draft.title, draft.body, draft.source_branch, "main", "b1", RequestState.OPEN, "u", "promobot", ours=True
        ),
    )
    ours = commit(
        "b1",
        Promotion="staging/api",
        Promoted_Image=f"{STAGING}/shop/api:1.1.3@{NEW}",
        Promoted_From=f"e2e@c0 {E2E}/shop/api:1.1.3-rc2",
    )
    paper.heads[draft.source_branch] = "b1"
    paper.trees["b1"] = {**paper.trees["m1"], **files(verdict)}
    paper.ahead["m1", "b1"] = (ours,)
    paper.tags["staging", "shop/api", "1.1.3"] = NEW
    return paper


def test_once_proposed_nothing_is_left_to_do(proposed: Paper) -> None:
    verdict = decided(proposed)
    assert verdict.standing is Standing.PROPOSED
    assert verdict.step is None


def test_what_a_reviewer_makes_of_the_copy_is_left_to_them(proposed: Paper) -> None:
    proposed.heads["promobot/staging/api"] = "b2"
    proposed.trees["b2"] = {**proposed.trees["b1"], STAGING_FILE: values(STAGING, "1.1.3", extra="host: staging\n")}
    proposed.ahead["m1", "b2"] = (commit("b2", email="ann@example.com"), *proposed.ahead["m1", "b1"])
    verdict = decided(proposed)
    assert verdict.standing is Standing.PROPOSED
    assert verdict.step is None


def test_a_newer_image_does_not_overwrite_what_a_reviewer_made(proposed: Paper) -> None:
    proposed.heads["promobot/staging/api"] = "b2"
    proposed.trees["b2"] = {**proposed.trees["b1"], STAGING_FILE: values(STAGING, "1.1.3", extra="host: staging\n")}
    proposed.ahead["m1", "b2"] = (commit("b2", email="ann@example.com"), *proposed.ahead["m1", "b1"])
    proposed.trees["m1"][E2E_FILE] = values(E2E, "1.1.4-rc1", extra=MORE)
    proposed.tags["e2e", "shop/api", "1.1.4-rc1"] = digest(4)
    verdict = decided(proposed)
    assert verdict.blocked is not None
    assert verdict.blocked.code is ExitCode.CONFLICT


def test_a_changed_source_rebuilds_a_copy_that_nobody_touched(proposed: Paper) -> None:
    proposed.trees["m1"][E2E_FILE] = values(E2E, "1.1.3-rc2", extra=MORE + "replicas: 2\n")
    verdict = decided(proposed)
    assert files(verdict)[STAGING_FILE] == values(STAGING, "1.1.3", extra=MORE + "replicas: 2\n")


def test_a_draft_that_a_person_closed_is_not_opened_again(proposed: Paper) -> None:
    (request,) = proposed.opened
    proposed.opened = ()
    proposed.closed = (
        MergeRequest(
            1, request.title, request.body, request.source_branch, "main", "b1", RequestState.CLOSED, "u", "promobot",
            ours=True, ended_by="ann",
        ),
    )  # fmt: skip
    verdict = decided(proposed)
    assert verdict.blocked is not None
    assert "ann closed !1" in verdict.blocked.reason
    assert fingerprints_in(request.body)


def test_once_the_target_has_it_there_is_nothing_to_make(proposed: Paper) -> None:
    proposed.opened = ()
    proposed.heads = {"main": "b1"}
    assert decided(proposed).standing is Standing.CURRENT
