"""Signs commits, as git itself does: by ssh-keygen with a key in a file, or by GnuPG."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import GitError
from bot.git.command import GitDirectory

if TYPE_CHECKING:
    from bot.git.identity import Identity


@dataclass(frozen=True)
class Signing:
    """With which key: an SSH key in a file, or one of GnuPG by its id.

    `env` is added to what signs, such as GNUPGHOME, or SSH_AUTH_SOCK where the file holds the public part alone.
    """

    ssh_key: Path | None = None
    gpg_key: str = ""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def config(self) -> dict[str, str]:
        """What tells git of it; the key itself is read by the program that signs and nobody else."""
        if self.ssh_key is not None:
            return {"gpg.format": "ssh", "user.signingKey": str(self.ssh_key.absolute())}
        return {"gpg.format": "openpgp", "user.signingKey": self.gpg_key}

    def __str__(self) -> str:
        return f"the SSH key {self.ssh_key}" if self.ssh_key is not None else f"the GnuPG key {self.gpg_key}"


def signed(git: GitDirectory, commit: str, identity: Identity, when: datetime, signing: Signing) -> str:
    """The id of a commit like this one, by the same and at the same time, with a signature. Raises GitError.

    `git` passes no lock on: an agent that signs may outlive us.
    """
    header, _, message = git.run("cat-file", "commit", commit).stdout.partition(b"\n\n")
    parents = [line.split(b" ")[1].decode() for line in header.split(b"\n") if line.startswith(b"parent ")]
    at = f"@{int(when.timestamp())} {when.strftime('%z')[:5]}"
    who = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", identity.name), ("EMAIL", identity.email), ("DATE", at))
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
