"""`promobot inspect` over real registries."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from bot.catalog.holders import of_image
from bot.cli.sizes import size
from bot.demo.oci import MANIFEST, Image, build_image, build_index, digest_of, push
from bot.demo.registries import start_registry
from bot.errors import ExitCode
from bot.images import ImageRef
from tests.cli.registries import LABELS, PREDICATE, Shop, built, shop, shown_in_docs
from tests.company import E2E, STAGING
from tests.oci import artifact, docker_list, helm_chart, index_of, nested_index, with_empty_layers, without_layers
from tests.paper import configured
from tests.proxy import Answer, start_proxy

__all__ = ["shop"]


def image_of(shop: Shop, version: str, registry: str = E2E) -> str:
    return f"{registry}/{shop.path}{version}"


def test_an_index_with_all_that_is_about_it(shop: Shop) -> None:
    image = built("new")
    shop.push(shop.company.e2e, "1.1.4-rc1", image)
    shop.push(shop.company.e2e, "latest", image)
    shop.push(shop.company.staging, "1.1.4", image)
    for suffix in ("sig", "att", "sbom"):
        shop.push(shop.company.e2e, f"{image.digest.text.replace(':', '-')}.{suffix}", build_image(suffix))
    said = shop.run("inspect", image_of(shop, ":1.1.4-rc1"), "-o", "json")
    assert (said.code, said.err) == (0, "")
    data = said.data
    assert (data["digest"], data["kind"], data["registry"]) == (image.digest.text, "index", "e2e")
    assert data["media_type"] == "application/vnd.oci.image.index.v1+json"
    assert data["created"] == "2024-01-01T00:00:00+00:00"
    assert data["labels"] == LABELS
    assert data["annotations"] == {"org.opencontainers.image.title": "new"}
    children = image.children[:2]
    assert [(part["platform"], part["digest"]) for part in data["platforms"]] == [
        ("linux/amd64", children[0].digest.text),
        ("linux/arm64", children[1].digest.text),
    ]
    assert [part["size"] for part in data["platforms"]] == [sum(map(len, child.blobs)) for child in children]
    assert [len(part["layers"]) for part in data["platforms"]] == [2, 2]
    every = {digest_of(blob): len(blob) for child in image.children for blob in child.blobs}
    assert data["size"] == sum(every.values())
    assert [(one["kind"], one["type"], one["platform"]) for one in data["attached"]] == [
        ("attestation", PREDICATE, "linux/amd64"),
        ("attestation", PREDICATE, "linux/arm64"),
        ("signature", "cosign", None),
        ("attestation", "cosign", None),
        ("SBOM", "cosign", None),
    ]
    assert [(one["registry"], one["present"], one["tags"]) for one in data["also"]] == [
        ("e2e", True, ["1.1.4-rc1", "latest"]),
        ("staging", True, ["1.1.4"]),
    ]


def test_what_people_see(shop: Shop) -> None:
    image = built("new")
    shop.push(shop.company.e2e, "1.1.4-rc1", image)
    amd64, arm64, *attestations = image.children
    blobs = {digest_of(blob): len(blob) for child in image.children for blob in child.blobs}
    said = shop.run("inspect", image_of(shop, ":1.1.4-rc1"))
    parts = [size(sum(map(len, child.blobs))) for child in (amd64, arm64)]
    assert said.out.splitlines() == [
        image_of(shop, ":1.1.4-rc1"),
        f"digest  {image.digest}",
        "kind    index of 2 images",
        "type    application/vnd.oci.image.index.v1+json",
        "created 2024-01-01 00:00:00 UTC",
        f"size    {size(sum(blobs.values()))} in {len(blobs)} blobs, each counted once",
        "images",
        f"  linux/amd64   {parts[0]}   2 layers   {amd64.digest}",
        f"  linux/arm64   {parts[1]}   2 layers   {arm64.digest}",
        "labels",
        "  odd: \\x1b[31mred\\n",
        "  org.opencontainers.image.revision: deadbeef",
        "annotations",
        "  org.opencontainers.image.title: new",
        "signatures and attestations",
        f"  attestation of linux/amd64 ({PREDICATE})   {attestations[0].digest}",
        f"  attestation of linux/arm64 ({PREDICATE})   {attestations[1].digest}",
        "in the configured registries",
        f"  e2e: {shop.path}:1.1.4-rc1",
        f"  staging: {shop.path} hasn't this digest",
    ]


def test_the_documentation_shows_what_is_said(shop: Shop) -> None:
    image = built("inventory 1.1.3", {"org.opencontainers.image.revision": "4be1c07"})
    shop.push(shop.company.e2e, "1.1.3-rc2", image)
    shop.push(shop.company.staging, "1.1.3", image)
    shop.push(shop.company.e2e, f"{image.digest.text.replace(':', '-')}.sig", build_image("signature"))
    first, *lines = shown_in_docs("inspect").splitlines()
    said = shop.run("inspect", shlex.split(first)[3].replace("/shop/", f"/{shop.company.team}/"))
    assert said.out.replace(shop.company.team, "shop").splitlines() == lines


def test_a_single_image_by_its_digest(shop: Shop) -> None:
    image = build_image("one", platform="linux/arm64/v8", layers=3)
    shop.push(shop.company.e2e, "1.0", image)
    said = shop.run("inspect", image_of(shop, f"@{image.digest}"))
    assert said.code == 0
    lines = said.out.splitlines()
    assert "kind    image" in lines
    assert "for     linux/arm64/v8" in lines
    layers = [digest_of(blob).text for blob in image.blobs[1:]]
    assert [line.split()[-1] for line in lines[lines.index("layers") + 1 :][:3]] == layers
    assert f"  e2e: {shop.path}:1.0" in lines


def test_a_referrer_is_found_by_the_fallback_tag(shop: Shop) -> None:
    image = build_image("subject")
    shop.push(shop.company.e2e, "1.0", image)
    note = artifact("sbom", image)
    index = index_of([(note, {"artifactType": "application/spdx+json"})])
    shop.push(shop.company.e2e, image.digest.text.replace(":", "-"), index)
    (attached,) = shop.run("inspect", image_of(shop, ":1.0"), "-o", "json").data["attached"]
    assert (attached["kind"], attached["type"], attached["digest"]) == (
        "referrer",
        "application/spdx+json",
        note.digest.text,
    )


@pytest.mark.parametrize(
    ("image", "kind", "chart", "artifact_type"),
    [
        (
            helm_chart("web"),
            "Helm chart",
            {"name": "web", "version": "1.2.3"},
            "application/vnd.cncf.helm.config.v1+json",
        ),
        (artifact("x", build_image("subject")), "artifact", None, "application/spdx+json"),
        (docker_list("old"), "index", None, None),
        (without_layers("none"), "image", None, None),
        (with_empty_layers("empty"), "image", None, None),
    ],
    ids=["chart", "artifact", "docker list", "no layers", "empty layers"],
)
def test_kinds(shop: Shop, image: Image, kind: str, chart: dict[str, str] | None, artifact_type: str | None) -> None:
    shop.push(shop.company.e2e, "it", image)
    data = shop.run("inspect", image_of(shop, ":it"), "-o", "json").data
    assert (data["kind"], data["chart"], data["artifact_type"]) == (kind, chart, artifact_type)
    assert data["size"] == sum(
        len(blob) for blob in {*image.blobs, *(b for child in image.children for b in child.blobs)}
    )
    assert shop.run("inspect", image_of(shop, ":it")).code == 0


def test_an_index_of_indexes_is_refused_and_named(shop: Shop) -> None:
    shop.push(shop.company.e2e, "nested", nested_index("deep"))
    said = shop.run("inspect", image_of(shop, ":nested"))
    assert said.code == ExitCode.REGISTRY
    assert f"{shop.path}:nested: " in said.err
    assert "it is an index that holds another index" in said.err


def test_what_an_index_names_and_the_registry_lacks(shop: Shop) -> None:
    image = build_index("sparse")
    shop.push(shop.company.e2e, "sparse", image)
    gone = image.children[1].digest
    with start_proxy(
        shop.company.e2e,
        gate=lambda seen: (
            Answer(404, {"Docker-Distribution-Api-Version": "registry/2.0"}) if seen.path.endswith(gone.text) else None
        ),
    ) as proxy:
        shop.company.connect(e2e=proxy)
        said = shop.run("inspect", image_of(shop, ":sparse"))
        assert said.code == 0
        assert f"linux/arm64 absent {gone}" in " ".join(said.out.split())


def test_a_tag_beside_a_digest_that_it_no_longer_leads_to(shop: Shop) -> None:
    old, new = build_image("old"), build_image("new")
    for image in (old, new):
        shop.push(shop.company.e2e, "1.0", image)
    said = shop.run("inspect", image_of(shop, f":1.0@{old.digest}"))
    assert said.code == 0
    assert f"tag     ✗ 1.0 leads to {new.digest}" in said.out.splitlines()
    assert f"  e2e: {shop.path} has it, under no tag" in said.out.splitlines()


def test_what_is_absent_ends_with_three_and_what_is_near(shop: Shop) -> None:
    digest = build_image("nowhere").digest
    said = shop.run("inspect", image_of(shop, ":1.1.3-rc1"))
    assert (said.code, said.out) == (ExitCode.REGISTRY, "")
    assert said.err.endswith(f"/{shop.path}:1.1.3-rc1: no such tag\n  → near it: 1.1.3-rc2\n")
    said = shop.run("inspect", image_of(shop, f"@{digest}"))
    assert said.code == ExitCode.REGISTRY
    assert f"@{digest}: no such digest\n" in said.err
    said = shop.run("inspect", f"{E2E}/nobody/has-this:1")
    assert said.code == ExitCode.REGISTRY
    assert "/nobody/has-this:1: no such repository\n  → check its spelling\n" in said.err


def test_a_chain_that_cannot_be_asked_is_unknown(shop: Shop) -> None:
    (shop.company.folder / "staging-password").unlink()
    said = shop.run("inspect", image_of(shop, ":1.1.3-rc2"), "-o", "json")
    assert said.code == ExitCode.USAGE
    assert said.data["digest"] == build_index("inventory new").digest.text
    assert said.data["also"][1]["present"] is None
    assert "staging-password: No such file or directory" in said.data["also"][1]["error"]


def test_the_image_of_another_registry_of_the_chain(shop: Shop) -> None:
    """Its own login is used, which is another one."""
    shop.push(shop.company.staging, "1.1.2", build_index("two"))
    assert shop.run("inspect", image_of(shop, ":1.1.2", STAGING), "-o", "json").data["registry"] == "staging"


@pytest.mark.parametrize(("tag", "registry", "host"), [("1.0", "e2e", E2E), ("1.1", "staging", STAGING)])
def test_a_name_without_a_host_is_looked_for_along_the_chain(shop: Shop, tag: str, registry: str, host: str) -> None:
    """As `promobot tags` does; what is shown is the first registry's that has it."""
    for name, at in (("1.0", shop.company.e2e), ("1.0", shop.company.staging), ("1.1", shop.company.staging)):
        shop.push(at, name, build_image(f"{name} at {at.host}"))
    data = shop.run("inspect", f"{shop.path}:{tag}", "-o", "json").data
    assert (data["registry"], data["image"]) == (registry, f"{host}/{shop.path}:{tag}")
    assert [(one["registry"], one["present"]) for one in data["also"]] == [
        ("e2e", registry == "e2e"),
        ("staging", registry == "staging"),
    ]


def test_a_name_with_the_registry_s_prefix_or_without_is_the_same_image(shop: Shop) -> None:
    file = shop.company.folder / "promobot.yaml"
    file.write_text(file.read_text().replace(f"url: {E2E}\n", f"url: {E2E}/{shop.company.team}\n"))
    shop.push(shop.company.e2e, "1.0", build_image("app"))
    for name in (f"{shop.path}:1.0", "inventory:1.0", f"{E2E}/{shop.path}:1.0"):
        assert shop.run("inspect", name, "-o", "json").data["image"] == f"{E2E}/{shop.path}:1.0"


def test_where_prefixes_nest_a_name_without_a_host_begins_with_the_longest() -> None:
    shop, live = ({"url": f"registry.example.com/{prefix}"} for prefix in ("shop", "shop/live"))
    config = configured(e2e={"registry": "shop"}, staging={"registry": "live"}, shop=shop, live=live)
    found = {holder.registry: holder.repository for holder in of_image(config, ImageRef.parse("shop/live/api"))}
    assert found == {"shop": "shop/api", "live": "shop/live/api"}


def test_a_name_without_a_host_that_no_registry_of_the_chain_has(shop: Shop) -> None:
    said = shop.run("inspect", f"{shop.path}:1.1.3-rc1")
    assert said.code == ExitCode.REGISTRY
    assert re.search(rf"registry e2e: .*/{shop.path}:1.1.3-rc1 and registry staging: .*: no such tag\n", said.err)
    assert "\n  → near it: 1.1.3-rc2" in said.err
    said = shop.run("inspect", "nobody:1")
    assert said.code == ExitCode.REGISTRY
    assert said.err.endswith(
        "/nobody:1: no such repository\n  → check its spelling; from Docker Hub it would be docker.io/nobody\n"
    )


def test_a_registry_that_cannot_be_asked_ends_the_search_for_a_name(shop: Shop) -> None:
    """Else the image of another registry would pass for it."""
    shop.push(shop.company.staging, "1.1", build_image("app"))
    with start_proxy(shop.company.e2e, gate=lambda seen: Answer(403) if "/manifests/" in seen.path else None) as proxy:
        shop.company.connect(e2e=proxy)
        said = shop.run("inspect", f"{shop.path}:1.1")
    assert (said.code, "HTTP 403" in said.err) == (ExitCode.REGISTRY, True)


def test_another_host_is_asked_anonymously(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By https alone; a configuration is neither needed nor, if one is named, ignored."""
    monkeypatch.chdir(tmp_path)
    host = shop.company.e2e.host
    with_config = shop.run("inspect", f"{host}/{shop.path}:1.0")
    del shop.environ["PROMOBOT_CONFIG"]
    without = shop.run("inspect", f"{host}/{shop.path}:1.0")
    assert with_config == without
    assert without.code == ExitCode.REGISTRY
    assert "the server does not speak https" in without.err
    named = shop.run("inspect", f"{host}/{shop.path}:1.0", "-c", "none.yaml")
    assert (named.code, "none.yaml: No such file" in named.err) == (ExitCode.USAGE, True)
    (tmp_path / "promobot.yaml").write_text("forges: 1", encoding="utf-8")
    here = shop.run("inspect", f"{host}/{shop.path}:1.0")
    assert (here.code, "promobot.yaml:1: forges: must be a mapping" in here.err) == (ExitCode.USAGE, True)


def test_a_registry_of_the_world(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One by https that this machine trusts, though no configuration knows it."""
    with start_registry(tmp_path / "world", tls=True) as registry:
        monkeypatch.setenv("SSL_CERT_FILE", str(registry.ca_file))
        push(registry.access("test"), "org/app", "latest", built("public"))
        said = shop.run("inspect", f"{registry.host}/org/app")
        assert said.code == 0
        assert said.out.splitlines()[:2] == [
            f"{registry.host}/org/app:latest",
            f"asked {registry.host} anonymously: it isn't in the configuration",
        ]
        assert "  e2e: org/app hasn't this digest" in said.out.splitlines()
        tags = shop.run("tags", f"{registry.host}/org/app", "-o", "json").data["images"][0]
        assert [one["tag"] for one in tags["tags"]] == ["latest"]


def test_a_registry_of_the_world_that_wants_a_login(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    staging = shop.company.staging
    monkeypatch.setenv("SSL_CERT_FILE", str(staging.ca_file))
    said = shop.run("inspect", f"{staging.host}/org/app:1")
    assert said.code == ExitCode.REGISTRY
    assert "wants credentials, and none are configured (HTTP 401)" in said.err
    assert "\n  → to log in there, or to reach it otherwise than by https, put it among `registries`\n" in said.err
    assert "  → to log in there, or" in shop.run("tags", f"{staging.host}/org/app:1").out


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("", "write [host/]path"),
        ("Nginx", "write [host/]path"),
        ("nginx:", "write [host/]path"),
        ("a b", "write [host/]path"),
        ("nginx@sha256:12", "a digest has 64 digits: `promobot tags -v nginx` shows all of them"),
        ("nginx@12ab", "a digest has 64 digits"),
        ("https://registry.example/app:1", "without the scheme: registry.example/app:1"),
        ("docker://nginx", "without the scheme: nginx"),
    ],
)
def test_what_is_no_image(shop: Shop, text: str, advice: str) -> None:
    said = shop.run("inspect", text)
    assert said.code == ExitCode.USAGE
    assert said.err.startswith(f"promobot: {text!r} names no image: ")
    assert f"\n  → {advice}" in said.err


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.25", "docker.io/library/nginx:1.25"),
        ("org/app", "docker.io/org/app:latest"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("index.docker.io/org/app:1", "docker.io/org/app:1"),
        ("registry-1.docker.io/nginx", "docker.io/library/nginx:latest"),
        ("localhost/app", "localhost/app:latest"),
        ("ghcr.io/org/app", "ghcr.io/org/app:latest"),
        (f"nginx@sha256:{'0' * 64}", f"docker.io/library/nginx@sha256:{'0' * 64}"),
    ],
)
def test_names_are_read_as_docker_reads_them(text: str, whole: str) -> None:
    assert str(ImageRef.parse(text).as_docker_reads_it()) == whole


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (1234, "1.23 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (6.02e6, "6.02 MB"),
    ],
)
def test_sizes(count: int, words: str) -> None:
    assert size(int(count)) == words


def test_what_an_image_says_of_itself_stays_on_its_line(shop: Shop) -> None:
    forged = "linux\nsignatures and attestations\n  signature (cosign)\t\x1b[2K"
    config = json.dumps({"os": forged, "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    entry = {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": str(digest_of(config)),
        "size": len(config),
    }
    content = {"schemaVersion": 2, "mediaType": MANIFEST, "config": entry, "layers": []}
    shop.push(shop.company.e2e, "1.1.4-rc1", Image(MANIFEST, json.dumps(content).encode(), (config,)))
    for command in (("inspect", image_of(shop, ":1.1.4-rc1")), ("tags", image_of(shop, ":1.1.4-rc1"))):
        lines = shop.run(*command).out.splitlines()
        assert not any(line.strip().startswith("signature (cosign)") for line in lines)
        assert any(r"linux\nsignatures" in line for line in lines)
