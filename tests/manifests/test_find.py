"""Which files and shapes count as naming an image."""

from __future__ import annotations

import pytest

from bot.images import ImageRef
from bot.manifests import Form, find_images
from tests.manifests.reading import OLD

KUSTOMIZATION = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nimages:\n"
HEX = OLD.text.removeprefix("sha256:")


@pytest.mark.parametrize("path", ["values.yaml", "apps/web/prod.yml", "values.json", "deployment.yaml.j2", "image"])
def test_any_file_is_searched(path: str) -> None:
    assert [field.pointer for field in find_images(path, b"image: example.com/a:1\n")] == ["/image"]


@pytest.mark.parametrize(
    ("content", "count"),
    [
        ("kind: DaemonSet\nimage: example.com/a:1\n", 1),
        ("apiVersion: v1\nkind: Pod\nspec: {containers: [{image: a}], initContainers: [{image: 'b:1'}]}\n", 2),
        ("apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nspec: {values: {image: example.com/a:1}}\n", 1),
        ("apiVersion: [helm.toolkit.fluxcd.io/v2]\nkind: HelmRelease\nspec: {values: {image: example.com/a:1}}\n", 1),
        ("apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nspec: [values]\n", 0),
        ("apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n", 0),
        ("apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nspec: {values: nothing}\n", 0),
        ("- image: example.com/a:1\n", 1),
        ("a word\n", 0),
        ("# nothing\n", 0),
        ("", 0),
    ],
)
def test_documents(content: str, count: int) -> None:
    assert len(find_images("values.yaml", content.encode())) == count


@pytest.mark.parametrize("first", ["imageName", "Image", "image_name"])
def test_two_images_of_like_keys(first: str) -> None:
    for keys in ((first, "image"), ("image", first)):
        content = "".join(f"{key}: example.com/{key.lower()}:1\n" for key in keys)
        assert [field.pointer for field in find_images("values.yaml", content.encode())] == [f"/{key}" for key in keys]


OCI = """\
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
spec:
  url: oci://example.com/a
  ref: {tag: v1}
"""


@pytest.mark.parametrize(
    ("content", "image"),
    [
        (OCI + "  image: example.com/b\n  tag: v2\n", "example.com/a:v1"),
        (KUSTOMIZATION + "- {name: a, newTag: v1, image: b, tag: v2}\n", "a:v1"),
        (KUSTOMIZATION + f"- {{name: a, image: b, digest: {OLD}}}\n", f"a@{OLD}"),
    ],
)
def test_what_the_kind_says_comes_before_what_the_keys_say(content: str, image: str) -> None:
    (field,) = find_images("kustomization.yaml", content.encode())
    assert str(field.image) == image


def test_a_registry_may_end_in_a_slash() -> None:
    (field,) = find_images("values.yaml", b"global: {imageRegistry: example.com/}\n")
    assert (field.pointer, field.parts.registry) == ("/global/imageRegistry", "example.com")


@pytest.mark.parametrize(
    ("written", "image"),
    [
        ("image: example.com/a:1", "example.com/a:1"),
        ("image: a:1", "a:1"),
        ("image: a", "a"),
        ("image: a/b", "a/b"),
        ("image: localhost:5000/a", "localhost:5000/a"),
        ("initImage: a:1", "a:1"),
        ("initImage: a/b", "a/b"),
        ("myimage: a:1", None),
        ("imageName: a:1", "a:1"),
        ("image_name: a", "a"),
        ("initImageName: a", None),
        ("build_image: a:1", "a:1"),
        ("BUILD_IMAGE: a:1", None),
        ("IMAGE: a:1", None),
        ("containerName: a", None),
        ("pullImage: true", None),
        (f"image: example.com/a:1@{OLD}", f"example.com/a:1@{OLD}"),
        (f"image: example.com/a@{OLD}", f"example.com/a@{OLD}"),
        ("image: https://example.com/a.png", None),
        ("image: data:image/png;base64,AAAA", None),
        ("image: ./a/b.png", None),
        ("image: a sentence/with:words", None),
        ("image: true", None),
        ("image: 'true'", None),
        ("image: logo.png", None),
        ("image: img/logo.svg", None),
        ("image: logo.png:v1", "logo.png:v1"),
        ("image:", None),
        ("image: [a/b]", None),
        ("image: {}", None),
        ("web: {repository: a, tag: v1}", "a:v1"),
        ("web: {repository: a, tag: 1.10}", "a:1.10"),
        ("web: {repository: a, tag: ''}", "a"),
        ("web: {repository: a, tag: null}", "a"),
        ("web: {repository: a}", None),
        ("web: {registry: quay.io, repository: a/b, tag: v1}", "quay.io/a/b:v1"),
        (f"web: {{repository: a, tag: v1, digest: '{OLD}'}}", f"a:v1@{OLD}"),
        (f"web: {{repository: a, digest: '{OLD}'}}", f"a@{OLD}"),
        (f"web: {{repository: a, tag: v1, sha: {HEX}}}", f"a:v1@{OLD}"),
        (f"web: {{repository: a, tag: 'v1@{OLD}'}}", f"a:v1@{OLD}"),
        ("web: {repository: 'https://example.com/a.git', tag: v1}", None),
        ("web: {repository: [a], tag: v1}", None),
        ("web: {repository: a, tag: [v1]}", None),
        ("image: {repository: a}", "a"),
        ("image: {repo: a, tag: v1}", "a:v1"),
        ("image: {name: a, tag: v1}", "a:v1"),
        ("image: {name: a, version: v1}", "a:v1"),
        ("image: {repository: a, version: v1}", "a:v1"),
        ("image: {name: a}", None),
        ("image: {version: v1}", None),
        ("web: {name: a, tag: v1}", None),
        ("web: {repository: a, version: v1}", None),
        ("web: {registry: quay.io, repository: a/b}", "quay.io/a/b"),
        ("web: {registry: quay.io/, repository: a/b, tag: v1}", "quay.io/a/b:v1"),
        ("web: {registry: quay.io/, repository: /a/b, tag: v1}", "quay.io/a/b:v1"),
        ("web: {registry: quay.io/x, repository: a, tag: v1}", "quay.io/x/a:v1"),
        ("web: {repository: a, image: b, tag: v1}", "a/b:v1"),
        ("web: {registry: quay.io, image: a/b, tag: v1}", "quay.io/a/b:v1"),
        ("web: {image: a/b, registry: quay.io}", "quay.io/a/b"),
        ("web: {image: a/b, tag: v1}", "a/b:v1"),
        ("web: {image: a/b, imageTag: v1}", "a/b:v1"),
        ("web: {imageRepository: a/b, imageTag: v1}", "a/b:v1"),
        ("web: {imageRegistry: quay.io, imageRepository: a/b, imageTag: v1}", "quay.io/a/b:v1"),
        ("web: {initImage: a/b, initImageTag: v1}", "a/b:v1"),
        ("web: {docker_repository: a/b, docker_tag: v1}", "a/b:v1"),
        ("web: {repository: 'a:1', tag: ''}", "a:1"),
        ("web: {tag: v1}", None),
    ],
)
def test_shapes(written: str, image: str | None) -> None:
    fields = find_images("values.yaml", written.encode())
    assert [str(field.image) for field in fields] == ([] if image is None else [image])
    assert not [field.refusal for field in fields if field.refusal]


@pytest.mark.parametrize(
    ("written", "pointer", "refusal"),
    [
        ("image: example.com/MyApp:1", "/image", "no image reference: not a repository path: 'MyApp'"),
        ("image: example.com/a@sha256:abc", "/image", "no image reference: not a sha256 digest"),
        ("image: ${REGISTRY}/a:1", "/image", "'${REGISTRY}/a:1' is a template"),
        ("image: '{{ .Values.x }}'", "/image", "'{{ .Values.x }}' is a template"),
        ("image: {repository: quay.io/a, name: b, tag: v1}", "/image", "`name` beside `repository` may be a part"),
        ("image: $(params.image)", "/image", "'$(params.image)' is a template"),
        ("image: {registry: ghcr.io/x}", "/image", "'ghcr.io/x' is no registry host, and no repository"),
        ("web: {repository: Shop/a, tag: v1}", "/web", "no image reference: not a repository path"),
        ("web: {repository: 'a:1', tag: v1}", "/web", "the name holds a tag or digest of its own"),
        ("web: {repository: a, tag: v+1}", "/web", "no image reference: not a tag"),
        ("web: {repository: a, tag: v1, digest: abc}", "/web", "no image reference: not a sha256 digest"),
        ("web: {repository: a, tag: 'v1@'}", "/web", "more than one place for the digest, or half of one"),
        (f"web: {{repository: a, tag: '@{OLD}'}}", "/web", "more than one place for the digest, or half of one"),
        ("web: {image: 'a:1', registry: quay.io, tag: v1}", "/web", "`image` holds a whole reference and other keys"),
        (f"web: {{image: 'a:1', digest: '{OLD}'}}", "/web", "`image` holds a whole reference and other keys"),
    ],
)
def test_listed_but_refused(written: str, pointer: str, refusal: str) -> None:
    (field,) = find_images("values.yaml", written.encode())
    assert (field.pointer, field.image) == (pointer, None)
    assert field.refusal.startswith(refusal)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("image: {tag: v1}", {"/image": ":v1"}),
        ("image: {repository: '', tag: v1}", {"/image": ":v1"}),
        ("image: {repository: '', tag: ''}", {"/image": ""}),
        ("web: {repository: '', tag: v1}", {"/web": ":v1"}),
        (f"image: {{digest: '{OLD}'}}", {"/image": f"@{OLD}"}),
        ("image: {registry: quay.io}", {"/image": "quay.io/"}),
        ("global: {imageRegistry: quay.io}", {"/global/imageRegistry": "quay.io/"}),
        ("global: {imageRegistry: ''}", {}),
        ("web: {imageTag: v1}", {"/web/imageTag": ":v1"}),
        ("web: {image_version: 1.10}", {"/web/image_version": ":1.10"}),
        ("DOCKER_TAG: v1", {"/DOCKER_TAG": ":v1"}),
        (f"web: {{imageTag: v1, imageDigest: '{OLD}'}}", {"/web": f":v1@{OLD}"}),
        ("web: {aImage: a/b, aImageTag: v1, bImage: c/d, bImageTag: v2}",
         {"/web/aImage": "a/b", "/web/aImageTag": ":v1", "/web/bImage": "c/d", "/web/bImageTag": ":v2"}),
        ("web: {repository: a, tag: v1, imageTag: v2}", {"/web": "a:v1", "/web/imageTag": ":v2"}),
        ("web: {image: a/b, tag: v1, imageTag: v2}", {"/web": "a/b:v1", "/web/imageTag": ":v2"}),
    ],
)  # fmt: skip
def test_parts(written: str, found: dict[str, str]) -> None:
    fields = find_images("values.yaml", written.encode())
    assert {field.pointer: str(field.parts) for field in fields} == found
    assert not [field.refusal for field in fields if field.refusal]


def test_a_digest_wins_over_a_range_of_versions() -> None:
    kind = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\n"
    (field,) = find_images(
        "x", f"{kind}spec: {{url: 'oci://x.io/a', ref: {{semver: '*', digest: '{OLD}'}}}}\n".encode()
    )
    assert (str(field.image), field.refusal) == (f"x.io/a@{OLD}", "")


def test_a_whole_image_beside_a_tag_is_itself() -> None:
    (field,) = find_images("values.yaml", b"{image: 'a/b:1', tag: other}")
    assert (field.pointer, field.form, field.image) == ("/image", Form.STRING, ImageRef(None, "a/b", "1"))


def test_merge_keys_bring_what_is_not_there() -> None:
    content = """\
one: &one {image: 'a:1', initImage: 'b:1'}
two: &two {image: 'c:1', extraImage: 'd:1'}
both:
  <<: [*one, *two]
  initImage: e:1
none: {<<: nothing, "<<": [*one]}
"""
    found = {
        field.pointer: (str(field.image), field.line, bool(field.refusal))
        for field in find_images("values.yaml", content.encode())
    }
    assert {pointer: what for pointer, what in found.items() if not pointer.startswith(("/one", "/two"))} == {
        "/both/initImage": ("e:1", 5, False),
        "/both/image": ("a:1", 4, True),
        "/both/extraImage": ("d:1", 4, True),
        "/none/<</0/image": ("a:1", 6, True),
        "/none/<</0/initImage": ("b:1", 6, True),
    }


def test_keys_that_are_no_scalars_are_passed_over() -> None:
    assert [field.pointer for field in find_images("values.yaml", b"? [a]\n: {image: 'a:1'}\nimage: b:1\n")] == [
        "/image"
    ]


@pytest.mark.parametrize(
    ("written", "gap"),
    [
        ("image: a:1", ""),
        ("image: {tag: v1}", "inherits repository from base"),
        ("global: {imageRegistry: quay.io}", "says no more than where images come from"),
        ("image: ${X}", "'${X}' is a template"),
    ],
)
def test_why_a_field_alone_cannot_be_promoted(written: str, gap: str) -> None:
    (field,) = find_images("x", written.encode())
    assert field.gap.startswith(gap)
    assert bool(field.gap) == bool(gap)
