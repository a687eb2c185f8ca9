"""How long GitLab is waited for until a merge request has the pipeline that it goes by."""

from __future__ import annotations

from typing import Any

import pytest

from bot.forges.gitlab.pipelines import head_pipeline

HEAD, BEFORE, RESULT = "1" * 40, "0" * 40, "2" * 40
OWN, TRAIN = "refs/merge-requests/1/head", "refs/merge-requests/1/train"
Shown = dict[str, Any]


def pipeline(sha: str, source: str = "push", ref: str = "x") -> Shown:
    return {"id": 7, "sha": sha, "source": source, "ref": ref}


def shown(head: Shown | None, sha: str = HEAD, state: str = "checking") -> Shown:
    return {"sha": sha, "detailed_merge_status": state, "merge_status": "checking", "head_pipeline": head}


EXTERNAL = pipeline(HEAD, "external")
THERE = shown(pipeline(HEAD, "merge_request_event", OWN))


@pytest.mark.parametrize(
    ("looks", "found"),
    [
        ([THERE], 7),
        ([shown(pipeline(HEAD))], 7),
        ([shown(EXTERNAL)], 7),
        ([shown(None)], 0),
        ([shown(None, state="preparing"), shown(None)], 0),
        ([shown(EXTERNAL, state="preparing"), THERE], 7),
        ([shown(pipeline(HEAD, "merge_request_event", OWN), state="preparing")], 7),
        ([shown(pipeline(BEFORE), sha=BEFORE), shown(pipeline(BEFORE)), shown(pipeline(HEAD))], 7),
        ([shown(pipeline(BEFORE, "merge_request_event", OWN)), THERE], 7),
        ([shown(pipeline(BEFORE, "external"))], 0),
        ([shown(pipeline(RESULT, "merge_request_event", "refs/merge-requests/1/merge"))], 0),
        ([shown(pipeline(RESULT, "merge_request_event", TRAIN))], 0),
        ([{"sha": HEAD, "merge_status": "can_be_merged"}], 0),
    ],
)
def test_it_is_waited_for_as_long_as_one_is_to_come(looks: list[Shown], found: int) -> None:
    left, slept = iter(looks), list[float]()
    assert head_pipeline(lambda: next(left), HEAD, slept.append) == found
    assert (len(slept), list(left)) == (len(looks) - 1, [])


def test_what_never_comes_is_waited_for_some_seconds() -> None:
    slept: list[float] = []
    assert head_pipeline(lambda: shown(pipeline(BEFORE)), HEAD, slept.append) == 0
    assert 3 < sum(slept) < 15
