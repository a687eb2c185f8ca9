"""What two versions of a manifest say differently, apart from images."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ManifestError
from bot.manifests import Difference, find_differences
from bot.manifests.scalars import may_be_typed

RELEASE = b"""\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: api
spec:
  values:
    image:
      repository: registry.example.com/shop/api
      tag: 1.0.0
    replicas: 2
    logLevel: info # quiet
    env:
      - name: REGION
        value: eu
      - name: DB_PASSWORD
        value: hunter2
    args: [--fast, --port=80]
"""
LIST = b"kind: Service\napiVersion: v1\nmetadata: {name: a}\nspec: {port: 1}\n---\n" + RELEASE


def told(before: bytes, after: bytes, path: str = "release.yaml") -> list[str]:
    """Each difference as people would read it."""
    return [line(difference) for difference in find_differences(path, before, after)]


def line(difference: Difference) -> str:
    texts = f" {difference.before!r} {difference.after!r}" if difference.before or difference.after else ""
    return f"{difference.kind.value} {difference.name}{texts}"


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        pytest.param("replicas: 2", "replicas: 3", ["changed spec.values.replicas '2' '3'"], id="a scalar"),
        pytest.param("tag: 1.0.0", "tag: 2.0.0", [], id="an image"),
        pytest.param("tag: 1.0.0", f"tag: 2.0.0\n      digest: sha256:{'1' * 64}", [], id="an image gets a digest"),
        pytest.param("info # quiet", "'info'", [], id="quotes and comments"),
        pytest.param("replicas: 2", "replicas: '2'", ["changed spec.values.replicas"], id="a number becomes a string"),
        pytest.param(
            "      - name: REGION",
            "      - name: FEATURE_X\n        value: x\n      - name: REGION",
            ["added spec.values.env.FEATURE_X"],
            id="an inserted item of a list with names",
        ),
        pytest.param(
            "      - name: REGION\n        value: eu\n", "", ["removed spec.values.env.REGION"], id="a removed item"
        ),
        pytest.param(
            "value: eu", "value: us", ["changed spec.values.env.REGION.value 'eu' 'us'"], id="an item's value"
        ),
        pytest.param("hunter2", "hunter3", ["changed spec.values.env.DB_PASSWORD.value"], id="a secret by its name"),
        pytest.param(
            "--port=80",
            "--port=81",
            ["added spec.values.args.1 '' '--port=81'", "removed spec.values.args.1 '--port=80' ''"],
            id="a text of a list",
        ),
        pytest.param(
            "--port=80",
            "--token=81",
            ["added spec.values.args.1", "removed spec.values.args.1 '--port=80' ''"],
            id="a secret among the texts of a list",
        ),
        pytest.param(
            "[--fast, --port=80]", "[--port=80, --fast]", ["changed spec.values.args"], id="the order of a list"
        ),
        pytest.param("replicas: 2", "replicas: {min: 2}", ["changed spec.values.replicas"], id="a map for a scalar"),
        pytest.param("    replicas: 2\n", "", ["removed spec.values.replicas '2' ''"], id="a key goes"),
        pytest.param(
            "replicas: 2",
            "replicas: 2\n    probe: {path: /, port: 8080}",
            ["added spec.values.probe"],
            id="a map comes whole",
        ),
        pytest.param(
            "logLevel: info", "logLevel: |\n      a\n      b", ["changed spec.values.logLevel"], id="a long text"
        ),
        pytest.param("name: api", "name: web", ["changed metadata.name 'api' 'web'"], id="the object's own name"),
    ],
)
def test_differences(old: str, new: str, wanted: list[str]) -> None:
    assert RELEASE.count(old.encode()) == 1
    assert told(RELEASE, RELEASE.replace(old.encode(), new.encode())) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "postgres://app:pw@db/x",
        "AKIAABCDEFGHIJKLMNOP",
        "ghp_0123456789abcdefghij",
        "c2VjcmV0IHZhbHVlIDEyMzQ1Njc4OTA=",
        "-----BEGIN PRIVATE KEY-----",
        "--db-password hunter2",
    ],
)
def test_what_looks_secret_is_named_and_not_quoted(text: str) -> None:
    assert told(RELEASE, RELEASE.replace(b"info", f'"{text}"'.encode())) == ["changed spec.values.logLevel"]


@pytest.mark.parametrize("kind", ["Secret", "SealedSecret"])
def test_nothing_of_a_secret_is_quoted(kind: str) -> None:
    before = f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: x}}\ndata: {{host: a}}\n".encode()
    assert told(before, before.replace(b"host: a", b"host: b, port: c")) == ["changed data.host", "added data.port"]


@pytest.mark.parametrize(
    "manifest",
    [
        pytest.param("DB_PASS: {}", id="a name cut short"),
        pytest.param(
            "env: [{{name: A, value: a}}, {{name: PASSWORD, value: {}}}, {{value: b}}]", id="unnamed neighbours"
        ),
        pytest.param("env: [{{key: PASSWORD, value: {}}}]", id="key and value"),
        pytest.param("args: [--password, {}]", id="an option and its value"),
        pytest.param("items: [{{kind: Secret, stringData: {{a: {}}}}}]", id="a Secret in a List"),
    ],
)
def test_what_is_secret_by_its_surroundings_is_not_quoted(manifest: str) -> None:
    found = find_differences("x.yaml", manifest.format("hunter2").encode(), manifest.format("hunter3").encode())
    assert found
    assert [(one.before, one.after) for one in found] == [("", "")] * len(found)


def test_one_huge_text_takes_no_longer_than_its_size() -> None:
    # By the square of it, this would be days.
    (difference,) = find_differences("x.yaml", b"a: " + b"1." * 500_000, b"a: b")
    assert difference.before.endswith("…")


def test_long_texts_are_shortened() -> None:
    (difference,) = find_differences("x.yaml", b"a: " + b"word " * 30, b"a: b")
    assert len(difference.before) == 40
    assert difference.before.startswith("word word")
    assert difference.before.endswith("…")


def test_documents_are_found_by_what_they_are() -> None:
    first, _, second = LIST.partition(b"---\n")
    assert told(LIST, second + b"---\n" + first) == []
    assert told(LIST, second.replace(b"replicas: 2", b"replicas: 3")) == [
        "changed HelmRelease/api.spec.values.replicas '2' '3'",
        "removed Service/a",
    ]


def test_documents_of_no_kind_are_found_by_their_number() -> None:
    assert told(b"a: 1\n---\nb: 1\n", b"a: 1\n---\nb: 2\n") == ["changed document 1.b '1' '2'"]


def test_the_pointer_is_that_of_the_version_that_has_it() -> None:
    added = RELEASE.replace(b"      - name: REGION", b"      - name: NEW\n      - name: REGION")
    (added_one,) = find_differences("release.yaml", RELEASE, added)
    (changed,) = find_differences("release.yaml", RELEASE, added.replace(b"value: eu", b"value: us"))[1:]
    (removed,) = find_differences("release.yaml", RELEASE, RELEASE.replace(b"    replicas: 2\n", b""))
    assert (added_one.document, added_one.pointer) == (0, "/spec/values/env/0")
    assert changed.pointer == "/spec/values/env/1/value"
    assert removed.pointer == "/spec/values/replicas"


def test_aliases_and_merge_keys_count_by_what_they_bring() -> None:
    before = b"x: &x {a: 1}\ny: {<<: *x, b: 2}\nz: *x\n"
    assert told(before, b"x: {a: 1}\ny: {a: 1, b: 2}\nz: {a: 1}\n") == []
    assert told(before, before.replace(b"a: 1", b"a: 3")) == [f"changed {at}.a '1' '3'" for at in "xyz"]


def test_what_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ManifestError):
        find_differences("x.yaml", b"a: 1\n", b"a: [\n")


# --- for any manifest -----------------------------------------------------------------------------------


def is_surely_text(text: str) -> bool:
    """Not what PyYAML writes bare and other readers take for a number, such as 08."""
    return not may_be_typed(text) or yaml.safe_dump(text)[0] in "'\""


words = st.text(st.characters(codec="latin-1", categories=["L", "N", "P", "Z"]), max_size=8).filter(is_surely_text)
scalars = words | st.integers(-9, 999) | st.booleans() | st.none()
names = st.sampled_from("abcdefg")
trees = st.dictionaries(
    names,
    st.recursive(
        scalars,
        lambda inner: (
            st.dictionaries(names, inner, max_size=4)
            | st.lists(inner, max_size=3)
            | st.dictionaries(
                names, st.dictionaries(st.sampled_from("hijk"), inner, max_size=3), min_size=1, max_size=4
            ).map(lambda items: [{"name": name, **item} for name, item in items.items()])
        ),
        max_leaves=12,
    ),
    min_size=1,
    max_size=5,
)

PLANTED = "a planted word"


def is_named(value: object) -> bool:
    """Whether this is a list as in `env`, made by `trees`."""
    items = value if isinstance(value, list) else []
    found = [item.get("name") if isinstance(item, dict) else None for item in items]
    return bool(found) and None not in found and len(set(map(str, found))) == len(found)


def keyed(value: Any) -> dict[str, Any] | None:
    """A mapping's or named list's children."""
    if isinstance(value, dict):
        return dict(value)
    if is_named(value) and all(isinstance(item["name"], str) for item in value):
        return {item["name"]: item for item in value}
    return None


@st.composite
def planted(draw: st.DrawFn, value: Any, at: tuple[str, ...] = ()) -> tuple[Any, set[str]]:
    """The value with changes planted in it, and what must be told of them."""
    children = keyed(value)
    if children is None:
        return value, set()
    wanted: set[str] = set()
    for key in list(children):
        here = ".".join((*at, key))
        if isinstance(value, dict) and key == "name":
            continue
        match draw(st.sampled_from(["stay", "stay", "go", "change", "come"])):
            case "stay":
                children[key], below = draw(planted(children[key], (*at, key)))
                wanted |= below
            case "go":
                del children[key]
                wanted.add(f"removed {here}")
            case "change" if isinstance(value, dict):
                children[key] = PLANTED
                wanted.add(f"changed {here}")
            case _:
                children[f"new {key}"] = PLANTED if isinstance(value, dict) else {"name": f"new {key}"}
                wanted.add(f"added {'.'.join((*at, f'new {key}'))}")
    return (children if isinstance(value, dict) else list(children.values())), wanted


@given(trees)
def test_a_manifest_does_not_differ_from_itself_however_it_is_written(tree: dict[str, Any]) -> None:
    flow = json.dumps(tree).encode()
    block = yaml.safe_dump(tree, allow_unicode=True).encode()
    assert told(block, block) == []
    assert told(flow, block) == []
    assert told(block, flow) == []


@given(trees.flatmap(lambda tree: st.tuples(st.just(tree), planted(tree))))
def test_every_planted_change_is_told_and_nothing_else(case: tuple[dict[str, Any], tuple[Any, set[str]]]) -> None:
    tree, (changed, wanted) = case
    found = find_differences("x.yaml", yaml.safe_dump(tree).encode(), yaml.safe_dump(changed).encode())
    assert sorted(f"{d.kind.value} {d.name}" for d in found) == sorted(wanted)
