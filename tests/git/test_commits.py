from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import GitError
from bot.git import Clone, Identity, Pushed
from bot.repositories import FileChange
from tests.git.conftest import NOON
from tests.git.origin import Origin, git

SEGMENT = st.text("aB-.\"'\\ üé\n\t*:[é☃", min_size=1, max_size=4).filter(lambda s: s not in {".", ".."})
PATH = st.lists(SEGMENT, min_size=1, max_size=3).map("/".join)


def pushed(clone: Clone, commit: str) -> str:
    assert clone.push("result", commit, None) == Pushed(changed=True)
    return commit


def test_a_commit_is_its_base_and_the_changed_files(origin: Origin, clone: Clone) -> None:
    origin.write({"run.sh": b"old"}, executable=True)
    base = origin.commit({"apps/web/x.yaml": b"old", "keep/me": b"kept", "ünï cödé": b"old"})
    changes = [
        FileChange("run.sh", b"new"),
        FileChange("apps/web/x.yaml", b"\x00\r\nnew"),
        FileChange("ünï cödé", b"new"),
        FileChange("new folder/ä/b", b""),
    ]
    commit = pushed(clone, clone.commit(base, changes, "Subject\n\nKey: value", NOON))
    changed = git(origin.bare, "-c", "core.quotePath=false", "diff", "--raw", "--no-abbrev", base, commit).splitlines()
    assert [(line.split()[1], line.split()[4], line.split("\t")[1]) for line in changed] == [
        ("100644", "M", "apps/web/x.yaml"),
        ("100644", "A", "new folder/ä/b"),
        ("100755", "M", "run.sh"),
        ("100644", "M", "ünï cödé"),
    ]
    for change in changes:
        assert origin.show(commit, change.path) == change.content
    assert git(origin.bare, "rev-parse", f"{commit}^@") == base
    git(origin.bare, "fsck", "--strict")


def test_author_committer_and_time(origin: Origin, clone: Clone) -> None:
    base = origin.commit({"a": b"1"})
    when = datetime(2026, 3, 1, 23, 30, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))
    commit = pushed(clone, clone.commit(base, [FileChange("a", b"2")], "m", when))
    shown = git(origin.bare, "log", "-1", "--format=%an <%ae> %aI%n%cn <%ce> %cI%n%B", commit)
    line = "promobot <promobot@example.com> 2026-03-01T23:30:00-03:30"
    assert shown.splitlines() == [line, line, "m"]


def test_a_time_without_a_zone_is_a_mistake(origin: Origin, clone: Clone) -> None:
    base = origin.commit({"a": b"1"})
    with pytest.raises(ValueError, match="time zone"):
        clone.commit(base, [], "m", datetime(2026, 3, 1))  # noqa: DTZ001  (the mistake this is about)


def test_hostile_names_and_messages_stay_text(origin: Origin, clone: Clone, tmp_path: object) -> None:
    base = origin.commit({"a": b"1"})
    hostile = Clone(origin.url, clone._git.path, Identity("x> 1 +0000\nauthor y <z", "<e\n>"))
    message = "data 3\nfrom 0000\x00\nM 100644 inline b\n\ud800"
    commit = pushed(clone, hostile.commit(base, [FileChange("a", b"done\n")], message, NOON))
    assert git(origin.bare, "log", "-1", "--format=%an|%ae", commit) == "x 1 +0000author y z|e"
    assert git(origin.bare, "log", "-1", "--format=%B", commit) == "data 3\nfrom 0000\nM 100644 inline b\n?"
    assert git(origin.bare, "ls-tree", "--name-only", commit) == "a"


def test_equal_commits_have_equal_ids_and_leave_no_branch(origin: Origin, clone: Clone) -> None:
    base = origin.commit({"a": b"1"})
    one = clone.commit(base, [FileChange("a", b"2")], "m", NOON)
    other = clone.commit(base, [FileChange("a", b"3")], "m", NOON)
    assert clone.commit(base, [FileChange("a", b"2")], "m", NOON) == one != other
    assert git(origin.bare, "for-each-ref", "--format=%(refname)") == "refs/heads/main"
    pushed(clone, one)


def test_the_target_of_a_link_changes_and_it_stays_a_link(origin: Origin, clone: Clone) -> None:
    (origin.work / "link").symlink_to("old")
    base = origin.record()
    commit = pushed(clone, clone.commit(base, [FileChange("link", b"new")], "m", NOON))
    assert git(origin.bare, "ls-tree", commit).split()[0] == "120000"
    assert origin.show(commit, "link") == b"new"


@pytest.mark.parametrize(
    "path", ["apps", "apps/web/x/y", "../a", "/a", "a//b", "", ".", "a/.git/config", ".GIT/x", "a\0"]
)
def test_a_path_that_cannot_be_is_refused(origin: Origin, clone: Clone, path: str) -> None:
    base = origin.commit({"apps/web/x": b"1"})
    with pytest.raises(GitError):
        clone.commit(base, [FileChange(path, b"2")], "m", NOON)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.dictionaries(PATH, st.binary(max_size=20), max_size=4))
def test_whatever_is_committed_is_read_back(origin: Origin, clone: Clone, files: dict[str, bytes]) -> None:
    base = clone.heads(["main"]).get("main") or origin.commit({"other": b"kept"})
    changes = [FileChange(path, content) for path, content in files.items()]
    try:
        commit = clone.commit(base, changes, "m", NOON)
    except GitError as error:
        assert "would be a file and a folder at once" in error.message  # noqa: PT017
        return
    found = {file.path: file.content for file in clone.files(commit, ["*", "*/*", "*/*/*"])}
    assert found == files | {"other": b"kept"}
    assert set(files) <= {file.path for file in clone.files(commit, list(files))}
