from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.errors import GitError
from bot.git import Clone
from bot.git.reading import UNREAD
from bot.git.working import working_copy
from bot.manifests.source import MAX_BYTES
from bot.repositories import Commit, File, Landing
from tests.git.conftest import BOT
from tests.git.origin import Origin, git

NETWORK = ("ls-remote", "fetch", "push")


def network(argvs: list[str]) -> list[str]:
    """The commands among these that use the network."""
    words = [next(word for word in argv.split() if not word.startswith("-")) for argv in argvs]
    return [word for word in words if word in NETWORK]


def shas(commits: tuple[Commit, ...]) -> list[str]:
    return [commit.sha for commit in commits]


def test_heads_of_present_branches_in_one_process(
    origin: Origin, clone: Clone, processes: Callable[[], list[str]]
) -> None:
    main = origin.commit({"a": b"1"})
    other = origin.commit({"a": b"2"}, branch="-feature/ü")
    origin.commit({"a": b"3"}, branch="nested/refs/heads/main")
    processes()
    assert clone.heads(["main", "-feature/ü", "absent"]) == {"main": main, "-feature/ü": other}
    assert len(processes()) == 1
    assert clone.heads([]) == {}
    assert processes() == []
    nested = origin.commit({"a": b"4"}, branch="promobot/prod/web")
    origin.commit({"a": b"5"}, branch="nested/refs/heads/promobot/prod/web")
    origin.commit({"a": b"6"}, branch="promobot/production/web")
    assert clone.heads(["main"], ["promobot/prod/", "none/"]) == {"main": main, "promobot/prod/web": nested}
    assert len(processes()) == 1


@pytest.mark.parametrize("odd", ["\x85", "\u2028", "\u2029"])
def test_a_branch_may_have_what_elsewhere_ends_a_line_in_its_name(origin: Origin, clone: Clone, odd: str) -> None:
    main = origin.commit({"a": b"1"})
    other = origin.commit({"a": b"2"}, branch=f"promobot/prod/web{odd}x")
    assert clone.heads(["main"], ["promobot/prod/"]) == {"main": main, f"promobot/prod/web{odd}x": other}


def test_so_it_may_in_a_working_copy(tmp_path: Path) -> None:
    for args in (["init", "-b", "main"], ["commit", "--allow-empty", "-m", "x"], ["branch", "e2e\u2028x"]):
        git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", *args)
    copy = working_copy(tmp_path)
    assert copy is not None
    assert set(copy.branches()) == {"main", "e2e\u2028x"}


def test_branches_that_come_and_go_leave_no_ref_in_the_clone(
    origin: Origin, clone: Clone, processes: Callable[[], list[str]]
) -> None:
    main = origin.commit({"a": b"1"})
    passes = origin.commit({"a": b"2"}, branch="queue/1")
    stays = origin.commit({"a": b"3"}, branch="promobot/prod/web")
    processes()
    found = clone.heads(["main"], ["promobot/"], ["queue/"])
    assert found == {"main": main, "promobot/prod/web": stays, "queue/1": passes}
    assert len(processes()) == 1
    assert [file.content for file in clone.files(passes, ["a"])] == [b"2"]
    kept = clone._git.run("for-each-ref", "--format=%(objectname)", "refs/promobot").stdout.decode().split()
    assert sorted(kept) == sorted([main, stays])


def test_more_branches_than_a_command_line_holds(
    origin: Origin, clone: Clone, processes: Callable[[], list[str]]
) -> None:
    main, other = origin.commit({"a": b"1"}), origin.commit({"a": b"2"}, branch="promobot/prod/web-07")
    origin.commit({"a": b"3"}, branch="nested/refs/heads/main")
    processes()
    absent = [f"promobot/staging/a-service-with-quite-a-long-name-{number}" for number in range(50_000)]
    assert clone.heads([*absent, "main", "promobot/prod/web-07"]) == {"main": main, "promobot/prod/web-07": other}
    assert len(processes()) == 1


def test_what_is_longer_than_any_manifest_is_not_read(origin: Origin, clone: Clone) -> None:
    commit = origin.commit({"a": b"1", "huge": b"x" * (20 << 20), "largest": b"x" * MAX_BYTES})
    a, huge, largest = clone.files(commit, ["*"])
    assert (a.content, huge.content, largest.content) == (b"1", UNREAD, b"x" * MAX_BYTES)


def test_what_is_not_read_is_told_from_what_else_is_not_read(origin: Origin, clone: Clone) -> None:
    large = b"x" * (MAX_BYTES + 1)
    one, same = origin.commit({"huge": large}), origin.commit({"other": b"1"})
    two = origin.commit({"huge": large + b"y"})
    first, again, other = (clone.files(each, ["huge"]) for each in (one, same, two))
    assert first == again != other
    assert clone.merged(same, two, ["huge"]) == other


def test_files_by_pattern(origin: Origin, clone: Clone) -> None:
    commit = origin.commit(
        {
            "apps/web/prod/release.yaml": b"web\r\n",
            "apps/api x/prod/release.yaml": "ünï".encode(),
            "apps/deep/er/prod/release.yaml": b"no",
            "apps/web/dev/release.yaml": b"no",
            "apps/web/prod/release_yaml": b"no",
            "ünï cödé/\n[x]*": b"\x00\xff",
            "empty": b"",
        }
    )
    found = clone.files(commit, ["apps/*/prod/release.yaml", "ünï*/*[x]*", "empty", "nothing/*"])
    assert found == (
        File("apps/api x/prod/release.yaml", "100644", "ünï".encode()),
        File("apps/web/prod/release.yaml", "100644", b"web\r\n"),
        File("empty", "100644", b""),
        File("ünï cödé/\n[x]*", "100644", b"\x00\xff"),
    )
    assert clone.files(commit, []) == ()


def test_modes_and_links_are_reported_and_submodules_are_no_files(origin: Origin, clone: Clone) -> None:
    origin.write({"run.sh": b"#!"}, executable=True)
    (origin.work / "link").symlink_to("run.sh")
    git(origin.work, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    git(origin.work, "add", "run.sh", "link")
    git(origin.work, "commit", "--quiet", "--message", "modes")
    git(origin.work, "push", "--quiet", str(origin.bare), "HEAD:main")
    commit = clone.heads(["main"])["main"]
    assert clone.files(commit, ["*"]) == (File("link", "120000", b"run.sh"), File("run.sh", "100755", b"#!"))


def test_contents_come_in_one_batch_and_only_the_wanted(
    origin: Origin, clone: Clone, processes: Callable[[], list[str]]
) -> None:
    commit = origin.commit({f"apps/{n}/{env}.yaml": f"{env}{n}".encode() for n in range(50) for env in ("dev", "prod")})
    clone.fetch(["main"])
    processes()
    assert len(clone.files(commit, ["apps/*/prod.yaml"])) == 50
    assert network(processes()) == ["fetch"]
    kept = next(Path(origin.bare.parent.parent).rglob("clone.git"))
    objects = git(kept, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype)")
    assert objects.split().count("blob") == 50


def test_a_kept_clone_with_nothing_new_costs_one_ls_remote(
    origin: Origin, clone: Clone, tmp_path: Path, processes: Callable[[], list[str]]
) -> None:
    origin.commit({"a/1": b"1", "a/2": b"2"})
    clone.files(clone.fetch(["main"])["main"], ["a/*"])
    processes()
    again = Clone(origin.url, tmp_path / "cache" / "clone.git", BOT)
    assert len(again.files(again.fetch(["main"])["main"], ["a/*"])) == 2
    argvs = processes()
    assert network(argvs) == ["ls-remote"]
    assert len(argvs) == 5  # and four local ones: is the commit here, what is in the tree, sizes, contents


def test_one_fetch_brings_every_head_seen(origin: Origin, clone: Clone, processes: Callable[[], list[str]]) -> None:
    main = origin.commit({"a": b"1"})
    feature = origin.commit({"a": b"2"}, branch="feature")
    processes()
    clone.heads(["main", "feature"])
    clone.files(main, [])
    assert shas(clone.commits(main, [feature])[feature]) == [feature]
    assert network(processes()) == ["ls-remote", "fetch"]


def test_a_head_that_is_gone_does_not_cost_the_others(origin: Origin, clone: Clone) -> None:
    main = origin.commit({"a": b"1"})
    origin.commit({"a": b"2"}, branch="feature")
    clone.heads(["main", "feature"])
    git(origin.bare, "update-ref", "-d", "refs/heads/feature")
    git(origin.bare, "gc", "--quiet", "--prune=now")
    assert clone.files(main, ["a"]) == (File("a", "100644", b"1"),)


def test_what_was_seen_is_read_although_the_branch_moved_on(origin: Origin, clone: Clone) -> None:
    before = origin.commit({"a": b"1"})
    clone.heads(["main"])
    git(origin.work, "commit", "--quiet", "--amend", "--message", "rewritten")
    git(origin.work, "push", "--quiet", "--force", str(origin.bare), "HEAD:main")
    assert clone.files(before, ["a"])[0].content == b"1"


def test_a_commit_that_nobody_has_is_an_error_with_a_hint(origin: Origin, clone: Clone) -> None:
    origin.commit({"a": b"1"})
    with pytest.raises(GitError, match=f"cannot fetch 1{{40}} from {origin.url}.*not our ref") as caught:
        clone.files("1" * 40, ["a"])
    assert "run again" in caught.value.hint


def test_a_branch_may_follow_one_whose_name_is_its_folder(origin: Origin, clone: Clone) -> None:
    origin.commit({"a": b"1"})
    origin.commit({"a": b"2"}, branch="x")
    clone.fetch(["x"])
    git(origin.bare, "update-ref", "-d", "refs/heads/x")
    git(origin.work, "branch", "--move", "work/x", "work/x/y")
    inner = origin.commit({"a": b"3"}, branch="x/y")
    assert clone.files(clone.fetch(["x", "x/y"])["x/y"], ["a"])[0].content == b"3"
    assert clone.heads(["x", "x/y"]) == {"x/y": inner}


@pytest.mark.parametrize(
    "name", ["--upload-pack=touch x", "a..b", "a b", "a\nb", "", "a.lock", "/a", "a/", "*", "a@{1}"]
)
def test_what_is_no_branch_name_is_refused(origin: Origin, clone: Clone, name: str) -> None:
    with pytest.raises(GitError, match="is not a branch name"):
        clone.heads([name])


@pytest.mark.parametrize("name", ["HEAD", "--all", "main", "abc", "A" * 40, "1" * 41])
def test_what_is_no_commit_id_is_refused(origin: Origin, clone: Clone, name: str) -> None:
    with pytest.raises(GitError, match="is not a Git object id"):
        clone.files(name, ["*"])


def test_commits_with_their_trailers(origin: Origin, clone: Clone) -> None:
    base = origin.commit({"a": b"1"})
    first = origin.commit(
        {"a": b"2"},
        "Promote web\n\nWhy: not a trailer, since text follows.\n\nText.\n\n"
        "Promoted-Image: web:1.2@sha256:abc\nPromoted-Image: api:3\nEmpty:\nFolded: one\n  two: three",
    )
    second = origin.commit({"a": b"3"}, "no trailers: here")
    assert clone.commits(base, [second])[second] == (
        Commit(second, "pat@example.com", "pat@example.com", (), parents=(first,)),
        Commit(
            first,
            "pat@example.com",
            "pat@example.com",
            (
                ("Promoted-Image", "web:1.2@sha256:abc"),
                ("Promoted-Image", "api:3"),
                ("Empty", ""),
                ("Folded", "one two: three"),
            ),
            parents=(base,),
        ),
    )
    assert clone.commits(second, [second])[second] == ()
    assert clone.commits(second, [base])[base] == ()


def test_commits_with_the_files_that_each_changes(origin: Origin, clone: Clone) -> None:
    base = origin.commit({"a": b"1", "b/c": b"1"})
    first = origin.commit({"a": b"2", "b/new\nline": b"2", "\n": b"3"}, "Change\n\nKey: value")
    git(origin.work, "commit", "--quiet", "--allow-empty", "--message=Nothing\n\nOne: more")
    git(origin.work, "push", "--quiet", str(origin.bare), "HEAD:main")
    origin.commit({"b/c": b"2"}, branch="side")
    side = clone.fetch(["side"])["side"]
    merge = git(origin.bare, "commit-tree", f"{side}^{{tree}}", "-p", first, "-p", side, "-m", "merge\n\nLast: one")
    git(origin.bare, "branch", "merge", merge)
    found = {commit.sha: (commit.paths, commit.trailers) for commit in clone.commits(base, [merge], paths=True)[merge]}
    assert found[merge] == (("b/c",), (("Last", "one"),))
    assert found[first] == (("\n", "a", "b/new\nline"), (("Key", "value"),))
    assert found[side] == (("b/c",), ())
    assert ((), (("One", "more"),)) in found.values()
    assert [commit.sha for commit in clone.commits(base, [merge])[merge]] == list(found)
    assert clone.commits(merge, [base], paths=True)[base] == ()


def test_the_commits_of_many_heads_are_one_walk(
    origin: Origin, clone: Clone, processes: Callable[[], list[str]]
) -> None:
    base = origin.commit({"a": b"1"})
    one = origin.commit({"b": b"1"}, branch="one")
    two = origin.commit({"b": b"2"}, branch="one")
    other = origin.commit({"c": b"1"}, branch="other")
    merge = git(origin.bare, "commit-tree", f"{other}^{{tree}}", "-p", base, "-p", other, "-m", "merge")
    git(origin.bare, "branch", "merge", merge)
    clone.fetch(["main", "one", "other", "merge"])
    processes()
    found = clone.commits(base, [two, one, other, merge, base], paths=True)
    assert len(processes()) == 2  # whether they are here, and the walk
    assert {head: shas(commits) for head, commits in found.items()} == {
        two: [two, one],
        one: [one],
        other: [other, two, one],
        merge: [merge, other, two, one],
        base: [],
    }
    assert [commit.paths for commit in found[two]] == [("b",), ("b",)]


def test_who_amended_a_commit_is_its_committer(origin: Origin, clone: Clone) -> None:
    base = origin.commit({"a": b"1"})
    theirs = {"GIT_COMMITTER_EMAIL": "ann@example.com"}
    amended = git(origin.bare, "commit-tree", f"{base}^{{tree}}", "-p", base, "-m", "amended", env=theirs)
    git(origin.bare, "branch", "amended", amended)
    (commit,) = clone.commits(base, [amended])[amended]
    assert (commit.author_email, commit.committer_email) == ("pat@example.com", "ann@example.com")


def test_a_message_cannot_pretend_to_be_several_commits(origin: Origin, clone: Clone) -> None:
    base = origin.commit({"a": b"1"})
    forged = f"subject\n\nKey: value\x1e\x1f{'1' * 40}\x1eother@example.com\r\nSecond: \x85\u2028line"
    head = origin.commit({"a": b"2"}, forged)
    (commit,) = clone.commits(base, [head])[head]
    assert commit.sha == head
    assert commit.author_email == "pat@example.com"
    assert [key for key, _ in commit.trailers] == ["Key", "Second"]


def test_history_follows_the_content_into_merged_side_branches(origin: Origin, clone: Clone) -> None:
    made = origin.commit({"a": b"1", "b": b"1"})
    changed = origin.commit({"a": b"2"}, branch="side")
    origin.switch("main")
    origin.commit({"b": b"2"})
    git(origin.work, "merge", "--quiet", "--no-ff", "--message", "merge", "work/side")
    git(origin.work, "push", "--quiet", str(origin.bare), "HEAD:main")
    merged = clone.fetch(["main"])["main"]
    found = clone.histories(merged, ["a", "absent", ":(glob)*"], 50)
    assert {path: shas(commits) for path, commits in found.items()} == {
        "a": [changed, made],
        "absent": [],
        ":(glob)*": [],
    }
    assert shas(clone.histories(merged, ["a", "b"], 1)["a"]) == [changed]


def test_a_server_without_filters_works(tmp_path: Path) -> None:
    origin = Origin(tmp_path / "server", filtering=False)
    clone = Clone(origin.url, tmp_path / "clone.git", BOT)
    commit = origin.commit({"a": b"1"})
    assert clone.files(commit, ["a"]) == (File("a", "100644", b"1"),)
    later = origin.commit({"a": b"2"})
    assert clone.files(clone.fetch(["main"])["main"], ["a"]) == (File("a", "100644", b"2"),)
    assert shas(clone.commits(commit, [later])[later]) == [later]


def test_summaries_are_first_lines_newest_first_without_merges(origin: Origin, clone: Clone) -> None:
    base = origin.commit({"a": b"1"}, "first")
    one = origin.commit({"a": b"2"}, "one\n\nnot told")
    two = origin.commit({"b": b"1"}, "x" * 10_000)
    git(origin.work, "switch", "--quiet", "--create", "work/side", base)
    side = origin.commit({"c": b"1"}, "side,\nfolded\n\tand \x07rung", "side")
    git(origin.work, "switch", "--quiet", "work/main")
    git(origin.work, "merge", "--quiet", "--no-ff", "-m", "a merge", "work/side")
    head = origin.record("last")
    found = {summary.sha: summary.subject for summary in clone.summaries(base, head, 10)}
    assert found == {head: "last", side: "side, folded \tand \x07rung", two: "x" * 200, one: "one"}
    assert next(iter(found)) == head
    assert [summary.sha for summary in clone.summaries(base, head, 1)] == [head]
    assert clone.summaries(head, base, 10) == ()


def test_where_two_branches_parted(origin: Origin, clone: Clone) -> None:
    base = origin.commit({"a": b"1"}, "first")
    one = origin.commit({"a": b"2"}, "one")
    git(origin.work, "switch", "--quiet", "--create", "work/side", base)
    side = origin.commit({"c": b"1"}, "side", "side")
    assert clone.merge_base(one, side) == base
    assert clone.merge_base(one, base) == base
    git(origin.work, "switch", "--quiet", "--orphan", "work/other")
    assert clone.merge_base(one, origin.commit({"d": b"1"}, "other", "other")) is None


def test_what_a_branch_has_had_in_a_file_is_told_by_its_own_commits(origin: Origin, clone: Clone) -> None:
    times = {name: f"2026-03-0{day}T12:00:00Z" for day, name in enumerate(("first", "side", "merge"), 1)}
    first = origin.commit({"a": b"1", "b": b"1"})
    origin.commit({"b": b"2"})
    git(origin.work, "switch", "--quiet", "--create", "side")
    for content in (b"2", b"3"):
        origin.write({"a": content})
        when = {"GIT_AUTHOR_DATE": times["first"], "GIT_COMMITTER_DATE": times["side"]}
        git(origin.work, "commit", "--quiet", "--all", "--message=side", env=when)
    git(origin.work, "switch", "--quiet", "work/main")
    when = {"GIT_AUTHOR_DATE": times["first"], "GIT_COMMITTER_DATE": times["merge"]}
    git(origin.work, "merge", "--quiet", "--no-ff", "--message=merge", "side", env=when)
    merge = git(origin.work, "rev-parse", "HEAD")
    (origin.work / "a").unlink()
    gone = origin.record()
    found = clone.landed(gone, ["a"], 10)["a"]
    assert [(landing.commit, landing.content) for landing in found] == [(gone, None), (merge, b"3"), (first, b"1")]
    assert found[1].at == datetime(2026, 3, 3, 12, tzinfo=UTC)
    assert clone.landed(gone, ["a"], 2)["a"] == found[:2]
    assert clone.landed(gone, ["absent"], 2)["absent"] == ()
    several = clone.landed(gone, ["a", "b", "absent"], 2)
    assert (several["a"], several["absent"]) == (found[:2], ())
    assert [landing.content for landing in several["b"]] == [b"2", b"1"]


def test_a_link_or_a_folder_was_no_file(origin: Origin, clone: Clone) -> None:
    origin.commit({"a": b"1"})
    (origin.work / "a").unlink()
    (origin.work / "a").symlink_to("b")
    link = origin.record()
    (origin.work / "a").unlink()
    folder = origin.commit({"a/b": b"1"})
    found = clone.landed(folder, ["a"], 10)["a"]
    assert [(landing.commit, landing.content) for landing in found[:2]] == [(folder, None), (link, None)]


def test_a_commit_of_a_far_future_has_a_time(origin: Origin, clone: Clone) -> None:
    origin.write({"a": b"1"})
    git(origin.work, "add", "a")
    git(origin.work, "commit", "--quiet", "--message=x", env={"GIT_COMMITTER_DATE": "@999999999999 +0000"})
    head = git(origin.work, "rev-parse", "HEAD")
    git(origin.work, "push", "--quiet", origin.url, "HEAD:refs/heads/main")
    assert clone.landed(head, ["a"], 1)["a"] == (Landing(head, datetime(9999, 1, 1, tzinfo=UTC), b"1"),)


def test_a_commit_without_a_time_is_of_the_far_future(origin: Origin, clone: Clone) -> None:
    """GitLab takes it: gitaly sets receive.fsck.missingSpaceBeforeDate to ignore."""
    commit = origin.commit({"a": b"1"})
    content = git(origin.bare, "cat-file", "commit", commit)
    timeless = re.sub(r"^(committer .*>).*$", r"\1", content, flags=re.MULTILINE)
    made = git(origin.bare, "hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=f"{timeless}\n")
    git(origin.bare, "update-ref", "refs/heads/main", made)
    (landing,) = clone.landed(clone.fetch(["main"])["main"], ["a"], 5)["a"]
    assert (landing.commit, landing.at.year, landing.content) == (made, 9999, b"1")
