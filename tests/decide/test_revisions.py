"""What approvers are told of the commits that an image was built from: where it is known, once, and harmlessly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from bot.config import Config
from bot.decide import Intent
from bot.decide.text import read, signed
from bot.images import Digest
from bot.plan import Standing, UpdateRequest
from bot.questions import Labels, Location, Summaries, TagDigest
from bot.repositories import Summary
from tests.paper import E2E, STAGING, Paper, configured, digest, values

REVISION, SOURCE = "org.opencontainers.image.revision", "org.opencontainers.image.source"
E2E_FILE, STAGING_FILE = "apps/api/e2e/values.yaml", "apps/api/staging/values.yaml"
OLD, NEW = digest(1), digest(2)
BEFORE, AFTER = "1" * 40, "2" * 40
PLAIN = configured()
CODE = configured(services=[{"match": "*", "source": {"forge": "local", "project": "shop/code"}}])
COMMITS = tuple(Summary(f"{number:040x}", f"Change {number}") for number in range(14))
EITHER = pytest.mark.parametrize("config", [CODE, PLAIN], ids=["source", "labels alone"])


@pytest.fixture
def paper() -> Paper:
    """e2e runs 1.1.3-rc2, built from AFTER, staging 1.1.2, built from BEFORE; Git has 14 commits between them."""
    return Paper(
        trees={"m1": {E2E_FILE: values(E2E, "1.1.3-rc2"), STAGING_FILE: values(STAGING, "1.1.2")}},
        tags={("e2e", "shop/api", "1.1.3-rc2"): NEW, ("staging", "shop/api", "1.1.2"): OLD},
        labels={OLD: {REVISION: BEFORE}, NEW: {REVISION: AFTER, SOURCE: "https://git.example.com/shop/api"}},
        between={(BEFORE, AFTER): COMMITS},
    )


def body(paper: Paper, config: Config = PLAIN, service: str = "api") -> str:
    """Do what is due, and read what the merge request says."""
    paper.carry_out(paper.verdict(service, config=config))
    (request,) = paper.opened
    return request.body


def asked(paper: Paper, *kinds: type) -> set[object]:
    """The questions of these kinds since the last time."""
    questions: set[object] = {question for question in paper.asked if isinstance(question, kinds)}
    paper.asked.clear()
    return questions


def test_the_commits_that_come_are_listed_newest_first(paper: Paper) -> None:
    text = body(paper, CODE)
    assert "\n**New:** 14 commits of `shop/code`, `1111111 → 2222222` by the labels of the images\n\n" in text
    assert "\n\n- `0000000` `Change 0`\n- `0000000` `Change 1`\n" in text
    assert "`Change 9`\n- and 4 more\n\n" in text
    assert "](" not in text, "the local forge has no pages"


def test_the_commits_that_go_come_first(paper: Paper) -> None:
    paper.between[AFTER, BEFORE] = (Summary("3" * 40, "Hotfix"),)
    text = body(paper, CODE)
    assert "**Gone:** 1 commit; **New:** 14 commits of `shop/code`" in text
    assert text.index("- **gone:** `3333333` `Hotfix`") < text.index("`Change 0`")


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({}, "- Built from `1111111 → 2222222` of `https://git.example.com/shop/api`, by the labels.\n"),
        ({OLD: {}}, "- Built from `2222222` of `https://git.example.com/shop/api`, by the labels.\n"),
        ({NEW: {REVISION: AFTER}}, "- Built from `1111111 → 2222222`, by the labels.\n"),
        ({NEW: {REVISION: BEFORE}}, "- Built from the same commit as before, `1111111`, by the labels.\n"),
        ({NEW: {REVISION: "v1.1.3"}}, "- Built from `1111111 → v1.1.3`, by the labels.\n"),
    ],
)
def test_without_a_source_the_labels_alone_are_told(
    paper: Paper, labels: Mapping[Digest, Mapping[str, str]], said: str
) -> None:
    paper.labels = {**paper.labels, **labels}
    assert said in body(paper)
    assert not asked(paper, Summaries)


@EITHER
def test_a_second_pass_writes_nothing(paper: Paper, config: Config) -> None:
    body(paper, config)
    again = paper.verdict("api", config=config)
    assert (again.standing, again.step) == (Standing.PROPOSED, None)


@pytest.mark.parametrize("labels", [{}, {NEW: {}}, {OLD: {}}], ids=["told", "none", "none before"])
def test_what_was_read_is_not_asked_again(paper: Paper, labels: Mapping[Digest, Mapping[str, str]]) -> None:
    paper.labels = {**paper.labels, **labels}
    body(paper)
    assert asked(paper, Labels)
    assert paper.verdict("api").step is None
    assert asked(paper, Labels, TagDigest) == {
        TagDigest(Location("e2e", "shop/api"), "1.1.3-rc2"),
        TagDigest(Location("staging", "shop/api"), "1.1.3"),
    }


def test_of_a_newer_image_it_is_told_anew(paper: Paper) -> None:
    body(paper)
    paper.trees["m1"][E2E_FILE] = values(E2E, "1.1.4-rc1")
    paper.tags["e2e", "shop/api", "1.1.4-rc1"] = digest(3)
    paper.labels = {**paper.labels, digest(3): {REVISION: "3" * 40}}
    assert "- Built from `1111111 → 3333333`" in body(paper)


@EITHER
@pytest.mark.parametrize("silent", [OLD, NEW])
def test_what_cannot_be_found_out_holds_nothing_up_and_is_told_later(
    paper: Paper, config: Config, silent: Digest
) -> None:
    paper.trees["m1"][STAGING_FILE] = values(STAGING, "1.1.3", extra=f"  digest: {OLD}\n")
    paper.silent = frozenset({silent})
    first = body(paper, config)
    assert "1111111" not in first
    assert paper.verdict("api", config=config).step is None
    paper.silent = frozenset()
    step = paper.verdict("api", config=config).step
    assert step is not None
    assert [type(action) for action in step.actions] == [UpdateRequest]
    assert "`1111111 → 2222222`" in body(paper, config)


def test_commits_that_git_no_longer_has_leave_the_labels(paper: Paper) -> None:
    paper.trees["m1"][STAGING_FILE] = values(STAGING, "1.1.3", extra=f"  digest: {OLD}\n")
    paper.lost = frozenset({BEFORE})
    assert "- Built from `1111111 → 2222222` of `shop/code`, by the labels.\n" in body(paper, CODE)


def test_a_copied_manifest_has_nothing_before(paper: Paper) -> None:
    del paper.trees["m1"][STAGING_FILE]
    paper.trees["m1"]["apps/other/staging/values.yaml"] = values(STAGING, "1.0.0", repository="shop/other")
    text = body(paper, configured(staging={"when_missing": "copy"}))
    assert "- Built from `2222222` of `https://git.example.com/shop/api`, by the labels.\n" in text


def test_services_of_one_repository_are_told_together(paper: Paper) -> None:
    for name in ("one", "two"):
        paper.trees["m1"][f"apps/{name}/e2e/values.yaml"] = values(E2E, "1.1.3-rc2", repository=f"shop/{name}")
        paper.trees["m1"][f"apps/{name}/staging/values.yaml"] = values(STAGING, "1.1.2", repository=f"shop/{name}")
        paper.tags["e2e", f"shop/{name}", "1.1.3-rc2"] = NEW
        paper.tags["staging", f"shop/{name}", "1.1.2"] = OLD
    rule = {"match": ["one", "two"], "group": "pair", "source": {"forge": "local", "project": "shop/code"}}
    text = body(paper, configured(services=[rule]), "pair")
    assert text.count("Change 0") == 1
    assert "<details><summary>one, two: <b>14 commits</b> of shop/code</summary>\n" in text


@pytest.mark.parametrize(
    "label",
    ["", "a b", "-x", "@all", "[x](y)", "`x", "<b>", "x" * 65, "1\n2", "\u202ex", "--><!--", "{{ 7*7 }}", "$x$"],
)
def test_a_label_that_is_no_revision_counts_as_none(paper: Paper, label: str) -> None:
    paper.labels = {NEW: {REVISION: label}}
    assert "Built from" not in body(paper)


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("https://ci:s3cret@git.example.com/shop/api.git", " of `https://git.example.com/shop/api.git`,"),
        ("https://a@b:c@git.example.com/x", " of `https://git.example.com/x`,"),
        ("git@git.example.com:shop/api", " of `git@git.example.com:shop/api`,"),
        ("https://git.example.com/--/a--b", " of `https://git.example.com/--/a--b`,"),
        ("javascript:alert(1)", ","),
        ("https://git.example.com/x) --> [a](b)", ","),
        ("x" * 201, ","),
    ],
)
def test_a_place_that_labels_name_is_no_link_and_has_no_password(paper: Paper, label: str, said: str) -> None:
    paper.labels = {NEW: {REVISION: AFTER, SOURCE: label}}
    assert f"- Built from `2222222`{said} by the labels.\n" in body(paper)
    assert paper.verdict("api").step is None


def test_who_edits_what_is_remembered_can_name_a_commit_and_no_more(paper: Paper) -> None:
    text = body(paper)
    title = paper.opened[0].title
    (mark,) = [line for line in text.splitlines() if line.startswith("<!-- promobot-built")]
    begin, _, _ = mark.partition(BEFORE)
    for said in ("%60%3Cb%3E", "%40all", "x" * 10_000, "%00", "%", "a-b", "%2Da", "A B"):
        # Who edits that can say as well that it is what promobot wrote.
        forged = read(title, text).part.replace(mark, f"{begin}{said} {said} {said} -->")
        paper.opened = (replace(paper.opened[0], body=signed(title, forged)),)
        assert body(paper) == text
    forged = read(title, text).part.replace(BEFORE, "3" * 40)
    paper.opened = (replace(paper.opened[0], body=signed(title, forged)),)
    assert read(title, body(paper)).part == forged.replace("`1111111 →", "`3333333 →")


def test_a_person_who_opened_the_merge_request_is_not_believed(paper: Paper) -> None:
    body(paper)
    paper.opened = (replace(paper.opened[0], author="ann", ours=False),)
    asked(paper)
    assert paper.verdict("api").step is None
    assert asked(paper, Labels)


def test_many_images_are_asked_about_in_as_many_rounds(paper: Paper) -> None:
    images = [f"n{number}" for number in range(60)]
    for registry, path, tag in ((E2E, E2E_FILE, "1.1.3-rc2"), (STAGING, STAGING_FILE, "1.1.2")):
        paper.trees["m1"][path] = "".join(f"{n}: {{image: {registry}/shop/{n}:{tag}}}\n" for n in images).encode()
    for number, name in enumerate(images):
        paper.tags["e2e", f"shop/{name}", "1.1.3-rc2"] = digest(1000 + number)
        paper.tags["staging", f"shop/{name}", "1.1.2"] = digest(2000 + number)
        paper.labels = {
            **paper.labels,
            digest(1000 + number): {REVISION: AFTER},
            digest(2000 + number): {REVISION: BEFORE},
        }
    assert body(paper).count("promobot-built") == 50
    assert paper.rounds <= 8


def test_who_only_looks_asks_no_registry_for_labels(paper: Paper) -> None:
    """What would be done is the same; what an open merge request says of the same images is compared, so it is read."""
    looking = Intent(("api",), looking=True)
    (seen,) = paper.plan(intent=looking).verdicts
    assert asked(paper, Labels) == set()
    assert seen.step is not None
    acting = paper.verdict("api")
    assert acting.step is not None
    assert [type(one) for one in seen.step.actions] == [type(one) for one in acting.step.actions]
    paper.carry_out(acting)
    assert paper.plan(intent=looking).verdicts[0].standing is Standing.PROPOSED
    paper.trees["m1"][E2E_FILE] = values(E2E, "1.1.4")
    paper.tags["e2e", "shop/api", "1.1.4"] = digest(3)
    asked(paper)
    (newer,) = paper.plan(intent=looking).verdicts
    assert asked(paper, Labels) == set()
    assert newer.step is not None
    assert any(isinstance(one, UpdateRequest) for one in newer.step.actions)


@pytest.mark.parametrize("said", ["0123456789abcdef x y z", "garbage", ""])
def test_what_is_remembered_and_does_not_fit_is_written_anew_and_asked_once(paper: Paper, said: str) -> None:
    """Though the text around it is theirs from then on."""
    text = body(paper)
    (mark,) = [line for line in text.splitlines() if line.startswith("<!-- promobot-built")]
    paper.opened = (replace(paper.opened[0], body=text.replace(mark, f"<!-- promobot-built {said} -->")),)
    assert mark in body(paper).splitlines()
    assert "promobot-built" not in body(paper).replace(mark, "")
    asked(paper)
    assert paper.verdict("api").step is None
    assert asked(paper, Labels) == set()
