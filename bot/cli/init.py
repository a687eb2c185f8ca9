"""`promobot init`: a configuration for repositories that promobot sees for the first time."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli.call import Call
from bot.cli.estate import Estate
from bot.cli.visible import inline
from bot.errors import ConflictError, ExitCode, UsageError
from bot.files import Replacement, create, open_original, replace_all
from bot.forges.local import copy_project, create_project, project_directory
from bot.git import Identity
from bot.git.names import branch_ref
from bot.git.working import committed
from bot.layout import NO_REGISTRY, Layout, recognise
from bot.layout.doubts import listed
from bot.layout.marking import mark
from bot.layout.missing import missing
from bot.layout.tree import LeftOut
from bot.layout.words import environments_of_repositories, name_of
from bot.layout.written import Home, write_config

if TYPE_CHECKING:
    from bot.cli import answers

# Beside the configuration; the first is what it says, so it is relative to it.
_TRIAL = ".promobot/git"
_AUTHOR = Identity("promobot", "promobot@localhost")


@dataclass(frozen=True)
class _Found:
    """What was recognised, and where it is written; `forge` is the local forge's folder as the file says it."""

    estates: tuple[Estate, ...]
    layout: Layout
    homes: tuple[Home, ...]
    forge: str
    config: Path

    @property
    def text(self) -> str:
        return write_config(self.layout, self.homes, self.forge)

    @property
    def used(self) -> list[int]:
        """The numbers of the repositories that have an environment."""
        return sorted({one.repository for one in self.layout.environments})

    def bare(self, number: int) -> Path:
        """The bare repository that the local forge needs for one of them."""
        return project_directory(self.config.absolute().parent / self.forge, self.homes[number].project)


def main(call: Call) -> ExitCode:
    """Look, write, and tell what was found, what is unsure and what is left to do."""
    found = _look(call)
    if call.args.stdout:
        if call.json:
            call.print_json(_data(found, written=False))
        else:
            sys.stdout.write(found.text)
            _show(call, found, written=False)
        return ExitCode.DONE
    # First what may fail for more reasons: a configuration without its copies would be in the way of trying again.
    if call.args.trial:
        _make_trial(found)
    _write(found.config, found.text.encode(), force=call.args.force)
    if call.json:
        call.print_json(_data(found, written=True))
    else:
        _show(call, found, written=True)
    return ExitCode.DONE


def _look(call: Call) -> _Found:
    config = call.written_path
    if not (call.args.stdout or call.args.force) and os.path.lexists(config):
        raise ConflictError(
            f"{config} exists already", hint="--stdout shows what would be written, --force replaces it"
        )
    # A branch's environment is the last part of its name.
    order = tuple(name_of(name.rpartition("/")[2]) for name in call.args.order)
    given = [Estate.at(path) for path in dict.fromkeys(call.args.paths)]
    estates = _named(tuple(each for estate in given for each in _environments(estate, order)), order)
    trees = [estate.tree for estate in estates]
    layout = recognise(trees, order)
    if not layout.environments:
        branches = [each.branch for estate in given for each in estate.by_branches()]
        why, hint = missing(trees, layout, branches)
        raise UsageError(f"{', '.join(str(estate.folder) for estate in given)}: {why}", hint=hint)
    _check_order(order, layout)
    forge, homes = _forge(estates)
    return _Found(estates, layout, homes, forge, config)


def _check_order(order: Sequence[str], layout: Layout) -> None:
    known = {one.name for one in layout.environments}
    if unknown := [name for name in order if name not in known]:
        raise UsageError(
            f"--order: no manifest that names an image is called after {', '.join(unknown)}",
            hint=f"these are environments: {', '.join(sorted(known))}",
        )


def _environments(estate: Estate, order: Sequence[str]) -> Sequence[Estate]:
    """The estate, or those of its branches where several are environments, and what is checked out has none."""
    branches = () if mark(estate.tree, order) else estate.by_branches(order)
    return branches if len({each.environment for each in branches}) > 1 else [estate]


def _named(estates: tuple[Estate, ...], order: Sequence[str]) -> tuple[Estate, ...]:
    """The estates, of which those that tell no environment by themselves may be called after one."""
    silent = [estate for estate in estates if not estate.environment and not mark(estate.tree, order)]
    names = dict(zip(silent, environments_of_repositories([estate.name for estate in silent], order), strict=True))
    return tuple(replace(estate, environment=name) if (name := names.get(estate)) else estate for estate in estates)


def _forge(estates: Sequence[Estate]) -> tuple[str, tuple[Home, ...]]:
    """The local forge's folder and projects: what they were cloned from, or else what `--try` makes."""
    cloned = [estate.local_project for estate in estates]
    folders = {place[0] for place in cloned if place}
    if len(folders) == 1 and all(cloned):
        homes = (Home(place[1], estate.home.branch) for place, estate in zip(cloned, estates, strict=True) if place)
        return str(folders.pop()), tuple(homes)
    return _TRIAL, tuple(estate.home for estate in estates)


def _write(path: Path, content: bytes, *, force: bool) -> None:
    if force and os.path.lexists(path):
        replace_all([Replacement(open_original(str(path)), content)])
    else:
        create(str(path), content)


def _make_trial(found: _Found) -> None:
    """Make the copies. Raises UsageError where they can't be written."""
    try:
        _make_copies(found)
    except OSError as error:
        raise UsageError(
            f"{error.filename or found.config} can't be written: {error.strerror or error}",
            hint="copies are made beside the configuration: name one by -c FILE in a folder that can be written",
        ) from None


def _make_copies(found: _Found) -> None:
    """Bare copies of what is committed, or of a plain folder's manifests; what is there already stays as it is."""
    root = found.config.absolute().parent / found.forge
    copies: dict[Path, list[Estate]] = {}
    for number in found.used:
        copies.setdefault(found.bare(number), []).append(found.estates[number])
    for bare, estates in copies.items():
        if not bare.exists():
            _copy(root, estates, found.homes[found.estates.index(estates[0])].project)
    if found.forge == _TRIAL:
        ignored = found.config.absolute().parent / ".promobot" / ".gitignore"
        # The folder may hold what somebody else committed: a link there must not lead us to another file.
        if not os.path.lexists(ignored):
            create(str(ignored), b"*\n")


def _copy(root: Path, estates: Sequence[Estate], project: str) -> None:
    """One repository, or the branches of it that are environments."""
    first = estates[0]
    if first.working and not first.working.empty:
        copy_project(root, project, first.root, {estate.home.branch: estate.ref for estate in estates})
    else:
        when = datetime.now(UTC)
        create_project(root, project, first.files, who=_AUTHOR, when=when, branch=first.home.branch)


def _unsure(layout: Layout) -> Iterator[tuple[str, str]]:
    """What is unsure, each with the environment that it is about."""
    for one in layout.environments:
        yield from ((one.name, doubt) for doubt in one.unsure)
    for name in layout.silent:
        yield name, "looks like an environment, but its manifests name no image: left out"


def _left(found: _Found) -> Iterator[str]:
    """What a person has to do before promobot can work."""
    missing = [number for number in found.used if not found.bare(number).exists()]
    for number in missing:
        shown, remote = _shown(found.bare(number)), found.estates[number].remote
        if found.homes[number].server:
            first, then = f"uncomment what {found.config} has for {remote}, or ", ""
        else:
            why = f"; for merge requests at {remote} itself, name its forge among `forges` instead" if remote else ""
            first, then = "", f", or correct `path` and `project`{why}"
        yield f"{shown} isn't there: {first}`promobot init --try --force` makes it, as a copy to try with{then}"
    for number in found.used:
        if number not in missing:
            yield from _differing(found, number)
    yield from _left_out(found)
    if NO_REGISTRY in found.layout.registries.values():
        yield f"write the registry's address instead of {NO_REGISTRY}"
    if not any(one.source for one in found.layout.environments):
        yield "no environment gets its images from another: add `from`, or name the repositories of the others too"


def _left_out(found: _Found) -> Iterator[str]:
    """Repositories with environments that others have more manifests of: a chain of their own, as a rule."""
    by_repository: dict[int, list[LeftOut]] = {}
    for one in found.layout.left_out:
        by_repository.setdefault(one.repository, []).append(one)
    homes = {one.name: one.repository for one in found.layout.environments}
    for number, ones in by_repository.items():
        estate = found.estates[number]
        names = ", ".join(one.environment for one in ones)
        others = listed(dict.fromkeys(str(_shown(found.estates[homes[one.environment]].root)) for one in ones))
        services = sorted({service for one in ones for service in one.services})
        yield (
            f"{_shown(estate.root)} is left out with its {names} ({listed(services)}), as an environment is in one "
            f"repository and {others} has them too: `promobot init {shlex.quote(str(_shown(estate.folder)))} -c "
            f"{estate.name}.yaml` writes a configuration of its own for it, or add its environments by other names"
        )


def _differing(found: _Found, number: int) -> Iterator[str]:
    """That the forge's repository has other manifests than were looked at: not committed, or it was copied before."""
    estate, home, bare = found.estates[number], found.homes[number], found.bare(number)
    files = {seen.path: estate.files[seen.path] for seen in estate.tree.seen if seen.tells}
    there = committed(bare, branch_ref(home.branch), files.__contains__)
    other = [path for path, content in files.items() if there.get(path) != content]
    if other:
        here = estate.root == Path.cwd()
        push = ["git", "push", _shown(bare)] if here else ["git", "-C", estate.root, "push", bare]
        how = f": commit, and `{shlex.join(map(str, [*push, f'HEAD:{home.branch}']))}`" if estate.working else ""
        yield f"{_shown(bare)} has {listed(other)} otherwise than {_shown(estate.root)}{how}"


def _shown(path: Path) -> Path:
    """As somebody would type it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _data(found: _Found, *, written: bool) -> answers.Initialised:
    return {
        "config": str(found.config),
        "written": written,
        "environments": [
            {
                "name": one.name,
                "from": one.source,
                "project": found.homes[one.repository].project,
                "branch": found.homes[one.repository].branch,
                "paths": list(one.paths),
                "exclude": list(one.exclude),
                "registry": one.registry,
                "services": list(one.services),
            }
            for one in found.layout.environments
        ],
        "registries": dict(found.layout.registries),
        "unsure": [{"environment": name, "reason": reason} for name, reason in _unsure(found.layout)],
        "left": list(_left(found)),
        "text": None if written else found.text,
    }


def _show(call: Call, found: _Found, *, written: bool) -> None:
    terminal = call.terminal(stderr=not written)
    if written:
        terminal.say(f"{found.config}: written")
    registries = found.layout.registries
    rows = [
        (one.name, one.source or "–", str(len(one.services)), registries[one.registry], "  ".join(one.paths))
        for one in found.layout.environments
    ]
    terminal.table(("ENVIRONMENT", "FROM", "SERVICES", "REGISTRY", "PATHS"), rows)
    about: dict[str, list[str]] = {}
    for name, doubt in _unsure(found.layout):
        about.setdefault(doubt, []).append(name)
    for doubt, names in about.items():
        terminal.say(f"? {', '.join(names)}: {inline(doubt)}")
    left = list(_left(found))
    for task in left:
        terminal.say(f"✗ left to do: {inline(task)}")
    if written and not left:
        terminal.say("next: promobot check, then promobot status")
