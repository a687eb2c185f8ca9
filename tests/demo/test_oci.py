"""Images made for the demo are what a container runtime expects, and depend on their arguments alone."""

from __future__ import annotations

import gzip
import io
import json
import tarfile

from bot.demo.oci import build_image, build_index, digest_of


def sizes_in(tar: bytes) -> list[int]:
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        return [member.size for member in archive]


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert build_index("a", size=5000, layers=3) == build_index("a", size=5000, layers=3)
    # A change here changes every digest in documents and recorded demos.
    assert build_image("a").digest.short == "sha256:0ee6aaab94e2"


def test_another_seed_or_label_is_another_image() -> None:
    images = [build_image("a"), build_image("b"), build_image("a", labels={"v": "1"}), build_image("a", size=300)]
    assert len({image.digest for image in images}) == len(images)


def test_layers_are_gzipped_tars_that_the_config_and_manifest_describe() -> None:
    image = build_image("a", platform="linux/arm/v7", labels={"rev": "abc"}, size=3000, layers=3)
    manifest = json.loads(image.manifest)
    config = json.loads(image.blobs[0])
    assert manifest["config"]["digest"] == str(digest_of(image.blobs[0]))
    assert [layer["digest"] for layer in manifest["layers"]] == [str(digest_of(blob)) for blob in image.blobs[1:]]
    assert (config["os"], config["architecture"], config["variant"]) == ("linux", "arm", "v7")
    assert config["config"]["Labels"] == {"rev": "abc"}
    tars = [gzip.decompress(blob) for blob in image.blobs[1:]]
    assert config["rootfs"]["diff_ids"] == [str(digest_of(tar)) for tar in tars]
    assert [sizes_in(tar) for tar in tars] == [[1000], [1000], [1000]]


def test_an_index_names_one_image_for_each_platform() -> None:
    index = build_index("a", platforms=("linux/amd64", "linux/arm64"))
    entries = json.loads(index.manifest)["manifests"]
    assert [entry["platform"]["architecture"] for entry in entries] == ["amd64", "arm64"]
    assert [entry["digest"] for entry in entries] == [str(child.digest) for child in index.children]
