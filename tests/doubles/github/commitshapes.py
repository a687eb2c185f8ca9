"""Commits and what differs between them, in GitHub's JSON."""

from __future__ import annotations

from typing import Any

from tests.doubles.github.pullshapes import Around
from tests.doubles.repository import Repository


def _signed(repository: Repository, commit: str) -> dict[str, Any]:
    fields = repository.git("log", "-1", "--format=%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%T", commit).split("\0")
    author, committer = (dict(zip(("name", "email", "date"), fields[at : at + 3], strict=True)) for at in (0, 3))
    for signature in (author, committer):
        signature["date"] = signature["date"].replace("+00:00", "Z")
    return {"author": author, "committer": committer, "tree": fields[6]}


def _verification(repository: Repository, commit: str) -> dict[str, Any]:
    """https://docs.github.com/en/rest/git/commits#signature-verification-object"""
    head, _, message = repository.git("cat-file", "commit", commit).partition("\n\n")
    before, found, signature = head.partition("\ngpgsig ")
    if not found:
        return _UNVERIFIED
    # It is the last that the double writes there; of more than one line, the others begin with a space.
    signature = signature.replace("\n ", "\n")
    at = _signed(repository, commit)["committer"]["date"]
    told = {"signature": signature, "payload": f"{before}\n\n{message}", "verified_at": at}
    return {"verified": True, "reason": "valid", **told}


_UNVERIFIED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def git_commit(around: Around, commit: str) -> dict[str, Any]:
    """A commit as an object of Git."""
    repository = around.project.repository
    said = _signed(repository, commit)
    parents = repository.git("log", "-1", "--format=%P", commit).split()
    url = f"{around.url}/git/commits"
    return {
        "sha": commit,
        "node_id": f"C_{commit}",
        "url": f"{url}/{commit}",
        "html_url": f"{around.site}/commit/{commit}",
        "author": said["author"],
        "committer": said["committer"],
        "tree": {"sha": said["tree"], "url": f"{around.url}/git/trees/{said['tree']}"},
        "message": repository.git("log", "-1", "--format=%B", commit).rstrip("\n"),
        "parents": [
            {"sha": parent, "url": f"{url}/{parent}", "html_url": f"{around.site}/commit/{parent}"}
            for parent in parents
        ],
        "verification": _verification(repository, commit),
    }


def commit(around: Around, sha: str) -> dict[str, Any]:
    """A commit of the site."""
    said = git_commit(around, sha)
    url = f"{around.url}/commits/{sha}"
    names = ("author", "committer", "message", "tree", "verification")
    return {
        "sha": sha,
        "node_id": said["node_id"],
        "url": url,
        "html_url": said["html_url"],
        "comments_url": f"{url}/comments",
        "commit": {**{name: said[name] for name in names}, "url": said["url"], "comment_count": 0},
        "author": None,
        "committer": None,
        "parents": [
            {"sha": parent["sha"], "url": f"{around.url}/commits/{parent['sha']}", "html_url": parent["html_url"]}
            for parent in said["parents"]
        ],
    }


def changes(around: Around, base: str, head: str) -> list[dict[str, Any]]:
    """The files that differ."""
    repository = around.project.repository
    kinds = {"A": "added", "D": "removed", "M": "modified", "T": "changed"}
    found = []
    for line in repository.git("diff", "--raw", "--no-abbrev", "--no-renames", base, head).splitlines():
        about, _, name = line.partition("\t")
        _, _, _, blob, kind = about.split(" ")
        added, removed, _ = repository.git("diff", "--numstat", base, head, "--", name).split("\t")
        counts = [int(count) if count != "-" else 0 for count in (added, removed)]
        text = repository.git("diff", "--unified=3", base, head, "--", name)
        found.append(
            {
                "sha": blob,
                "filename": name,
                "status": kinds[kind],
                "additions": counts[0],
                "deletions": counts[1],
                "changes": sum(counts),
                "blob_url": f"{around.site}/blob/{head}/{name}",
                "raw_url": f"{around.site}/raw/{head}/{name}",
                "contents_url": f"{around.url}/contents/{name}?ref={head}",
                "patch": text[text.index("@@") :] if "@@" in text else "",
            }
        )
    return found
