"""What of a configuration leads nowhere on this machine: `check` says it of the key, not of what failed after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from bot.config import Config, LocalForge
from bot.decide.coverage import Finding
from bot.errors import ExitCode, ForgeError, did_you_mean
from bot.forges.local import project_directory


def located(config: Config, findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings; those that a wrong folder or project of a local forge is behind say so."""
    missing = [name for name, forge in config.forges.items() if not forge.path.is_dir()]
    for name in missing:
        what = f"{config.forges[name].path} is no folder"
        advice = "write the folder that holds the bare repositories, or make them by `promobot init --try`"
        yield Finding(("forges", name, "path"), what, advice, ExitCode.FORGE)
    for finding in findings:
        match finding.loc:
            case ("environments", int(index), "repository", "project"):
                repository = config.environments[index].repository
                if repository.forge not in missing:
                    yield _of_project(config.forges[repository.forge], repository.project, finding)
            case _:
                yield finding


def _of_project(forge: LocalForge, project: str, finding: Finding) -> Finding:
    try:
        there = project_directory(forge.path, project).is_dir()
    except ForgeError:
        return finding
    if there:
        return finding
    known = [path.relative_to(forge.path).as_posix().removesuffix(".git") for path in _repositories(forge)]
    meant = did_you_mean(project, known)
    advice = f"there are {', '.join(known)}" if known else f"{forge.path} holds no bare repository, NAME.git"
    return replace(finding, what=f"{forge.path} has no repository {project}.git{meant}", advice=advice)


def _repositories(forge: LocalForge) -> Iterator[Path]:
    yield from sorted(forge.path.rglob("*.git"))
