"""What reviewers are told of the source's other changes: those since the last promotion, where that is known."""

from __future__ import annotations

import pytest

from bot.decide.text import fingerprints_in
from bot.plan import OpenRequest, UpdateRequest
from bot.questions import Files, History
from bot.repositories import Commit, MergeRequest, RequestState
from tests.paper import E2E, STAGING, Paper, commit, digest, values

E2E_FILE, STAGING_FILE = "apps/api/e2e/values.yaml", "apps/api/staging/values.yaml"
THEN = "replicas: 1\nenv:\n  - {name: REGION, value: eu}\n"
NOW = "replicas: 3\nenv:\n  - {name: FEATURE_X, value: on}\n  - {name: REGION, value: eu}\n"


@pytest.fixture
def paper() -> Paper:
    """Staging runs what e2e ran at its commit e1; since then e2e has a newer image and two other changes."""
    return Paper(
        trees={
            "m1": {
                E2E_FILE: values(E2E, "1.1.3-rc2", extra=NOW),
                STAGING_FILE: values(STAGING, "1.1.2", extra="replicas: 9\n"),
            },
            "e1": {E2E_FILE: values(E2E, "1.1.2-rc1", extra=THEN)},
        },
        history={STAGING_FILE: (commit("s2", email="dev@example.com"), promoted("e1"))},
        tags={("e2e", "shop/api", "1.1.3-rc2"): digest(2)},
    )


def promoted(since: str, *, key: str = "staging/api") -> Commit:
    return commit(
        "s1",
        Promotion=key,
        Promoted_Image=f"{STAGING}/shop/api:1.1.2@{digest(1)}",
        Promoted_From=f"e2e@{since} {E2E}/shop/api:1.1.2-rc1",
    )


def body(paper: Paper) -> str:
    step = paper.verdict("api").step
    assert step is not None
    (text,) = [a.draft.body for a in step.actions if isinstance(a, OpenRequest)]
    return text


def test_what_changed_since_the_last_promotion_is_listed(paper: Paper) -> None:
    text = body(paper)
    assert "**Not carried** from `apps/api/e2e/values.yaml` of `e2e`, where this changed too since commit `e1`" in text
    assert "\n- `replicas` `1` → `3`\n- `env.FEATURE_X` added\n\n" in text
    assert "REGION" not in text
    assert "9" not in text.partition("**Not carried**")[2].partition("**To undo**")[0]


def test_the_fingerprint_is_of_the_edits_alone(paper: Paper) -> None:
    before = fingerprints_in(body(paper))
    paper.history = {}
    assert "Not carried" not in body(paper)
    assert fingerprints_in(body(paper)) == before


@pytest.mark.parametrize(
    "last",
    [
        commit("s1", email="dev@example.com"),
        promoted("e1", key="staging/other"),
        promoted("gone"),
        commit("s1", Promotion="staging/api", Promoted_From="nonsense"),
        commit("s1", Promotion="staging/api", Promoted_From=f"e2e@e1 {E2E}/shop/other:1"),
    ],
)
def test_where_the_last_promotion_is_unknown_nothing_is_said(paper: Paper, last: Commit) -> None:
    paper.trees["gone"] = {}
    paper.history = {STAGING_FILE: (last,)}
    assert "Not carried" not in body(paper)


def test_a_commit_that_cannot_be_read_any_more_holds_nothing_up(paper: Paper) -> None:
    paper.lost = frozenset({"e1"})
    assert "Not carried" not in body(paper)


def test_a_manifest_that_could_not_be_read_then_tells_nothing(paper: Paper) -> None:
    paper.trees["e1"][E2E_FILE] = b"a: ["
    assert "Not carried" not in body(paper)


def test_names_and_values_cannot_end_the_code_they_stand_in(paper: Paper) -> None:
    paper.trees["m1"][E2E_FILE] = values(E2E, "1.1.3-rc2", extra=THEN + '"a`<b>\\n# c": "`<!-- x -->"\n')
    left = body(paper).partition("**Not carried**")[2].partition("**To undo**")[0]
    assert "- `a\\u0060\\u003cb>\\u000a# c` added: `\\u0060\\u003c!-- x --\\u003e`\n" in left


def test_of_many_changes_the_first_are_listed(paper: Paper) -> None:
    many = "".join(f"key_{number}: 1\n" for number in range(50)).replace("key", "flag")
    paper.trees["m1"][E2E_FILE] = values(E2E, "1.1.3-rc2", extra=THEN + many)
    text = body(paper)
    assert text.count("added: `1`") == 20
    assert "\n- and 30 more\n" in text


def test_a_further_change_updates_the_text_and_nothing_else(paper: Paper) -> None:
    step = paper.verdict("api").step
    assert step is not None
    opening = step.actions[-1]
    assert isinstance(opening, OpenRequest)
    draft = opening.draft
    paper.opened = (
        MergeRequest(
            1,
            draft.title,
            draft.body,
            draft.source_branch,
            "main",
            "b1",
            RequestState.OPEN,
            "url",
            "promobot",
            ours=True,
        ),
    )
    ours = commit(
        "b1",
        Promotion="staging/api",
        Promoted_Image=f"{STAGING}/shop/api:1.1.3@{digest(2)}",
        Promoted_From=f"e2e@c0 {E2E}/shop/api:1.1.3-rc2",
    )
    paper.heads[draft.source_branch] = "b1"
    paper.trees["b1"] = {STAGING_FILE: values(STAGING, "1.1.3", extra="replicas: 9\n")}
    paper.ahead["m1", "b1"] = (ours,)
    paper.tags["staging", "shop/api", "1.1.3"] = digest(2)
    assert paper.verdict("api").step is None
    paper.trees["m1"][E2E_FILE] = values(E2E, "1.1.3-rc2", extra=NOW + "debug: true\n")
    step = paper.verdict("api").step
    assert step is not None
    (update,) = step.actions
    assert isinstance(update, UpdateRequest)
    assert "- `debug` added: `true`" in update.body


def test_it_takes_two_questions_and_only_where_something_is_due(paper: Paper) -> None:
    paper.verdict("api")
    extra = [
        q for q in paper.asked if isinstance(q, History | Files) and getattr(q, "path", STAGING_FILE) == STAGING_FILE
    ]
    assert [q for q in extra if isinstance(q, Files) and q.rev.commit == "e1"] == [extra[-1]]
    assert sum(isinstance(q, History) for q in extra) == 1
    paper.trees["m1"][STAGING_FILE] = values(STAGING, "1.1.3")
    paper.asked.clear()
    paper.verdict("api")
    assert not [q for q in paper.asked if isinstance(q, History) and q.path == STAGING_FILE]
