"""Files that can't be read say where and why, at once."""

from __future__ import annotations

import pytest

from bot.errors import ExitCode, ManifestError
from bot.images import ImageParts
from bot.manifests import ImageEdit, find_images, set_images
from bot.manifests.source import MAX_BYTES

BOMB = "\n".join(["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9))])
CHAIN = "\n".join(["a0: &a0 [[[[[x]]]]]", *(f"a{n}: &a{n} [[[[[*a{n - 1}]]]]]" for n in range(1, 30))])

UNREADABLE = [
    (b"a: 1\nb: \xff\n", "values.yaml:2: not UTF-8"),
    ("image: a:1\n".encode("utf-16"), "values.yaml:1: not UTF-8"),
    (b"\0GITCRYPT\0\x01\x02", "values.yaml:1: encrypted by git-crypt"),
    (b"a: 1\nb: ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\n", "values.yaml:2: encrypted by SOPS"),
    (b"a: b\nc: [\n", "values.yaml:2: not YAML"),
    (b"a: b\nc: [\nd: e\n", "values.yaml:2: not YAML: did not find expected ',' or ']'"),
    (b"a: 'b\nc: d\n", "values.yaml:1: not YAML: found unexpected end of stream"),
    (b"a:\n  b: c\n d: e\n\n", "values.yaml:3: not YAML: did not find expected key"),
    (b"a: b: c\n", "values.yaml:1: not YAML"),
    (b"a: \x00\n", "values.yaml:1: not YAML"),
    (b"{{- if x }}\na: 1\n", "values.yaml:1: not YAML: did not find expected node content (templates can't be read"),
    (b"a: 1\nb: *c\n", "values.yaml:2: the alias *c has no anchor before it"),
    (b"a: &a [*a]\n", "values.yaml:1: the alias *a has no anchor before it"),
    (b"a: &a 1\n---\nb: *a\n", "values.yaml:3: the alias *a has no anchor before it"),
    (b"x: 1\ny: " + b"[" * 100_000, "values.yaml:2: nested more than 100 levels deep"),
    (b"- " * 50_000, "values.yaml:1: nested more than 100 levels deep"),
    (BOMB.encode(), "values.yaml:1: more than 500,000 values or 100 levels, aliases followed"),
    (CHAIN.encode(), "values.yaml:1: more than 500,000 values or 100 levels, aliases followed"),
    (b"#" * (MAX_BYTES + 1), "values.yaml:1: larger than the 4,194,304 bytes that are read"),
]


@pytest.mark.parametrize(("content", "message"), UNREADABLE, ids=[message[12:50] for _, message in UNREADABLE])
def test_unreadable(content: bytes, message: str) -> None:
    edits = [ImageEdit(0, "/image", ImageParts(None, "a", "1"))]
    for read in (lambda: find_images("values.yaml", content), lambda: set_images("values.yaml", content, edits)):
        with pytest.raises(ManifestError) as failure:
            read()
        assert failure.value.exit_code == ExitCode.MANIFEST
        assert failure.value.hint
    with pytest.raises(ManifestError) as failure:
        find_images("values.yaml", content)
    assert str(failure.value).startswith(message)


def test_a_hundred_levels_can_be_read() -> None:
    content = b"[" * 98 + b"{image: 'a:1'}" + b"]" * 98
    assert len(find_images("values.yaml", content)) == 1
    assert len(find_images("values.yaml", b"{a: " + content + b"}")) == 1


def test_what_only_one_parser_reads_is_not_edited() -> None:
    content = b"text: |#no comment\n  x\nimage: a:1\n"
    (field,) = find_images("values.yaml", content)
    with pytest.raises(ManifestError, match=r"^values\.yaml:1: not YAML"):
        set_images("values.yaml", content, [ImageEdit(0, field.pointer, ImageParts(None, "a", "2"))])


def test_yaml_versions_that_do_not_exist() -> None:
    with pytest.raises(ManifestError, match="not YAML"):
        find_images("values.yaml", b"%YAML 1.3\n---\nimage: a:1\n")
