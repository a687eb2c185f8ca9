"""Commits as the site makes them."""

from __future__ import annotations

from datetime import datetime

from bot.forges.local import merging
from bot.git.identity import Identity, stamp
from tests.doubles.github.accounts import Account
from tests.doubles.github.state import Project, Pull
from tests.doubles.repository import Repository

# Who commits what is done on the site.
SITE = Identity("GitHub", "noreply@github.com")
# Nobody can look whether it is right; that it is there is what tells a signed commit.
_SIGNATURE = ("gpgsig -----BEGIN PGP SIGNATURE-----", " ", " ZG91Ymxl", " -----END PGP SIGNATURE-----")


def signature(login: str) -> Identity:
    return Identity(login, f"{login}@users.noreply.github.com")


def private(account: Account) -> Identity:
    """Who an account is in commits that say nothing of it, if it keeps its address private.

    https://docs.github.com/en/account-and-profile/reference/email-addresses-reference#your-noreply-email-address
    """
    return Identity(account.login, account.email or f"{account.id}+{account.login}@users.noreply.github.com")


def commit(
    repository: Repository,
    tree: str,
    parents: tuple[str, ...],
    message: str,
    *,
    author: Identity,
    now: datetime,
    committer: Identity = SITE,
    signed: bool = False,
) -> str:
    """A commit as the site makes them, which no branch has yet."""
    when = stamp(now)
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines += [f"author {author} {when}", f"committer {committer} {when}", *(_SIGNATURE if signed else ()), "", message]
    content = "\n".join(lines).encode()
    done = repository.directory.run("hash-object", "-t", "commit", "-w", "--stdin", stdin=content)
    return done.stdout.decode().strip()


def merge_commit(
    project: Project, pull: Pull, base: str, head: str, *, login: str, now: datetime, message: str = ""
) -> str:
    tree = merging.merged_tree(project.repository.directory, base, head)
    text = f"Merge pull request #{pull.number} from {project.owner}/{pull.source}\n\n{message or pull.title}\n"
    return commit(project.repository, tree, (base, head), text, author=signature(login), now=now)


def squash_message(repository: Repository, pull: Pull, base: str) -> str:
    """By default: of one commit its own message, of several a list of their titles.

    https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/incorporating-changes-from-a-pull-request/about-pull-request-merges
    """
    commits = repository.between(base, pull.head)
    if len(commits) == 1:
        title, _, body = repository.git("log", "-1", "--format=%B", commits[0]).partition("\n")
        return f"{title} (#{pull.number})\n{body}\n"
    titles = "\n\n".join(f"* {repository.git('log', '-1', '--format=%s', sha)}" for sha in reversed(commits))
    return f"{pull.title} (#{pull.number})\n\n{titles}\n"
