"""GitLab's double is as GitLab is said to be: each refusal, and what becomes of merge requests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from bot.errors import GitError
from bot.git import Clone, Credential, LeaseLost, Pushed
from bot.repositories import FileChange
from tests.doubles.gitlab import DEVELOPER, GUEST, MAINTAINER, REPORTER, GitLab, Patience, Project, behaviour
from tests.doubles.gitlab.serving import serve_gitlab
from tests.doubles.server import Running
from tests.git.conftest import BOT, NOON

PROJECT = "platform/gitops/prod"
ENCODED = "platform%2Fgitops%2Fprod"


@dataclass
class Client:
    """Somebody with a token."""

    running: Running
    token: str

    def __call__(self, method: str, path: str, body: Any = None, *, project: bool = True) -> requests.Response:
        below = f"/projects/{ENCODED}" if project else ""
        headers = {"PRIVATE-TOKEN": self.token} if self.token else {}
        url = f"{self.running.url}/api/v4{below}{path}"
        return requests.request(method, url, json=body, headers=headers, timeout=10)

    def refused(self, method: str, path: str, body: object = None, *, project: bool = True) -> tuple[int, Any]:
        answer = self(method, path, body, project=project)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()

    def open(self, source: str = "x", **fields: object) -> dict[str, Any]:
        body = {"title": "Promote web", "source_branch": source, "target_branch": "main", **fields}
        answer = self("POST", "/merge_requests", body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def get(self, path: str = "/merge_requests/1") -> Any:
        answer = self("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def gitlab(tmp_path: Path) -> GitLab:
    return GitLab(tmp_path / "repositories", patience=Patience(mergeability=0))


@pytest.fixture
def running(gitlab: GitLab) -> Iterator[Running]:
    with serve_gitlab(gitlab) as double:
        yield double


@pytest.fixture
def project(gitlab: GitLab) -> Project:
    made = gitlab.project(PROJECT, {"a": b"1\n", "b": b"1\n"})
    gitlab.protect(made, "main", push=MAINTAINER, merge=DEVELOPER)
    made.repository.commit("x", {"a": b"2\n"})
    return made


@pytest.fixture
def bot(gitlab: GitLab, project: Project, running: Running) -> Client:
    return Client(running, gitlab.bot(project.namespace))


def client(gitlab: GitLab, running: Running, username: str, role: int, *scopes: str, ended: str = "") -> Client:
    user = gitlab.user(username)
    gitlab.join(user, gitlab.projects[PROJECT].namespace, role)
    return Client(running, gitlab.token(user, *scopes, ended=ended))


# --- who asks -------------------------------------------------------------------------------------------


def test_tokens_and_their_scopes(gitlab: GitLab, running: Running, bot: Client) -> None:
    assert bot("GET", "/user", project=False).json()["bot"] is True
    assert bot("GET", "/personal_access_tokens/self", project=False).json()["scopes"] == ["api"]
    assert bot("GET", "/metadata", project=False).json()["enterprise"] is True
    assert Client(running, "").refused("GET", "") == (404, {"message": "404 Project Not Found"})
    assert Client(running, "").refused(
        "POST", "/merge_requests", {"title": "t", "source_branch": "x", "target_branch": "main"}
    ) == (
        401,
        {"message": "401 Unauthorized"},
    )
    assert Client(running, "wrong").refused("GET", "") == (401, {"message": "401 Unauthorized"})
    status, said = client(gitlab, running, "old", DEVELOPER, ended="expired").refused("GET", "")
    assert (status, said["error"]) == (401, "invalid_token")
    assert said["error_description"].startswith("Token is expired")
    reader = client(gitlab, running, "reader", DEVELOPER, "read_api")
    assert reader("GET", "").status_code == 200
    status, said = reader.refused("PUT", "/merge_requests/1", {"title": "t"})
    assert (status, said["error"], said["scope"]) == (403, "insufficient_scope", "api")
    only_git = client(gitlab, running, "git", DEVELOPER, "write_repository")
    assert only_git.refused("GET", "")[1]["scope"] == "api read_api"
    gitlab.user("reader").state = "blocked"
    assert reader.refused("GET", "") == (401, {"message": "401 Unauthorized"})


def test_roles(gitlab: GitLab, running: Running, bot: Client) -> None:
    bot.open()
    stranger = Client(running, gitlab.token(gitlab.user("stranger")))
    assert stranger.refused("GET", "") == (404, {"message": "404 Project Not Found"})
    guest = client(gitlab, running, "guest", GUEST)
    assert guest.refused("GET", "/merge_requests/1") == (403, {"message": "403 Forbidden"})
    reporter = client(gitlab, running, "reporter", REPORTER)
    assert reporter.get()["iid"] == 1
    assert reporter.refused("PUT", "/merge_requests/1", {"title": "t"})[0] == 403
    assert reporter.refused("PUT", "/merge_requests/1/merge")[0] == 401
    assert bot.refused("GET", "/protected_branches")[0] == 403
    chief = client(gitlab, running, "chief", MAINTAINER)
    assert [one["name"] for one in chief.get("/protected_branches")] == ["main"]


def test_groups_with_subgroups_and_inherited_members(gitlab: GitLab, running: Running, bot: Client) -> None:
    for name, group in (("top", "platform"), ("sub", "platform/gitops"), ("other", "sre")):
        gitlab.user(name, group)
    gitlab.user("gone", "platform/gitops").state = "blocked"
    found = bot("GET", "/groups/platform%2Fgitops/members/all", project=False).json()
    assert {(one["username"], one["state"]) for one in found} == {
        ("top", "active"),
        ("sub", "active"),
        ("gone", "blocked"),
    }
    direct = bot("GET", "/groups/platform%2Fgitops/members", project=False).json()
    assert {one["username"] for one in direct} == {"sub", "gone"}
    assert {"top", "sub"} < {one["username"] for one in bot.get("/members/all")}
    assert bot.refused("GET", "/groups/sre", project=False) == (404, {"message": "404 Group Not Found"})
    assert bot("GET", "/users?username=TOP", project=False).json()[0]["username"] == "top"


# --- merge requests -------------------------------------------------------------------------------------


def test_a_merge_request_is_opened_listed_changed_and_closed(gitlab: GitLab, project: Project, bot: Client) -> None:
    ann = gitlab.user("ann", "platform")
    opened = bot.open(labels="prod,web", reviewer_ids=[ann.id], remove_source_branch=True, description="why")
    assert (opened["iid"], opened["sha"], opened["labels"]) == (1, project.repository.head("x"), ["prod", "web"])
    assert opened["reviewers"][0]["username"] == "ann"
    assert opened["force_remove_source_branch"] is True
    changed = bot("PUT", "/merge_requests/1", {"title": "Draft: t", "add_labels": "new", "remove_labels": "web"}).json()
    assert (changed["title"], changed["draft"], changed["labels"]) == ("Draft: t", True, ["new", "prod"])
    assert bot.get("/merge_requests?state=opened&source_branch=x&labels=new")[0]["iid"] == 1
    assert bot.get("/merge_requests?state=closed") == []
    assert bot("PUT", "/merge_requests/1", {"state_event": "close"}).json()["state"] == "closed"
    assert bot.open()["iid"] == 2
    assert [one["iid"] for one in bot.get("/merge_requests?state=all&order_by=created_at&sort=asc")] == [1, 2]


def test_refusals_of_merge_requests(gitlab: GitLab, project: Project, bot: Client) -> None:
    body = {"title": "t", "source_branch": "x", "target_branch": "main"}
    bot.open()
    assert bot.refused("POST", "/merge_requests", body) == (
        409,
        {"message": ["Another open merge request already exists for this source branch: !1"]},
    )
    assert bot.refused("POST", "/merge_requests", {**body, "source_branch": "main"}) == (
        422,
        {"error": ["You can't use same project/branch for source and target"]},
    )
    assert bot.refused("POST", "/merge_requests", {**body, "source_branch": "none"}) == (
        400,
        {"message": {"source_branch": ["does not exist"]}},
    )
    assert bot.refused("POST", "/merge_requests", {**body, "title": ""}) == (400, {"error": "title is empty"})
    assert bot.refused("GET", "/merge_requests/7") == (404, {"message": "404 Not found"})
    assert bot.refused("GET", "/merge_requests/1/approval_state") == (403, {"message": "403 Forbidden"})
    gitlab.enterprise = False
    assert bot.refused("GET", "/merge_requests/1/approval_state") == (404, {"error": "404 Not Found"})


def test_a_branch_is_not_seen_right_after_its_push(gitlab: GitLab, project: Project, bot: Client) -> None:
    gitlab.patience.unseen = 2
    project.repository.commit("y", {"a": b"3\n"})
    body = {"title": "t", "source_branch": "y", "target_branch": "main"}
    statuses = [bot("POST", "/merge_requests", body).status_code for _ in range(3)]
    assert statuses == [400, 400, 201]


def test_two_at_once_may_both_open_one(gitlab: GitLab, project: Project, bot: Client) -> None:
    barrier = threading.Barrier(2)

    def meet() -> None:
        barrier.wait(10)

    gitlab.gap = meet
    opened: list[int] = []
    threads = [threading.Thread(target=lambda: opened.append(bot.open()["iid"])) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(opened) == [1, 2]


def test_pages(gitlab: GitLab, project: Project, bot: Client) -> None:
    author = gitlab.user("ann", "platform")
    for number in range(23):
        project.repository.move(f"b{number}", project.repository.head("x"), None)
        gitlab.open(project, author, f"b{number}")
    first = bot("GET", "/merge_requests")
    assert len(first.json()) == 20
    assert (first.headers["X-Next-Page"], first.headers["X-Total"], first.headers["X-Total-Pages"]) == ("2", "23", "2")
    assert 'page=2&per_page=20>; rel="next"' in first.headers["Link"]
    second = requests.get(first.links["next"]["url"], headers={"PRIVATE-TOKEN": bot.token}, timeout=10)
    assert [one["iid"] for one in second.json()] == [3, 2, 1]
    assert second.headers["X-Next-Page"] == ""
    assert len(bot("GET", "/merge_requests?per_page=500").json()) == 23


@pytest.mark.parametrize("method", ["merge", "ff"])
@pytest.mark.parametrize("squash", [False, True])
def test_a_merge(project: Project, bot: Client, method: str, squash: bool) -> None:  # noqa: FBT001
    project.merge_method = method
    head, main = project.repository.head("x"), project.repository.head("main")
    bot.open(squash=squash, remove_source_branch=True)
    assert bot.refused("PUT", "/merge_requests/1/merge", {"sha": main}) == (
        409,
        {"message": f"SHA does not match HEAD of source branch: {head}"},
    )
    merged = bot("PUT", "/merge_requests/1/merge", {"sha": head}).json()
    tip = project.repository.head("main")
    assert merged["state"] == "merged"
    assert merged["merged_at"]
    came_by = merged["merge_commit_sha"] or merged["squash_commit_sha"] or merged["sha"]
    assert came_by == tip
    assert project.repository.files(tip or "")["a"] == b"2\n"
    assert project.repository.head("x") is None
    assert project.repository.contains(tip or "", head or "") is not squash
    found = bot.get(f"/repository/commits/{tip}/merge_requests")
    assert [one["iid"] for one in found] == [1]
    assert bot.refused("PUT", "/merge_requests/1/merge")[0] == 405


def test_a_merge_has_to_wait_until_it_is_prepared(gitlab: GitLab, bot: Client) -> None:
    gitlab.patience = Patience(mergeability=1, pipelines=1)
    assert bot.open()["detailed_merge_status"] == "preparing"
    assert bot.refused("PUT", "/merge_requests/1/merge") == (405, {"message": "405 Method Not Allowed"})
    for state in ("preparing", "checking", "mergeable"):
        assert bot.get()["detailed_merge_status"] == state
    assert bot("PUT", "/merge_requests/1/merge").status_code == 200


def test_what_keeps_it_from_being_merged(gitlab: GitLab, project: Project, bot: Client) -> None:
    bot.open(title="Draft: t")
    assert bot.get()["detailed_merge_status"] == "draft_status"
    bot("PUT", "/merge_requests/1", {"title": "t"})
    project.only_allow_merge_if_pipeline_succeeds = True
    assert bot.get()["detailed_merge_status"] == "ci_must_pass"
    project.only_allow_merge_if_pipeline_succeeds = False
    project.repository.commit("main", {"a": b"theirs\n"})
    answer = bot.get()
    assert (answer["detailed_merge_status"], answer["has_conflicts"]) == ("conflict", True)
    project.repository.move("x", None, project.repository.head("x"))
    answer = bot.get()
    assert (answer["state"], answer["detailed_merge_status"]) == ("opened", "commits_status")


def test_merged_by_hand(project: Project, bot: Client) -> None:
    bot.open()
    project.repository.move("main", project.repository.head("x"), project.repository.head("main"))
    assert bot.get()["state"] == "merged"


def test_auto_merge_waits_for_the_pipeline_and_ends_by_a_push(gitlab: GitLab, project: Project, bot: Client) -> None:
    project.pipelines_for = "merge_request_event"
    project.only_allow_merge_if_pipeline_succeeds = True
    head = bot.open()["sha"]
    assert bot.get()["detailed_merge_status"] == "ci_still_running"
    assert bot("PUT", "/merge_requests/1/merge?auto_merge=true&sha=" + head).json()["merge_when_pipeline_succeeds"]
    project.repository.commit("x", {"a": b"3\n"})
    assert not bot.get()["merge_when_pipeline_succeeds"]
    assert bot.get()["head_pipeline"]["status"] == "running"
    bot("PUT", "/merge_requests/1/merge?auto_merge=true")
    gitlab.finish(project, "success")
    assert bot.get()["state"] == "merged"


def test_approvals_are_counted_by_rules_and_taken_away_by_a_push(gitlab: GitLab, project: Project, bot: Client) -> None:
    gitlab.premium = True
    ann, bob = gitlab.user("ann", "sre"), gitlab.user("bob", "sre")
    for person in (ann, bob):
        gitlab.join(person, project.namespace, DEVELOPER)
    project.rules = [gitlab.rule("sre", 2, groups=("sre",))]
    bot.open()
    request = project.requests[1]
    assert bot.get()["detailed_merge_status"] == "not_approved"
    gitlab.approve(project, request, ann)
    state = bot.get("/merge_requests/1/approval_state")["rules"][0]
    assert (state["name"], state["approved"], [one["username"] for one in state["approved_by"]]) == (
        "sre",
        False,
        ["ann"],
    )
    approvals = bot.get("/merge_requests/1/approvals")
    assert (approvals["approvals_left"], approvals["approvals_required"], approvals["approved"]) == (1, 2, False)
    assert bot.refused("POST", "/merge_requests/1/approve", {}) == (401, {"message": "401 Unauthorized"})
    gitlab.approve(project, request, bob)
    assert bot.get()["detailed_merge_status"] == "mergeable"
    project.repository.commit("x", {"a": b"3\n"})
    assert bot.get("/merge_requests/1/approvals")["approvals_left"] == 2
    assert "added 1 commit" in [note["body"] for note in bot.get("/merge_requests/1/notes")]
    rule = {"name": "own", "approvals_required": 1, "user_ids": [ann.id]}
    made = bot("POST", "/merge_requests/1/approval_rules", rule).json()
    assert bot("PUT", f"/merge_requests/1/approval_rules/{made['id']}", {"approvals_required": 0}).status_code == 200
    assert bot.get("/merge_requests/1/approval_state")["approval_rules_overwritten"] is True
    assert bot.get("/approval_rules")[0]["groups"][0]["full_path"] == "sre"
    assert bot.get()["detailed_merge_status"] == "mergeable"


def test_without_premium_there_is_one_reviewer_and_approvals_stay(
    gitlab: GitLab, project: Project, bot: Client
) -> None:
    ann, bob = gitlab.user("ann", "platform"), gitlab.user("bob", "platform")
    assert [one["username"] for one in bot.open(reviewer_ids=[ann.id, bob.id])["reviewers"]] == ["ann"]
    gitlab.approve(project, project.requests[1], ann)
    project.repository.commit("x", {"a": b"3\n"})
    answer = bot.get("/merge_requests/1/approvals")
    assert (answer["approved"], [one["user"]["username"] for one in answer["approved_by"]]) == (True, ["ann"])
    assert bot.get("/merge_requests/1/reviewers")[0]["state"] == "approved"


def test_notes(gitlab: GitLab, running: Running, bot: Client) -> None:
    bot.open()
    note = bot("POST", "/merge_requests/1/notes", {"body": "<!-- promobot -->"}).json()
    assert bot("PUT", f"/merge_requests/1/notes/{note['id']}", {"body": "new"}).json()["body"] == "new"
    assert [one["body"] for one in bot.get("/merge_requests/1/notes?sort=asc")] == ["new"]
    other = client(gitlab, running, "other", DEVELOPER)
    assert other.refused("PUT", f"/merge_requests/1/notes/{note['id']}", {"body": "mine"})[0] == 403
    assert bot("DELETE", f"/merge_requests/1/notes/{note['id']}").status_code == 204


# --- statuses -------------------------------------------------------------------------------------------


def test_statuses_go_to_the_pipeline_that_there_is(project: Project, bot: Client) -> None:
    project.pipelines_for = "push"
    head = project.repository.commit("x", {"a": b"3\n"})
    pipeline = bot.get(f"/pipelines?sha={head}")[0]
    made = bot("POST", f"/statuses/{head}", {"state": "pending", "name": "promobot"}).json()
    assert made["pipeline_id"] == pipeline["id"]
    assert bot.refused("POST", f"/statuses/{head}", {"state": "pending", "name": "promobot"}) == (
        400,
        {
            "message": "Cannot transition status via :enqueue from :pending "
            '(Reason(s): Status cannot transition via "enqueue")'
        },
    )
    bot("POST", f"/statuses/{head}", {"state": "success", "name": "promobot", "description": "well"})
    again = bot("POST", f"/statuses/{head}", {"state": "success", "name": "promobot"}).json()
    assert again["id"] != made["id"]
    assert [one["status"] for one in bot.get(f"/repository/commits/{head}/statuses")] == ["success", "running"]
    assert len(bot.get("/pipelines")) == 1
    status, said = bot.refused("POST", f"/statuses/{head}", {"state": "success", "pipeline_id": 999})
    assert (status, said["message"]) == (404, "404 Pipeline for pipeline_id, sha and ref Not Found")


def test_without_a_pipeline_a_status_makes_an_external_one(project: Project, bot: Client) -> None:
    head = bot.open()["sha"]
    assert bot.get()["head_pipeline"] is None
    bot("POST", f"/statuses/{head}", {"state": "failed", "name": "promobot", "ref": "x"})
    pipeline = bot.get()["head_pipeline"]
    assert (pipeline["source"], pipeline["status"]) == ("external", "failed")
    bot("POST", f"/statuses/{head}", {"state": "success", "name": "promobot", "ref": "x"})
    assert bot.get()["head_pipeline"]["status"] == "success"
    assert len(bot.get("/pipelines")) == 1
    assert bot.get(f"/pipelines/{pipeline['id']}")["status"] == "success"


# --- repository -----------------------------------------------------------------------------------------


def test_what_is_in_a_repository(project: Project, bot: Client) -> None:
    project.repository.commit("x", {".gitlab/CODEOWNERS": b"* @sre\n"})
    head = project.repository.head("x")
    file = bot.get("/repository/files/.gitlab%2FCODEOWNERS?ref=x")
    assert (file["commit_id"], file["last_commit_id"], file["size"]) == (head, head, 7)
    assert bot("GET", "/repository/files/a/raw?ref=x").content == b"2\n"
    assert bot.refused("GET", "/repository/files/none?ref=x") == (404, {"message": "404 File Not Found"})
    compared = bot.get("/repository/compare?from=main&to=x")
    assert [one["title"] for one in compared["commits"]] == ["Change", "Change"]
    assert compared["diffs"][1]["diff"] == "@@ -1 +1 @@\n-1\n+2\n"
    assert bot.get("/repository/branches/x")["commit"]["id"] == head
    assert {one["name"]: one["protected"] for one in bot.get("/repository/branches")} == {"main": True, "x": False}
    assert bot("POST", "/repository/branches", {"branch": "y", "ref": "x"}).status_code == 201
    assert bot.refused("POST", "/repository/branches", {"branch": "y", "ref": "x"})[0] == 400
    assert bot("DELETE", "/repository/branches/y").status_code == 204
    assert bot.refused("DELETE", "/repository/branches/main")[0] == 403
    assert bot.refused("GET", "/repository/branches/y") == (404, {"message": "404 Branch Not Found"})
    assert bot.get(f"/repository/commits/{head}")["author_name"] == "Pat"
    bot.open()
    assert bot("GET", "/merge_requests/1/diffs?unidiff=true").json()[1]["diff"].startswith("--- a/a\n+++ b/a\n@@")
    assert len(bot.get("/merge_requests/1/commits")) == 2


def test_git_with_a_token(gitlab: GitLab, running: Running, project: Project, bot: Client, tmp_path: Path) -> None:
    def clone(token: str) -> Clone:
        made = tmp_path / token
        return Clone(f"{running.url}/{PROJECT}.git", made, BOT, credential=Credential("oauth2", token))

    mine = clone(bot.token)
    base = mine.fetch(["main"])["main"]
    commit = mine.commit(base, [FileChange("a", b"9\n")], "m", NOON)
    assert mine.push("y", commit, None) == Pushed(changed=True)
    assert isinstance(mine.push("y", base, base), LeaseLost)
    with pytest.raises(GitError, match="not allowed to push code to protected branches"):
        mine.push("main", commit, base)
    for name, role, scopes, ended, words in (
        ("expired", DEVELOPER, ("api",), "expired", "Authentication failed"),
        ("reader", REPORTER, ("api",), "", "403"),
        ("scope", DEVELOPER, ("read_repository",), "", "Authentication failed"),
    ):
        theirs = clone(client(gitlab, running, name, role, *scopes, ended=ended).token)
        with pytest.raises(GitError, match=words):
            theirs.push("z", theirs.commit(theirs.fetch(["main"])["main"], [FileChange("a", b"8\n")], "m", NOON), None)
    assert "z" not in project.repository.heads()


# --- the table ------------------------------------------------------------------------------------------


def test_every_refusal_of_the_table_is_made_somewhere() -> None:
    folder = Path(behaviour.__file__).parent
    code = "".join(path.read_text() for path in folder.glob("*.py") if path.stem not in {"test_gitlab", "behaviour"})
    assert [why for why in behaviour.REFUSALS if f'"{why}"' not in code and why not in {"expired", "revoked"}] == []
    assert all(refusal.source for refusal in behaviour.REFUSALS.values())
