"""What approvers read: the merge request's body as a CommonMark renderer shows it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from bot.decide.text import Background
from bot.decide.text.context import make_context
from bot.plan import OpenRequest, PushBranch
from tests.paper import E2E, STAGING, Paper, commit, configured, digest, values


@pytest.fixture
def paper() -> Paper:
    """A service with two images, one of them named twice."""
    images = "".join(
        f"{key}:\n  image:\n    repository: {{0}}/shop/{name}\n    tag: {{1}}\n"
        for key, name in (("api", "api"), ("cron", "api"), ("worker", "worker"))
    )
    return Paper(
        trees={
            "m1": {
                "apps/api/e2e/values.yaml": images.format(E2E, "2.0.0-rc1").encode(),
                "apps/api/staging/values.yaml": images.format(STAGING, "1.9.0").encode(),
            }
        },
        tags={("e2e", "shop/api", "2.0.0-rc1"): digest(1), ("e2e", "shop/worker", "2.0.0-rc1"): digest(2)},
    )


def opening(paper: Paper) -> OpenRequest:
    step = paper.verdict("api").step
    assert step is not None
    (action,) = [action for action in step.actions if isinstance(action, OpenRequest)]
    return action


def test_the_body_is_a_table_a_list_and_folded_evidence(paper: Paper) -> None:
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(opening(paper).draft.body)
    assert html.count("<table>") == 1
    assert html.count("<tr>") == 1 + 2, "a header and one row for each image, not for each place"
    assert html.count("<ul>") == 2 + 2
    assert re.search(rf"</table>\n<p>All of them are present in <code>{STAGING}</code>", html)
    assert re.search(r"<details><summary>Evidence</summary>\n<ul>", html)
    assert html.rstrip().endswith("-->")
    places = "<code>apps/api/staging/values.yaml</code> lines 4, 8, 12"
    assert f"The change: {places}; no other byte." in html


def test_the_title_says_once_what_all_images_of_a_service_do(paper: Paper) -> None:
    assert opening(paper).draft.title == "api 1.9.0 → 2.0.0 to staging"


def test_the_title_leaves_out_what_stays(paper: Paper) -> None:
    content = paper.trees["m1"]["apps/api/staging/values.yaml"].decode()
    begin, _, end = content.rpartition("1.9.0")
    paper.trees["m1"]["apps/api/staging/values.yaml"] = f"{begin}2.0.0{end}".encode()
    paper.tags["staging", "shop/worker", "2.0.0"] = digest(2)
    assert opening(paper).draft.title == "api 1.9.0 → 2.0.0 to staging"


def test_the_body_does_not_change_by_itself(paper: Paper) -> None:
    assert opening(paper).draft.body == opening(paper).draft.body


def test_the_commit_message_has_a_subject_a_body_and_trailers(paper: Paper) -> None:
    step = paper.verdict("api").step
    assert step is not None
    (push,) = [action for action in step.actions if isinstance(action, PushBranch)]
    subject, _, rest = push.message.partition("\n\n")
    body, _, trailers = rest.rpartition("\n\n")
    assert subject == "Promote api 1.9.0 → 2.0.0 to staging"
    assert body.splitlines()[0] == "shop/api 1.9.0 → 2.0.0"
    assert all(re.fullmatch(r"[A-Z][A-Za-z-]+: \S.*", line) for line in trailers.splitlines())


def test_an_image_outside_the_service_changes_nothing(paper: Paper) -> None:
    before = opening(paper).draft.body
    paper.trees["m1"]["apps/other/e2e/values.yaml"] = values(E2E, "9.9.9")
    assert opening(paper).draft.body == before


def test_what_changes_in_many_files_is_no_wall_of_names() -> None:
    """Of a group's services each has a file that changes, and one at the source that changed besides."""
    paper, names = Paper(trees={"m1": {}, "e1": {}}), [f"s{number}" for number in range(6)]
    for name in names:
        e2e, staging = f"apps/{name}/e2e/values.yaml", f"apps/{name}/staging/values.yaml"
        paper.trees["m1"][e2e] = values(E2E, "1.1.3", repository=f"shop/{name}", extra="replicas: 2\n")
        paper.trees["e1"][e2e] = values(E2E, "1.1.2", repository=f"shop/{name}", extra="replicas: 1\n")
        paper.trees["m1"][staging] = values(STAGING, "1.1.2", repository=f"shop/{name}")
        paper.tags["e2e", f"shop/{name}", "1.1.3"] = digest(1)
        whence = f"e2e@e1 {E2E}/shop/{name}:1.1.2"
        paper.history[staging] = (commit("s1", Promotion="staging/shop", Promoted_From=whence),)
    paper.carry_out(paper.verdict("shop", config=configured(services=[{"match": "*", "group": "shop"}])))
    (request,) = paper.opened
    assert "- The change: only what names these images, in 6 files; no other byte.\n" in request.body
    assert request.body.count("<details><summary><b>Not carried:</b> 1 other change in ") == len(names)


def test_registries_of_one_host_are_told_apart_by_their_paths(paper: Paper) -> None:
    promotion = paper.verdict("api").promotion
    assert promotion is not None
    for host, said in ((E2E, STAGING), (STAGING, f"{STAGING}/shop")):
        origin = replace(promotion.moves[0].origin, image=replace(promotion.moves[0].origin.image, registry=host))
        moved = replace(promotion, moves=(replace(promotion.moves[0], origin=origin),))
        assert list(make_context(moved, Background(), 5)["registries"]) == [said]
