"""Signed commits are what git itself takes for good, and say otherwise what unsigned ones say."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.errors import GitError
from bot.git import Clone, Identity, Pushed, Signing
from bot.repositories import FileChange
from tests.git.conftest import BOT, NOON
from tests.git.origin import Origin, git

needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen isn't installed")
needs_gpg = pytest.mark.skipif(shutil.which("gpg") is None, reason="gpg isn't installed")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "sign here"
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path))
    return path


@pytest.fixture
def gnupg() -> Iterator[Path]:
    """A folder of GnuPG with one key; its sockets need a short path."""
    with tempfile.TemporaryDirectory(prefix="gpg-") as folder:
        generate = ("--quick-generate-key", f"{BOT.name} <{BOT.email}>", "ed25519", "sign", "never")
        _run("gpg", "--homedir", folder, "--batch", "--quiet", "--passphrase", "", *generate)
        yield Path(folder)
        _run("gpgconf", "--homedir", folder, "--kill", "gpg-agent")


def _run(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def as_signer(origin: Origin, folder: Path, signing: Signing) -> Clone:
    return Clone(origin.url, folder / "signing.git", replace(BOT, signing=signing))


def pushed(clone: Clone, base: str) -> str:
    commit = clone.commit(base, [FileChange("a", b"2")], "Promote\n\nbody\n\nPromotion: a/b", NOON)
    assert clone.push("x", commit, None) == Pushed(changed=True)
    return commit


def without_signature(origin: Origin, commit: str) -> str:
    lines = git(origin.bare, "cat-file", "commit", commit).split("\n")
    return "\n".join(line for line in lines if not line.startswith((" ", "gpgsig")))


@needs_ssh
def test_by_an_ssh_key(origin: Origin, clone: Clone, tmp_path: Path, key: Path) -> None:
    base = origin.commit({"a": b"1"})
    commit = pushed(as_signer(origin, tmp_path, Signing(ssh_key=key)), base)
    allowed = tmp_path / "allowed"
    allowed.write_text(f'{BOT.email} namespaces="git" {Path(f"{key}.pub").read_text()}')
    git(origin.bare, "-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={allowed}", "verify-commit", commit)
    plain = clone.commit(base, [FileChange("a", b"2")], "Promote\n\nbody\n\nPromotion: a/b", NOON)
    clone.push("plain", plain, None)
    assert without_signature(origin, commit) == without_signature(origin, plain)
    (found,) = clone.commits(base, [commit])[commit]
    assert (found.author_email, found.committer_email) == (BOT.email, BOT.email)
    assert found.trailer("Promotion") == ("a/b",)


@needs_ssh
def test_of_several_runs_each_signs_its_own(origin: Origin, tmp_path: Path, key: Path) -> None:
    """What an earlier one left is no hindrance, and what is signed is kept from git's housekeeping."""
    base = origin.commit({"a": b"1"})
    signer = as_signer(origin, tmp_path, Signing(ssh_key=key))
    one = signer.commit(base, [FileChange("a", b"2")], "one", NOON)
    two = signer.commit(base, [FileChange("a", b"3")], "two", NOON)
    assert one != two
    assert git(signer._git.path, "rev-parse", "refs/promobot/last-commit").strip() == two
    assert "gpgsig" in git(signer._git.path, "cat-file", "commit", two)


@needs_gpg
def test_by_a_key_of_gnupg(origin: Origin, tmp_path: Path, gnupg: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = origin.commit({"a": b"1"})
    listed = _run("gpg", "--homedir", str(gnupg), "--list-keys", "--with-colons").splitlines()
    fingerprint = next(line.split(":")[9] for line in listed if line.startswith("fpr:"))
    commit = pushed(as_signer(origin, tmp_path, Signing(gpg_key=fingerprint, env={"GNUPGHOME": str(gnupg)})), base)
    monkeypatch.setenv("GNUPGHOME", str(gnupg))
    _run("git", "--git-dir", str(origin.bare), "verify-commit", commit)


def absent(folder: Path) -> Signing:
    return Signing(ssh_key=folder / "absent")


def no_key(folder: Path) -> Signing:
    (folder / "text").write_text("hello")
    (folder / "text").chmod(0o600)
    return Signing(ssh_key=folder / "text")


def locked(folder: Path) -> Signing:
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "pass-phrase", "-f", str(folder / "locked"))
    return Signing(ssh_key=folder / "locked")


def unknown(folder: Path) -> Signing:
    return Signing(gpg_key="0123456789ABCDEF", env={"GNUPGHOME": str(folder)})


@pytest.mark.parametrize(
    ("signing", "said"),
    [
        (absent, "the SSH key .*/absent: No such file or directory"),
        pytest.param(no_key, "the SSH key .*/text: .*[Ll]oad (public )?key", marks=needs_ssh),
        pytest.param(locked, "the SSH key .*/locked: .*passphrase", marks=needs_ssh),
        pytest.param(unknown, "the GnuPG key 0123456789ABCDEF: ", marks=needs_gpg),
    ],
)
def test_without_a_key_nothing_is_made(
    origin: Origin, tmp_path: Path, signing: Callable[[Path], Signing], said: str
) -> None:
    base = origin.commit({"a": b"1"})
    clone = as_signer(origin, tmp_path, signing(tmp_path))
    with pytest.raises(GitError, match=f"can't sign a commit with {said}") as caught:
        clone.commit(base, [FileChange("a", b"2")], "m", NOON)
    assert "`signing` of the forge" in caught.value.hint


def test_an_identity_says_nothing_of_keys() -> None:
    assert str(Identity("a", "b@c", Signing(ssh_key=Path("/k")))) == "a <b@c>"
