"""Every field of the corpus is edited, alone and with all others of its file, in every spelling of the file.

The quick run edits all fields of each file at once as it is and in one other spelling, and some alone; the long run
does all of it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import pytest

from bot.errors import ManifestError
from bot.manifests import ImageField, set_images
from tests.manifests.corpus.found import fields_of
from tests.manifests.corpus.index import ABSENT, Indexed, indexed, present
from tests.manifests.corpus.judge import Text, faults, spell
from tests.manifests.corpus.reading import needs_quotes, read
from tests.manifests.corpus.variants import AS_IS, VARIANTS, Variant
from tests.manifests.corpus.wishes import Wish, another, back, tag_alone, unpinned

pytestmark = pytest.mark.skipif(not present(), reason=ABSENT)

REPOSITORIES = sorted({file.repository for file in indexed()})


def edited_files(repository: str) -> Iterator[tuple[int, Indexed, list[ImageField]]]:
    for number, file in enumerate(indexed()):
        fields = [field for field in fields_of(file) if not field.refusal]
        if file.repository == repository and fields:
            yield number, file, fields


class Trial:
    """One file in one spelling, and what went wrong with edits of it."""

    def __init__(self, file: Indexed, variant: Variant, text: Text, fields: Sequence[ImageField]) -> None:
        self.file, self.variant, self.text = file, variant, text
        self.fields = {(field.document, field.pointer): field for field in fields}
        self.edits = 0

    def named_by_key(self, field: ImageField) -> bool:
        """A kustomization's entry without `newName`: its name says which image is meant."""
        return any(row.shape == "beside" and row.key == "name" for row in self.text.rows([field]))

    def another(self, number: int, field: ImageField) -> Wish:
        return another(field, number, named_by_key=self.named_by_key(field))

    def set(self, wishes: Iterable[Wish | None]) -> Iterator[str]:
        """Carry out wishes together; what is wrong with the result, and the way back."""
        wanted = [wish for wish in wishes if wish]
        if not wanted:
            return
        self.edits += len(wanted)
        fields = [self.fields[wish.place] for wish in wanted]
        where = f"{self.file.path} ({self.variant.name}) {', '.join(field.pointer for field in fields)}"
        try:
            edited = set_images(self.file.path, self.text.content, [wish.edit for wish in wanted])
            restored = set_images(self.file.path, edited, [back(field) for field in fields])
        except ManifestError as error:
            yield f"{where}: {error}"
            return
        wrong = list(faults(self.text, edited, {wish.place: wish.result for wish in wanted}, fields))
        if not any(wish.edit.drop_digest for wish in wanted):
            wrong += faults(self.text, restored, {(f.document, f.pointer): f.parts for f in fields}, fields)
            if edited == self.text.content or not self.restores(restored, fields):
                wrong.append("the way back does not restore the file")
        yield from (f"{where}: {fault}" for fault in wrong)

    def restores(self, restored: bytes, fields: Iterable[ImageField]) -> bool:
        """Whether the file is as it was, but for quotes around what had to be quoted."""
        after = read(restored)
        rows = self.text.rows(fields)
        quoted = [row for row in rows if (node := self.text.stream.at(row.place)) and not node.style]
        may_differ = {row.place for row in quoted if needs_quotes(row.value)}
        differing = {
            row.place
            for row in rows
            if (old := self.text.stream.at(row.place)) and (new := after.at(row.place)) and old.said != new.said
        }
        return restored == self.text.content if not differing else differing <= may_differ


def trial(file: Indexed, variant: Variant, fields: Sequence[ImageField]) -> Trial | None:
    text = spell(file, variant, fields_of(file))
    return Trial(file, variant, text, fields) if text else None


def together(trial: Trial) -> Iterator[str]:
    """All fields of the file at once: every part, the tag alone, without digest."""
    fields = list(trial.fields.values())
    yield from trial.set(trial.another(number, field) for number, field in enumerate(fields))
    yield from trial.set(tag_alone(field, number) for number, field in enumerate(fields))
    yield from trial.set(unpinned(field, number) for number, field in enumerate(fields))


def alone(trial: Trial, number: int, field: ImageField) -> Iterator[str]:
    yield from trial.set([trial.another(number, field)])
    yield from trial.set([tag_alone(field, number + 1)])
    yield from trial.set([unpinned(field, number + 2)])


def report(name: str, edits: int, wrong: list[str]) -> None:
    sys.stdout.write(f"{name}: {edits} edits, {len(wrong)} wrong\n")
    assert not wrong


@pytest.mark.parametrize("repository", REPOSITORIES)
def test_fields_of_real_files(repository: str) -> None:
    wrong, edits = [], 0
    for number, file, fields in edited_files(repository):
        one = number % len(fields)
        for variant in (AS_IS, VARIANTS[1 + number % (len(VARIANTS) - 1)]):
            if attempt := trial(file, variant, fields):
                single = alone(attempt, number, fields[one]) if variant is AS_IS else ()
                wrong += chain(together(attempt), single)
                edits += attempt.edits
    report(repository, edits, wrong)


@pytest.mark.long
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
@pytest.mark.parametrize("repository", REPOSITORIES)
def test_every_field_in_every_spelling(repository: str, variant: Variant) -> None:
    wrong, edits = [], 0
    for first, file, fields in edited_files(repository):
        if attempt := trial(file, variant, fields):
            wrong += together(attempt)
            for number, field in enumerate(fields, start=first):
                wrong += alone(attempt, number, field)
            edits += attempt.edits
    report(repository, edits, wrong)


def test_no_edits_change_nothing() -> None:
    for file in indexed():
        content = file.read()
        assert set_images(file.path, content, ()) == content
