"""What is around pull requests on the double: comments, labels, statuses, checks, rules, Git, and GraphQL's reads."""

from __future__ import annotations

import base64

import pytest

from tests.doubles.contract.data import ABSENT, present
from tests.doubles.contract.github import sdl
from tests.doubles.github import Protection, graphql
from tests.doubles.github.conftest import PROJECT, REPO, World


def test_comments_are_added_and_changed_in_place(world: World) -> None:
    world.open()
    first = world.bot.rest("POST", f"{REPO}/issues/1/comments", {"body": "one"}).body
    world.bot.rest("POST", f"{REPO}/issues/1/comments", {"body": "two"})
    world.bot.rest("PATCH", f"{REPO}/issues/comments/{first['id']}", {"body": "changed"})
    said = world.bot.rest("GET", f"{REPO}/issues/1/comments").body
    assert [(comment["user"]["login"], comment["body"]) for comment in said] == [("bot", "changed"), ("bot", "two")]
    assert world.bot.rest("PATCH", f"{REPO}/issues/comments/1", {"body": "x"}).status == 404
    assert world.bot.rest("POST", f"{REPO}/issues/1/comments", {"body": "x" * 65537}).status == 422


def test_labels_are_made_where_there_are_none_and_people_s_stay(world: World) -> None:
    world.open()
    url = f"{REPO}/issues/1/labels"
    world.bot.rest("POST", url, {"labels": ["theirs"]})
    world.bot.rest("POST", url, {"labels": ["promobot", "to prod"]})
    world.bot.rest("POST", url, {"labels": ["Promobot"]})
    assert [label["name"] for label in world.bot.rest("GET", url).body] == ["theirs", "promobot", "to prod"]
    assert world.bot.rest("GET", f"{REPO}/labels/to%20prod").body["name"] == "to prod"
    assert world.bot.rest("GET", f"{REPO}/labels/none").status == 404
    assert world.bot.rest("POST", url, {"labels": ["x" * 51]}).status == 422
    assert [label["name"] for label in world.bot.rest("PUT", url, {"labels": ["alone"]}).body] == ["alone"]
    said = world.bot.rest("PATCH", f"{REPO}/issues/1", {"labels": ["a", "b"], "assignees": ["ann", "stranger"]}).body
    assert ([label["name"] for label in said["labels"]], said["assignee"]["login"]) == (["a", "b"], "ann")


def test_who_may_not_be_assigned_is_left_out(world: World) -> None:
    world.open()
    said = world.bot.rest("POST", f"{REPO}/issues/1/assignees", {"assignees": ["bob", "stranger"]})
    assert (said.status, [who["login"] for who in said.body["assignees"]]) == (201, ["bob"])


def test_a_status_is_known_by_its_name(world: World) -> None:
    head = world.branch()
    url = f"{REPO}/statuses/{head}"
    for state, context in (("pending", "promobot"), ("failure", "ci"), ("success", "promobot")):
        assert world.bot.rest("POST", url, {"state": state, "context": context, "description": "d"}).status == 201
    said = world.bot.rest("GET", f"{REPO}/commits/{head}/status").body
    states = {status["context"]: status["state"] for status in said["statuses"]}
    assert (said["state"], states) == ("failure", {"promobot": "success", "ci": "failure"})
    assert world.bot.rest("POST", f"{REPO}/statuses/{'0' * 40}", {"state": "success"}).refusal == (
        422,
        f"No commit found for SHA: {'0' * 40}",
        [],
    )
    refused = world.bot.rest("POST", url, {"state": "success", "description": "x" * 141}).refusal
    assert refused[2][0]["message"] == "description is too long (maximum is 140 characters)"
    assert world.bot.rest("GET", f"{REPO}/commits/main/status").body["state"] == "pending"


def test_branches_and_what_they_ask_for(world: World) -> None:
    project = world.hub.projects[PROJECT]
    world.repository.commit("release/1", {"b": b"2"})
    url = f"{REPO}/branches/main"
    admin = world.client(world.hub.classic("pat", "repo"))
    assert not world.bot.rest("GET", f"{REPO}/branches/release%2F1").body["protected"]
    assert world.bot.rest("GET", f"{REPO}/branches/none").refusal[:2] == (404, "Branch not found")
    assert admin.rest("GET", f"{url}/protection").refusal[:2] == (404, "Branch not protected")
    assert admin.rest("GET", f"{REPO}/branches/none/protection").refusal[:2] == (404, "Branch not found")
    project.protections["main"] = Protection(approvals=2, contexts=("promobot",), code_owners=True)
    assert world.bot.rest("GET", url).body["protection"]["required_status_checks"]["contexts"] == ["promobot"]
    assert world.bot.rest("GET", f"{url}/protection").refusal[:2] == (403, "Must have admin rights to Repository.")
    asked = admin.rest("GET", f"{url}/protection").body
    assert asked["required_pull_request_reviews"]["required_approving_review_count"] == 2
    project.rules["main"] = Protection(approvals=1, contexts=("ci",))
    rules = world.bot.rest("GET", f"{REPO}/rules/branches/main").body
    assert [rule["type"] for rule in rules] == ["pull_request", "required_status_checks"]
    project.paid = False
    for path in (f"{url}/protection", f"{REPO}/rules/branches/main"):
        assert admin.rest("GET", path).refusal[:2] == (
            403,
            "Upgrade to GitHub Pro or make this repository public to enable this feature.",
        )


def test_one_that_has_to_be_up_to_date_is_behind(world: World) -> None:
    world.hub.projects[PROJECT].protections["main"] = Protection(up_to_date=True, contexts=("ci",))
    world.open()
    world.repository.commit("main", {"b": b"theirs"})
    states = [world.bot.rest("GET", f"{REPO}/pulls/1").body["mergeable_state"] for _ in range(2)]
    assert states == ["unknown", "behind"]


# --- Git ------------------------------------------------------------------------------------------------


def test_refs_move_by_compare_and_set_and_only_forward(world: World) -> None:
    main, head = world.repository.head("main"), world.branch("promobot/prod/web")
    made = world.bot.rest("POST", f"{REPO}/git/refs", {"ref": "refs/heads/y", "sha": main})
    assert (made.status, made.body["object"]["sha"]) == (201, main)
    for sha, refused in ((main, "Reference already exists"), ("0" * 40, "Object does not exist")):
        said = world.bot.rest("POST", f"{REPO}/git/refs", {"ref": "refs/heads/y", "sha": sha})
        assert said.refusal[:2] == (422, refused)
    assert world.bot.rest("PATCH", f"{REPO}/git/refs/heads/y", {"sha": head}).body["object"]["sha"] == head
    assert world.bot.rest("PATCH", f"{REPO}/git/refs/heads/y", {"sha": main}).refusal[:2] == (
        422,
        "Update is not a fast forward",
    )
    assert world.bot.rest("PATCH", f"{REPO}/git/refs/heads/y", {"sha": "0" * 40}).status == 422
    assert world.bot.rest("PATCH", f"{REPO}/git/refs/heads/y", {"sha": main, "force": True}).status == 200
    assert world.bot.rest("GET", f"{REPO}/git/ref/heads/promobot/prod/web").body["object"]["sha"] == head
    assert world.bot.rest("GET", f"{REPO}/git/ref/heads/none").status == 404
    found = world.bot.rest("GET", f"{REPO}/git/matching-refs/heads/promobot").body
    assert [ref["ref"] for ref in found] == ["refs/heads/promobot/prod/web"]
    assert world.bot.rest("DELETE", f"{REPO}/git/refs/heads/y").status == 204
    assert world.bot.rest("DELETE", f"{REPO}/git/refs/heads/y").refusal[:2] == (422, "Reference does not exist")
    assert world.bot.rest("PATCH", f"{REPO}/git/refs/heads/y", {"sha": head}).refusal[0] == 422
    assert world.repository.head("y") is None


def test_a_commit_is_made_of_a_tree(world: World) -> None:
    main = world.repository.head("main")
    entries = [{"path": "d/e", "mode": "100755", "type": "blob", "content": "new"}]
    tree = world.bot.rest("POST", f"{REPO}/git/trees", {"base_tree": main, "tree": entries})
    assert tree.status == 201
    said = {"message": "m", "tree": tree.body["sha"], "parents": [main]}
    commit = world.bot.rest("POST", f"{REPO}/git/commits", said).body
    assert (commit["message"], commit["author"]["name"]) == ("m", "bot")
    assert world.repository.files(commit["sha"]) == {"a": b"1\n", "b": b"1\n", "d/e": b"new"}
    assert world.repository.git("ls-tree", commit["sha"], "d/").startswith("100755")
    whole = world.bot.rest("GET", f"{REPO}/git/trees/{commit['sha']}?recursive=1").body
    assert [entry["path"] for entry in whole["tree"]] == ["a", "b", "d", "d/e"]
    assert world.bot.rest("GET", f"{REPO}/git/trees/{'0' * 40}").status == 404
    assert world.bot.rest("GET", f"{REPO}/git/commits/{commit['sha']}").body["parents"][0]["sha"] == main
    assert world.bot.rest("GET", f"{REPO}/git/commits/{'0' * 40}").status == 404


def test_objects_that_are_not_there_are_refused(world: World) -> None:
    main, nothing = world.repository.head("main"), "0" * 40
    tree = world.repository.git("rev-parse", "main^{tree}")
    entry = {"path": "e", "mode": "100644", "type": "blob"}
    for path, said, words in (
        ("trees", {"base_tree": nothing, "tree": [{**entry, "content": "x"}]}, "base_tree is not a valid tree oid"),
        ("trees", {"base_tree": tree, "tree": [{**entry, "sha": nothing}]}, f"tree.sha {nothing} is not a valid blob"),
        ("commits", {"message": "m", "tree": nothing, "parents": [main]}, "Tree SHA does not exist"),
        ("commits", {"message": "m", "tree": tree, "parents": [tree]}, "Parent SHA does not exist"),
    ):
        assert world.bot.rest("POST", f"{REPO}/git/{path}", said).refusal[:2] == (422, words)
    blob = world.bot.rest("POST", f"{REPO}/git/blobs", {"content": "AP8=", "encoding": "base64"}).body["sha"]
    made = world.bot.rest("POST", f"{REPO}/git/trees", {"base_tree": tree, "tree": [{**entry, "sha": blob}]}).body
    assert world.repository.read(made["sha"], "e") == b"\x00\xff"
    gone = {"path": "a", "mode": "100644", "type": "blob", "sha": None}
    made = world.bot.rest("POST", f"{REPO}/git/trees", {"base_tree": tree, "tree": [gone]}).body
    assert [entry["path"] for entry in made["tree"]] == ["b"]


def test_github_signs_what_a_bot_makes_that_says_nothing_of_who_it_is(world: World) -> None:
    main = world.repository.head("main")
    said = {"message": "m", "tree": world.repository.git("rev-parse", "main^{tree}"), "parents": [main]}
    app = world.hub.register("promo", "")
    permissions = {"metadata": "read", "contents": "write"}
    installed = world.client(world.hub.installation_token(app, world.hub.install(app, "acme", permissions))[0])
    who = {"author": {"name": "promobot", "email": "promobot@example.com"}}
    number, bot = (world.hub.accounts[login].id for login in ("promo[bot]", "bot"))
    private = f"{number}+promo[bot]@users.noreply.github.com"
    for client, more, expected in (
        (installed, {}, (True, private, "noreply@github.com")),
        (installed, who, (False, "promobot@example.com", "promobot@example.com")),
        (world.bot, {}, (False, *2 * (f"{bot}+bot@users.noreply.github.com",))),
    ):
        made = client.rest("POST", f"{REPO}/git/commits", {**said, **more}).body
        addresses = (made["author"]["email"], made["committer"]["email"])
        assert (made["verification"]["verified"], *addresses) == expected


def test_files_are_read_and_written_one_by_one(world: World) -> None:
    seen = world.bot.rest("GET", f"{REPO}/contents/a?ref=main").body
    assert base64.b64decode(seen["content"]) == b"1\n"
    said = {"message": "m", "branch": "main", "content": base64.b64encode(b"9").decode()}
    assert world.bot.rest("PUT", f"{REPO}/contents/a", said).refusal[0] == 409
    assert world.bot.rest("PUT", f"{REPO}/contents/a", {**said, "sha": seen["sha"]}).status == 200
    assert world.bot.rest("PUT", f"{REPO}/contents/new/file", said).status == 201
    assert world.repository.files(world.repository.head("main")) == {"a": b"9", "b": b"1\n", "new/file": b"9"}
    assert world.bot.rest("PUT", f"{REPO}/contents/a", {**said, "branch": "none"}).status == 404
    assert world.bot.rest("GET", f"{REPO}/contents/none").status == 404


def test_commits_are_compared_and_found(world: World) -> None:
    main = world.repository.head("main")
    head = world.open()["head"]["sha"]
    theirs = world.repository.commit("main", {"b": b"theirs"})
    said = world.bot.rest("GET", f"{REPO}/compare/main...x").body
    assert (said["status"], said["ahead_by"], said["behind_by"]) == ("diverged", 1, 1)
    assert [(file["filename"], file["status"]) for file in said["files"]] == [("a", "modified")]
    assert (said["merge_base_commit"]["sha"], said["commits"][0]["sha"]) == (main, head)
    assert world.bot.rest("GET", f"{REPO}/compare/main...none").status == 404
    assert [commit["sha"] for commit in world.bot.rest("GET", f"{REPO}/commits?sha=main&path=b").body] == [theirs, main]
    assert world.bot.rest("GET", f"{REPO}/commits/{theirs}").body["files"][0]["filename"] == "b"
    assert world.bot.rest("GET", f"{REPO}/commits/{'0' * 40}").status == 422
    assert [pull["number"] for pull in world.bot.rest("GET", f"{REPO}/commits/{head}/pulls").body] == [1]
    assert [commit["sha"] for commit in world.bot.rest("GET", f"{REPO}/pulls/1/commits").body] == [head]
    assert [file["filename"] for file in world.bot.rest("GET", f"{REPO}/pulls/1/files").body] == ["a"]


# --- GraphQL --------------------------------------------------------------------------------------------

LIST = """query($o: String!, $n: String!, $after: String) { repository(owner: $o, name: $n) {
  pullRequests(first: 2, after: $after, states: [OPEN], orderBy: {field: CREATED_AT, direction: ASC}) {
    nodes { number headRefName author { login } labels(first: 5) { nodes { name } } reviewDecision mergeStateStatus
      reviewRequests(first: 5) { nodes {
        requestedReviewer { __typename ... on User { login } ... on Team { slug } } } } }
    pageInfo { hasNextPage endCursor } totalCount } } }"""


def test_pull_requests_are_listed_with_all_that_is_about_them(world: World) -> None:
    for name in ("x", "y", "z"):
        world.open(name)
    world.bot.rest("POST", f"{REPO}/issues/1/labels", {"labels": ["promobot"]})
    world.bot.rest("POST", f"{REPO}/pulls/1/requested_reviewers", {"reviewers": ["ann"], "team_reviewers": ["sre"]})
    owner, name = PROJECT.split("/")
    first = world.bot.graphql(LIST, o=owner, n=name)["data"]["repository"]["pullRequests"]
    assert first["nodes"][0] == {
        "number": 1,
        "headRefName": "x",
        "author": {"login": "bot"},
        "labels": {"nodes": [{"name": "promobot"}]},
        "reviewDecision": None,
        "mergeStateStatus": "UNKNOWN",
        "reviewRequests": {
            "nodes": [
                {"requestedReviewer": {"__typename": "User", "login": "ann"}},
                {"requestedReviewer": {"__typename": "Team", "slug": "sre"}},
            ]
        },
    }
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (3, True)
    second = world.bot.graphql(LIST, o=owner, n=name, after=first["pageInfo"]["endCursor"])["data"]
    assert [pull["number"] for pull in second["repository"]["pullRequests"]["nodes"]] == [3]
    assert world.running.counts()["POST /graphql repository"] == 2
    missing = world.bot.graphql(LIST, o=owner, n="none")
    assert (missing["data"], missing["errors"][0]["type"]) == ({"repository": None}, "NOT_FOUND")
    many = world.bot.graphql(LIST.replace("first: 2", "first: 101"), o=owner, n=name)
    assert many["errors"][0]["type"] == "EXCESSIVE_PAGINATION"


def test_what_a_commit_came_by_is_known(world: World) -> None:
    world.open()
    world.hub.review(PROJECT, 1, "ann")
    sha = world.hub.merge(PROJECT, 1, "ann", "squash")
    query = """query($o: String!, $n: String!, $c: GitObjectID) { repository(owner: $o, name: $n) {
      object(oid: $c) { ... on Commit { associatedPullRequests(first: 1) { nodes {
        number state mergedAt mergedBy { login } mergeCommit { oid } reviewDecision
        timelineItems(last: 1, itemTypes: [CLOSED_EVENT]) { nodes { ... on ClosedEvent { actor { login } } } } } } } }
      pullRequest(number: 1) { isDraft autoMergeRequest { mergeMethod } }
      ref(qualifiedName: "refs/heads/main") { target { oid } } } viewer { login } }"""
    owner, name = PROJECT.split("/")
    said = world.bot.graphql(query, o=owner, n=name, c=sha)["data"]
    found = said["repository"]["object"]["associatedPullRequests"]["nodes"][0]
    assert found == {
        "number": 1,
        "state": "MERGED",
        "mergedAt": "2026-03-01T12:00:00Z",
        "mergedBy": {"login": "ann"},
        "mergeCommit": {"oid": sha},
        "reviewDecision": "APPROVED",
        "timelineItems": {"nodes": [{"actor": {"login": "ann"}}]},
    }
    assert said["repository"]["ref"]["target"]["oid"] == sha
    assert said["viewer"] == {"login": "bot"}
    missing = query.replace("number: 1)", "number: 9)")
    assert world.bot.graphql(missing, o=owner, n=name, c=sha)["errors"][0]["type"] == "NOT_FOUND"


def test_a_commit_on_a_branch_is_a_compare_and_set(world: World) -> None:
    query = """mutation($input: CreateCommitOnBranchInput!) {
      createCommitOnBranch(input: $input) { commit { oid } ref { name } } }"""
    head = world.branch()
    given = {
        "branch": {"repositoryNameWithOwner": PROJECT, "branchName": "x"},
        "expectedHeadOid": head,
        "message": {"headline": "h", "body": "Promotion: prod/web"},
        "fileChanges": {
            "additions": [{"path": "d/new", "contents": base64.b64encode(b"3").decode()}],
            "deletions": [{"path": "b"}],
        },
    }
    made = world.bot.graphql(query, input=given)["data"]["createCommitOnBranch"]["commit"]["oid"]
    assert world.repository.head("x") == made
    assert world.repository.files(made) == {"a": b"2\n", "d/new": b"3"}
    stale = world.bot.graphql(query, input=given)
    assert stale["errors"][0]["type"] == "STALE_DATA"
    assert stale["errors"][0]["message"].startswith(f'Expected branch to point to "{head}"')
    assert world.repository.head("x") == made


UPDATE = "mutation($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }"


def test_refs_are_moved_together_or_not_at_all(world: World) -> None:
    main, head, nothing = world.repository.head("main"), world.branch(), "0" * 40
    node = world.hub.projects[PROJECT].node_id

    def moved(*moves: tuple[str, str, str, bool]) -> bool:
        updates = [
            {"name": f"refs/heads/{name}", "beforeOid": before, "afterOid": after, "force": force}
            for name, before, after, force in moves
        ]
        said = world.bot.graphql(UPDATE, input={"repositoryId": node, "refUpdates": updates})
        assert [error["type"] for error in said.get("errors", [])] in ([], ["UNPROCESSABLE"])
        return "errors" not in said

    assert moved(("y", nothing, str(main), False))
    assert not moved(("y", nothing, head, False)), "it is there"
    assert not moved(("y", str(main), "1" * 40, True)), "there is no such commit"
    assert moved(("y", str(main), head, False))
    assert not moved(("y", head, str(main), False)), "that is back"
    assert not moved(("z", nothing, head, False), ("y", str(main), head, False)), "one of them isn't there"
    assert world.repository.head("z") is None
    assert moved(("z", nothing, head, False), ("y", head, str(main), True))
    assert (world.repository.head("y"), world.repository.head("z")) == (main, head)
    assert moved(("y", str(main), nothing, False))
    assert world.repository.head("y") is None
    world.hub.older = True
    said = world.bot.graphql(UPDATE, input={"repositoryId": node, "refUpdates": []})
    assert said["errors"][0]["extensions"]["code"] == "undefinedField"


@pytest.mark.skipif(not present(), reason=ABSENT)
def test_the_small_schema_is_a_part_of_github_s() -> None:
    """Every type, field and argument of it is there, and is of the same type."""
    ours, theirs = graphql.schema().type_map, sdl().type_map
    strange = []
    for name, kind in ours.items():
        if name.startswith("__") or name == "PullRequestIdInput":
            continue
        for field, said in getattr(kind, "fields", {}).items():
            other = getattr(theirs[name], "fields", {}).get(field)
            same = other is not None and str(other.type) == str(said.type)
            arguments = {key: str(value.type) for key, value in getattr(said, "args", {}).items()}
            known = {key: str(value.type) for key, value in getattr(other, "args", {}).items()}
            if not same or not arguments.items() <= known.items():
                strange.append(f"{name}.{field}: {said.type} {arguments}, not {other and other.type} {known}")
        known_values = getattr(theirs[name], "values", {})
        strange += [f"{name}.{value}" for value in getattr(kind, "values", {}) if value not in known_values]
    assert strange == []
