"""What Git holds: refs, commits, trees, files, and what differs."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

from bot.git.identity import Identity
from tests.doubles.github import commitshapes, making
from tests.doubles.github.accounts import Grant
from tests.doubles.github.call import Call, Handler
from tests.doubles.github.pullshapes import Around
from tests.doubles.github.refusals import Refused, RefusedError
from tests.doubles.http import Response
from tests.doubles.repository import Repository

_READ, _WRITE = Grant("contents"), Grant("contents", "write")
_HEADS = "refs/heads/"


def _ref(around: Around, name: str, commit: str) -> dict[str, Any]:
    return {
        "ref": f"{_HEADS}{name}",
        "node_id": f"REF_{name}",
        "url": f"{around.url}/git/refs/heads/{quote(name)}",
        "object": {"sha": commit, "type": "commit", "url": f"{around.url}/git/commits/{commit}"},
    }


def _branch(call: Call) -> str:
    """The branch of the path `heads/<name>`; the double has no tags."""
    return call.values["ref"].removeprefix("heads/")


def ref(call: Call) -> Response:
    project = call.project(_READ)
    head = project.repository.head(_branch(call))
    if head is None:
        raise RefusedError(Refused.NOT_FOUND)
    return Response(200, _ref(call.around(project), _branch(call), head))


def matching_refs(call: Call) -> Response:
    project = call.project(_READ)
    around = call.around(project)
    found = [(name, commit) for name, commit in project.repository.heads().items() if name.startswith(_branch(call))]
    return Response(200, [_ref(around, name, commit) for name, commit in found])


def create_ref(call: Call) -> Response:
    project = call.project(_WRITE)
    name, commit = call.said["ref"].removeprefix(_HEADS), call.said["sha"]
    if project.repository.resolve(commit) != commit:
        raise RefusedError(Refused.NO_OBJECT)
    if not project.repository.move(name, commit, None):
        raise RefusedError(Refused.REF_EXISTS)
    return Response(201, _ref(call.around(project), name, commit))


def move_ref(call: Call) -> Response:
    project = call.project(_WRITE)
    repository, name, commit = project.repository, _branch(call), call.said["sha"]
    head = repository.head(name)
    if head is None:
        raise RefusedError(Refused.REF_ABSENT)
    if repository.resolve(commit) != commit:
        raise RefusedError(Refused.NO_OBJECT)
    if not call.said.get("force", False) and not repository.contains(commit, head):
        raise RefusedError(Refused.NOT_FORWARD)
    repository.move(name, commit, head)
    return Response(200, _ref(call.around(call.hub.synced(project.path)), name, commit))


def delete_ref(call: Call) -> Response:
    project = call.project(_WRITE)
    head = project.repository.head(_branch(call))
    if head is None:
        raise RefusedError(Refused.REF_ABSENT)
    project.repository.move(_branch(call), None, head)
    call.hub.synced(project.path)
    return Response(204)


# --- objects --------------------------------------------------------------------------------------------


def git_commit(call: Call) -> Response:
    project = call.project(_READ)
    if project.repository.resolve(call.values["sha"]) is None:
        raise RefusedError(Refused.NOT_FOUND)
    return Response(200, commitshapes.git_commit(call.around(project), call.values["sha"]))


def create_commit(call: Call) -> Response:
    """Signed by GitHub if a bot makes it and leaves it to GitHub who that is; then GitHub is the committer.

    https://docs.github.com/en/authentication/managing-commit-signature-verification/about-commit-signature-verification#signature-verification-for-bots
    and https://github.com/peter-evans/create-pull-request/pull/1609
    """
    project, said = call.project(_WRITE), call.said
    repository, parents = project.repository, tuple(said.get("parents", ()))
    if _kind(repository, said["tree"]) != "tree":
        raise RefusedError(Refused.NO_TREE)
    if any(_kind(repository, parent) != "commit" for parent in parents):
        raise RefusedError(Refused.NO_PARENT)
    account = call.hub.accounts[call.login]
    author = _who(said.get("author")) or making.private(account)
    signed = account.kind == "Bot" and not {"author", "committer", "signature"} & said.keys()
    committer = making.SITE if signed else _who(said.get("committer")) or author
    told = (repository, said["tree"], parents, said["message"])
    made = making.commit(*told, author=author, now=call.now, committer=committer, signed=signed)
    return Response(201, commitshapes.git_commit(call.around(project), made))


def _who(said: dict[str, str] | None) -> Identity | None:
    return Identity(said["name"], said["email"]) if said else None


def _kind(repository: Repository, sha: str) -> str:
    """Of which kind an object is; empty where there is none."""
    return repository.git("cat-file", "-t", sha, statuses=(0, 1, 128))


def create_blob(call: Call) -> Response:
    project, said = call.project(_WRITE), call.said
    content = base64.b64decode(said["content"]) if said.get("encoding") == "base64" else said["content"].encode()
    sha = _blob(project.repository, content)
    return Response(201, {"url": f"{call.around(project).url}/git/blobs/{sha}", "sha": sha})


def _blob(repository: Repository, content: bytes) -> str:
    done = repository.directory.run("hash-object", "-w", "--stdin", stdin=content)
    return done.stdout.decode().strip()


def _tree(around: Around, tree: str, *, recursive: bool = False) -> dict[str, Any]:
    repository = around.project.repository
    entries = []
    for line in repository.git("ls-tree", "-l", *(["-r", "-t"] if recursive else []), tree).splitlines():
        about, _, path = line.partition("\t")
        mode, kind, sha, size = about.split()
        kinds = {"blob": "blobs", "tree": "trees"}
        entry = {"path": path, "mode": mode, "type": kind, "sha": sha, "url": f"{around.url}/git/{kinds[kind]}/{sha}"}
        entries.append({**entry, "size": int(size)} if kind == "blob" else entry)
    return {"sha": tree, "url": f"{around.url}/git/trees/{tree}", "tree": entries, "truncated": False}


def tree(call: Call) -> Response:
    project = call.project(_READ)
    found = project.repository.git(
        "rev-parse", "--verify", "--quiet", f"{call.values['tree']}^{{tree}}", statuses=(0, 1)
    )
    if not found:
        raise RefusedError(Refused.NOT_FOUND)
    return Response(200, _tree(call.around(project), found, recursive="recursive" in call.request.query))


def create_tree(call: Call) -> Response:
    """From `base_tree` with files changed; one whose `sha` is null goes."""
    project = call.project(_WRITE)
    repository = project.repository
    contents = {entry["path"]: _content(repository, entry) for entry in call.said["tree"]}
    # A commit will do as well.
    base = repository.git(
        "rev-parse", "--verify", "--quiet", f"{call.said['base_tree']}^{{tree}}", statuses=(0, 1, 128)
    )
    if not base:
        raise RefusedError(Refused.NO_BASE_TREE)
    modes = {entry["path"]: entry["mode"] for entry in call.said["tree"]}
    made = changed_tree(repository, base, contents, modes)
    return Response(201, _tree(call.around(project), made))


def _content(repository: Repository, entry: dict[str, Any]) -> bytes | None:
    """What an entry brings: the content itself, or a blob that is there."""
    if "content" in entry:
        return str(entry["content"]).encode()
    if entry["sha"] is None:
        return None
    if _kind(repository, entry["sha"]) != "blob":
        raise RefusedError(Refused.NO_BLOB, sha=entry["sha"])
    return repository.directory.run("cat-file", "blob", entry["sha"]).stdout


def changed_tree(
    repository: Repository, base: str, contents: dict[str, bytes | None], modes: dict[str, str] | None = None
) -> str:
    """A tree like another, with these files as they are said, or gone."""
    lines, kept = [], dict(modes or {})
    for line in repository.git("ls-tree", "-r", "-z", base).split("\0"):
        about, _, path = line.partition("\t")
        if line and path not in contents:
            lines.append(f"{about}\t{path}")
        elif line:
            kept.setdefault(path, about.split(" ")[0])
    for path, content in contents.items():
        if content is not None:
            lines.append(f"{kept.get(path, '100644')} blob {_blob(repository, content)}\t{path}")
    return _made_tree(repository, lines)


def _made_tree(repository: Repository, lines: list[str]) -> str:
    """The tree of these files, by folder: git mktree makes one level."""
    here, below = [], dict[str, list[str]]()
    for line in lines:
        about, _, path = line.partition("\t")
        folder, slash, rest = path.partition("/")
        if slash:
            below.setdefault(folder, []).append(f"{about}\t{rest}")
        else:
            here.append(line)
    here += [f"040000 tree {_made_tree(repository, inner)}\t{folder}" for folder, inner in below.items()]
    stdin = "".join(f"{line}\0" for line in here).encode()
    return repository.directory.run("mktree", "-z", stdin=stdin).stdout.decode().strip()


# --- files ----------------------------------------------------------------------------------------------


def contents(call: Call) -> Response:
    project = call.project(_READ)
    repository, path = project.repository, call.values["path"]
    commit = repository.resolve(call.parameter("ref") or repository.default_branch)
    content = repository.read(commit, path) if commit else None
    if commit is None or content is None:
        raise RefusedError(Refused.NOT_FOUND)
    return Response(200, _file(call.around(project), commit, path, content))


def _file(around: Around, commit: str, path: str, content: bytes) -> dict[str, Any]:
    sha = around.project.repository.git("rev-parse", f"{commit}:{path}")
    url, html = f"{around.url}/contents/{quote(path)}?ref={commit}", f"{around.site}/blob/{commit}/{quote(path)}"
    git = f"{around.url}/git/blobs/{sha}"
    return {
        "type": "file",
        "encoding": "base64",
        "size": len(content),
        "name": path.rpartition("/")[2],
        "path": path,
        "content": base64.encodebytes(content).decode(),
        "sha": sha,
        "url": url,
        "git_url": git,
        "html_url": html,
        "download_url": f"{around.site}/raw/{commit}/{quote(path)}",
        "_links": {"git": git, "self": url, "html": html},
    }


def write_contents(call: Call) -> Response:
    """One file, in a commit of its own; `sha` is of the file as it was seen."""
    project = call.project(_WRITE)
    repository, path, said = project.repository, call.values["path"], call.said
    branch = said.get("branch") or repository.default_branch
    head = repository.head(branch)
    if head is None:
        raise RefusedError(Refused.NO_BRANCH)
    before = repository.git("rev-parse", "--verify", "--quiet", f"{head}:{path}", statuses=(0, 1, 128))
    if before and before != said.get("sha"):
        raise RefusedError(Refused.FILE_MOVED, path=path, sha=said.get("sha"))
    made = changed_tree(repository, head, {path: base64.b64decode(said["content"])})
    author = making.signature(call.login)
    commit = making.commit(repository, made, (head,), said["message"], author=author, now=call.now)
    repository.move(branch, commit, head)
    around = call.around(call.hub.synced(project.path))
    file = _file(around, commit, path, base64.b64decode(said["content"]))
    return Response(200 if before else 201, {"content": file, "commit": commitshapes.git_commit(around, commit)})


HANDLERS: dict[str, Handler] = {
    "GET /repos/:owner/:repo/git/ref/*ref": ref,
    "GET /repos/:owner/:repo/git/matching-refs/*ref": matching_refs,
    "POST /repos/:owner/:repo/git/refs": create_ref,
    "PATCH /repos/:owner/:repo/git/refs/*ref": move_ref,
    "DELETE /repos/:owner/:repo/git/refs/*ref": delete_ref,
    "GET /repos/:owner/:repo/git/commits/:sha": git_commit,
    "POST /repos/:owner/:repo/git/commits": create_commit,
    "POST /repos/:owner/:repo/git/blobs": create_blob,
    "GET /repos/:owner/:repo/git/trees/:tree": tree,
    "POST /repos/:owner/:repo/git/trees": create_tree,
    "GET /repos/:owner/:repo/contents/*path": contents,
    "PUT /repos/:owner/:repo/contents/*path": write_contents,
}
