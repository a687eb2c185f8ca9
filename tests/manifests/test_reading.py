"""Which parser decides, what is followed how far, and that nothing takes time or memory without bounds."""

from __future__ import annotations

from collections import Counter

import pytest

from bot.errors import ManifestError
from bot.manifests import document, find_images, walk
from bot.manifests.document import Mapping
from bot.manifests.walk import entries

IMAGE = "image: quay.io/shop/app:1\n"


def found(text: str) -> list[str]:
    return [str(field.parts) for field in find_images("values.yaml", text.encode())]


def names(root: document.Node | None) -> list[str]:
    assert isinstance(root, Mapping)
    return list(entries(root))


@pytest.mark.parametrize(
    "text",
    [
        f"%FOO bar\n---\n{IMAGE}",
        f"{IMAGE}: an empty key\n",
        f"a: 1\n...\n{IMAGE}",
        f'{IMAGE}icon: "\\ud83d\\ude80"\n',
        f"x: {{/:}}\n{IMAGE}",
        f'legend: "{{{{pod}}}}"\nicon: "\\ud83d\\ude80"\n{IMAGE}',
    ],
)
def test_what_libyaml_refuses_may_still_be_yaml(text: str) -> None:
    with pytest.raises(ManifestError, match="not YAML"):
        list(document.fast_events("values.yaml", text))
    assert found(text) == ["quay.io/shop/app:1"]


def test_two_surrogates_are_one_character() -> None:
    (root,) = document.parse("values.yaml", '"\\ud83d\\ude80": 1')
    assert names(root) == ["🚀"]
    with pytest.raises(ManifestError, match=r"^values\.yaml:2: not YAML: found invalid Unicode"):
        find_images("values.yaml", b'a: 1\n"\\ud83d": {image: "a/b:1"}\n')


@pytest.mark.parametrize(
    "text",
    [
        f'{IMAGE}x: "\\UFFFFFFFF"\n',
        f'{IMAGE}x: "\\U00110000"\n',
        f'{IMAGE}x: "\\UFFFFFFFF" # \u2028\n',
        f"%YAML {'9' * 5000}.1\n---\n{IMAGE}",
    ],
)
def test_what_a_parser_fails_at_in_words_of_python_s_is_no_yaml(text: str) -> None:
    with pytest.raises(ManifestError, match="not YAML"):
        found(text)


@pytest.mark.parametrize(
    ("text", "fast", "exact"),
    [
        ("a:\x85b: 1\n", ["a", "b"], ["a"]),
        ("a:\u2028b: 1\n", ["a", "b"], ["a"]),
        ("a:\n\ufeffb: 1\n", ["a"], ["a", "\ufeffb"]),
        ("&a?b : 1\n", ["?b"], [""]),
    ],
)
def test_where_they_differ_the_exact_parser_decides(text: str, fast: list[str], exact: list[str]) -> None:
    assert names(document.read("f", document.fast_events("f", text))[0]) == fast
    assert names(document.parse("f", text)[0]) == exact


def test_a_long_text_is_left_to_the_fast_parser() -> None:
    text = f"{IMAGE}: an empty key\n{'#' * document.MAX_EXACT}\n"
    with pytest.raises(ManifestError, match=r"^values\.yaml:2: not YAML"):
        find_images("values.yaml", text.encode())


def test_json_may_be_indented_by_tabs() -> None:
    text = '{\n\t"image":\t"a/b:1"\n}\n'
    (root,) = document.read("f", document.exact_events("f", text))
    assert names(root) == ["image"]


def test_tabs_in_values_stay_unless_there_are_others() -> None:
    for text, value in (('a: "x\ty"\n', "x\ty"), ('a: "x\ty"\t# c\n', "x y")):
        (root,) = document.read("f", document.exact_events("f", text))
        assert isinstance(root, Mapping)
        assert entries(root)["a"].value[0] == value


def test_tabs_that_indent_are_refused_after_any_line_break() -> None:
    with pytest.raises(ManifestError, match="not YAML"):
        list(document.exact_events("f", "a:\r\tb: 1\r"))


def test_the_first_of_several_merged_mappings_wins() -> None:
    text = "a: &a {k: 1, x: 1}\nb: &b {<<: *a, k: 2, y: 2}\nc: {<<: [*b, *a], y: 3}\nd: {<<: *b, <<: {z: 4, y: 4}}\n"
    root = document.parse("f", text)[0]
    assert isinstance(root, Mapping)
    below = {name: entry.value for name, entry in entries(root).items()}
    merged = {name: entries(value) for name, value in below.items() if isinstance(value, Mapping)}
    texts = {name: {key: entry.value[0] for key, entry in found.items()} for name, found in merged.items()}
    assert texts["c"] == {"y": "3", "k": "2", "x": "1"}
    assert texts["d"] == {"k": "2", "y": "2", "x": "1", "z": "4"}
    assert {key for key, entry in merged["c"].items() if entry.problem} == {"k", "x"}
    assert {entry.problem.line for entry in merged["d"].values() if entry.problem} == {4}


CHAIN = "a0: &a0 {k: v}\n" + "".join(
    f"a{n}: &a{n} {{<<: *a{n - 1}, {', '.join(f'c{n}x{m}: v' for m in range(40))}}}\n" for n in range(1, 97)
)


def test_a_chain_of_merge_keys_is_followed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    (root,) = document.parse("f", CHAIN)
    assert isinstance(root, Mapping)
    last = entries(root)["a96"].value
    assert isinstance(last, Mapping)
    own, read = walk._own, Counter[int]()

    def counted(mapping: Mapping) -> tuple[dict[str, walk.Entry], list[tuple[int, document.Node]]]:
        read[id(mapping)] += 1
        return own(mapping)

    monkeypatch.setattr(walk, "_own", counted)
    assert len(entries(last)) == 96 * 40 + 1
    assert len(read) == read.total() == 97


LONG_KEY = f"? {'k' * 1_000_000}\n: [{', '.join(['{}'] * 200)}]\n"
LONG_KEYS = f"a: &a [{', '.join('x' * 200)}]\nb:\n" + "".join(f"  {number:0900}: *a\n" for number in range(900))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- a\n" * 600_000, "more than 500,000 values"),
        ("--- a\n" * 250_000, "more than 500,000 values"),
        (LONG_KEY, "keys too long"),
        (LONG_KEYS, "keys too long"),
    ],
    ids=["values", "documents", "key", "keys"],
)
def test_what_would_fill_the_memory_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ManifestError, match=reason):
        find_images("values.yaml", text.encode())


def test_bombs_in_many_documents_add_up() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 13)) + "---\n"
    assert found(bomb) == []
    with pytest.raises(ManifestError, match="more than 500,000 values"):
        find_images("values.yaml", (bomb * 100).encode())
