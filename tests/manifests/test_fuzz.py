"""Damaged manifests: nothing but ManifestError comes of them, and what can still be edited is edited exactly."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import ManifestError
from bot.images import ImageParts
from bot.manifests import ImageEdit, ImageField, document, find_images, set_images
from tests.manifests.corpus.index import ABSENT, CORPUS, present

CASES = Path(__file__).parent / "cases"
# What means something in YAML or in images, breaks lines, or only looks like nothing.
WORDS = r"""& * ! !! !!str | > |2 >- |+ ? : - , [ ] { } {} ' " # % @ ` \ ~ = << <<: && *a &a *a: --- ... image: tag:
    newTag: repository: {{ ${ $ @sha256: \x69 \u0069 \ud83d\ude00 \ud800 é 🚀"""
BLANKS = ("\x20\x20", "\t", "\n", "\r", "\r\n", "\n\n", "\x85", "\u2028", "\ufeff", "\xa0", "\0", "\x07")
LINES = ("%FOO bar\n---\n", "%YAML 1.1\n---\n", "\n---\n", "\n...\n", "\n? a\n: b\n", "- - - a\n", "\n\ttag: 1\n")
PIECES = (b"\xff", *(piece.encode() for piece in (*WORDS.split(), *BLANKS, *LINES)))
TAG_AND_COMMA = re.compile(r"!\S*[,\[\]{}]")
NAMES = ("values.yaml", "kustomization.yaml", "app.json")
NEW = ImageParts(tag="v9.9.9-fuzz")
# No example takes more than a second or two.
HANGS_AFTER = 60


@cache
def cases() -> Sequence[bytes]:
    """The project's own manifests."""
    return [path.read_bytes() for path in sorted(CASES.glob("*/original.*"))]


@cache
def corpus() -> Sequence[bytes]:
    """Real manifests, short ones."""
    return [path.read_bytes() for path in sorted(CORPUS.rglob("*.*ml")) if path.stat().st_size < 4_000]


@st.composite
def damaged(draw: st.DrawFn, manifests: Sequence[bytes]) -> bytes:
    """A manifest after some accidents."""
    content = draw(st.sampled_from(manifests))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        before, after = content[:at], content[at:]
        line, newline, rest = after.partition(b"\n")
        match draw(st.sampled_from(["insert", "insert", "insert", "flip", "cut", "remove", "double", "splice"])):
            case "insert":
                content = before + draw(st.sampled_from(PIECES)) + after
            case "flip":
                content = before + bytes(byte ^ 1 << draw(st.integers(0, 7)) for byte in after[:1]) + after[1:]
            case "cut":
                content = before + after[draw(st.integers(1, 30)) :]
            case "remove":
                content = before + rest
            case "double":
                content = before + line + newline + after
            case _:
                other = draw(st.sampled_from(manifests))
                content = before + other[draw(st.integers(0, len(other))) :]
    return content


@contextmanager
def no_hang() -> Iterator[None]:
    def give_up(_signal: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"it takes more than {HANGS_AFTER} s")

    previous = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(HANGS_AFTER)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def check(name: str, content: bytes) -> None:
    """Find all images, and set the tag of each that has one, by itself."""
    with no_hang():
        try:
            fields = find_images(name, content)
        except ManifestError:
            return
        str(fields).encode()  # can be printed
        for field in fields[:3]:
            if not field.refusal and field.parts.tag and not field.parts.digest:
                check_edit(name, content, field)


def check_edit(name: str, content: bytes, field: ImageField) -> None:
    edit = ImageEdit(field.document, field.pointer, NEW)
    try:
        edited = set_images(name, content, [edit])
    except ManifestError:
        return
    after = {(found.document, found.pointer): found for found in find_images(name, edited)}
    assert after[field.document, field.pointer].parts.tag == NEW.tag
    differing = [(old, new) for old, new in zip(events(content), events(edited), strict=True) if old != new]
    assert len(differing) == 1
    ((old, new),) = differing
    assert old[:-1] == new[:-1]
    assert NEW.tag in new[-1]
    # Outside the line of the value no byte has moved.
    before, now = content.splitlines(), edited.splitlines()
    assert len([line for line in zip(before, now, strict=True) if line[0] != line[1]]) == 1


def events(content: bytes) -> list[tuple[Any, ...]]:
    """What PyYAML sees, the values last."""
    names = ("anchor", "tag", "flow_style", "explicit", "value")
    stream = yaml.parse(content.decode(), Loader=yaml.CSafeLoader)
    return [(type(event).__name__, *(getattr(event, name, None) for name in names)) for event in stream]


@settings(deadline=None, max_examples=800, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(NAMES), damaged(cases()))
def test_damaged_cases(name: str, content: bytes) -> None:
    check(name, content)


@pytest.mark.long
@settings(deadline=None, max_examples=20_000, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(NAMES), st.data())
def test_damaged_cases_for_long(name: str, data: st.DataObject) -> None:
    check(name, data.draw(damaged(cases())))


@pytest.mark.long
@pytest.mark.skipif(not present(), reason=ABSENT)
@settings(deadline=None, max_examples=5_000, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(NAMES), st.data())
def test_damaged_corpus(name: str, data: st.DataObject) -> None:
    check(name, data.draw(damaged(corpus())))


@settings(deadline=None, max_examples=500, derandomize=True, suppress_health_check=list(HealthCheck))
@given(damaged(cases()))
def test_both_parsers_read_the_same(content: bytes) -> None:
    check_parsers(content)


@pytest.mark.long
@settings(deadline=None, max_examples=20_000, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_both_parsers_read_the_same_for_long(data: st.DataObject) -> None:
    check_parsers(data.draw(damaged(cases())))


def check_parsers(content: bytes) -> None:
    """Where both read a text, finding sees the tree of the parser that decides."""
    try:
        text = content.decode()
        fast, exact = document.parse("f", text), document.read("f", document.exact_events("f", text))
    except (UnicodeDecodeError, ManifestError):
        return
    # ruamel.yaml may get blanks for tabs, takes the next `---` for a part of an empty `--- |`, and the comma of `!x,`
    # for a part of the tag.
    apart = "\t" in text or TAG_AND_COMMA.search(text) or any(isinstance(root, document.Scalar) for root in exact)
    if not apart:
        assert [values(root) for root in fast] == [values(root) for root in exact]


def values(node: document.Node | None) -> Any:
    """A tree without places."""
    match node:
        case document.Scalar():
            # What isn't there is at the next token for one parser, behind the colon for the other.
            return node.text, node.style, node.tag, node.line if node.text or node.style else None
        case document.Alias():
            return "*", node.line, values(node.target)
        case document.Sequence():
            return [values(item) for item in node.items]
        case document.Mapping():
            return [(values(key), values(value)) for key, value in node.pairs]
        case None:
            return None
