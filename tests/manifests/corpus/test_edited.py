"""Every field of the corpus is edited, alone and with all others of its file, in every spelling of the file.

The quick run takes each file in one of its spellings, edits all its fields at once and one alone; the long run does
all of it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

import pytest

from bot.errors import ManifestError
from bot.manifests import ImageField, set_images
from tests.manifests.corpus.found import fields_of
from tests.manifests.corpus.index import ABSENT, Indexed, indexed, present
from tests.manifests.corpus.judge import Text, faults, leftovers, spell
from tests.manifests.corpus.reading import read
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

    def set(self, wishes: Iterable[Wish | None], *, and_back: bool = False) -> Iterator[str]:
        """Carry out wishes together; what is wrong with the result, and with the way back."""
        wanted = [wish for wish in wishes if wish]
        if not wanted:
            return
        self.edits += len(wanted)
        fields = [self.fields[wish.place] for wish in wanted]
        where = f"{self.file.path} ({self.variant.name}) {', '.join(field.pointer for field in fields)}"
        try:
            edited = set_images(self.file.path, self.text.content, [wish.edit for wish in wanted])
            restored = set_images(self.file.path, edited, [back(field) for field in fields]) if and_back else None
        except ManifestError as error:
            yield f"{where}: {error}"
            return
        wrong = list(faults(self.text, edited, {wish.place: wish.result for wish in wanted}, fields))
        if restored is not None:
            wrong += leftovers(self.text, read(edited), restored, self.text.rows(fields))
        yield from (f"{where}: {fault}" for fault in wrong)


def trial(file: Indexed, variant: Variant, fields: Sequence[ImageField]) -> Trial | None:
    text = spell(file, variant, fields_of(file))
    return Trial(file, variant, text, fields) if text else None


def everything(trial: Trial, *, and_back: bool = True) -> Iterator[str]:
    wishes = [trial.another(number, field) for number, field in enumerate(trial.fields.values())]
    yield from trial.set(wishes, and_back=and_back)


def together(trial: Trial) -> Iterator[str]:
    """All fields of the file at once: every part, and back; the tag alone; without digest."""
    fields = list(trial.fields.values())
    yield from everything(trial)
    yield from trial.set(tag_alone(field, number) for number, field in enumerate(fields))
    yield from trial.set(unpinned(field, number) for number, field in enumerate(fields))


def alone(trial: Trial, number: int, field: ImageField) -> Iterator[str]:
    """One field: every part; as the file is also back, the tag alone, and without digest."""
    as_is = trial.variant is AS_IS
    yield from trial.set([trial.another(number, field)], and_back=as_is)
    if as_is:
        yield from trial.set([tag_alone(field, number + 1)])
        yield from trial.set([unpinned(field, number + 2)])


def report(name: str, edits: int, wrong: list[str]) -> None:
    sys.stdout.write(f"{name}: {edits} edits, {len(wrong)} wrong\n")
    assert not wrong


@pytest.mark.parametrize("repository", REPOSITORIES)
def test_fields_of_real_files(repository: str) -> None:
    wrong: list[str] = []
    edits = 0
    for number, file, fields in edited_files(repository):
        attempt = trial(file, VARIANTS[number % len(VARIANTS)], fields) or trial(file, AS_IS, fields)
        assert attempt
        one = fields[number % len(fields)]
        wrong += everything(attempt, and_back=number % 2 == 0)
        wrong += attempt.set([(unpinned(one, number) if number % 3 else None) or tag_alone(one, number)])
        edits += attempt.edits
    report(repository, edits, wrong)


@pytest.mark.long
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
@pytest.mark.parametrize("repository", REPOSITORIES)
def test_every_field_in_every_spelling(repository: str, variant: Variant) -> None:
    wrong: list[str] = []
    edits = 0
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
