"""`promobot set-image` over real files: what it writes, what it refuses, and that it is all or nothing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from bot.errors import ExitCode
from tests.cli.conftest import Promobot
from tests.manifests.reading import NEW, OLD

CONTENT = "# comment\r\nimage: 'org/app:1'   # keep\r\nother:\r\n  image: org/other:1@" + str(OLD)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with CRLF, quotes, a comment and no final newline."""
    path = tmp_path / "values.yaml"
    path.write_bytes(CONTENT.encode())
    path.chmod(0o640)
    os.utime(path, ns=(1, 1))
    return path


def test_only_the_image_changes(path: Path, promobot: Promobot) -> None:
    said = promobot("set-image", path, "0:/image", "org/app:2")
    assert said == (0, f"✓ {path}:2 0:/image  org/app:1 → org/app:2\n", "")
    assert path.read_bytes() == CONTENT.replace("org/app:1", "org/app:2").encode()
    assert path.stat().st_mode & 0o7777 == 0o640
    assert list(path.parent.iterdir()) == [path]


def test_the_owner_stays(path: Path, promobot: Promobot) -> None:
    try:
        os.chown(path, 12, 34)
    except PermissionError:
        pytest.skip("only root may give files away")
    path.chmod(0o4750)
    assert promobot("set-image", path, "0:/image", "org/app:2").code == 0
    status = path.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (12, 34, 0o4750)


def test_several_images_in_several_files(path: Path, promobot: Promobot) -> None:
    second = path.with_name("b.json-values.yaml")
    second.write_text("image: org/b:1\n", encoding="utf-8")
    said = promobot(
        "set-image", path, "/image", "org/app:2", second, "0:/image", "org/b:2",
        f"{path.parent}/./values.yaml", "0:/other/image", f"org/other:2@{NEW}", "-o", "json",
    )  # fmt: skip
    assert path.read_bytes() == CONTENT.replace("app:1", "app:2").replace(f"other:1@{OLD}", f"other:2@{NEW}").encode()
    assert second.read_bytes() == b"image: org/b:2\n"
    assert said.data["written"] is True
    assert [change["changed"] for change in said.data["changes"]] == [True, True, True]
    assert said.data["changes"][2] == {
        "file": str(second),
        "pointer": "0:/image",
        "line": 1,
        "before": "org/b:1",
        "after": "org/b:2",
        "changed": True,
    }


@pytest.mark.parametrize("wrong", [("0:/nothing", "org/b:2"), ("0:/list/0/image", "org/b:2")])
def test_one_that_cannot_be_leaves_all_as_they_were(path: Path, promobot: Promobot, wrong: tuple[str, str]) -> None:
    second = path.with_name("b-values.yaml")
    second.write_text("image: &x org/b:1\nlist:\n  - image: *x\n", encoding="utf-8")
    said = promobot("set-image", path, "0:/image", "org/app:2", second, *wrong)
    assert (said.code, said.out) == (ExitCode.MANIFEST, "")
    assert str(second) in said.err
    assert path.read_bytes() == CONTENT.encode()
    assert path.stat().st_mtime_ns == 1


def test_what_is_there_already_isnt_written(path: Path, promobot: Promobot) -> None:
    inode = path.stat().st_ino
    said = promobot("set-image", path, "0:/image", "org/app:1")
    assert said == (0, f"= {path}:2 0:/image  org/app:1\n", "nothing to change\n")
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (1, inode)


def test_check_shows_a_diff_that_patch_takes_and_writes_nothing(
    path: Path, promobot: Promobot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    said = promobot("set-image", "values.yaml", "0:/image", "org/app:2", "--check")
    assert said.code == 0
    assert "-image: 'org/app:1'   # keep\n+image: 'org/app:2'   # keep\n" in said.out
    assert path.read_bytes() == CONTENT.encode()
    assert path.stat().st_mtime_ns == 1
    diff = promobot("set-image", "values.yaml", "0:/image", "org/app:2", "--check", "-o", "json").data["diff"]
    apply = ["git", "apply"]
    subprocess.run(apply, input=diff.encode(), cwd=path.parent, check=True)
    assert path.read_bytes() == CONTENT.replace("org/app:1", "org/app:2").encode()


def test_check_can_say_by_exit_code_whether_anything_would_change(path: Path, promobot: Promobot) -> None:
    assert promobot("set-image", path, "/image", "org/app:2", "--check", "--exit-code").code == ExitCode.DUE
    assert promobot("set-image", path, "/image", "org/app:1", "--check", "--exit-code").code == 0
    assert promobot("set-image", path, "/image", "org/app:2", "--exit-code").code == ExitCode.USAGE
    assert path.read_bytes() == CONTENT.encode()


@pytest.mark.parametrize(
    ("pointer", "hint"),
    [
        ("0:/imag", "did you mean 0:/image"),
        ("0:/image/tag", "did you mean 0:/image"),
        ("", "did you mean 0:/image, 0:/other/image"),
        ("/other", "did you mean 0:/other/image"),
        ("7:/x", "images are at 0:/image, 0:/other/image"),
    ],
)
def test_a_pointer_to_nothing_names_what_is_there(path: Path, promobot: Promobot, pointer: str, hint: str) -> None:
    said = promobot("set-image", path, pointer, "org/app:2")
    assert said.code == ExitCode.MANIFEST
    assert said.err.endswith(f"  → {hint}\n")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("values.yaml", "0:/image"), "three arguments: FILE POINTER IMAGE"),
        (("values.yaml", "image", "org/app:2"), "'image' is no pointer"),
        (("values.yaml", "0:/a~2b", "org/app:2"), "is no pointer"),
        (("values.yaml", "0:/image", "Org/App:2"), "such as :1.4.2"),
        (("values.yaml", "0:/image", ""), "such as :1.4.2"),
        (("values.yaml", "0:/image", "1.4.2"), "write :1.4.2\n"),
        (("values.yaml", "0:/image", "latest"), "'latest' looks like a tag"),
        (("missing.yaml", "0:/image", ":2"), "missing.yaml: No such file or directory\n  → name a file that is there"),
        ((".", "0:/image", ":2"), ". is no file"),
        (("link.yaml", "0:/image", ":2"), "values.yaml\n"),
        (("values.yaml", "0:/image", f":2@{NEW}", "--drop-digest"), "gives a digest, and --drop-digest takes it away"),
        (("values.yaml", "0:/image", ":2", "--add-digest"), "--add-digest says nothing where no IMAGE gives a digest"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    path: Path, promobot: Promobot, monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...], words: str
) -> None:
    monkeypatch.chdir(path.parent)
    Path("link.yaml").symlink_to("values.yaml")
    said = promobot("set-image", *argv)
    assert (said.code, said.out) == (ExitCode.USAGE, "")
    assert words in said.err
    assert Path("link.yaml").is_symlink()
    assert path.read_bytes() == CONTENT.encode()


FORMS = "image:\n  repository: org/app\n  tag: '1'\nother: {image: {tag: 7}}\ncustom:\n  thing_image: &x org/x\n"


@pytest.mark.parametrize(
    ("argv", "old", "new"),
    [
        (("/image", ":2"), "tag: '1'", "tag: '2'"),
        (("/image", "org/b"), "org/app", "org/b"),
        (("/other/image", ":8"), "tag: 7", 'tag: "8"'),
        (("/custom/thing_image", ":8"), "org/x", "org/x:8"),
        (("/image", f":2@{NEW}", "--add-digest"), "tag: '1'", f"tag: '2'\n  digest: {NEW}"),
    ],
)
def test_what_is_left_out_stays(path: Path, promobot: Promobot, argv: tuple[str, ...], old: str, new: str) -> None:
    path.write_text(FORMS, encoding="utf-8")
    assert promobot("set-image", path, *argv).code == 0
    assert path.read_text(encoding="utf-8") == FORMS.replace(old, new)


def test_a_digest_never_stays_beside_another_tag(path: Path, promobot: Promobot) -> None:
    assert promobot("set-image", path, "/other/image", ":2").code == ExitCode.MANIFEST
    assert path.read_bytes() == CONTENT.encode()
    assert promobot("set-image", path, "/other/image", ":2", "--drop-digest").code == 0
    assert path.read_bytes() == CONTENT.replace(f"org/other:1@{OLD}", "org/other:2").encode()


def test_a_scalar_that_no_format_names_is_told_with_its_line(path: Path, promobot: Promobot) -> None:
    path.write_text("a: 1\ncustom:\n  version: 1.0\n", encoding="utf-8")
    said = promobot("set-image", path, "/custom/version", ":2.0")
    assert said == (0, f"✓ {path}:3 0:/custom/version  1.0 → 2.0\n", "")
    assert path.read_text(encoding="utf-8") == 'a: 1\ncustom:\n  version: "2.0"\n'


def test_what_follows_by_an_alias_is_told_too(path: Path, promobot: Promobot) -> None:
    path.write_text("image: &x org/b:1\nsub:\n  image: *x\n", encoding="utf-8")
    said = promobot("set-image", path, "0:/image", "org/b:2", "-o", "json")
    assert [(change["pointer"], change["after"]) for change in said.data["changes"]] == [
        ("0:/image", "org/b:2"),
        ("0:/sub/image", "org/b:2"),
    ]


def test_two_names_of_one_file_are_one_edit(path: Path, promobot: Promobot) -> None:
    (path.parent / "link").symlink_to(".")
    other = path.parent / "link" / path.name
    assert promobot("set-image", path, "0:/image", "org/app:2", other, "/other/image", f"org/other:2@{NEW}").code == 0
    assert path.read_bytes() == CONTENT.replace("app:1", "app:2").replace(f"other:1@{OLD}", f"other:2@{NEW}").encode()


def test_hard_links_to_one_file_would_part_so_they_are_refused(path: Path, promobot: Promobot) -> None:
    hard = path.with_name("hard-values.yaml")
    hard.hardlink_to(path)
    said = promobot("set-image", path, "0:/image", "org/app:2", hard, "/image", "org/app:2")
    assert (said.code, path.read_bytes()) == (ExitCode.USAGE, CONTENT.encode())
    assert "are hard links to one file" in said.err


def test_a_loop_of_links_is_a_usage_error(path: Path, promobot: Promobot) -> None:
    path.unlink()
    path.symlink_to(path.name)
    assert promobot("set-image", path, "/image", ":2").code == ExitCode.USAGE
