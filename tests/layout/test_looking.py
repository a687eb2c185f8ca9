"""Which images variables are told to be the versions of, and where that can't be told."""

from __future__ import annotations

import pytest

from bot.layout import Tree, look

HEAD = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec:\n  path: ./apps\n  postBuild: "


def flux(substitute: str, *images: str, more: str = "") -> Tree:
    """A cluster that substitutes these variables into these images of `apps`, which a base below has too."""
    files = {
        "clusters/prod/apps.yaml": f"{HEAD}{{substitute: {substitute}{more}}}\n",
        "apps/kustomization.yaml": "resources: [../base]\n",
        "base/kustomization.yaml": "resources: [app.yaml]\n",
        "base/app.yaml": "".join(f"- {image}\n" for image in images),
    }
    return look({path: text.encode() for path, text in files.items()})


def told(tree: Tree, path: str = "clusters/prod/apps.yaml") -> list[tuple[str, str, str]]:
    (seen,) = (one for one in tree.seen if one.path == path)
    return [(one.pointer.rpartition("/")[2], one.holds, str(one.image)) for one in seen.told]


def gaps(tree: Tree) -> str:
    return " ".join(gap for one in tree.seen for gap in one.gaps)


@pytest.mark.parametrize(
    ("substitute", "image", "expected"),
    [
        ("{V: '1.2'}", "image: quay.io/a/b:${V}", [("V", "tag", "quay.io/a/b:1.2")]),
        ("{V: '1.2'}", "image: host:5000/a/b:${V:=0.9}", [("V", "tag", "host:5000/a/b:1.2")]),
        ("{V: '1.2', R: x.io}", "image: ${R}/a/b:${V}", [("V", "tag", "x.io/a/b:1.2")]),
        ("{V: '1.2'}", "image: ${R:=y.io:5000}/a/b:${V}", [("V", "tag", "y.io:5000/a/b:1.2")]),
        ("{I: 'x.io/a:2'}", "image: ${I}", [("I", "image", "x.io/a:2")]),
        ("{V: '1.2'}", "image: {repository: a/b, tag: '${V}'}", [("V", "tag", "a/b:1.2")]),
        ("{V: '1.2'}", "image: {registry: x.io, repository: a, tag: '${V}'}", [("V", "tag", "x.io/a:1.2")]),
        ("{I: 'x.io/a:2'}", "a: {repository: '${I}', tag: ''}", [("I", "image", "x.io/a:2")]),
        # Not a version, nothing that is set here, or found without a rule.
        ("{R: x.io}", "image: ${R}/a/b:1.2", []),
        ("{R: x.io}", "global: {imageRegistry: '${R}'}", []),
        ("{W: '1.2'}", "image: quay.io/a/b:${V}", []),
        ("{V: '1.2'}", "image: quay.io/a/b:$${V}", []),
        ("{a_image: 'x.io/a:2'}", "image: ${a_image}", []),
    ],
)
def test_what_a_variable_is_the_version_of(substitute: str, image: str, expected: list[tuple[str, str, str]]) -> None:
    tree = flux(substitute, image)
    assert (told(tree), gaps(tree)) == (expected, "")


@pytest.mark.parametrize(
    ("substitute", "images", "reason"),
    [
        ("{V: '1'}", ["image: a/b:${V}-alpine"], "V is a part of the tag in base/app.yaml:1, not all of it"),
        ("{V: '1'}", ["image: a/b:${V}@sha256:00"], "V is a part of the tag in base/app.yaml:1, not all of it"),
        ("{V: '1'}", ["image: ${R}/b:${V}"], "V says what runs in base/app.yaml:1, but nothing here sets R"),
        ("{V: '1'}", ["image: {tag: '${V}'}"], "but the name of the image isn't said there"),
        ("{V: 'a b'}", ["image: a/b:${V}"], "but 'a b' is no tag"),
        ("{I: a/b}", ["image: ${I}"], "but a/b has no tag"),
        ("{I: A B}", ["image: ${I}"], "but not a repository path"),
        ("{V: '1'}", ["image: a/b:${V}", "image: a/c:${V}"], "V is the version of a/b (base/app.yaml:1), a/c"),
    ],
)
def test_what_no_rule_can_say_is_said(substitute: str, images: list[str], reason: str) -> None:
    tree = flux(substitute, *images)
    assert told(tree) == []
    assert reason in gaps(tree)


def test_the_same_pointer_in_two_documents_is_two_images() -> None:
    """A rule for the file would be one for both."""
    one = f"{HEAD}{{substitute: {{V: '1'}}}}\n"
    files = {
        "prod.yaml": f"{one}---\n{one.replace('apps', 'more')}",
        "apps/a.yaml": "image: x/a:${V}",
        "more/a.yaml": "image: x/b:${V}",
    }
    tree = look({path: text.encode() for path, text in files.items()})
    assert told(tree, "prod.yaml") == []
    assert "V is the version of x/a (apps/a.yaml:1), x/b (more/a.yaml:1)" in gaps(tree)


def test_a_kustomizations_own_variable_wins_over_that_of_the_nearest_config_map() -> None:
    build = "{substitute: {V: '9'}, substituteFrom: [{kind: ConfigMap, name: settings}]}"
    config_map = "kind: ConfigMap\nmetadata: {name: settings}\ndata: {V: '7', W: '8'}\n"
    files = {
        "clusters/dev/settings.yaml": config_map.replace("7", "5").replace("8", "6"),
        "clusters/prod/settings.yaml": config_map,
        "clusters/prod/apps.yaml": f"{HEAD}{build}",
        "apps/a.yaml": "- image: x/v:${V}\n- image: x/w:${W}\n",
    }
    tree = look({path: text.encode() for path, text in files.items()})
    assert told(tree) == [("V", "tag", "x/v:9")]
    assert told(tree, "clusters/prod/settings.yaml") == [("W", "tag", "x/w:8")]
    assert told(tree, "clusters/dev/settings.yaml") == []


HELMFILE = """\
environments:
  default: {values: [values/default.yaml]}
  qa: {values: [values/all.yaml, "values/{{ .Environment.Name }}.yaml"]}
---
releases:
  - name: web
    values: [{image: {repository: x.io/web, tag: "{{ .Values.web.tag }}"}}]
  {{- if eq .Environment.Name "qa" }}
  - name: debug
  {{- end }}
"""


def test_the_last_file_that_helmfile_names_says_the_version() -> None:
    files = {
        "deploy/helmfile.yaml": HELMFILE,
        "deploy/values/all.yaml": "web: {tag: '1'}\njobs: {tag: '2'}\n",
        "deploy/values/qa.yaml": "web: {tag: '3'}\n",
        "deploy/values/default.yaml": "web: {tag: '4'}\n",
        "deploy/jobs.yaml.gotmpl": "image:\n  repository: x.io/jobs\n  tag: {{ .Values.jobs.tag | quote }}\n",
        "other/jobs.yaml.gotmpl": "image:\n  repository: x.io/other\n  tag: {{ .Values.jobs.tag | quote }}\n",
    }
    tree = look({path: text.encode() for path, text in files.items()})
    assert tree.names == {"qa"}
    assert told(tree, "deploy/values/qa.yaml") == [("tag", "tag", "x.io/web:3")]
    assert told(tree, "deploy/values/all.yaml") == [("tag", "tag", "x.io/jobs:2")]
    assert told(tree, "deploy/values/default.yaml") == []


@pytest.mark.parametrize(
    "content",
    [
        "environments: [a]",
        "environments: {a: {values: {b: c}}}",
        "a: [",
        "{{",
        "ENC[AES256_GCM,",
        "",
        "kind: ApplicationSet",
        "- 1",
    ],
)
def test_what_means_nothing_or_cant_be_read_does_no_harm(content: str) -> None:
    names = ("helmfile.yaml", "appset.yaml", "kustomization.yaml", "a.yaml.gotmpl")
    tree = look({name: f"{content}\n${{A}} ApplicationSet postBuild\n".encode() for name in names})
    assert [one.told for one in tree.seen] == [()] * 4
