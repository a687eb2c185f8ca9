"""Who gets into the double, by what, how far and how often; each refusal has a source and is shown to happen."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.errors import GitError
from bot.git import Clone, Credential, Pushed
from bot.repositories import FileChange
from tests.doubles.github.conftest import PROJECT, REPO, World
from tests.doubles.github.refusals import GraphRefused, Refused
from tests.git.conftest import BOT, NOON


def test_nobody_sees_what_is_private(world: World) -> None:
    assert world.client("").rest("GET", REPO).refusal[:2] == (404, "Not Found")
    assert world.client("").rest("GET", "/user").refusal[:2] == (401, "Requires authentication")
    assert world.client("wrong").rest("GET", REPO).refusal[:2] == (401, "Bad credentials")
    assert world.client("").graphql("{ viewer { login } }")["message"] == "Requires authentication"
    stranger = world.client(world.hub.classic("stranger", "repo"))
    assert stranger.rest("GET", REPO).status == 404
    assert stranger.rest("GET", "/repos/acme/none").status == 404
    expired = world.hub.classic("bot", "repo", expires=world.clock())
    assert world.client(expired).rest("GET", "/user").status == 401
    world.hub.projects[PROJECT].private = False
    assert world.client("").rest("GET", REPO).status == 200
    assert world.client("").rest("POST", f"{REPO}/git/refs", {"ref": "refs/heads/x", "sha": "0" * 40}).status == 401


def test_a_classic_token_has_scopes(world: World) -> None:
    narrow = world.client(world.hub.classic("bot", "read:org"))
    said = narrow.rest("GET", f"{REPO}/pulls")
    assert (said.status, said.headers["X-OAuth-Scopes"], said.headers["X-Accepted-OAuth-Scopes"]) == (
        404,
        "read:org",
        "repo",
    )
    assert narrow.rest("GET", "/user").body["login"] == "bot"
    assert world.client(world.hub.classic("bot", "repo")).rest("GET", "/orgs/acme/teams/sre").status == 404


def test_a_fine_grained_token_has_permissions_for_some_repositories(world: World) -> None:
    token = world.client(world.hub.fine_grained("bot", {"metadata": "read", "contents": "read"}, PROJECT))
    assert token.rest("GET", REPO).status == 200
    refused = token.rest("GET", f"{REPO}/pulls")
    assert refused.refusal[:2] == (403, "Resource not accessible by personal access token")
    assert refused.headers["X-Accepted-GitHub-Permissions"] == "pull_requests=read"
    other = world.client(world.hub.fine_grained("bot", {"metadata": "read"}, "acme/other"))
    assert other.rest("GET", REPO).status == 404
    world.open()
    query = "mutation($i: ID!) { convertPullRequestToDraft(input: {pullRequestId: $i}) { pullRequest { isDraft } } }"
    node = next(iter(world.hub.pulls(PROJECT).values())).node_id
    said = token.graphql(query, i=node)
    assert (said["errors"][0]["type"], said["data"]) == ("FORBIDDEN", {"convertPullRequestToDraft": None})
    assert world.bot.graphql(query, i=node)["data"]["convertPullRequestToDraft"] == {"pullRequest": {"isDraft": True}}


def test_teams_and_collaborators(world: World) -> None:
    assert world.bot.rest("GET", "/orgs/acme/teams/sre").body["members_count"] == 2
    members = world.bot.rest("GET", "/orgs/acme/teams/sre/members").body
    assert [member["login"] for member in members] == ["ann", "bob"]
    assert world.bot.rest("GET", "/orgs/acme/teams/none").status == 404
    listed = world.bot.rest("GET", f"{REPO}/collaborators").body
    assert {who["login"]: who["role_name"] for who in listed}["pat"] == "admin"


# --- Apps -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def public(key: rsa.RSAPrivateKey) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def signed(world: World, key: rsa.RSAPrivateKey, app: object, *, lasts: float = 300) -> str:
    now = world.clock().timestamp()
    return jwt.encode({"iat": int(now), "exp": int(now + lasts), "iss": str(app)}, key, "RS256")


def test_an_app_gets_a_token_for_its_installation(world: World, key: rsa.RSAPrivateKey) -> None:
    app = world.hub.register("promobot", public(key))
    permissions = {"metadata": "read", "contents": "write", "pull_requests": "write", "checks": "write"}
    installed = world.hub.install(app, "acme", permissions)
    signer = world.client(signed(world, key, app.id))
    assert signer.rest("GET", "/app").body["slug"] == "promobot"
    assert signer.rest("GET", f"{REPO}/installation").body["id"] == installed.id
    assert signer.rest("GET", "/repos/other/x/installation").status == 404
    url = f"/app/installations/{installed.id}/access_tokens"
    made = signer.rest("POST", url, {})
    assert (made.status, made.body["expires_at"]) == (201, "2026-03-01T13:00:00Z")
    token = world.client(made.body["token"])
    assert token.rest("GET", REPO).status == 200
    assert token.rest("GET", "/user").refusal[:2] == (403, "Resource not accessible by integration")
    assert token.rest("GET", "/orgs/acme/teams/sre").status == 403
    world.branch()
    opened = token.rest("POST", f"{REPO}/pulls", {"title": "t", "head": "x", "base": "main"}).body
    assert (opened["user"]["login"], opened["user"]["type"]) == ("promobot[bot]", "Bot")
    query = 'query { repository(owner: "acme", name: "gitops-prod") { pullRequest(number: 1) { author { login } } } }'
    assert token.graphql(query)["data"]["repository"]["pullRequest"]["author"] == {"login": "promobot"}
    world.clock.advance(minutes=61)
    assert token.rest("GET", REPO).status == 401


def test_what_an_app_is_refused(world: World, key: rsa.RSAPrivateKey) -> None:
    app = world.hub.register("promobot", public(key))
    installed = world.hub.install(app, "acme", {"contents": "read"}, PROJECT)
    url = f"/app/installations/{installed.id}/access_tokens"
    other = rsa.generate_private_key(65537, 2048)
    assert world.client(signed(world, other, app.id)).rest("GET", "/app").refusal[:2] == (
        401,
        "A JSON web token could not be decoded",
    )
    assert world.client(signed(world, key, 1)).rest("GET", "/app").status == 401
    assert "'exp'" in world.client(signed(world, key, app.id, lasts=3600)).rest("GET", "/app").refusal[1]
    signer = world.client(signed(world, key, app.id))
    assert signer.rest("POST", url, {"permissions": {"contents": "write"}}).refusal[:2] == (
        422,
        "The permissions requested are not granted to this installation.",
    )
    assert signer.rest("POST", "/app/installations/1/access_tokens", {}).status == 404
    assert world.bot.rest("GET", "/app").status == 401


def test_check_runs_are_for_apps_alone(world: World, key: rsa.RSAPrivateKey) -> None:
    head = world.branch()
    said = {"name": "promobot", "head_sha": head, "status": "in_progress", "external_id": "k"}
    assert world.bot.rest("POST", f"{REPO}/check-runs", said).refusal[:2] == (
        403,
        "You must authenticate via a GitHub App.",
    )
    app = world.hub.register("promobot", public(key))
    installed = world.hub.install(app, "acme", {"metadata": "read", "checks": "write"})
    token = world.client(world.hub.installation_token(app, installed)[0])
    run = token.rest("POST", f"{REPO}/check-runs", said).body
    assert (run["status"], run["conclusion"]) == ("in_progress", None)
    done = {"conclusion": "success", "output": {"title": "t", "summary": "s"}}
    assert token.rest("PATCH", f"{REPO}/check-runs/{run['id']}", done).body["status"] == "completed"
    assert token.rest("PATCH", f"{REPO}/check-runs/1", done).status == 404
    found = token.rest("GET", f"{REPO}/commits/{head}/check-runs?check_name=promobot").body
    assert [check["conclusion"] for check in found["check_runs"]] == ["success"]
    assert token.rest("GET", f"{REPO}/commits/{head}/status").status == 403


# --- how often ------------------------------------------------------------------------------------------


def test_an_hour_has_so_many_requests_and_what_is_unchanged_is_free(world: World) -> None:
    world.hub.limits.by_hour = 3
    client = world.client(world.hub.classic("bot", "repo"))
    first = client.rest("GET", REPO)
    assert (first.headers["X-RateLimit-Limit"], first.headers["X-RateLimit-Remaining"]) == ("3", "2")
    for _ in range(5):
        again = client.rest("GET", REPO, If_None_Match=first.headers["ETag"])
        assert (again.status, again.body) == (304, None)
    assert client.rest("GET", REPO).headers["X-RateLimit-Remaining"] == "1"
    assert client.rest("GET", f"{REPO}/pulls").headers["X-RateLimit-Remaining"] == "0"
    refused = client.rest("GET", REPO)
    assert refused.refusal[:2] == (403, "API rate limit exceeded for user ID 1.")
    assert int(refused.headers["X-RateLimit-Reset"]) == int((world.clock() + timedelta(hours=1)).timestamp())
    assert client.rest("GET", "/rate_limit").body["rate"]["remaining"] == 0
    world.clock.advance(hours=1)
    assert client.rest("GET", REPO).status == 200


def test_what_makes_content_is_limited_by_the_minute(world: World) -> None:
    world.open()
    world.hub.limits.content_by_minute = 3
    for number in range(2):
        assert world.bot.rest("POST", f"{REPO}/issues/1/comments", {"body": str(number)}).status == 201
    refused = world.bot.rest("POST", f"{REPO}/issues/1/comments", {"body": "no"})
    assert refused.refusal[0] == 403
    assert "secondary rate limit" in refused.refusal[1]
    assert refused.headers["Retry-After"] == "60"
    assert world.bot.rest("GET", REPO).status == 200
    assert "errors" not in world.bot.graphql("{ viewer { login } }")
    world.clock.advance(seconds=60)
    assert world.bot.rest("POST", f"{REPO}/issues/1/comments", {"body": "yes"}).status == 201


def test_lists_come_in_pages(world: World) -> None:
    world.open()
    for number in range(5):
        world.bot.rest("POST", f"{REPO}/issues/1/comments", {"body": str(number)})
    url = f"{REPO}/issues/1/comments"
    base = f"{world.running.url}/api/v3{url}"
    first = world.bot.rest("GET", f"{url}?per_page=2")
    assert first.headers["Link"] == (f'<{base}?per_page=2&page=2>; rel="next", <{base}?per_page=2&page=3>; rel="last"')
    last = world.bot.rest("GET", f"{url}?per_page=2&page=3")
    assert [comment["body"] for comment in last.body] == ["4"]
    assert last.headers["Link"] == f'<{base}?per_page=2&page=2>; rel="prev", <{base}?per_page=2&page=1>; rel="first"'
    assert "Link" not in world.bot.rest("GET", url).headers


# --- Git ------------------------------------------------------------------------------------------------


def clone(world: World, tmp_path: Path, token: str, project: str = PROJECT) -> Clone:
    credential = Credential("x-access-token", token)
    return Clone(f"{world.running.url}/{project}.git", tmp_path / "clone.git", BOT, credential=credential)


def test_git_takes_the_token_as_password(world: World, tmp_path: Path) -> None:
    world.open()
    git = clone(world, tmp_path, world.bot.token)
    base = git.fetch(["x"])["x"]
    commit = git.commit(base, [FileChange("a", b"3")], "m", NOON)
    assert git.push("x", commit, base) == Pushed(changed=True)
    assert world.hub.pulls(PROJECT)[1].head == commit


@pytest.mark.parametrize(
    ("scopes", "login", "words"),
    [
        ((), "bot", "not found"),
        (("repo",), "stranger", "not found"),
        (("repo",), "rea", f"Permission to {PROJECT}.git denied to rea"),
    ],
)
def test_git_refuses_who_may_not_push(
    world: World, tmp_path: Path, scopes: tuple[str, ...], login: str, words: str
) -> None:
    git = clone(world, tmp_path, world.hub.classic(login, *scopes))
    head = world.repository.head("main")
    with pytest.raises(GitError, match=words):
        git.push("y", git.fetch(["main"])["main"], None)
    assert world.repository.heads() == {"main": head}


def test_git_refuses_a_wrong_token_and_what_is_not_there(world: World, tmp_path: Path) -> None:
    with pytest.raises(GitError, match="Authentication failed"):
        clone(world, tmp_path, "wrong").heads(["main"])
    with pytest.raises(GitError, match="not found"):
        clone(world, tmp_path, world.bot.token, "acme/none").heads(["main"])


# --- sources --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*Refused, *GraphRefused], ids=lambda kind: kind.name)
def test_every_refusal_names_its_source(kind: Refused | GraphRefused) -> None:
    source = kind.value.source if isinstance(kind, Refused) else kind.value[2]
    assert source.startswith(("https://docs.github.com/en/", "https://github.com/", "recorded by "))
