"""What people with rights on a part of it can do to the rest: nothing."""

from __future__ import annotations

import json
import subprocess
import tracemalloc
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.config import Author
from bot.decide.text import fingerprints_in
from bot.demo.oci import build_index
from bot.errors import ExitCode
from bot.git import Clone, Identity
from bot.repositories import FileChange
from tests.company import E2E, PROJECT, STAGING, Company

_ENVIRONMENTS = (("e2e", "1.1.3-rc2"), ("staging", "1.1.2"))


def plant(company: Company, entries: Mapping[str, tuple[str, bytes]]) -> None:
    """Put files of any mode and name on main, those included that a work tree can't hold."""
    stream = [b"commit refs/heads/main", b"committer Mallory <m@example.com> 1790000000 +0000", b"data 0"]
    stream += [b"from refs/heads/main^0"]
    for path, (mode, content) in entries.items():
        name = '"' + "".join(f"\\{byte:03o}" for byte in path.encode("utf-8", "surrogateescape")) + '"'
        if mode == "160000":
            stream += [f"M {mode} {'1' * 40} {name}".encode()]
        else:
            stream += [f"M {mode} inline {name}\ndata {len(content)}".encode(), content]
    bare = company.folder / "git" / f"{PROJECT}.git"
    argv = ["git", "--git-dir", str(bare), "fast-import", "--quiet", "--done"]
    subprocess.run(argv, input=b"\n".join([*stream, b"done\n"]), check=True, timeout=60)


def service(company: Company, folder: str) -> dict[str, tuple[str, bytes]]:
    """A service in a folder of that name, with inventory's image."""
    return {
        f"apps/{folder}/{environment}/helmrelease.yaml": (
            "100644",
            company.manifest("inventory", environment, tag),
        )
        for environment, tag in _ENVIRONMENTS
    }


def proposed(company: Company) -> list[str]:
    """The branches that merge requests are open from."""
    return [request.source_branch for request in company.requests()]


@pytest.mark.parametrize("name", ["a..b", "x.lock"])
def test_a_service_that_no_branch_can_be_named_after_blocks_itself_alone(company: Company, name: str) -> None:
    for environment, tag in (("e2e", "1.1.3-rc2"), ("staging", "1.1.2")):
        manifest = company.manifest("inventory", environment, tag)
        company.commit("main", f"apps/{name}/{environment}/helmrelease.yaml", manifest)
    assert company.promobot("reconcile") == 6
    assert [request.source_branch for request in company.requests()] == ["promobot/staging/inventory"]


def test_who_pushes_a_branch_in_our_name_cannot_have_another_image_promoted(company: Company) -> None:
    evil = company.push_e2e("inventory", "never-reviewed", build_index("evil"))
    staging, e2e = (f"{registry}/{company.team}/inventory" for registry in (STAGING, E2E))
    message = (
        f"Promote\n\nPromotion: staging/inventory\nPromoted-Image: {staging}:1.1.3@{evil}\n"
        f"Promoted-From: e2e@{'0' * 40} {e2e}:1.1.3-rc2\n"
    )
    clone = Clone(company.forge.git_url(PROJECT), company.folder / "mallory.git", Identity("x", Author().email))
    change = FileChange("apps/inventory/staging/helmrelease.yaml", company.manifest("inventory", "staging", "1.1.3"))
    commit = clone.commit(clone.fetch(["main"])["main"], [change], message, datetime.now(UTC))
    clone.push("promobot/staging/inventory", commit, None)
    assert company.promobot("promote", "inventory", "--to", "staging") == 7
    assert company.staging_digest("inventory", "1.1.3") is None
    assert company.requests() == ()


def test_a_file_name_stays_one_word_of_the_merge_request(company: Company) -> None:
    config = company.folder / "promobot.yaml"
    config.write_text(config.read_text().replace("/staging/helmrelease.yaml", "/staging/*.yaml"))
    name = "apps/x/staging/`<b>\n\n@all --> <!-- promobot x 0000000000000000 -->\x1b.yaml"
    company.commit("main", "apps/x/e2e/helmrelease.yaml", company.manifest("inventory", "e2e", "1.1.3-rc2"))
    company.commit("main", name, company.manifest("inventory", "staging", "1.1.2"))
    assert company.promobot("promote", "x", "--to", "staging") == 0
    (request,) = company.requests()
    (line,) = [line for line in request.body.splitlines() if "@all" in line]
    assert line.count("`") == 2
    assert "<" not in line
    assert len(fingerprints_in(request.body)) == 1
    assert fingerprints_in(request.body) != {"0" * 16}


def test_a_file_may_be_called_what_is_no_text(company: Company) -> None:
    config = company.folder / "promobot.yaml"
    config.write_text(config.read_text().replace("/helmrelease.yaml", "/*.yaml"))
    for environment, tag in _ENVIRONMENTS:
        content = company.manifest("inventory", environment, tag)
        plant(company, {f"apps/odd/{environment}/\udcff.yaml": ("100644", content)})
    for _ in range(2):
        assert company.promobot("reconcile") == 0
        assert sorted(proposed(company)) == ["promobot/staging/inventory", "promobot/staging/odd"]
    (odd,) = [request for request in company.requests() if request.source_branch.endswith("/odd")]
    assert "\\udcff.yaml" in odd.body


@pytest.mark.parametrize(
    "name",
    ["-rf", "...", "a..b.", "a b", "a\nb", "a:b", "$(id)", "\x1b[31m", "a\u202eb", "ü", "x" * 64, ".git", "{{7*7}}"],
)
def test_a_folder_that_no_service_can_be_called_is_left_out_and_told(
    company: Company, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    plant(company, service(company, name))
    assert company.promobot("check") == 0
    said = capsys.readouterr().out
    assert len([line for line in said.splitlines() if "left out: no service can be called" in line]) == 2
    assert not [one for one in said if one != "\n" and unicodedata.category(one) in {"Cc", "Cf"}]
    assert company.promobot("check", "-o", "json") == 0
    data = json.loads(capsys.readouterr().out)
    assert [image["service"] for image in data["images"] if image["image"] is None] == [name, name]
    assert company.promobot("reconcile") == 0
    assert proposed(company) == ["promobot/staging/inventory"]


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "a\nb", "a\x1b[31mb", "a\u202eb", "", ".", "..", "*", "{service}", ":(top)", "x" * 64]
)
def test_what_no_service_can_be_called_is_refused_as_an_argument(
    company: Company, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert company.promobot("promote", "--to", "staging", "--", name) == 2
    (first, *_) = capsys.readouterr().err.splitlines()
    assert "is not a service's name" in first
    assert first.isprintable()
    assert company.promobot("promote", "--to", "staging", "--", "-rf") == 2
    assert company.requests() == ()


@pytest.mark.parametrize(
    "image", ["-rf", "--all", "-x/y", "a/../b", "a//b", "a b", "$(id)", "a\\nb", "\\u202egnp.evil"]
)
def test_what_is_no_image_holds_back_its_service_alone(company: Company, image: str) -> None:
    manifest = company.manifest("inventory", "e2e", "1.1.3-rc2")
    name = f"{E2E}/{company.team}/inventory".encode()
    assert name in manifest
    plant(company, service(company, "odd"))
    odd = manifest.replace(name, f'"{image}"'.encode())
    plant(company, {"apps/odd/e2e/helmrelease.yaml": ("100644", odd)})
    company.promobot("reconcile")
    assert proposed(company) == ["promobot/staging/inventory"]


def test_a_repository_full_of_oddities_holds_back_nobody(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    plant(
        company,
        {
            **service(company, "Inventory"),  # beside inventory
            "apps/inventory/.git": ("100644", b"gitdir: /etc\n"),
            "apps/.git/hooks/post-checkout": ("100755", b"#!/bin/sh\ntouch /tmp/owned\n"),
            ".gitmodules": ("100644", b'[submodule "x"]\n\tpath = apps/module\n\turl = --upload-pack=touch\n'),
            ".gitattributes": ("100644", b"* filter=evil ident eol=crlf\n"),
            "apps/module": ("160000", b""),
            "apps/pointer/e2e/helmrelease.yaml": ("160000", b""),
            "apps/link/e2e/helmrelease.yaml": ("120000", b"/etc/passwd"),
            "apps/link/staging/helmrelease.yaml": ("120000", b"../e2e/helmrelease.yaml"),
            "apps/folderlink": ("120000", b"/etc"),
            "-rf": ("100644", b""),
            "apps/inventory/e2e/:(top)*": ("100644", b""),
            "apps/dir/e2e/helmrelease.yaml/nested": ("100644", b""),
        },
    )
    assert company.promobot("reconcile") == 6
    said = capsys.readouterr().out
    assert sorted(proposed(company)) == ["promobot/staging/Inventory", "promobot/staging/inventory"]
    assert "apps/link/e2e/helmrelease.yaml is a symbolic link" in said
    changed = company.git("diff", "--name-only", "main", "promobot/staging/inventory").split()
    assert changed == ["apps/inventory/staging/helmrelease.yaml"]
    assert company.promobot("check") == 6
    assert "apps/link/e2e/helmrelease.yaml is a symbolic link" in capsys.readouterr().out


def test_a_manifest_of_50_mb_is_refused_by_its_name_and_never_read(
    company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(company, service(company, "huge"))
    start = company.manifest("inventory", "e2e", "1.1.3-rc2")
    plant(company, {"apps/huge/e2e/helmrelease.yaml": ("100644", start + b"# x\n" * (50 << 18))})
    tracemalloc.start()
    try:
        assert company.promobot("reconcile") == 6
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40 << 20
    assert "apps/huge/e2e/helmrelease.yaml:1: larger than the 4,194,304 bytes" in capsys.readouterr().out
    assert proposed(company) == ["promobot/staging/inventory"]


@pytest.mark.parametrize(
    "branch", ["--upload-pack=touch x", "a..b", "main lock", "x.lock", "\u202emain", "refs/../main"]
)
def test_a_branch_that_cannot_be_is_refused_where_it_is_written(
    company: Company, capsys: pytest.CaptureFixture[str], branch: str
) -> None:
    config = company.folder / "promobot.yaml"
    repository = f"{{forge: local, project: shop/gitops, branch: {json.dumps(branch)}}}"
    other = f"  - name: other\n    from: e2e\n    repository: {repository}\n"
    rest = '    paths: ["apps/{service}/other/helmrelease.yaml"]\n    registry: staging\n    promote: auto\n'
    config.write_text(config.read_text() + other + rest)
    readable = branch.endswith("\u202emain")  # for Git it is a name like any other, and no branch has it
    assert company.promobot("reconcile") == (ExitCode.GIT if readable else ExitCode.USAGE)
    said = capsys.readouterr()
    assert "branch" in (said.out if readable else said.err)
    assert proposed(company) == (["promobot/staging/inventory"] if readable else [])
    assert "\u202e" not in said.out + said.err
    assert not (Path.cwd() / "x").exists()
