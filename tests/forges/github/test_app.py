"""A GitHub App as the identity: its tokens are fetched, renewed, given time to be known, and never told."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.errors import ConfigError, ForgeError
from bot.forges import Use
from bot.forges.access import AppKey
from bot.forges.github import GitHubForge
from bot.forges.github.tokens import Held, InstallationTokens
from bot.network.retry import ATTEMPTS
from bot.repositories import Reviewers
from tests.doubles.github import Role
from tests.doubles.github.accounts import OF_THE_MANUAL, AppRegistration
from tests.forges.github.conftest import PROJECT, World, draft
from tests.proxy import ALWAYS, Answer, AnswerAfter, CutAfter, CutBefore, Fault, Kind

TOKENS = "POST /app/installations/:id/access_tokens"
INSTALLATION = "GET /repos/:owner/:repo/installation"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def registered(world: World, key: rsa.RSAPrivateKey) -> AppRegistration:
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    app = world.hub.register("promo", pem.decode())
    world.hub.install(app, "acme", OF_THE_MANUAL)
    return app


def pem(key: rsa.RSAPrivateKey) -> str:
    kind = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode()


def forge(world: World, app: AppRegistration, key: rsa.RSAPrivateKey, **more: Any) -> GitHubForge:
    return world.by("", app=AppKey(app.id, pem(key), "GITHUB_KEY", **more))


def test_an_app_opens_a_merge_request_as_its_bot(
    world: World, registered: AppRegistration, key: rsa.RSAPrivateKey
) -> None:
    world.push()
    app = forge(world, registered, key)
    opened = app.open(PROJECT, draft()).request
    assert (opened.author, world.pulls[1].login) == ("promobot", "promo[bot]")
    assert app.open_requests(PROJECT) == (opened,)
    counts = world.running.counts()
    assert (counts[TOKENS], counts[INSTALLATION], counts["GET /app"]) == (1, 1, 1)
    assert app.close(PROJECT, 1, reason="no", by="promobot").ended_by == "promobot"


def test_one_token_is_enough_for_the_repositories_of_an_account(
    world: World, registered: AppRegistration, key: rsa.RSAPrivateKey
) -> None:
    world.hub.project("acme/gitops-e2e", {"a": b"1"})
    world.hub.account("other", "Organization")
    world.hub.install(registered, "other", OF_THE_MANUAL)
    world.hub.project("other/gitops", {"a": b"1"})
    app = forge(world, registered, key)
    for project in (PROJECT, "acme/gitops-e2e", "other/gitops", PROJECT):
        assert app.open_requests(project) == ()
    counts = world.running.counts()
    assert (counts[TOKENS], counts[INSTALLATION]) == (2, 3)


def test_its_key_is_read_once_however_many_requests_it_signs(
    world: World, registered: AppRegistration, key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []

    def count(text: bytes, **more: Any) -> Any:
        reads.append(text.strip() == pem(key).strip().encode())
        return serialization.load_pem_private_key(text, **more)

    monkeypatch.setattr("jwt.algorithms.load_pem_private_key", count)
    assert forge(world, registered, key).open_requests(PROJECT) == ()
    assert sum(reads) == 1
    assert world.running.counts()[INSTALLATION] == world.running.counts()[TOKENS] == 1, "both of them signed"


def test_the_installation_may_be_named(world: World, registered: AppRegistration, key: rsa.RSAPrivateKey) -> None:
    number = next(iter(registered.installations))
    assert forge(world, registered, key, installation=number).open_requests(PROJECT) == ()
    assert INSTALLATION not in world.running.counts()


@pytest.mark.parametrize("first", ["acme/gone", "acme/old-name"])
def test_a_repository_that_is_gone_takes_nothing_from_the_others_of_its_installation(
    world: World, registered: AppRegistration, key: rsa.RSAPrivateKey, first: str
) -> None:
    app = forge(world, registered, key, installation=next(iter(registered.installations)))
    world.running.inject(
        Fault("GET /api/v3/repos/acme/old-name$", Answer(301, {"Location": "/api/v3/repositories/1"}), ALWAYS)
    )
    with pytest.raises(ForgeError, match=first):
        app.open_requests(first)
    assert app.open_requests(PROJECT) == ()
    assert world.running.counts()[TOKENS] == 1


def test_a_fresh_token_may_be_unknown_for_a_moment(
    world: World, registered: AppRegistration, key: rsa.RSAPrivateKey
) -> None:
    world.running.inject(
        Fault(f"GET /api/v3/repos/{PROJECT}$", Answer(404, {"Content-Type": "application/json"}, b"{}"), times=2)
    )
    assert forge(world, registered, key).open_requests(PROJECT) == ()
    assert len(world.clock.slept) == 2


@pytest.mark.parametrize("kind", [Answer(500), AnswerAfter(502), CutBefore(), CutAfter()], ids=str)
def test_a_token_whose_answer_is_lost_is_asked_for_again(
    world: World, registered: AppRegistration, key: rsa.RSAPrivateKey, kind: Kind
) -> None:
    app = forge(world, registered, key)
    world.running.inject(Fault("POST .*/access_tokens", kind))
    assert app.git_token(PROJECT)
    assert world.running.counts()[TOKENS] == 2


def test_a_token_that_there_is_none_of_is_not_asked_for_by_everybody_again(
    world: World, registered: AppRegistration, key: rsa.RSAPrivateKey
) -> None:
    world.running.inject(Fault("POST .*/access_tokens", Answer(503), ALWAYS))
    with pytest.raises(ForgeError, match=r"POST .*/access_tokens: the forge failed \(HTTP 503\)"):
        forge(world, registered, key).open_requests(PROJECT)
    assert world.running.counts()[TOKENS] == ATTEMPTS


def test_an_app_that_is_not_installed_there(world: World, key: rsa.RSAPrivateKey, registered: AppRegistration) -> None:
    world.hub.account("other", "Organization")
    world.hub.project("other/gitops", {"a": b"1"}, roles={"pat": Role.ADMIN})
    with pytest.raises(ForgeError, match=f"App {registered.id} is not installed on other/gitops") as caught:
        forge(world, registered, key).open_requests("other/gitops")
    assert "give it this repository" in caught.value.hint


def test_another_key_is_refused_and_what_is_no_key_at_once(
    world: World, registered: AppRegistration, key: rsa.RSAPrivateKey
) -> None:
    other = rsa.generate_private_key(65537, 2048)
    with pytest.raises(ForgeError, match="A JSON web token could not be decoded"):
        forge(world, registered, other).open_requests(PROJECT)
    with pytest.raises(ConfigError) as caught:
        world.by("", app=AppKey(1, "-----BEGIN NOTHING-----", "GITHUB_KEY"))
    assert caught.value.message.startswith("GITHUB_KEY: no private key of a GitHub App")
    assert "BEGIN NOTHING" not in str(caught.value)


def test_a_token_is_renewed_before_it_ends() -> None:
    now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    made: list[Held] = []

    def fetch() -> Held:
        made.append(Held(f"ghs_{len(made)}", now + timedelta(hours=1)))
        return made[-1]

    begun: list[str] = []
    tokens = InstallationTokens(fetch, lambda held: begun.append(held.text), now=lambda: now)
    assert [tokens.token(), tokens.token()] == ["ghs_0", "ghs_0"]
    now += timedelta(minutes=49)
    assert tokens.token() == "ghs_0"
    now += timedelta(minutes=2)
    assert tokens.token() == "ghs_1"
    assert begun == ["ghs_0", "ghs_1"]


def test_no_token_and_no_key_is_logged_or_told(
    world: World, registered: AppRegistration, key: rsa.RSAPrivateKey, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("", "github"):
        caplog.set_level(logging.DEBUG, name)
    app = forge(world, registered, key)
    world.push()
    app.open(PROJECT, draft())
    tokens = [text for text in world.hub.tokens if text.startswith("ghs_")]
    assert len(tokens) == 1
    echo = f'{{"message": "you sent {tokens[0]}"}}'.encode()
    world.running.inject(Fault("PATCH", Answer(418, {"Content-Type": "application/json"}, echo)))
    with pytest.raises(ForgeError, match="you sent …") as caught:
        app.update(PROJECT, 1, title="t", body="b")
    said = caplog.text + str(caught.value) + repr(app.__dict__) + repr(caught.value.__dict__)
    assert "POST" in caplog.text
    for secret in (*tokens, "eyJ", "PRIVATE KEY", pem(key).splitlines()[1]):
        assert secret not in said


def test_what_an_app_may_is_what_its_installation_says(
    world: World, registered: AppRegistration, key: rsa.RSAPrivateKey
) -> None:
    use = Use(PROJECT, proposes=True, reviewers=Reviewers(("sre",)))
    good = forge(world, registered, key).rights([use])
    assert [(right.about, right.good, right.found) for right in good] == [
        ("App", True, "key accepted, works as promo[bot]"),
        (f"project {PROJECT}", True, "installed, may push branches and open pull requests"),
        ("team sre", True, "2 members"),
    ]
    (installation,) = registered.installations.values()
    installation.permissions = {"metadata": "read", "contents": "read", "pull_requests": "write", "statuses": "write"}
    _, project, team = forge(world, registered, key).rights([use])
    assert (project.good, project.found) == (False, "the installation lacks contents: write, members: read")
    assert team.good is False
    _, elsewhere = forge(world, registered, key).rights([Use("other/gitops")])
    assert (elsewhere.good, elsewhere.advice) == (
        False,
        "install it (Install App on its page) and give it this repository",
    )


@pytest.mark.parametrize(
    ("merges", "given", "lacks"),
    [((), None, "read"), ((), "read", ""), (("main",), "read", "write"), (("main",), "write", "")],
)
def test_a_merge_queue_takes_a_permission_of_its_own(
    world: World, registered: AppRegistration, key: rsa.RSAPrivateKey, merges: tuple[str, ...], given: str, lacks: str
) -> None:
    world.hub.projects[PROJECT].queues.add("main")
    (installation,) = registered.installations.values()
    installation.permissions = {**OF_THE_MANUAL, **({"merge_queues": given} if given else {})}
    found = forge(world, registered, key).rights([Use(PROJECT, proposes=True, into=("main",), merges=merges)])
    about = [(right.good, right.found) for right in found if right.about == f"merge queue of main of {PROJECT}"]
    assert about == ([(None, f"the installation lacks merge_queues: {lacks}")] if lacks else [])


def test_who_may_not_see_or_use_a_merge_queue_is_told_what_is_lacking(
    world: World, registered: AppRegistration, key: rsa.RSAPrivateKey
) -> None:
    world.hub.projects[PROJECT].queues.add("main")
    app, head = forge(world, registered, key), world.push()
    number = app.open(PROJECT, draft()).request.number
    began = app.merge_when_ready(PROJECT, number, head=head, into="main")
    assert began.waits.endswith("it takes the permission merge_queues=write")
    world.forge.merge_when_ready(PROJECT, number, head=head, into="main")
    assert world.pulls[number].queued
    with pytest.raises(ForgeError, match="lacks the permission merge_queues=read"):
        app.open_requests(PROJECT)
