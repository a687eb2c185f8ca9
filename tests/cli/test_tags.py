"""`promobot tags` over real registries."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.catalog import Holder, Listing, look_up
from bot.cli.tags import near_tags
from bot.configfile import load_config
from bot.demo.oci import build_image, build_index, push
from bot.demo.registries import start_registry
from bot.errors import ExitCode
from bot.registries import Registries
from bot.registry import Login
from tests.cli.registries import Shop, built, shop, shown_in_docs
from tests.company import E2E, STAGING
from tests.oci import helm_chart, write_tags
from tests.proxy import Answer, start_proxy

__all__ = ["shop"]

ATTACHED = "sha256-" + "0" * 64 + ".sig"


@pytest.fixture
def told(shop: Shop) -> Shop:
    """Registries with tags that agree, disagree, and lead to the same."""
    e2e, staging = shop.company.e2e, shop.company.staging
    image = built("new")
    for registry, tag in ((e2e, "1.1.4-rc10"), (staging, "1.1.4"), (e2e, "latest")):
        shop.push(registry, tag, image)
    shop.push(e2e, "1.1.4-rc9", build_image("rc9"))
    shop.push(staging, "1.1.2", build_index("two"))
    shop.push(e2e, "1.1.2", build_index("other"))
    shop.push(e2e, "chart", helm_chart("inventory"))
    shop.push(e2e, ATTACHED, build_image("signature"))
    return shop


def rows(data: Any) -> list[tuple[str, str]]:
    return [(row["tag"], row["registry"]) for row in data["images"][0]["tags"]]


def row(data: Any, tag: str, registry: str) -> dict[str, Any]:
    (found,) = [one for one in data["images"][0]["tags"] if (one["tag"], one["registry"]) == (tag, registry)]
    return dict(found)


def test_a_services_tags_along_the_chain(told: Shop) -> None:
    said = told.run("tags", "inventory", "-o", "json")
    assert (said.code, said.err) == (0, "")
    assert rows(said.data) == [
        ("1.1.4", "staging"),
        ("1.1.4-rc10", "e2e"),
        ("1.1.4-rc9", "e2e"),
        ("1.1.3-rc2", "e2e"),
        ("1.1.2", "e2e"),
        ("1.1.2", "staging"),
        ("latest", "e2e"),
        ("chart", "e2e"),
    ]
    assert said.data["images"][0]["digests"][built("new").digest.text] == ["1.1.4", "1.1.4-rc10", "latest"]
    assert row(said.data, "1.1.3-rc2", "e2e")["runs_in"] == ["e2e"]
    assert row(said.data, "1.1.2", "staging")["runs_in"] == ["staging"]
    assert row(said.data, "1.1.2", "e2e")["runs_in"] == []
    assert [one["tag"] for one in said.data["images"][0]["tags"] if one["differs"]] == ["1.1.2", "1.1.2"]
    assert row(said.data, "chart", "e2e")["kind"] == "Helm chart"


def test_what_is_told_of_a_tag_and_of_a_registry(told: Shop) -> None:
    said = told.run("tags", "inventory", "-o", "json")
    assert row(said.data, "1.1.4", "staging") == {
        "tag": "1.1.4",
        "registry": "staging",
        "digest": built("new").digest.text,
        "kind": "index",
        "created": "2024-01-01T00:00:00+00:00",
        "platforms": ["linux/amd64", "linux/arm64"],
        "runs_in": [],
        "drift_in": [],
        "differs": False,
        "error": "",
    }
    assert said.data["images"][0]["registries"] == [
        {
            "registry": name,
            "repository": told.path,
            "environments": [name],
            "present": True,
            "tags": count,
            "missing": [],
            "error": "",
        }
        for name, count in (("e2e", 7), ("staging", 2))
    ]


def test_what_people_see(told: Shop) -> None:
    said = told.run("tags", "inventory")
    assert said.code == 0
    assert re.sub(" {2,}", "  ", said.out).replace(told.path, "PATH").splitlines() == [
        "inventory",
        "  e2e: PATH, 7 tags",
        "  staging: PATH, 2 tags",
        "TAG  DIGEST  CREATED  PLATFORMS  REGISTRY",
        f"1.1.4  {built('new').digest.text[7:19]}  2024-01-01  amd64, arm64  staging  = 1.1.4-rc10, latest",
        f"1.1.4-rc10  {built('new').digest.text[7:19]}  2024-01-01  amd64, arm64  e2e  = 1.1.4, latest",
        f"1.1.4-rc9  {build_image('rc9').digest.text[7:19]}  2024-01-01  amd64  e2e",
        f"1.1.3-rc2  {build_index('inventory new').digest.text[7:19]}  2024-01-01  amd64, arm64  e2e  ● e2e",
        f"1.1.2  {build_index('other').digest.text[7:19]}  2024-01-01  amd64, arm64  e2e  ≠",
        f"1.1.2  {build_index('two').digest.text[7:19]}  2024-01-01  amd64, arm64  staging  ● staging  ≠",
        f"latest  {built('new').digest.text[7:19]}  2024-01-01  amd64, arm64  e2e  = 1.1.4, 1.1.4-rc10",
        f"chart  {helm_chart('inventory').digest.text[7:19]}  –  Helm chart  e2e",
        "= same digest  ● runs there  ≠ registries disagree",
    ]
    assert said.err == "1 of signatures and the like not shown (--all)\n"


def test_the_documentation_shows_what_is_said(told: Shop) -> None:
    first, *lines = shown_in_docs("tags").splitlines()
    said = told.run(*shlex.split(first)[2:])
    assert said.out.replace(told.company.team, "shop").splitlines() == lines


def test_what_runs_is_shown_however_old_it_is_and_what_is_cut_off_is_told(told: Shop) -> None:
    said = told.run("tags", "inventory", "--limit", "1")
    assert [line.split()[0] for line in said.out.splitlines()[4:-1]] == ["1.1.4", "1.1.3-rc2", "1.1.2", "1.1.2"]
    assert "3 of 7 tags; --limit N shows more, --all every one\n" in said.err
    assert (ATTACHED, "e2e") in rows(told.run("tags", "inventory", "--all", "-o", "json").data)


def test_globs(told: Shop) -> None:
    said = told.run("tags", "inventory", "--match", "*-rc9", "--match", "lat*", "-o", "json")
    assert [tag for tag, _ in rows(said.data)] == ["1.1.4-rc9", "latest"]
    said = told.run("tags", "inventory", "--match", "9.*")
    assert (said.code, said.out.splitlines()[-1]) == (0, "no tag matches")


@pytest.mark.parametrize("name", ["{path}", f"{E2E}/{{path}}", f"{STAGING}/{{path}}"])
def test_an_images_tags_at_every_registry_of_the_chain(told: Shop, name: str) -> None:
    said = told.run("tags", name.format(path=told.path), "-o", "json")
    assert said.code == 0
    assert rows(said.data) == rows(told.run("tags", "inventory", "-o", "json").data)
    assert row(said.data, "1.1.2", "staging")["runs_in"] == ["staging"]


def test_one_tag(told: Shop) -> None:
    said = told.run("tags", f"{told.path}:1.1.2", "-o", "json")
    assert rows(said.data) == [("1.1.2", "e2e"), ("1.1.2", "staging")]
    said = told.run("tags", f"{told.path}:1.1.4-rc1")
    assert said.code == ExitCode.REGISTRY
    assert (
        said.err
        == f"promobot: {told.path}: no tag 1.1.4-rc1\n  → near it: 1.1.4-rc10, 1.1.4-rc9, 1.1.3-rc2, 1.1.4, 1.1.2\n"
    )


def test_a_tag_that_runs_and_is_not_there(shop: Shop) -> None:
    """Staging's registry has nothing yet of what its manifest names."""
    said = shop.run("tags", "inventory")
    assert said.code == 0
    assert "  staging: " + shop.path + ", no such repository\n" in said.out
    assert "✗ staging runs 1.1.2, which registry staging hasn't\n" in said.out
    (_, staging) = shop.run("tags", "inventory", "-o", "json").data["images"][0]["registries"]
    assert (staging["present"], staging["missing"]) == (False, [{"environment": "staging", "tag": "1.1.2"}])


def test_a_manifest_that_names_another_digest_than_its_tag_has(told: Shop) -> None:
    manifest = told.company.manifest("inventory", "staging", f"1.1.2@{build_index('gone').digest}")
    told.company.commit("main", "apps/inventory/staging/helmrelease.yaml", manifest)
    said = told.run("tags", "inventory", "-o", "json")
    assert row(said.data, "1.1.2", "staging")["drift_in"] == ["staging"]
    assert "✗ staging" in told.run("tags", "inventory").out


def test_a_registry_that_cannot_be_asked_is_unknown(told: Shop) -> None:
    told.environ["E2E_PASSWORD"] = "wrong"
    said = told.run("tags", "inventory", "-o", "json")
    assert said.code == ExitCode.REGISTRY
    (e2e, staging) = said.data["images"][0]["registries"]
    assert (e2e["present"], e2e["tags"], staging["present"]) == (None, None, True)
    assert "does not accept the credentials (HTTP 401)" in e2e["error"]
    assert {registry for _, registry in rows(said.data)} == {"staging"}
    said = told.run("tags", "inventory")
    assert said.code == ExitCode.REGISTRY
    assert f"  e2e: {told.path}, unknown\n" in said.out
    assert "✗ registry e2e: " in said.out
    assert "wrong" not in said.out + said.err


def test_a_missing_password_is_told_and_the_other_registry_is_asked(told: Shop) -> None:
    del told.environ["E2E_PASSWORD"]
    said = told.run("tags", "inventory")
    assert said.code == ExitCode.USAGE
    assert "✗ registries.e2e.auth.password_env: E2E_PASSWORD is not set\n" in said.out
    assert "\n1.1.4   " in said.out


def test_an_environment_that_cannot_be_read_is_told(told: Shop) -> None:
    config = told.company.folder / "promobot.yaml"
    head, name, staging = config.read_text(encoding="utf-8").partition("name: staging")
    config.write_text(head + name + staging.replace("shop/gitops", "shop/none"), encoding="utf-8")
    said = told.run("tags", "inventory", "-o", "json")
    assert said.code == ExitCode.GIT
    assert said.err.startswith("promobot: what runs there isn't known: ")
    assert {registry for _, registry in rows(said.data)} == {"e2e"}


def test_where_prefixes_nest_an_image_is_the_longest_ones(told: Shop) -> None:
    """So an environment that pulls from the outer one doesn't own it, and nothing is promoted by the wrong account."""
    config = told.company.folder / "promobot.yaml"
    inner = f"registries:\n  inner: {{url: {E2E}/{told.company.team}}}\n"
    config.write_text(config.read_text(encoding="utf-8").replace("registries:\n", inner), encoding="utf-8")
    deployed = told.run("status", "-o", "json").data["deployed"]
    assert [(item["environment"], item["ours"]) for item in deployed] == [("e2e", False), ("staging", True)]


def test_a_tag_that_cannot_be_looked_up_is_unknown(told: Shop) -> None:
    with start_proxy(
        told.company.e2e, gate=lambda seen: Answer(403) if seen.path.endswith("/1.1.4-rc9") else None
    ) as proxy:
        told.company.connect(e2e=proxy)
        said = told.run("tags", "inventory", "-o", "json")
        assert said.code == ExitCode.REGISTRY
        unknown = row(said.data, "1.1.4-rc9", "e2e")
        assert (unknown["digest"], unknown["platforms"]) == (None, None)
        assert "HTTP 403" in unknown["error"]
        assert row(said.data, "1.1.4-rc10", "e2e")["error"] == ""
        assert re.search(r"\n1.1.4-rc9 +unknown +– +unknown +e2e\n", told.run("tags", "inventory").out)


def test_an_image_that_cannot_be_looked_into_is_asked_for_once(told: Shop) -> None:
    """However many tags lead there; another registry that has it may do better."""
    for tag in ("1.1.6", "1.1.7"):
        told.push(told.company.e2e, tag, built("new"))
    with start_proxy(told.company.e2e, gate=lambda seen: Answer(403) if "/blobs/" in seen.path else None) as proxy:
        told.company.connect(e2e=proxy)
        data = told.run("tags", told.path, "--match", "1.1.[67]", "-o", "json").data
        assert ["HTTP 403" in row(data, tag, "e2e")["error"] for tag in ("1.1.6", "1.1.7")] == [True, True]
        assert proxy.count("GET .*/blobs/") == 1
        data = told.run("tags", told.path, "--match", "1.1.4*", "-o", "json").data
        assert row(data, "1.1.4", "staging")["platforms"] == ["linux/amd64", "linux/arm64"]


def test_a_tag_counts_as_looked_up_when_its_image_is(told: Shop) -> None:
    with start_proxy(told.company.e2e) as proxy:
        told.company.connect(e2e=proxy)
        config = load_config(told.company.folder / "promobot.yaml")
        asked: list[int] = []
        with closing(Registries(config.registries, told.environ)) as registries:
            look_up(
                registries, [(Holder("e2e", told.path), "latest")], lambda: asked.append(proxy.count("GET .*/blobs/"))
            )
        assert asked == [1]


def test_only_what_is_shown_is_asked_for(told: Shop) -> None:
    """Each tag once; of two tags on one index, its first image and configuration once."""
    with start_proxy(told.company.e2e) as proxy:
        told.company.connect(e2e=proxy)
        assert told.run("tags", f"{told.path}:latest").code == 0
        asked = [str(seen) for seen in proxy.seen if seen.path != "/v2/"]
        assert len(asked) == len(set(asked)) == 4
        assert sum("/tags/list" in one for one in asked) == sum("/blobs/" in one for one in asked) == 1
        proxy.seen.clear()
        assert told.run("tags", told.path, "--match", "latest", "--match", "*rc10").code == 0
        assert len([seen for seen in proxy.seen if seen.path != "/v2/"]) == 5


def test_two_thousand_tags(shop: Shop, tmp_path: Path) -> None:
    login = Login("e2e-robot", "e2e-pässword-7c1f")
    with start_registry(tmp_path / "large", login=login) as registry:
        digest = push(registry.access("test"), shop.path, "1.1.3-rc2", build_image("many"))
        write_tags(tmp_path / "large", shop.path, digest, [f"1.0.{number}" for number in range(1999)])
        with start_proxy(registry) as proxy:
            shop.company.connect(e2e=proxy)
            said = shop.run("tags", "inventory")
            assert said.code == 0
            assert said.err == "20 of 2,000 tags; --limit N shows more, --all every one\n"
            assert said.out.splitlines()[4].startswith("1.1.3-rc2 ")
            assert said.out.splitlines()[5].startswith("1.0.1998 ")
            assert proxy.count("GET .*/manifests/") == 20
            assert proxy.count("/blobs/") == 1
            more = shop.run("tags", "inventory", "--limit", "300", "-o", "json").data["images"][0]
            assert (len(more["tags"]), more["shown"], more["total"]) == (300, 300, 2000)


def test_two_images_of_a_service_are_two_lists(told: Shop) -> None:
    company = told.company
    for environment, registry, tag in (("e2e", E2E, "1.1.3-rc2"), ("staging", STAGING, "1.1.2")):
        both = company.manifest("inventory", environment, tag).decode() + (
            f"    sidecar:\n      image: {registry}/{company.team}/sidecar:{tag}\n"
        )
        company.commit("main", f"apps/inventory/{environment}/helmrelease.yaml", both.encode())
    push(company.e2e.access("test"), f"{company.team}/sidecar", "1.1.3-rc2", build_image("sidecar"))
    images = told.run("tags", "inventory", "-o", "json").data["images"]
    assert [[one["repository"] for one in image["registries"]] for image in images] == [
        [told.path, told.path],
        [f"{company.team}/sidecar", f"{company.team}/sidecar"],
    ]
    assert [row["tag"] for row in images[1]["tags"]] == ["1.1.3-rc2"]


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("inventry", ExitCode.USAGE, "did you mean inventory?"),
        ("no service", ExitCode.USAGE, "'no service' is neither a service's name nor an image"),
        ("x/Y", ExitCode.USAGE, "'x/Y' names no image: not a repository path: 'x/Y'"),
        ("x/y@sha256:" + "0" * 64, ExitCode.USAGE, "a digest has no tags of its own"),
        ("nobody/has-this", ExitCode.REGISTRY, "nobody/has-this: no such repository in e2e (nobody/has-this), staging"),
    ],
)
def test_what_is_no_image(shop: Shop, name: str, code: ExitCode, says: str) -> None:
    said = shop.run("tags", name)
    assert (said.code, said.out) == (code, "")
    assert says in said.err


def test_without_a_configuration_another_host_is_asked_anonymously(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shop: Shop
) -> None:
    """By https alone: a registry on loopback that speaks http is told as such, and so is where it was looked for."""
    monkeypatch.chdir(tmp_path)
    del shop.environ["PROMOBOT_CONFIG"]
    said = shop.run("tags", f"{shop.company.e2e.host}/{shop.path}")
    assert said.code == ExitCode.REGISTRY
    assert f"{shop.path}, unknown, asked anonymously: it isn't in the configuration" in said.out
    assert "the server does not speak https" in said.out
    said = shop.run("tags", "inventory")
    assert said.code == ExitCode.USAGE
    assert "promobot.yaml: No such file or directory" in said.err


def test_progress_is_for_terminals(told: Shop) -> None:
    """On the terminal of standard error; the data is whole all the same."""
    with start_proxy(told.company.e2e, gate=_slow) as proxy:
        told.company.connect(e2e=proxy)
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "bot", "tags", "inventory", "-o", "json"]
        environ = {**told.environ, "TERM": "xterm", "PYTHONPATH": os.pathsep.join(sys.path)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=environ) as process:
            os.close(theirs)
            out, _ = process.communicate(timeout=60)
        shown = _read_all(ours)
    assert len(json.loads(out)["images"][0]["tags"]) == 8
    assert re.search(rb"\d of 8 tags looked up", shown)
    assert shown.endswith(b"\r\x1b[2K")


def _slow(seen: object) -> None:
    """Slower than what is done before anything is said of it."""
    if "/manifests/" in str(seen):
        threading.Event().wait(0.7)


def _read_all(fd: int) -> bytes:
    content = b""
    while True:
        try:
            part = os.read(fd, 1 << 16)
        except OSError:  # EIO: the other end is closed
            part = b""
        if not part:
            os.close(fd)
            return content
        content += part


@pytest.mark.parametrize(("newer", "found"), [(400, True), (600, False)])
def test_tags_like_the_one_that_is_not_there_are_looked_for_among_the_newest(newer: int, *, found: bool) -> None:
    tags = (*(f"7777.{number}.7777" for number in range(newer)), "1.2.3-rc1")
    assert ("1.2.3-rc1" in near_tags("1.2.3-rc2", [Listing(Holder("r", "p", configured=False), tags)])) is found
