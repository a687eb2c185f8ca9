"""Image fields as people and programs read them, printed while they are found."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Protocol

from rich.text import Text

from bot.cli.call import Call
from bot.cli.visible import inline
from bot.images import ImageParts
from bot.manifests import ImageField

if TYPE_CHECKING:
    from bot.cli import answers
    from bot.cli.terminal import Terminal


class Printer(Protocol):
    """Prints one file after the other."""

    def show(self, path: str, images: Sequence[ImageField]) -> None:
        """Print a file's images."""
        ...

    def end(self) -> None:
        """Print what comes after the last one."""
        ...


def printer_for(call: Call) -> Printer:
    """JSON; groups where somebody watches; else one line for each image, for `grep` and the like."""
    if call.json:
        return _JsonPrinter()
    terminal = call.terminal()
    return GroupPrinter(terminal, whole=bool(call.args.verbose)) if terminal.interactive else _LinePrinter()


def place(image: ImageField) -> str:
    """`<document>:<pointer>`, as `promobot set-image` takes it."""
    return f"{image.document}:{image.pointer}"


def image_data(path: str, image: ImageField) -> answers.Image:
    """A field as `images -o json` prints it."""
    parts = image.parts
    return {
        "file": path,
        "pointer": place(image),
        "line": image.line,
        "form": image.form.value,
        "image": str(image.image) if image.image else None,
        "registry": parts.registry,
        "repository": parts.repository,
        "tag": parts.tag,
        "digest": str(parts.digest) if parts.digest else None,
        "editable": not image.refusal,
        "reason": image.refusal or None,
    }


class _JsonPrinter:
    """A list with one image on each line, in ASCII."""

    def __init__(self) -> None:
        self._before = "["

    def show(self, path: str, images: Sequence[ImageField]) -> None:
        for image in images:
            sys.stdout.write(f"{self._before}\n  {json.dumps(image_data(path, image))}")
            self._before = ","

    def end(self) -> None:
        sys.stdout.write("[]\n" if self._before == "[" else "\n]\n")


class _LinePrinter:
    """`file:line: image  pointer`, and why it can't be edited."""

    def show(self, path: str, images: Sequence[ImageField]) -> None:
        for image in images:
            refusal = f"   can't be edited: {image.refusal}" if image.refusal else ""
            line = f"{path}:{image.line}: {_said(image.parts)}   {image.form.value}   {place(image)}{refusal}"
            sys.stdout.write(f"{inline(line)}\n")

    def end(self) -> None:
        pass


class GroupPrinter:
    """A heading for each file; below it line, image, form and pointer, none of them broken, so they can be copied."""

    def __init__(self, terminal: Terminal, *, whole: bool) -> None:
        self._terminal, self._whole = terminal, whole

    def show(self, path: str, images: Sequence[ImageField]) -> None:
        self._terminal.console.print(Text(inline(path), style="bold"), soft_wrap=True)
        rows = [self._row(image) for image in images]
        lines, widths, forms, places = (max(map(len, column)) for column in zip(*rows, strict=True))
        wide = 8 + lines + widths + forms + places <= self._terminal.console.width
        for refusal, group in groupby(zip(images, rows, strict=True), key=lambda pair: pair[0].refusal):
            run = [row for _, row in group]
            for line, said, form, where in run:
                shown = Text(f"  {line:>{lines}}  ").append(said, style="yellow" if refusal else "green")
                gap = " " * (widths - len(said) + 2) if wide else "\n" + " " * (lines + 4)
                shown.append(f"{gap}{form:<{forms}}  {where}", style="dim")
                self._terminal.console.print(shown, soft_wrap=True)
            if refusal:
                these = f"these {len(run)}: " if len(run) > 1 else ""
                self._terminal.say(Text(f"✗ {these}{inline(refusal)}", style="yellow"), indent=lines + 4)

    def end(self) -> None:
        pass

    def _row(self, image: ImageField) -> tuple[str, str, str, str]:
        return f"{image.line}", _said(image.parts, whole=self._whole), image.form.value, inline(place(image))


def _said(parts: ImageParts, *, whole: bool = True) -> str:
    """The parts; on a terminal with the digest's first digits, else images are wider than it."""
    text = str(parts)
    if parts.digest and not whole:
        text = text.replace(str(parts.digest), f"{parts.digest.short}…")
    return text or "–"
