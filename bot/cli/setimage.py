"""`promobot set-image`: change what files name, in place; every file or none."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.text import Text

from bot.cli.call import Call
from bot.cli.listing import place
from bot.cli.visible import inline
from bot.errors import ExitCode, ManifestError, UsageError
from bot.files import Original, Replacement, open_original, replace_all
from bot.images import ImageParts
from bot.manifests import FieldRule, ImageEdit, Part, find_images, scalar_at, set_images

if TYPE_CHECKING:
    from bot.cli import answers

_POINTER = re.compile(r"(?:(?P<document>[0-9]{1,6}):)?(?P<pointer>(?:/(?:[^~]|~[01])*)?)", re.DOTALL)
# A tag without its colon, which is a valid repository too.
_LIKE_A_TAG = re.compile(r"v?[0-9][\w.+-]*|latest|stable|edge|nightly|main|master", re.IGNORECASE)
_IMAGE_HINT = "write [registry/repository][:tag][@digest], such as :1.4.2 or ghcr.io/org/app:1.4.2"
_SUGGESTIONS = 5


@dataclass(frozen=True)
class _Value:
    """What a field says, and where."""

    line: int
    text: str


@dataclass(frozen=True)
class _Change:
    """A field before and after."""

    path: str
    place: str
    before: _Value
    after: _Value

    @property
    def changed(self) -> bool:
        return self.before.text != self.after.text


@dataclass
class _Job:
    """What is wanted of one file."""

    original: Original
    edits: list[ImageEdit] = field(default_factory=list)


def main(call: Call) -> ExitCode:
    """Compute and prove every edit, then write; or show what would be written."""
    jobs = _jobs(call)
    done = [_edited(job) for job in jobs]
    changes = [change for _, found in done for change in found]
    replacements = [one for one, _ in done if one.content != one.original.content]
    if not call.args.check:
        replace_all(replacements)
    _show(call, changes, "".join(map(_diff, replacements)))
    return ExitCode.DUE if call.args.exit_code and replacements else ExitCode.DONE


# --- what is wanted -------------------------------------------------------------------------------------


def _jobs(call: Call) -> list[_Job]:
    words = call.args.edits
    if len(words) % 3:
        raise UsageError("each image takes three arguments: FILE POINTER IMAGE", hint="`promobot set-image --help`")
    jobs: dict[tuple[int, int], _Job] = {}
    for path, pointer, image in zip(words[::3], words[1::3], words[2::3], strict=True):
        edit = _edit(call, pointer, image)
        new = _Job(open_original(path))
        job = jobs.setdefault(new.original.identity, new)
        _refuse_hard_link(job.original.path, path)
        job.edits.append(edit)
    if call.args.add_digest and not any(edit.parts.digest for job in jobs.values() for edit in job.edits):
        raise UsageError("--add-digest says nothing where no IMAGE gives a digest", hint="write :1.4.2@sha256:...")
    return list(jobs.values())


def _refuse_hard_link(first: str, second: str) -> None:
    """A file is replaced under one name; what another hard link leads to would stay."""
    if os.path.realpath(first) != os.path.realpath(second):
        raise UsageError(f"{first} and {second} are hard links to one file", hint="make the second one a copy first")


def _edit(call: Call, pointer: str, image: str) -> ImageEdit:
    found = _POINTER.fullmatch(pointer)
    if not found:
        hint = "write /spec/values/image, or 1:/spec/values/image in the second document; `promobot images` shows them"
        raise UsageError(f"{pointer!r} is no pointer", hint=hint)
    try:
        parts = ImageParts.parse(image)
    except ValueError as error:
        raise UsageError(f"{image!r} is no image: {error}", hint=_IMAGE_HINT) from None
    if _LIKE_A_TAG.fullmatch(image):
        raise UsageError(f"{image!r} looks like a tag and would be the image's name", hint=f"write :{image}")
    if call.args.drop_digest and parts.digest:
        raise UsageError(f"{image!r} gives a digest, and --drop-digest takes it away", hint="leave one of them out")
    return ImageEdit(
        int(found["document"] or 0),
        found["pointer"],
        parts,
        drop_digest=call.args.drop_digest,
        add_digest=call.args.add_digest,
    )


# --- what becomes of it ---------------------------------------------------------------------------------


def _edited(job: _Job) -> tuple[Replacement, list[_Change]]:
    path, content = job.original.path, job.original.content
    before = _values(path, content, job.edits)
    wanted = dict.fromkeys(_place(edit) for edit in job.edits)
    for one in wanted:
        if one not in before:
            raise _unknown(path, one, before)
    edited = set_images(path, content, job.edits)
    after = _values(path, edited, job.edits)
    # What takes its text from an edited one by an alias changes as well.
    follows = [one for one in after if one not in wanted and one in before and before[one].text != after[one].text]
    changes = [_Change(path, one, before[one], after[one]) for one in (*wanted, *follows)]
    return Replacement(job.original, edited), changes


def _values(path: str, content: bytes, edits: Sequence[ImageEdit]) -> dict[str, _Value]:
    """By place: every image that is found, and each scalar that is named though it isn't found by itself."""
    found = {place(image): _Value(image.line, str(image.parts)) for image in find_images(path, content)}
    for edit in edits:
        scalar = scalar_at(path, content, edit.document, edit.pointer)
        if scalar and _place(edit) not in found:
            # As if a rule of the configuration named it: that tells its line.
            ruled = find_images(path, content, [FieldRule(edit.pointer, Part.IMAGE)])
            line = next((image.line for image in ruled if place(image) == _place(edit)), 1)
            found[_place(edit)] = _Value(line, scalar.text)
    return found


def _place(edit: ImageEdit) -> str:
    return f"{edit.document}:{edit.pointer}"


def _unknown(path: str, pointer: str, places: Iterable[str]) -> ManifestError:
    """Nothing is there: but perhaps right above or below, or under a name that is nearly the same."""
    there = list(places)
    related = [one for one in there if pointer.startswith(f"{one}/") or one.startswith(f"{pointer}/")]
    near = related or difflib.get_close_matches(pointer, there, _SUGGESTIONS, 0.8) or there
    said = inline(", ".join(near[:_SUGGESTIONS]))
    more = f" and {len(near) - _SUGGESTIONS} more" if len(near) > _SUGGESTIONS else ""
    verb = "images are at" if near is there else "did you mean"
    hint = f"{verb} {said}{more}" if there else "no image was found in this file"
    return ManifestError(f"{path}:1: no image at {pointer}", hint=hint)


def _diff(one: Replacement) -> str:
    """A unified diff that `patch -p1` takes, carriage returns and a missing last line feed included."""
    return "".join(_diff_lines(one))


def _diff_lines(one: Replacement) -> Iterator[str]:
    name = one.original.path.removeprefix("./").lstrip("/")
    old, new = (content.decode().split("\n") for content in (one.original.content, one.content))
    for lines in (old, new):
        lines[:] = [f"{line}\n" for line in lines[:-1]] + [lines[-1]] * bool(lines[-1])
    for line in difflib.unified_diff(old, new, f"a/{name}", f"b/{name}"):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


# --- what is said ---------------------------------------------------------------------------------------


def _show(call: Call, changes: Sequence[_Change], diff: str) -> None:
    if call.json:
        written = bool(diff) and not call.args.check
        answer: answers.Edited = {"changes": [_data(change) for change in changes], "diff": diff, "written": written}
        call.print_json(answer)
        return
    terminal = call.terminal()
    if call.args.check:
        terminal.diff(diff)
    for change in () if call.args.check else changes:
        terminal.say(_line(change))
    if not diff:
        call.terminal(stderr=True).say("nothing to change")


def _line(change: _Change) -> Text:
    where = f"{change.path}:{change.after.line} {change.place}  "
    if not change.changed:
        return Text.assemble(("= ", "green"), inline(f"{where}{change.after.text}"))
    return Text.assemble(("✓ ", "green"), inline(f"{where}{change.before.text} → {change.after.text}"))


def _data(change: _Change) -> answers.Change:
    return {
        "file": change.path,
        "pointer": change.place,
        "line": change.after.line,
        "before": change.before.text,
        "after": change.after.text,
        "changed": change.changed,
    }
