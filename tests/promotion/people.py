"""What people do in the company's repository while promobot works there, and what of it must not be lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.promotion.shops import ANN, Shop, Shown

BRANCH = "promobot/staging/inventory"
FILE = "apps/inventory/staging/helmrelease.yaml"
_TAG = re.compile(rb'tag: "(.*?)"')


def tag_in(content: bytes | None) -> str:
    found = _TAG.search(content or b"")
    return found[1].decode() if found else ""


@dataclass
class Ann:
    """She does what she wants, where the forge lets her. `newest` is the tag that promobot would propose."""

    shop: Shop
    newest: str = "1.1.3"
    commits: dict[str, str] = field(default_factory=dict)
    done: int = 0
    # By merge request, what she wrote last: a title of hers, and words in the text.
    titles: dict[int, str] = field(default_factory=dict)
    words: dict[int, str] = field(default_factory=dict)

    def does(self, deed: str) -> None:
        self.done += 1
        DEEDS[deed](self)

    # --- commits ----------------------------------------------------------------------------------------

    def pushes(self, branch: str, files: Callable[[bytes], Mapping[str, bytes]], *, base: str | None = None) -> None:
        """One more commit on a branch, unless somebody else is quicker; `base` is where a new one begins."""
        repository = self.shop.repository
        old = repository.head(branch)
        parent = old or (repository.head(base) if base else None)
        if parent is None:
            return
        new = repository.write(parent, files(repository.read(parent, FILE) or b""), f"Change {self.done}", ANN)
        if repository.move(branch, new, old):
            self.commits[new] = branch

    def notes(self, _: bytes) -> dict[str, bytes]:
        return {f"notes/{self.done}.md": b"a note\n"}

    def remark(self, content: bytes) -> dict[str, bytes]:
        """On the line before the tag, so that it can't be merged with another tag."""
        return {FILE: re.sub(rb"# .*", f"# kept, {self.done}".encode(), content)}

    def tag(self, tag: str) -> Callable[[bytes], dict[str, bytes]]:
        return lambda content: {FILE: _TAG.sub(f'tag: "{tag}"'.encode(), content)}

    def deletes(self) -> None:
        repository = self.shop.repository
        if repository.move(BRANCH, None, repository.head(BRANCH)):
            self.commits = {sha: branch for sha, branch in self.commits.items() if branch != BRANCH}

    def lost(self) -> list[str]:
        """Her commits that no branch has."""
        git = self.shop.repository.git
        return [sha for sha in self.commits if not git("for-each-ref", "--contains", sha, "refs/heads")]

    # --- merge requests ---------------------------------------------------------------------------------

    def opens(self, tag: str) -> None:
        source = f"ann/{self.done}"
        self.pushes(source, self.tag(tag), base="main")
        self.shop.opens(source)

    def with_last(self, state: str, act: Callable[[Shown], object]) -> None:
        found = [request for request in self.shop.requests() if request.state == state]
        if found:
            act(found[-1])

    def merges(self, request: Shown, *, squash: bool) -> None:
        repository = self.shop.repository
        heads = repository.heads()
        if request.source not in heads or request.target not in heads:
            return
        merged = repository.between(heads[request.target], heads[request.source])
        if self.shop.merges(request.number, squash=squash):
            self.commits = {sha: branch for sha, branch in self.commits.items() if sha not in merged}

    def retitles(self, request: Shown) -> None:
        title = f"Ann's title {self.done}"
        if self.shop.edits(request.number, title, request.body):
            self.titles[request.number] = title

    def rewrites(self, request: Shown) -> None:
        self._writes(request, f"Ann's own text {self.done}.")

    def adds(self, request: Shown) -> None:
        self._writes(request, f"Ann adds {self.done}.", kept=request.body)

    def _writes(self, request: Shown, words: str, *, kept: str = "") -> None:
        body = f"{words}\r\n\r\n{kept}" if kept else words
        if request.state == "open" and self.shop.edits(request.number, request.title, body):
            self.words[request.number] = words

    def overwritten(self) -> list[Shown]:
        """The merge requests that no longer say what she wrote."""
        return [
            request
            for request in self.shop.requests()
            if self.words.get(request.number, "") not in request.body
            or self.titles.get(request.number, request.title) != request.title
        ]

    def retargets(self, request: Shown) -> None:
        repository = self.shop.repository
        if repository.head("release") is None:
            repository.move("release", repository.head("main"), None)
        self.shop.retargets(request.number, "main" if request.target == "release" else "release")


# What she writes: no forge keeps others from writing over it in the moment between their look and their write.
WRITES: Mapping[str, Callable[[Ann], None]] = {
    "retitles": lambda ann: ann.with_last("open", ann.retitles),
    "rewrites the text": lambda ann: ann.with_last("open", ann.rewrites),
    "adds to the text": lambda ann: ann.with_last("open", ann.adds),
}
DEEDS: Mapping[str, Callable[[Ann], None]] = {
    **WRITES,
    "approves": lambda ann: ann.with_last("open", lambda request: ann.shop.approves(request.number)),
    "adds to our branch": lambda ann: ann.pushes(BRANCH, ann.notes),
    "works on our branch's file": lambda ann: ann.pushes(BRANCH, ann.remark),
    "wants another image on our branch": lambda ann: ann.pushes(BRANCH, ann.tag("1.1.77")),
    "deletes our branch": Ann.deletes,
    "merges": lambda ann: ann.with_last("open", lambda request: ann.merges(request, squash=False)),
    "squashes": lambda ann: ann.with_last("open", lambda request: ann.merges(request, squash=True)),
    "closes": lambda ann: ann.with_last("open", lambda request: ann.shop.closes(request.number)),
    "reopens": lambda ann: ann.with_last("closed", lambda request: ann.shop.reopens(request.number)),
    "retargets": lambda ann: ann.with_last("open", ann.retargets),
    "opens her own": lambda ann: ann.opens(ann.newest),
    "opens another": lambda ann: ann.opens("1.1.78"),
    "works elsewhere": lambda ann: ann.pushes("main", ann.notes),
    "works on the file": lambda ann: ann.pushes("main", ann.remark),
    "promotes by hand": lambda ann: ann.pushes("main", ann.tag(ann.newest)),
    "fixes hot": lambda ann: ann.pushes("main", ann.tag("1.1.79")),
}
