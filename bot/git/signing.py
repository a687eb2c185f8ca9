"""Signs commits, as git itself does: by ssh-keygen with a key in a file, or by GnuPG."""

from __future__ import annotations

from datetime import datetime

from bot.errors import GitError
from bot.git.command import GitDirectory
from bot.git.identity import Identity, Signing, stamp


def signed(git: GitDirectory, commit: str, identity: Identity, when: datetime, signing: Signing) -> str:
    """The id of a commit like this one, by the same and at the same time, with a signature. Raises GitError.

    `git` passes no lock on: an agent that signs may outlive us.
    """
    header, _, message = git.run("cat-file", "commit", commit).stdout.partition(b"\n\n")
    parents = [line.split(b" ")[1].decode() for line in header.split(b"\n") if line.startswith(b"parent ")]
    who = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", identity.name), ("EMAIL", identity.email), ("DATE", f"@{stamp(when)}"))
    }
    _must_be_there(signing)
    arguments = [argument for parent in parents for argument in ("-p", parent)]
    try:
        done = git.run(
            "commit-tree",
            *("-S", *arguments, f"{commit}^{{tree}}"),
            stdin=message,
            config=signing.config,
            env={**signing.env, **who},
        )
    except GitError as error:
        raise GitError(f"can't sign a commit with {signing}: {error.message}", hint=_HINT) from None
    return done.stdout.decode().strip()


_HINT = (
    "see `signing` of the forge: the key has to be there for the user that runs promobot, readable by that one alone, "
    "and without a passphrase that nobody is there to type"
)


def _must_be_there(signing: Signing) -> None:
    """Ssh-keygen doesn't say of which file it speaks."""
    if signing.ssh_key is None:
        return
    try:
        with signing.ssh_key.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise GitError(f"can't sign a commit with {signing}: {error.strerror}", hint=_HINT) from None
