"""What of a configuration leads nowhere on this machine: `check` says it of the key, not of what failed after it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from bot.config import Config, LocalForge
from bot.decide.coverage import Finding
from bot.errors import ExitCode, ForgeError, did_you_mean
from bot.forges.local import project_directory

# So many projects are told of what there is.
_FEW = 20


def located(config: Config, findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings; those that a wrong folder or project of a local forge is behind say so."""
    local = {name: forge for name, forge in config.forges.items() if isinstance(forge, LocalForge)}
    missing = [name for name, forge in local.items() if not forge.path.is_dir()]
    for name in missing:
        what = f"{local[name].path} is no folder"
        advice = "write the folder that holds the bare repositories, or make them by `promobot init --try`"
        yield Finding(("forges", name, "path"), what, advice, ExitCode.FORGE)
    for finding in findings:
        match finding.loc:
            case ("environments", int(index), "repository", "project"):
                repository = config.environments[index].repository
                if repository.forge not in local:
                    yield finding
                elif repository.forge not in missing:
                    yield _of_project(local[repository.forge], repository.project, finding)
            case _:
                yield finding


def _of_project(forge: LocalForge, project: str, finding: Finding) -> Finding:
    try:
        there = project_directory(forge.path, project).is_dir()
    except ForgeError:
        return finding
    if there:
        return finding
    known = list(_projects(forge.path))
    more = f" and {len(known) - _FEW} more" if len(known) > _FEW else ""
    meant = did_you_mean(project, known)
    advice = (
        f"there are {', '.join(known[:_FEW])}{more}" if known else f"no bare repository, NAME.git, is in {forge.path}"
    )
    return replace(finding, what=f"{forge.path} has no repository {project}.git{meant}", advice=advice)


def _projects(root: Path) -> Iterator[str]:
    """The projects of a local forge, by name; what is inside of a repository isn't looked at."""
    for folder, below, _ in os.walk(root):
        repositories = sorted(name for name in below if name.endswith(".git"))
        yield from ((Path(folder) / name).relative_to(root).as_posix().removesuffix(".git") for name in repositories)
        below[:] = sorted(set(below) - set(repositories))
