"""What git's last words are taken for."""

from __future__ import annotations

import pytest

from bot.git.failure import explain


@pytest.mark.parametrize(
    "words",
    [
        "error: index file /c/x.git/objects/pack/p.idx is too small\nerror: https://x/a.git did not send all objects",
        "fatal: bad object 0123456789012345678901234567890123456789",
        "error: inflate: data stream error",
    ],
)
def test_what_a_broken_clone_says_leads_to_its_folder(words: str) -> None:
    assert explain(words, "/cache/git/x.git")[1] == (
        "if this happens again, remove /cache/git/x.git: promobot makes it anew"
    )


def test_a_full_disk_is_not_taken_for_a_broken_clone() -> None:
    words = "fatal: write error: No space left on device\nfatal: index-pack failed"
    assert explain(words, "/cache/git/x.git")[1].startswith("free disk space")


@pytest.mark.parametrize(
    "words",
    [
        "error: unable to create temporary file: Read-only file system\nfatal: Unable to add (null) to database",
        "error: insufficient permission for adding an object to repository database ./objects",
        "fatal: update_ref failed for ref 'refs/heads/x': cannot lock ref 'refs/heads/x': "
        "Unable to create '/srv/x.git/./refs/heads/x.lock': Permission denied",
        "fatal: cannot mkdir /srv/x.git: Permission denied",
    ],
)
def test_where_git_may_not_write_it_is_to_be_let(words: str) -> None:
    assert explain(words)[1].startswith("let promobot's user write there")


def test_a_refused_key_is_not_taken_for_a_folder_that_can_t_be_written() -> None:
    words = "git@forge.example.com: Permission denied (publickey).\nfatal: Could not read from remote repository."
    assert explain(words)[1].startswith("check the credential")


@pytest.mark.parametrize(
    ("credential", "hint"),
    [
        ("", "check `project` in the configuration"),
        (
            "TOKEN of forge work",
            "check `project` in the configuration; many forges answer the same where TOKEN of forge work has no access",
        ),
    ],
)
def test_access_is_doubted_only_where_somebody_asks_for_it(credential: str, hint: str) -> None:
    assert explain("fatal: 'x.git' does not appear to be a git repository", credential=credential)[1] == hint
