"""Who may push to promobot's branch can write commits in its name: what they add is merged by nobody but people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from bot.errors import ExitCode
from bot.git import Identity
from bot.git.identity import stamp
from tests.company import Company
from tests.doubles.repository import Repository
from tests.promotion.people import BRANCH, FILE, tag_in
from tests.promotion.shops import SHOPS

MALLORY = Identity("promobot", "promobot@localhost")
OTHERS = {
    "apps/payments/staging/helmrelease.yaml": b"image: evil/evil:1\n",
    "infra/kustomization.yaml": b"resources: [https://evil.example.com]\n",
}


def on_top(repository: Repository, ours: str, main: str) -> str:
    return repository.write(ours, OTHERS, message_of(repository, ours), MALLORY)


def in_its_place(repository: Repository, ours: str, main: str) -> str:
    content = repository.read(ours, FILE) or b""
    return repository.write(main, {FILE: content, **OTHERS}, message_of(repository, ours), MALLORY)


def as_a_merge(repository: Repository, ours: str, main: str) -> str:
    """Of the newest of main, whose changes it takes back: against its first parent it changes what ours did."""
    old = repository.git("rev-parse", f"{main}^")
    tree = repository.git(
        "rev-parse", f"{repository.write(old, {FILE: repository.read(ours, FILE) or b''}, 'x')}^{{tree}}"
    )
    who = f"{MALLORY} {stamp(datetime.now(UTC))}"
    head = [f"tree {tree}", f"parent {old}", f"parent {main}", f"author {who}", f"committer {who}", ""]
    text = "\n".join([*head, message_of(repository, ours)])
    done = repository.directory.run("hash-object", "-t", "commit", "-w", "--stdin", stdin=text.encode())
    return done.stdout.decode().strip()


def with_a_module(repository: Repository, ours: str, main: str) -> str:
    """Git lists its path among what the commit changes, and no file is there."""
    listing = f"{repository.git('ls-tree', ours)}\n160000 commit {'1' * 40}\tkustomization.yaml\n"
    tree = repository.directory.run("mktree", "--missing", stdin=listing.encode()).stdout.decode().strip()
    return repository.squashed(main, tree, message_of(repository, ours), MALLORY)


def message_of(repository: Repository, commit: str) -> str:
    return repository.git("log", "-1", "--format=%B", commit)


@pytest.mark.parametrize(
    ("forge", "way"), [("gitlab", on_top), ("github", in_its_place), ("local", as_a_merge), ("local", with_a_module)]
)
def test_what_is_beside_the_promotion_is_not_merged(
    company: Company, forge: str, way: Callable[[Repository, str, str], str]
) -> None:
    with SHOPS[forge](company) as shop:
        shop.settle("merge: auto", required=0)
        shop.repository.commit("main", {"notes.md": b"what somebody else has just merged\n"})
        main = str(shop.repository.head("main"))
        assert shop.promobot("promote", "inventory", "--to", "staging") == ExitCode.DONE
        ours = str(shop.repository.head(BRANCH))
        assert shop.repository.move(BRANCH, way(shop.repository, ours, main), ours)
        for _ in range(3):
            assert shop.promobot("reconcile") == ExitCode.DONE
        files = shop.repository.files("main")
        assert files.keys().isdisjoint(OTHERS)
        assert "160000" not in shop.repository.git("ls-tree", "-r", "main")
        assert files["notes.md"] == b"what somebody else has just merged\n"
        assert (shop.states, tag_in(files[FILE])) == (["merged"], "1.1.3"), (
            "what promobot meant is put right, and merged"
        )
