from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ConflictError, ForgeError, GitError
from bot.forges import FORGES, Forge, Opened
from bot.forges.local import create_project
from bot.forges.local.record import Record, load
from bot.repositories import MergeRequest, RequestState
from tests.forges.conftest import NOON, PAT, PROJECT, World, draft
from tests.git.origin import git

TEXTS = st.text(st.characters(), max_size=20)


def test_the_table_makes_a_forge(world: World) -> None:
    forge: Forge = FORGES["local"](world.root)
    assert forge.open_requests(PROJECT) == ()


def test_what_is_opened_is_found(world: World) -> None:
    head = world.push("promobot/prod/web", "2")
    opened = world.forge.open(PROJECT, draft("promobot/prod/web"))
    expected = MergeRequest(
        number=1,
        title="Promote web",
        body="why",
        source_branch="promobot/prod/web",
        target_branch="main",
        head=head,
        state=RequestState.OPEN,
        url=f"{world.bare.as_uri()}#merge-request-1",
        author="promobot",
        ours=True,
        reviewers=("ann", "bob"),
        labels=("prod",),
    )
    assert opened == Opened(expected, created=True)
    assert world.forge.open_requests(PROJECT) == (expected,)
    assert world.forge.get(PROJECT, 1) == expected
    assert world.forge.closed_requests(PROJECT, ["promobot/prod/web"]) == {"promobot/prod/web": ()}


def test_the_head_is_read_from_the_branch(world: World) -> None:
    world.push("x", "2")
    world.open()
    moved = world.push("x", "3")
    assert world.forge.get(PROJECT, 1).head == moved
    world.forge.update(PROJECT, 1, title="t", body="b")
    world.clone.push("x", None, moved)
    assert world.forge.open_requests(PROJECT)[0].head == moved


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("absent", "main", "has no branch absent"),
        ("x", "absent", "has no branch absent"),
        ("main", "main", "is no different from main"),
        ("same", "main", "is no different from main"),
    ],
)
def test_what_cannot_be_opened(world: World, source: str, target: str, words: str) -> None:
    world.push("x", "2")
    world.clone.push("same", world.head("main"), None)
    with pytest.raises(ForgeError, match=words):
        world.forge.open(PROJECT, draft(source, target))
    assert world.refs("refs/promobot") == []


def test_an_update_changes_title_and_body_alone(world: World, processes: Callable[[], list[str]]) -> None:
    world.push("x", "2")
    before = world.forge.open(PROJECT, draft()).request
    after = world.forge.update(PROJECT, 1, title="new", body="körper\n")
    assert (after.title, after.body) == ("new", "körper\n")
    assert after.url == before.url
    assert world.forge.get(PROJECT, 1) == after
    processes()
    assert world.forge.update(PROJECT, 1, title="new", body="körper\n") == after
    assert not any("update-ref" in argv for argv in processes())


def test_a_merge_is_a_merge_commit_of_who_merged(world: World) -> None:
    base, head = world.head("main"), world.push("x", "2")
    world.push("main", "theirs", path="b")
    before = world.head("main")
    world.open(title="Promote\nweb\n\nPromoted-Image: forged")
    merged = world.forge.merge(PROJECT, 1, head=head, by="Ann Ümlaut")
    assert (merged.state, merged.head, merged.ended_by, merged.reason) == (RequestState.MERGED, head, "Ann Ümlaut", "")
    tip = world.clone.fetch(["main"])["main"]
    assert git(world.bare, "log", "-1", "--format=%P|%an|%cn|%(trailers)", tip) == (
        f"{before} {head}|Ann Ümlaut|Ann Ümlaut|"
    )
    assert "Promote web Promoted-Image: forged" in world.show(tip)
    assert f"See merge request {PROJECT}!1" in world.show(tip)
    assert [file.content for file in world.clone.files(tip, ["*"])] == [b"2\n", b"theirs\n"]
    assert (world.head("x"), base) == (None, git(world.bare, "rev-parse", f"{head}^"))
    assert world.refs("refs/promobot/open") == []
    assert world.forge.merge(PROJECT, 1, head=head, by="bob") == merged
    assert world.head("main") == tip


def test_branches_that_conflict_are_left_alone_and_the_files_named(world: World) -> None:
    head = world.push("x", "mine")
    world.push("x", "mine", path="ünï cödé")
    head = world.push("x", "mine", path="b")
    main = world.push("main", "theirs")
    world.open()
    with pytest.raises(ConflictError, match="the branches conflict in a"):
        world.forge.merge(PROJECT, 1, head=head, by="ann")
    assert (world.head("main"), world.head("x")) == (main, head)
    assert world.forge.get(PROJECT, 1).state == RequestState.OPEN


def test_a_record_from_before_there_were_drafts_is_none(world: World) -> None:
    world.push("x", "2")
    world.open()
    old = json.loads(world.show("refs/promobot/merge-requests/1"))
    del old["draft"]
    assert not load(json.dumps(old).encode(), "ref").draft


def test_what_is_merged_already_is_only_noted(world: World) -> None:
    head = world.push("x", "2")
    world.open()
    world.clone.push("main", head, world.head("main"))
    merged = world.forge.merge(PROJECT, 1, head=head, by="ann")
    assert merged.state == RequestState.MERGED
    assert "already merged" in merged.reason
    assert (world.head("main"), world.head("x")) == (head, None)


def test_a_merge_without_its_source_branch(world: World) -> None:
    head = world.push("x", "2")
    world.open()
    world.clone.push("x", None, head)
    with pytest.raises(ConflictError, match="is at no commit"):
        world.forge.merge(PROJECT, 1, head=head, by="ann")
    assert world.forge.close(PROJECT, 1, reason="gone", by="ann").head == head


def test_the_default_branch_outlives_its_merge(world: World) -> None:
    world.push("release", "2", path="b")
    head = world.push("main", "2")
    world.forge.open(PROJECT, draft("main", "release"))
    world.forge.merge(PROJECT, 1, head=head, by="ann")
    assert world.head("main") == head


def test_what_is_not_there(world: World) -> None:
    with pytest.raises(ForgeError, match=f"{PROJECT} has no merge request !7"):
        world.forge.get(PROJECT, 7)
    with pytest.raises(ForgeError, match="there is no project platform/nothing"):
        world.forge.open_requests("platform/nothing")


@pytest.mark.parametrize("project", ["../x", "/x", "x//y", "", "-x", "x/../../y", ".", "x/", "a\nb", "x\0"])
def test_a_project_cannot_lead_out_of_the_root(world: World, project: str) -> None:
    with pytest.raises(ForgeError, match="is not a project's path"):
        world.forge.git_url(project)
    with pytest.raises(ForgeError, match="is not a project's path"):
        create_project(world.root, project, {}, who=PAT, when=NOON)


def test_a_project_is_made_once_and_whole(world: World) -> None:
    with pytest.raises(ForgeError, match="exists already"):
        create_project(world.root, PROJECT, {}, who=PAT, when=NOON)
    with pytest.raises(GitError, match="inside a repository"):
        create_project(world.root, "bad", {"../x": b""}, who=PAT, when=NOON)
    assert not (world.root / "bad.git").exists()
    bare = create_project(world.root, "good", {"x/y": b"1"}, who=PAT, when=NOON, branch="trunk")
    assert git(bare, "symbolic-ref", "HEAD") == "refs/heads/trunk"
    git(bare, "fsck", "--strict")


def test_merge_requests_cannot_be_pushed(world: World, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", world.bare.as_uri(), "person")
    with pytest.raises(subprocess.CalledProcessError):
        git(tmp_path / "person", "push", "origin", "HEAD:refs/promobot/merge-requests/1")
    assert world.refs("refs/promobot") == []


def test_what_is_stored_is_readable_json(world: World) -> None:
    head = world.push("x", "2")
    world.open(title="Grüße")
    text = world.show("refs/promobot/merge-requests/1")
    fields = json.loads(text)
    assert fields == {
        "schema": 1,
        "number": 1,
        "title": "Grüße",
        "body": "why",
        "source_branch": "x",
        "target_branch": "main",
        "head": head,
        "state": "open",
        "author": "promobot",
        "reviewers": ["ann", "bob"],
        "labels": ["prod"],
        "created": "2026-03-01T12:00:00+00:00",
        "updated": "2026-03-01T12:00:00+00:00",
        "ended": "",
        "ended_by": "",
        "reason": "",
        "merge_commit": "",
        "draft": False,
        "note": "",
    }
    assert '  "title": "Grüße"' in text
    assert list(fields) == sorted(fields)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "refs/promobot/merge-requests/1 is not a merge request"),
        (b"[]", "is not a merge request"),
        (b'{"schema": 1}', "is not a merge request"),
        (b'{"schema": 2}', "has schema 2, known is 1"),
        (b"\xff", "is not a merge request"),
    ],
)
def test_what_is_no_merge_request_is_named(world: World, content: bytes, words: str) -> None:
    (world.root / "content").write_bytes(content)
    oid = git(world.bare, "hash-object", "-w", str(world.root / "content"))
    git(world.bare, "update-ref", "refs/promobot/merge-requests/1", oid)
    with pytest.raises(ForgeError, match=words):
        world.forge.open_requests(PROJECT)


@given(texts=st.tuples(*[TEXTS] * 6), lists=st.lists(TEXTS).map(tuple), number=st.integers(1))
def test_a_record_survives_being_stored(texts: tuple[str, ...], lists: tuple[str, ...], number: int) -> None:
    title, body, source, target, author, reason = texts
    record = Record(
        number, title, body, source, target, "h", "open", author, "", "", reviewers=lists, labels=lists, reason=reason
    )
    assert load(record.dump(), "ref") == record


@pytest.mark.parametrize("title", ["", "\n", "--amend", "\0", "\ud800", "x" * 5000, "'; rm -rf /\u202e", "a\r\nb: c"])
def test_hostile_titles_stay_text(world: World, title: str) -> None:
    head = world.push("x", "2")
    world.open(title=title, body=title)
    assert world.forge.get(PROJECT, 1).title == title
    world.forge.merge(PROJECT, 1, head=head, by=title)
    assert git(world.bare, "log", "-1", "--format=%s|%(trailers)", "main") == "Merge branch 'x' into 'main'|"


@pytest.mark.parametrize("branch", ["-x", "--force", "ünï/cödé", "a'b;c$(d)", "promobot/prod/a+b"])
def test_hostile_branches_stay_names(world: World, branch: str) -> None:
    head = world.push(branch, "2")
    world.open(branch)
    assert world.forge.merge(PROJECT, 1, head=head, by="ann").state == RequestState.MERGED
    assert world.refs("refs/heads") == ["refs/heads/main"]


def test_a_thousand_merge_requests_are_read_by_a_few_processes(
    world: World, processes: Callable[[], list[str]]
) -> None:
    world.push("x", "2")
    world.open()
    record = load(world.show("refs/promobot/merge-requests/1").encode(), "ref")
    stream = ""
    for number in range(2, 1001):
        content = json.dumps({**json.loads(record.dump()), "number": number, "state": "closed"})
        stream += f"blob\nmark :{number}\ndata {len(content)}\n{content}\n"
    git(world.bare, "fast-import", "--quiet", "--export-marks=marks", stdin=stream)
    marks = [line[1:].split() for line in (world.bare / "marks").read_text().splitlines()]
    refs = "".join(f"create refs/promobot/merge-requests/{number} {oid}\n" for number, oid in marks)
    git(world.bare, "update-ref", "--stdin", stdin=refs)
    processes()
    assert len(world.forge.requests(PROJECT)) == 1000
    assert [request.number for request in world.forge.open_requests(PROJECT)] == [1]
    assert len(processes()) == 6
