"""Where no environment is recognised: what there is instead, and what somebody who knows better can do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from bot.layout import words
from bot.layout.doubts import listed
from bot.layout.marking import aside, doubtful, mark
from bot.layout.tree import Layout, Seen, Tree

_TEMPLATE = re.compile(r"\.(?:gotmpl|tmpl|tpl|j2|jinja2?)$", re.IGNORECASE)
_KINDS = "folders or files called after environments, such as apps/NAME/prod/values.yaml or NAME/values-prod.yaml"
# With so many folders, those above them say it better.
_MANY = 5


def missing(trees: Sequence[Tree], layout: Layout, branches: Sequence[str] = ()) -> tuple[str, str]:
    """What was seen, and a hint; `branches` are those that are called like an environment."""
    clusters = [folder for tree in trees for folder in tree.clusters if not words.rank(_last(folder))]
    said = [
        _silent(trees, layout) if layout.silent else "no environments recognised",
        _where([seen for tree in trees for seen in tree.seen if seen.tells and aside(seen.path) is None]),
        *(part for tree in trees for part in (*_called(tree), *_several(tree), *_unreadable(tree))),
    ]
    if clusters:
        look = "looks like a cluster" if len(clusters) == 1 else "look like clusters"
        said.append(f"{listed(clusters)} {look}, and names don't tell of which environment")
    if len(branches) == 1:
        said.append(f"the branch {branches[0]} is called like an environment, and no other")
        return "; ".join(
            said
        ), f"if branches are environments, name them as images go through: --order {branches[0]},main"
    return "; ".join(said), _hint(layout, [words.name_of(_last(folder)) for folder in clusters])


def _hint(layout: Layout, clusters: Sequence[str]) -> str:
    if layout.silent:
        return "name the image in a manifest of each environment: a values file, or `images` of its kustomization"
    if len(clusters) > 1:
        return f"if images go from one to the next, say in which order: promobot init --order {','.join(clusters)}"
    return f"it looks for {_KINDS}; others are named in the order in which images go through them: --order NAME,NAME"


def _silent(trees: Sequence[Tree], layout: Layout) -> str:
    folders = sorted({one.place for tree in trees for one in mark(tree)})
    named = f"{', '.join(layout.silent)} look like environments, but none of their manifests names an image"
    return f"{named} by tag or digest ({listed(folders)})"


def _where(seen: Sequence[Seen]) -> str:
    """How many manifests name images, and in which folders."""
    if not seen:
        return "no manifest names an image"
    count = "one manifest names" if len(seen) == 1 else f"{len(seen)} manifests name"
    folders = Counter(_top(one.path, 2) for one in seen)
    if len(folders) >= _MANY:
        folders = Counter(_top(one.path, 1) for one in seen)
    shared = sum(any(map(words.is_shared, one.path.split("/"))) for one in seen)
    bases = f", {'one' if shared == 1 else shared} of them in a base, which environments share" if shared else ""
    return f"{count} images, in {listed(f'{folder} ({number})' for folder, number in folders.most_common())}{bases}"


def _top(path: str, depth: int) -> str:
    return "/".join(path.split("/")[:-1][:depth]) or "the top folder"


def _called(tree: Tree) -> Iterator[str]:
    """What is called like an environment, and taken for none."""
    for place, beside in sorted(doubtful(tree).items()):
        yield f"{place} is called like an environment, but {listed(sorted(beside - {_last(place)}))} beside it are not"
    if tree.names:
        yield (
            f"helmfile, Argo CD or a folder calls {listed(sorted(tree.names))} environments, "
            "but no manifest with images is called after them"
        )


def _several(tree: Tree) -> Iterator[str]:
    """Files with the images of all environments."""
    files = [seen for seen in tree.seen if seen.several]
    if files:
        environments = listed(sorted({name for seen in files for name in seen.several}))
        names = listed(seen.path for seen in files)
        yield f"{names} hold images of {environments} in one file each, and environments are told apart by files"


def _unreadable(tree: Tree) -> Iterator[str]:
    """Templates, whose values stand elsewhere."""
    templates = [seen.path for seen in tree.seen if not seen.tells and _TEMPLATE.search(seen.path)]
    if templates:
        count = "one template says" if len(templates) == 1 else f"{len(templates)} templates say"
        yield f"{count} nothing that can be read, such as {templates[0]}: what fills it in stands elsewhere"


def _last(folder: str) -> str:
    return folder.rpartition("/")[2]
