"""The pages of doubles that stand by themselves, as a browser gets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doubles.github import GitHub
from tests.doubles.github.state import Status
from tests.doubles.gitlab import GitLab, life
from tests.doubles.http import Request
from tests.doubles.repository import Repository
from tests.doubles.standing import github, gitlab
from tests.doubles.standing.estate import ROBOT, Estate
from tests.doubles.standing.pages import WithPages

PROJECT = "platform/gitops"
STAND = {"gitlab": gitlab.stand, "github": github.stand}
# Below the project: the list, and the first merge request.
PLACES = {"gitlab": ("-/merge_requests", "-/merge_requests/1"), "github": ("pulls", "pull/1")}
FORGES = tuple(STAND)


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    """Two projects; promobot has pushed a branch to the first."""
    Repository.create(tmp_path, "sre/other", {"a": b"1\n"})
    Repository.create(tmp_path, PROJECT, {"a": b"-- 1\n"}).commit("topic", {"a": b"2 < 3\n"})
    return Estate(tmp_path, ("platform/approvers",), "token")


def opened(forge: str, estate: Estate) -> WithPages:
    """A forge with a merge request of promobot's, which has a label."""
    pages = STAND[forge](estate)
    match pages.app:
        case GitLab() as instance:
            instance.open(instance.projects[PROJECT], instance.user(ROBOT), "topic", labels=["mine"])
        case GitHub() as hub:
            hub.open(PROJECT, ROBOT, "topic").labels = ["mine"]
        case other:
            pytest.fail(f"{other} is neither")
    return pages


def say(pages: WithPages, state: str) -> None:
    """Promobot gives the merge request a status."""
    match pages.app:
        case GitLab() as instance:
            project = instance.projects[PROJECT]
            head = project.requests[1].sha
            life.start_pipeline(instance, project, head, "topic", "external", instance.user(ROBOT)).status = state
        case GitHub() as hub:
            said = Status(1, ROBOT, "promobot", state, None, None, hub.now())
            hub.projects[PROJECT].statuses[hub.pulls(PROJECT)[1].head] = [said]
        case other:
            pytest.fail(f"{other} is neither")


def read(pages: WithPages, path: str, method: str = "GET", status: int = 200) -> str:
    response = pages.answer(Request(method, path, {}, b"", "http://forge.example.com"))
    assert response.status == status
    return response.body.decode()


@pytest.mark.parametrize("forge", FORGES)
def test_a_page_tells_who_opened_it_and_which_words_are_labels(forge: str, estate: Estate) -> None:
    shown = read(opened(forge, estate), f"/{PROJECT}/{PLACES[forge][1]}")
    assert f" · by {ROBOT} · topic → main · " in shown
    assert " · labels: mine</p>" in shown


@pytest.mark.parametrize("forge", FORGES)
def test_the_lines_of_a_diff_are_what_they_are(forge: str, estate: Estate) -> None:
    shown = read(opened(forge, estate), f"/{PROJECT}/{PLACES[forge][1]}")
    assert "<span>--- a/a</span><span>+++ b/a</span><span>@@ -1 +1 @@</span>" in shown
    assert "<del>--- 1</del><ins>+2 &lt; 3</ins>" in shown


@pytest.mark.parametrize("forge", FORGES)
def test_what_was_merged_keeps_its_diff(forge: str, estate: Estate) -> None:
    pages, page = opened(forge, estate), f"/{PROJECT}/{PLACES[forge][1]}"
    Repository(estate.root / f"{PROJECT}.git").commit("main", {"theirs": b""})
    say(pages, "success")
    read(pages, f"{page}?merge", "POST", 303)
    shown = read(pages, page)
    assert f"{PROJECT} 1 · merged · " in shown
    assert "<ins>+2 &lt; 3</ins>" in shown
    assert "theirs" not in shown


@pytest.mark.parametrize(
    ("forge", "words"),
    [
        ("gitlab", "Merge blocked: Pipeline must succeed."),
        ("github", "Required status check &quot;promobot&quot; is expected."),
    ],
)
def test_what_promobots_status_is_not_green_for_is_not_merged(forge: str, words: str, estate: Estate) -> None:
    pages, page = opened(forge, estate), f"/{PROJECT}/{PLACES[forge][1]}"
    assert words in read(pages, f"{page}?merge", "POST", 409)
    say(pages, "pending")
    assert words in read(pages, f"{page}?merge", "POST", 409)
    assert f"{PROJECT} 1 · open · " in read(pages, page)


@pytest.mark.parametrize("forge", FORGES)
def test_a_project_and_its_list_lead_to_its_merge_requests_and_these_back(forge: str, estate: Estate) -> None:
    pages, (below, page) = opened(forge, estate), PLACES[forge]
    link = f'<a href="/{PROJECT}/{page}">'
    for address in ("/", f"/{PROJECT}", f"/{PROJECT}/{below}"):
        assert link in read(pages, address)
    assert link not in read(pages, "/sre/other")
    assert "There is none yet" in read(pages, f"/sre/other/{below}")
    assert f'<a href="/">All merge requests</a> / <a href="/{PROJECT}/{below}">' in read(pages, f"/{PROJECT}/{page}")


@pytest.mark.parametrize("forge", FORGES)
def test_the_addresses_of_the_api_and_of_git_are_not_pages(forge: str, estate: Estate) -> None:
    pages = opened(forge, estate)
    for path in ("/platform", "/api/v4/projects", "/api/v3/user", f"/{PROJECT}.git/info/refs"):
        assert not pages.route(Request("GET", path, {}, b"", "")).startswith("page ")
    assert not pages.route(Request("POST", f"/{PROJECT}", {}, b"", "")).startswith("page ")
