"""`promobot images` over real files: what it lists, in which order, and what it says of the rest."""

from __future__ import annotations

import contextlib
import io
import os
import re
import socket
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from bot.cli.listing import GroupPrinter
from bot.cli.scan import Scan
from bot.cli.terminal import Terminal
from bot.errors import ExitCode
from bot.manifests import find_images
from tests.cli.conftest import Promobot
from tests.manifests.reading import OLD

HOSTILE = "a\x1b]0;title\x07\u202eb\nevil.yaml:1: ghcr.io/fake:1"


def values(image: str) -> str:
    return f"image: {image}\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with images, and with much that is none."""
    for name, content in {
        "b/values.yaml": values("ghcr.io/org/app:1.2"),
        "a/values.yml": f"# 2\nfirst:\n  repository: docker.io/library/redis\n  tag: '7'\n  digest: {OLD}\nimage: x:1",
        "a/values.json": '{"image": "quay.io/org/tool:2"}\n',
        "a/notes.txt": values("ghcr.io/org/no-manifest:1"),
        "values.yaml": values("org/last:3"),
        ".github/values.yaml": values("org/hidden:4"),
        ".git/values.yaml": values("org/git:5"),
        "web/node_modules/x/values.yaml": values("org/node:6"),
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    return tmp_path


def test_json_has_the_agreed_keys(tree: Path, promobot: Promobot) -> None:
    path = tree / "a" / "values.yml"
    first, second = promobot("images", path, "-o", "json").data
    assert first == {
        "file": str(path),
        "pointer": "0:/first",
        "line": 3,
        "form": "map",
        "image": f"docker.io/library/redis:7@{OLD}",
        "registry": "docker.io",
        "repository": "library/redis",
        "tag": "7",
        "digest": str(OLD),
        "editable": True,
        "reason": None,
    }
    assert list(second) == list(first)
    assert (second["image"], second["registry"], second["digest"]) == ("x:1", None, None)


def test_what_cannot_be_edited_is_listed_with_its_reason(tmp_path: Path, promobot: Promobot) -> None:
    path = tmp_path / "values.yaml"
    path.write_text("image: &app org/app:1\nother:\n  image: *app\n", encoding="utf-8")
    _, alias = promobot("images", path, "-o", "json").data
    assert (alias["editable"], alias["image"]) == (False, "org/app:1")
    assert "alias from line 1" in alias["reason"]


def test_no_image_is_an_empty_list(tmp_path: Path, promobot: Promobot) -> None:
    (tmp_path / "a.yaml").write_text("a: 1\n", encoding="utf-8")
    assert promobot("images", tmp_path, "-o", "json").data == []
    assert promobot("images", tmp_path) == (0, "", "0 images in 0 of 1 file\n")


def test_a_folder_is_read_sorted_without_what_tools_keep(tree: Path, promobot: Promobot) -> None:
    found = [row["file"] for row in promobot("images", tree, "-o", "json").data]
    names = [".github/values.yaml", "a/values.json", "a/values.yml", "a/values.yml", "b/values.yaml", "values.yaml"]
    assert found == [f"{tree}/{name}" for name in names]


def test_paths_come_in_the_order_given_and_keep_their_spelling(
    tree: Path, promobot: Promobot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree)
    found = [row["file"] for row in promobot("images", "values.yaml", "./b", "values.yaml", "-o", "json").data]
    assert found == ["values.yaml", "./b/values.yaml"]


def test_a_file_below_two_paths_is_told_once(tree: Path, promobot: Promobot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    alone = promobot("images", ".", "-o", "json").data
    assert promobot("images", ".", "b", "./values.yaml", "-o", "json").data == alone


def test_a_file_that_is_given_is_read_whatever_its_name(tmp_path: Path, promobot: Promobot) -> None:
    (tmp_path / ".git").mkdir()
    path = tmp_path / ".git" / "values.yaml"
    path.write_text(values("org/app:1"), encoding="utf-8")
    assert [row["image"] for row in promobot("images", path, "-o", "json").data] == ["org/app:1"]


def test_templated_twins_are_read_where_they_are_plain(tmp_path: Path, promobot: Promobot) -> None:
    for name in ("a.yaml.gotmpl", "b.YAML.j2", "c.yml.tmpl", "d.yaml.bak", "e.yaml.orig"):
        (tmp_path / name).write_text(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nspec:\n  values:\n    image: o/a:1\n"
        )
    found = [Path(row["file"]).name for row in promobot("images", tmp_path, "-o", "json").data]
    assert found == ["a.yaml.gotmpl", "b.YAML.j2", "c.yml.tmpl"]


def test_links_pipes_and_sockets_are_passed_by(tree: Path, promobot: Promobot, monkeypatch: pytest.MonkeyPatch) -> None:
    before = promobot("images", tree, "-o", "json").out
    (tree / "b" / "link.yaml").symlink_to(tree / "b" / "values.yaml")
    (tree / "b" / "up").symlink_to(tree)
    (tree / "b" / "round").symlink_to("round")
    os.mkfifo(tree / "b" / "pipe.yaml")
    monkeypatch.chdir(tree / "b")  # a socket's name must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.yaml")
        assert promobot("images", tree, "-o", "json").out == before
        assert "2 symbolic links not followed" in promobot("images", tree).err


@pytest.mark.parametrize("kind", ["missing", "link", "dangling link", "device"])
def test_a_path_that_cannot_be_meant_is_a_usage_error(tree: Path, promobot: Promobot, kind: str) -> None:
    path = tree / "given.yaml"
    if kind == "link":
        path.symlink_to(tree / "values.yaml")
    elif kind == "dangling link":
        path.symlink_to("nowhere")
    said = promobot("images", tree, "/dev/null" if kind == "device" else path)
    assert (said.code, said.out) == (ExitCode.USAGE, "")
    assert ("/dev/null" if kind == "device" else str(path)) in said.err
    if kind == "link":
        assert str(tree / "values.yaml") in said.err


def test_stdin_and_pipes_are_read_too(tmp_path: Path) -> None:
    manifest = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nspec: {values: {image: org/app:1}}\n"
    (tmp_path / "m").write_text(manifest, encoding="utf-8")
    shell = [
        "bash",
        "-c",
        f"{sys.executable} -m bot images - -o json <m && {sys.executable} -m bot images <(cat m) -o json",
    ]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(shell, cwd=tmp_path, env=environ, capture_output=True, check=False)
    assert done.stdout.decode().count('"image": "org/app:1"') == 2
    assert done.stderr == b""


def test_a_few_unreadable_files_are_told_one_by_one(tree: Path, promobot: Promobot) -> None:
    before = promobot("images", tree, "-o", "json").data
    (tree / "broken.yaml").write_text("a: 1\n{{- if .Values.x }}\n", encoding="utf-8")
    (tree / "binary.yaml").write_bytes(b"a: 1\nb: \xff\n")
    said = promobot("images", tree, "-o", "json")
    assert said.code == 0
    assert said.data == before
    assert f"{tree}/broken.yaml:2: not YAML" in said.err
    assert f"{tree}/binary.yaml:2: not UTF-8\n  → save the file as UTF-8\n" in said.err
    strict = promobot("images", tree, "--strict")
    assert strict.code == ExitCode.MANIFEST
    assert strict.err.endswith("6 images in 5 of 5 files, 2 files can't be read\n")


def test_many_unreadable_files_are_told_by_folder(tree: Path, promobot: Promobot) -> None:
    for number in range(8):
        path = tree / "chart" / "templates" / f"part{number % 2}" / f"{number}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{{- if .Values.x }}\nb: 1\n", encoding="utf-8")
    (tree / "secret.yaml").write_text("a: ENC[AES256_GCM,data:x]\n", encoding="utf-8")
    given = tree / "given"
    given.write_text("a: [\n", encoding="utf-8")
    said = promobot("images", tree, given)
    assert f"{given}:1: not YAML" in said.err, "what was named is told by itself"
    assert f"  {tree}/chart/templates: 8 templates\n  {tree}: 1 encrypted by SOPS\n" in said.err
    assert said.err.endswith("10 files can't be read (-v lists them)\n")
    assert promobot("images", tree, given, "-v").err.count("/templates/part") == 8


def test_what_may_not_be_read_is_told(tree: Path, promobot: Promobot) -> None:
    (tree / "values.yaml").chmod(0)
    if os.access(tree / "values.yaml", os.R_OK):
        pytest.skip("root may read everything")
    (tree / "a").chmod(0)
    said = promobot("images", tree, "-o", "json")
    (tree / "a").chmod(0o755)
    assert f"{tree}/values.yaml:1: can't be read: Permission denied" in said.err
    assert f"{tree}/a: can't be listed: Permission denied" in said.err
    assert [row["image"] for row in said.data] == ["org/hidden:4", "ghcr.io/org/app:1.2"]


def test_what_is_too_large_is_not_read(tree: Path, promobot: Promobot) -> None:
    with (tree / "huge.yaml").open("wb") as file:
        file.truncate(10**12)  # a sparse file: reading it would take all memory
    assert "huge.yaml:1: larger than the 4,194,304 bytes that are read" in promobot("images", tree).err


def test_what_cannot_be_read_is_not_held(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number}.yaml").write_bytes(b"a: [\n" + b"# x\n" * 2**17)
    tracemalloc.start()
    unread = list(Scan([str(tmp_path)]))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(unread) == 20
    assert held < 2**20, "20 files of half a megabyte were read"


@pytest.mark.parametrize(
    ("options", "images"),
    [
        (["--match", "app"], ["ghcr.io/org/app:1.2"]),
        (["--match", "ghcr.io/*"], ["ghcr.io/org/app:1.2"]),
        (["--match", "*redis", "--match", "org/*"], [".github", "tool", "redis", "app", "last"]),
        (["--unpinned", "--match", "*redis*"], []),
        (["--unpinned", "--match", "tool:2", "--match", "*:1"], ["x:1"]),
        (["--no-editable"], []),
        (["--editable", "--match", "x:1"], ["x:1"]),
    ],
)
def test_filters(tree: Path, promobot: Promobot, options: list[str], images: list[str]) -> None:
    found = promobot("images", tree, "-o", "json", *options).data
    assert len(found) == len(images)
    assert all(part in f"{row['file']} {row['image']}" for row, part in zip(found, images, strict=True))


def test_a_pipe_gets_one_line_for_each_image(tree: Path, promobot: Promobot) -> None:
    said = promobot("images", tree / "b")
    assert said == (0, f"{tree}/b/values.yaml:1: ghcr.io/org/app:1.2   string   0:/image\n", "1 image in 1 of 1 file\n")


def test_hostile_names_stay_on_their_line(tmp_path: Path, promobot: Promobot) -> None:
    folder = tmp_path / HOSTILE.replace("/", "_")
    folder.mkdir()
    (folder / "values.yaml").write_text(f'"{HOSTILE.encode("unicode_escape").decode()}":\n  image: o/a:1\n')
    (folder / "broken.yaml").write_bytes(b"\xff")
    said = promobot("images", tmp_path)
    assert len(said.out.splitlines()) == 1
    assert said.out.count("\\x1b]0;title\\x07\\u202eb\\n") == 2
    assert not {"\x1b", "\x07", "\u202e"} & set(said.out + said.err)
    assert len(said.err.splitlines()) == 3


class Tty(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (
            "80",
            [
                "values.yaml",
                "  1  org/app:1              string  0:/image",
                "  2  redis@sha256:a1a1a1a1a1a1…  string  0:/sideImage",
            ],
        ),
        ("40", ["values.yaml", "  1  org/app:1", "     string  0:/image"]),
    ],
)
def test_a_terminal_gets_groups(monkeypatch: pytest.MonkeyPatch, columns: str, expected: list[str]) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    stream = Tty()
    content = f"image: org/app:1\nsideImage: redis@{OLD}\n".encode()
    terminal = Terminal.on(stream, color=False)
    GroupPrinter(terminal, whole=False).show("values.yaml", find_images("values.yaml", content))
    lines = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()).splitlines()
    assert [" ".join(line.split()) for line in lines[: len(expected)]] == [" ".join(line.split()) for line in expected]


def test_a_real_terminal_gets_groups_and_nothing_hostile(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text('"\\e]0;x\\a\\nfake": {image: org/app:1}\n', encoding="utf-8")
    ours, theirs = os.openpty()
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "bot", "images", "values.yaml"]
    with subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        said = b""
        with contextlib.suppress(OSError):  # how a terminal says that nobody writes any more
            while part := os.read(ours, 4096):
                said += part
    os.close(ours)
    assert process.returncode == 0
    plain = re.sub(rb"\x1b\[[0-9;]*m", b"", said).decode().splitlines()
    assert plain == [
        "values.yaml",
        "  1  org/app:1  string  0:/\\x1b]0;x\\x07\\nfake/image",
        "1 image in 1 of 1 file",
    ]


def test_a_reason_for_several_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    stream = Tty()
    content = b"image: &x org/app:1\na: {image: *x}\nb: {image: *x}\nc: {image: *x}\n"
    GroupPrinter(Terminal.on(stream, color=False), whole=False).show("values.yaml", find_images("values.yaml", content))
    assert stream.getvalue().count("✗ these 3: taken by an alias from line 1") == 1


def test_a_variable_is_told_with_the_line_that_sets_it(tmp_path: Path, promobot: Promobot) -> None:
    (tmp_path / "apps").mkdir()
    (tmp_path / "apps" / "values.yaml").write_text("image: org/app:${APP_TAG:-1}\n", encoding="utf-8")
    (tmp_path / "zz.yaml").write_text(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec:\n  path: ./apps\n"
        "  postBuild:\n    substitute:\n      APP_TAG: '2'\n",
        encoding="utf-8",
    )
    (tmp_path / "broken.yaml").write_text("postBuild: [\n", encoding="utf-8")
    (row,) = promobot("images", tmp_path, "-o", "json").data
    assert row["reason"].endswith(f"; APP_TAG is set in {tmp_path}/zz.yaml:7 (/spec/postBuild/substitute/APP_TAG)")
