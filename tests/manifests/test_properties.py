"""For any manifest: an edit writes exactly the values, in their own quotes, and the opposite edit restores the file."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.images import ImageRef
from bot.manifests import find_images, set_images
from bot.manifests.scalars import stays_string
from tests.manifests.planting import Manifest, Place, images, manifests


def new_images(data: st.DataObject, manifest: Manifest) -> dict[Place, ImageRef]:
    """Other images for some of those that are planted, pinned as they are."""
    chosen = data.draw(st.lists(st.sampled_from(sorted(manifest.planted)), min_size=1, unique=True))
    return {place: data.draw(images(pinned=manifest.planted[place].image.digest is not None)) for place in chosen}


@settings(deadline=None, max_examples=60)
@given(manifests())
def test_find_names_every_image(manifest: Manifest) -> None:
    found = find_images(manifest.name, manifest.render())
    assert {(field.document, field.pointer): field.parts for field in found} == {
        place: planted.parts for place, planted in manifest.planted.items()
    }
    assert [field.line for field in found] == sorted(field.line for field in found)
    assert not [field.refusal for field in found if field.refusal]


@settings(deadline=None, max_examples=60)
@given(manifests(), st.data())
def test_set_writes_the_values_and_nothing_else(manifest: Manifest, data: st.DataObject) -> None:
    content, new = manifest.render(), new_images(data, manifest)
    edited = set_images(manifest.name, content, [manifest.edit(place, image) for place, image in new.items()])
    assert edited == manifest.render(new)
    found = {(field.document, field.pointer): field.parts for field in find_images(manifest.name, edited)}
    assert found == {
        place: planted.said_of(new.get(place, planted.image)) for place, planted in manifest.planted.items()
    }
    old = {place: manifest.planted[place].image for place in new}
    restored = set_images(manifest.name, edited, [manifest.edit(place, image) for place, image in old.items()])
    assert unquoted(restored) == unquoted(content)
    if all(map(stays_string, (*manifest.texts(new), *manifest.texts(old)))):
        assert restored == content


@settings(deadline=None, max_examples=20)
@given(manifests())
def test_no_edit_and_what_is_there_already_change_nothing(manifest: Manifest) -> None:
    content = manifest.render()
    same = [manifest.edit(place, planted.image) for place, planted in manifest.planted.items()]
    assert set_images(manifest.name, content, []) == content
    assert set_images(manifest.name, content, same) == content


def unquoted(content: bytes) -> bytes:
    """Without the quotes that an edit back leaves around what was plain."""
    return content.replace(b'"', b"").replace(b"'", b"")
