"""Edits as a whole: none, repeated, contradicting, and what an edit must never leave behind."""

from __future__ import annotations

import pytest

from bot.errors import ManifestError
from bot.images import ImageParts
from bot.manifests import ImageEdit, find_images, set_images
from tests.manifests.reading import NEW, OLD, edit

CONTENT = b"a: {repository: example.com/a, tag: v1}\nb: {image: example.com/b:1}\n"


def test_no_edits_change_nothing_not_even_what_cannot_be_read() -> None:
    assert set_images("values.yaml", b"\xff[", []) == b"\xff["


def test_an_edit_to_what_is_there_changes_nothing() -> None:
    edits = [
        ImageEdit(field.document, field.pointer, field.parts)
        for field in find_images("values.yaml", CONTENT)
        if field.image
    ]
    assert len(edits) == 2
    assert set_images("values.yaml", CONTENT, edits) == CONTENT


def test_the_same_edit_twice_is_one() -> None:
    wanted = edit("0:/b/image", "example.com/b:2")
    assert set_images("values.yaml", CONTENT, [wanted, wanted]) == CONTENT.replace(b"b:1", b"b:2")


def test_two_images_for_one_field_are_refused() -> None:
    with pytest.raises(ManifestError, match="two different edits of 0:/b/image"):
        set_images("values.yaml", CONTENT, [edit("0:/b/image", "b:2"), edit("0:/b/image", "b:3")])


def test_edits_in_any_order() -> None:
    edits = [edit("0:/b/image", "b:2"), edit("0:/a", "example.com/longer/name:v2")]
    expected = b"a: {repository: example.com/longer/name, tag: v2}\nb: {image: b:2}\n"
    assert set_images("values.yaml", CONTENT, edits) == set_images("values.yaml", CONTENT, edits[::-1]) == expected


def test_a_registry_without_a_dot_is_part_of_the_name() -> None:
    content = b"a: {registry: mirror, repository: app, tag: v1}\n"
    wanted = ImageEdit(0, "/a", ImageParts("mirror", "app", "v2"))
    assert set_images("values.yaml", content, [wanted]) == content.replace(b"v1", b"v2")


def test_an_empty_registry_stays_where_the_image_names_none() -> None:
    content = b'a: {registry: "", repository: app, tag: v1}\n'
    assert set_images("values.yaml", content, [edit("0:/a", "web:v1")]) == content.replace(b"app", b"web")


def test_a_tag_that_was_empty_may_stay_empty() -> None:
    content = f'a: {{repository: app, tag: "", digest: "{OLD}"}}\n'.encode()
    assert set_images("values.yaml", content, [edit("0:/a", f"app@{NEW}")]) == content.replace(
        OLD.text.encode(), NEW.text.encode()
    )


def test_an_address_in_brackets_is_quoted() -> None:
    wanted = edit("0:/b/image", "[::1]:5000/b:2")
    assert set_images("values.yaml", CONTENT, [wanted]) == CONTENT.replace(b"example.com/b:1", b'"[::1]:5000/b:2"')
