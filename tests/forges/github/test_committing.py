"""Commits by GitHub's API: the same bytes and modes, signed, known again, and on a branch by compare-and-set."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.errors import ForgeError
from bot.forges import Made
from bot.forges.access import AppKey
from bot.forges.github import GitHubForge
from bot.git import Clone, Credential, Identity, LeaseLost
from bot.plan import PushBranch
from bot.repositories import Commit, FileChange, Repository
from tests.doubles.repository import PAT
from tests.forges.github.conftest import LOGIN, PROJECT, World
from tests.forges.github.test_faults import FAULTS
from tests.proxy import Answer, AnswerAfter, CutAfter, Fault, Kind

BOT = Identity("promobot", "promobot@example.com")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MESSAGE = "Promote web\n\nPromotion: prod/web\n"
BLOBS, TREES, COMMITS, REFS = (f"POST /repos/:owner/:repo/git/{what}" for what in ("blobs", "trees", "commits", "refs"))


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def app(world: World, key: rsa.RSAPrivateKey) -> GitHubForge:
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    made = world.hub.register("promo", public.decode())
    permissions = {"metadata": "read", "contents": "write", "pull_requests": "write", "statuses": "write"}
    world.hub.install(made, "acme", permissions)
    return world.by("", app=AppKey(made.id, private.decode(), "GITHUB_KEY"))


@pytest.fixture
def clone(world: World, tmp_path: Path) -> Clone:
    return Clone(
        world.forge.git_url(PROJECT), tmp_path / "clone.git", BOT, credential=Credential("x-access-token", world.token)
    )


def wanted(
    world: World, files: Mapping[str, bytes] | None = None, *, expected: str | None = None, base: str = "main"
) -> PushBranch:
    changes = tuple(FileChange(path, content) for path, content in (files or {"a": b"2\n"}).items())
    head = world.repository.head(base)
    assert head is not None
    return PushBranch(Repository("hub", PROJECT), "x", head, expected, changes, MESSAGE)


def make(forge: GitHubForge, clone: Clone, action: PushBranch) -> Made | LeaseLost:
    built = clone.commit(action.base, action.files, action.message, NOON)
    return forge.commits(PROJECT).make(clone, action, built)


def must_have(world: World, forge: GitHubForge, made: Made | LeaseLost, action: PushBranch) -> None:
    """The branch has one commit on its base, with what was wanted and nothing else."""
    assert isinstance(made, Made)
    repository = world.repository
    assert repository.head("x") == made.commit
    assert repository.between(action.base, made.commit) == [made.commit]
    changed = {file.path: file.content for file in action.files}
    assert repository.files(made.commit) == {**repository.files(action.base), **changed}
    assert repository.git("log", "-1", "--format=%P", made.commit) == action.base


# --- what is made ------------------------------------------------------------------------------------------


def test_what_an_app_makes_is_signed_and_has_the_same_bytes_and_modes(
    world: World, app: GitHubForge, clone: Clone
) -> None:
    tools = world.repository.git("hash-object", "-w", "--stdin", statuses=(0,))
    tree = world.repository.git("rev-parse", "main^{tree}")
    lines = world.repository.git("ls-tree", tree).splitlines()
    listing = "".join(f"{line}\n" for line in [*lines, f"100755 blob {tools}\trun", f"120000 blob {tools}\tlink"])
    made_tree = world.repository.directory.run("mktree", stdin=listing.encode()).stdout.decode().strip()
    main = world.repository.head("main")
    assert main is not None
    assert world.repository.move("main", world.repository.squashed(main, made_tree, "Tools"), main)
    files = {"run": b"#!/bin/sh\r\nexit 0", "link": b"run", "deep/er": b"\xef\xbb\xbfbom\r\n", "raw": b"\x00\xff"}
    action = wanted(world, files)
    made = make(app, clone, action)
    must_have(world, app, made, action)
    assert isinstance(made, Made)
    assert made.notes == ()
    modes = {
        line.split("\t")[1]: line.split(" ")[0]
        for line in world.repository.git("ls-tree", "-r", made.commit).splitlines()
    }
    assert {path: modes[path] for path in files} == {
        "run": "100755",
        "link": "120000",
        "deep/er": "100644",
        "raw": "100644",
    }
    said = world.forge._connecting.client(PROJECT).requester.requestJsonAndCheck(
        "GET", f"/repos/{PROJECT}/git/commits/{made.commit}"
    )[1]
    assert said["verification"]["verified"]
    number = world.hub.accounts["promo[bot]"].id
    assert said["author"]["email"] == f"{number}+promo[bot]@users.noreply.github.com"
    assert (said["committer"]["email"], said["message"]) == ("noreply@github.com", MESSAGE.rstrip())
    counts = world.running.counts()
    assert [counts[route] for route in (BLOBS, TREES, COMMITS, REFS)] == [1, 1, 1, 1]


def test_what_a_token_s_account_makes_is_not_signed_which_is_told(world: World, clone: Clone) -> None:
    action = wanted(world)
    made = make(world.forge, clone, action)
    must_have(world, world.forge, made, action)
    assert isinstance(made, Made)
    assert made.notes == (f"GitHub has not signed commit {made.commit[:12]} (unsigned): it signs those of Apps alone",)


def test_what_would_not_be_known_again_is_on_no_branch(world: World, clone: Clone) -> None:
    account = world.hub.accounts[LOGIN]
    world.hub.accounts[LOGIN] = replace(account, email="robot@acme.example")
    with pytest.raises(ForgeError, match=r"makes commits of acme-robot by robot@acme\.example .* left as it is"):
        make(world.forge, clone, wanted(world))
    assert world.repository.head("x") is None


def test_what_is_not_what_was_built_is_on_no_branch(world: World, app: GitHubForge, clone: Clone) -> None:
    tree = world.repository.git("rev-parse", "main^{tree}")
    said = json.dumps({"sha": tree, "url": "", "truncated": False, "tree": []}).encode()
    world.running.inject(Fault("POST .*/git/trees", AnswerAfter(201, {"Content-Type": "application/json"}, said)))
    with pytest.raises(ForgeError, match=f"GitHub made tree {tree}, not .* no branch has it"):
        make(app, clone, wanted(world))
    assert world.repository.head("x") is None


# --- the lease ---------------------------------------------------------------------------------------------


def test_a_branch_that_was_seen_absent_and_is_there_stays(world: World, app: GitHubForge, clone: Clone) -> None:
    action = wanted(world)
    theirs = world.push("x")
    assert isinstance(make(app, clone, action), LeaseLost)
    assert world.repository.head("x") == theirs


def test_a_branch_is_replaced_where_it_is_as_it_was_seen(world: World, app: GitHubForge, clone: Clone) -> None:
    first = make(app, clone, wanted(world))
    assert isinstance(first, Made)
    world.push("main", b"3\n", "b")
    action = wanted(world, {"a": b"4\n"}, expected=first.commit)
    must_have(world, app, make(app, clone, action), action)


@pytest.mark.parametrize("what", ["pushed to", "set back", "gone"])
def test_a_branch_that_moved_is_left_to_who_moved_it(world: World, app: GitHubForge, clone: Clone, what: str) -> None:
    first = make(app, clone, wanted(world))
    assert isinstance(first, Made)
    second = make(app, clone, wanted(world, {"a": b"3\n"}, base="x", expected=first.commit))
    assert isinstance(second, Made)
    action = wanted(world, {"a": b"4\n"}, base="x", expected=second.commit)
    now = {"pushed to": world.push("x", b"5\n") if what == "pushed to" else "", "set back": first.commit}.get(what)
    if what != "pushed to":
        assert world.repository.move("x", now, second.commit)
    assert isinstance(make(app, clone, action), LeaseLost)
    assert world.repository.head("x") == now


def test_a_server_without_update_refs_says_so(world: World, app: GitHubForge, clone: Clone) -> None:
    world.hub.older = True
    first = make(app, clone, wanted(world))
    assert isinstance(first, Made)
    action = wanted(world, {"a": b"3\n"}, expected=first.commit)
    with pytest.raises(ForgeError, match="this GitHub has no updateRefs") as caught:
        make(app, clone, action)
    assert "commits: git" in caught.value.hint
    assert world.repository.head("x") == first.commit
    world.push("x", b"5\n")
    assert isinstance(make(app, clone, action), LeaseLost), "that comes first"


def test_a_refusal_for_another_reason_is_told_as_it_is(world: World, app: GitHubForge, clone: Clone) -> None:
    world.push("x/y")
    with pytest.raises(ForgeError, match=r"POST .*/git/refs: the forge refuses \(HTTP 422\)"):
        make(app, clone, wanted(world))
    assert world.repository.head("x") is None


def test_a_check_tells_of_both_before_anything_is_tried(world: World, app: GitHubForge) -> None:
    assert [(right.good, right.found) for right in app.commits(PROJECT).rights()] == [
        (True, "GitHub makes and signs them, as promo[bot]")
    ]
    (unsigned,) = world.forge.commits(PROJECT).rights()
    assert (unsigned.good, unsigned.found) == (None, "GitHub makes them as acme-robot, and signs an App's alone")
    said = b'{"data": {"__type": null}}'
    world.running.inject(Fault("graphql", Answer(200, {"Content-Type": "application/json"}, said)))
    (old,) = app.commits(PROJECT).rights()
    assert (old.good, old.found) == (False, "this GitHub has no updateRefs, so it can't replace one")


# --- what is lost on the way -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FAULTS, ids=repr)
@pytest.mark.parametrize("request_", ["POST .*/git/trees", "POST .*/git/commits", "POST .*/git/refs"])
def test_a_branch_is_made_whatever_is_lost(
    world: World, app: GitHubForge, clone: Clone, kind: Kind, request_: str
) -> None:
    action = wanted(world)
    world.running.inject(Fault(request_, kind))
    must_have(world, app, make(app, clone, action), action)
    assert world.running.faults[0].times == 0, "it was not asked for"


@pytest.mark.parametrize("kind", FAULTS, ids=repr)
@pytest.mark.parametrize("skip", [0, 1], ids=["look", "move"])
def test_a_branch_is_replaced_whatever_is_lost(
    world: World, app: GitHubForge, clone: Clone, kind: Kind, skip: int
) -> None:
    first = make(app, clone, wanted(world))
    assert isinstance(first, Made)
    action = wanted(world, {"a": b"3\n"}, expected=first.commit)
    world.running.inject(Fault("POST .*/graphql", kind, skip=skip))
    must_have(world, app, make(app, clone, action), action)
    assert world.running.faults[0].times == 0, "it was not asked for"


@pytest.mark.parametrize("kind", [CutAfter(), AnswerAfter(502)], ids=repr)
def test_what_somebody_does_after_a_lost_answer_is_theirs(
    world: World, app: GitHubForge, clone: Clone, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the branch's making and our look at it a person has pushed."""
    action, theirs = wanted(world), list[str]()
    look: Callable[..., dict[str, str]] = clone.heads

    def pushed_first(branches: list[str]) -> dict[str, str]:
        if not theirs:
            theirs.append(world.push("x", b"5\n"))
        return look(branches)

    monkeypatch.setattr(clone, "heads", pushed_first)
    world.running.inject(Fault("POST .*/git/refs", kind))
    assert isinstance(make(app, clone, action), LeaseLost)
    assert [world.repository.head("x")] == theirs


def test_of_four_at_once_one_makes_it(world: World, tmp_path: Path) -> None:
    barrier, ends = threading.Barrier(4), list[Made | LeaseLost]()
    action = wanted(world)

    def run(number: int) -> None:
        credential = Credential("x-access-token", world.token)
        own = Clone(world.forge.git_url(PROJECT), tmp_path / f"{number}.git", BOT, credential=credential)
        # What says the same in the same second is the same commit, and then both have made it.
        mine = replace(action, message=f"Of {number}\n\n{MESSAGE}")
        built = own.commit(mine.base, mine.files, mine.message, NOON)
        commits = world.by(world.token).commits(PROJECT)
        barrier.wait(30)
        ends.append(commits.make(own, mine, built))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = [end.commit for end in ends if isinstance(end, Made)]
    assert (len(made), len(ends)) == (1, 4)
    assert world.repository.head("x") == made[0]


# --- who is who --------------------------------------------------------------------------------------------

OURS, SITE, TRAILER = "7+acme-robot@users.noreply.github.com", "noreply@github.com", (("Promotion", "prod/web"),)


@pytest.mark.parametrize(
    ("author", "committer", "trailers", "told"),
    [
        (OURS, SITE, TRAILER, (BOT.email, BOT.email)),
        (OURS, OURS, TRAILER, (BOT.email, BOT.email)),
        ("Acme-Robot@users.noreply.github.com", SITE, TRAILER, (BOT.email, BOT.email)),
        ("7+acme-robot@users.noreply.127.0.0.1", "noreply@127.0.0.1", TRAILER, (BOT.email, BOT.email)),
        (BOT.email, BOT.email, TRAILER, (BOT.email, BOT.email)),
        (BOT.email, "ann@example.com", TRAILER, (BOT.email, "ann@example.com")),
        # Amended by a person, who is the committer then.
        (OURS, "ann@example.com", TRAILER, (BOT.email, "ann@example.com")),
        (OURS, "noreply@example.com", TRAILER, (BOT.email, "noreply@example.com")),
        # Made by a person on the site, whatever they write; or by whoever has the account's password.
        ("8+ann@users.noreply.github.com", SITE, TRAILER, ("8+ann@users.noreply.github.com", SITE)),
        ("7+acme-robot2@users.noreply.github.com", SITE, TRAILER, ("7+acme-robot2@users.noreply.github.com", SITE)),
        ("7+acme-robot@users.noreply.example.com", SITE, TRAILER, ("7+acme-robot@users.noreply.example.com", SITE)),
        (OURS, SITE, (), (OURS, SITE)),
    ],
)
def test_what_was_made_for_us_is_told_as_ours_and_nothing_else(
    world: World, author: str, committer: str, trailers: tuple[tuple[str, str], ...], told: tuple[str, str]
) -> None:
    (commit,) = world.forge.commits(PROJECT).told([Commit("c", author, committer, trailers)], BOT.email)
    assert (commit.author_email, commit.committer_email) == told
    assert PAT.email not in told
