"""`promobot images`: every image in some files and folders, and what can't be edited or read."""

from __future__ import annotations

import os
import stat
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import TYPE_CHECKING

from bot.cli.call import Call
from bot.cli.listing import Printer, printer_for
from bot.cli.scan import Read, Scan, Unread
from bot.cli.terminal import ProgressLine
from bot.cli.visible import inline
from bot.counting import counted
from bot.errors import ExitCode
from bot.files import Link, check_given
from bot.manifests import ImageField

if TYPE_CHECKING:
    from bot.cli.terminal import Terminal

# So many unreadable files are told one by one, so many folders of them if there are more.
_FEW_FILES = 5
_FEW_FOLDERS = 8
_TEMPLATE = "template"


def main(call: Call) -> ExitCode:
    """Read, print, and warn of what couldn't be read."""
    given = tuple(dict.fromkeys(call.args.paths))
    check_given(given)
    tally = _look(call, given)
    notes = call.terminal(stderr=True)
    if not call.args.verbose:
        _warn(notes, tally.unread)
    if not call.json:
        notes.say(tally.line(listed=call.args.verbose or len(tally.unread) <= _FEW_FILES))
    return ExitCode.MANIFEST if call.args.strict and tally.unread else ExitCode.DONE


@dataclass
class _Tally:
    """What was met so far."""

    files: int = 0
    files_with_images: int = 0
    images: int = 0
    shown: int = 0
    refused: int = 0
    links: int = 0
    unread: list[Unread] = field(default_factory=list)

    def read(self, found: Read, shown: Sequence[ImageField]) -> None:
        self.files += 1
        self.files_with_images += bool(found.images)
        self.images += len(found.images)
        self.shown += len(shown)
        self.refused += sum(bool(image.refusal) for image in found.images)

    def line(self, *, listed: bool = True) -> str:
        """One line about all of it."""
        if not (self.files or self.unread):
            return f"no YAML or JSON files there{self._links()}"
        of = f"{self.shown} of " if self.shown != self.images else ""
        files = f"{self.files_with_images} of {counted(self.files, 'file')}"
        parts = [f"{of}{counted(self.images, 'image')} in {files}"]
        if self.refused:
            parts.append(f"{self.refused} can't be edited")
        if self.unread:
            parts.append(f"{counted(len(self.unread), 'file')} can't be read{'' if listed else ' (-v lists them)'}")
        return ", ".join(parts) + self._links()

    def _links(self) -> str:
        return f", {counted(self.links, 'symbolic link')} not followed" if self.links else ""


def _look(call: Call, given: Sequence[str]) -> _Tally:
    tally, printer, notes = _Tally(), printer_for(call), call.terminal(stderr=True)
    with ProgressLine(notes, quiet=_piped()) as progress:
        for found in Scan(given):
            match found:
                case Read(path, images):
                    shown = [image for image in images if _wanted(call, image)]
                    tally.read(found, shown)
                    _print(printer, progress, path, shown)
                case Unread():
                    tally.unread.append(found)
                    if call.args.verbose:
                        progress.clear()
                        _warn_of(notes, found)
                case Link():
                    tally.links += 1
            progress.show(f"{counted(tally.files, 'file')}, {counted(tally.images, 'image')}: {inline(found.path)}")
    printer.end()
    return tally


def _piped() -> bool:
    """Whether another program reads, which may be a pager: on its screen a line of ours would be dirt."""
    try:
        return stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode)
    except OSError:
        return False


def _print(printer: Printer, progress: ProgressLine, path: str, images: Sequence[ImageField]) -> None:
    if images:
        progress.clear()
        printer.show(path, images)


def _wanted(call: Call, image: ImageField) -> bool:
    if call.args.editable is not None and call.args.editable is bool(image.refusal):
        return False
    if call.args.unpinned and not _lacks_digest(image):
        return False
    return not call.args.match or any(fnmatchcase(name, glob) for name in _names(image) for glob in call.args.match)


def _lacks_digest(image: ImageField) -> bool:
    """Whether a name or tag is said without its digest."""
    parts = image.parts
    return parts.digest is None and (parts.repository or parts.tag) is not None


def _names(image: ImageField) -> Iterator[str]:
    """By what a user may name an image: whole, without version, without registry, by the last word alone."""
    yield str(image.parts)
    if image.image:
        yield from (image.image.name, image.image.repository, image.image.repository.rpartition("/")[2])


def _warn(notes: Terminal, unread: Sequence[Unread]) -> None:
    """Of each file where they are few or were named by the user; else of the folders that they are in."""
    few = len(unread) <= _FEW_FILES
    for one in unread:
        if few or one.given:
            _warn_of(notes, one)
    rest = [one for one in unread if not (few or one.given)]
    if rest:
        notes.say(f"promobot: {counted(len(rest), 'file')} can't be read (-v tells where and why):")
        _warn_of_folders(notes, rest)


def _warn_of(notes: Terminal, one: Unread) -> None:
    notes.say(f"promobot: {inline(one.message)}")
    if one.hint:
        notes.say(f"→ {inline(one.hint)}", indent=2)


def _warn_of_folders(notes: Terminal, unread: Sequence[Unread]) -> None:
    kinds: dict[str, Counter[str]] = {}
    for one in unread:
        kinds.setdefault(_folder(one.path), Counter())[_kind(one)] += 1
    folders = sorted(kinds.items(), key=lambda item: -item[1].total())
    for folder, tally in folders[:_FEW_FOLDERS]:
        said = (counted(n, kind) if kind == _TEMPLATE else f"{n} {kind}" for kind, n in tally.most_common())
        notes.say(f"{inline(folder)}: {', '.join(said)}", indent=2)
    if len(folders) > _FEW_FOLDERS:
        notes.say(f"and in {counted(len(folders) - _FEW_FOLDERS, 'more folder')}", indent=2)


def _folder(path: str) -> str:
    """The folder of a file, for a chart's template the one of all its templates."""
    *folders, _ = PurePath(path).parts
    if "templates" in folders:
        folders = folders[: folders.index("templates") + 1]
    return str(PurePath(*folders))


def _kind(one: Unread) -> str:
    """In a word or two; the reason comes after `file:line: `, its details after another colon."""
    reason = one.message.removeprefix(f"{one.path}:").partition(": ")[2].partition(":")[0]
    return _TEMPLATE if one.template and reason == "not YAML" else reason
