"""Image fields as people and programs read them, printed while they are found."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from rich.text import Text

from bot.cli.call import Call
from bot.cli.visible import inline
from bot.images import ImageParts
from bot.manifests import ImageField

if TYPE_CHECKING:
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
    return _GroupPrinter(terminal, whole=bool(call.args.verbose)) if terminal.interactive else _LinePrinter()


def place(image: ImageField) -> str:
    """`<document>:<pointer>`, as `promobot set-image` takes it."""
    return f"{image.document}:{image.pointer}"


def image_data(path: str, image: ImageField) -> dict[str, object]:
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


class _GroupPrinter:
    """A heading for each file; below it line, form, image and pointer, which is never broken, so it can be copied."""

    def __init__(self, terminal: Terminal, *, whole: bool) -> None:
        self._terminal, self._whole = terminal, whole

    def show(self, path: str, images: Sequence[ImageField]) -> None:
        self._terminal.title(inline(path))
        width = max(len(self._image(image)) for image in images)
        places = max(len(inline(place(image))) for image in images)
        wide = 18 + width + places <= self._terminal.console.width
        for image in images:
            self._show(image, width if wide else 0)

    def end(self) -> None:
        pass

    def _show(self, image: ImageField, width: int) -> None:
        line = Text(f"{image.line:>6}  ").append(f"{image.form.value:<6}  ", style="dim")
        line.append(f"{self._image(image):<{width}}", style="yellow" if image.refusal else "green")
        where = Text(inline(place(image)), style="dim")
        if width:
            self._print(line.append("  ").append_text(where))
        else:
            self._print(line)
            self._print(Text(" " * 16).append_text(where))
        if image.refusal:
            self._terminal.say(Text(f"✗ {inline(image.refusal)}", style="yellow"), indent=16)

    def _image(self, image: ImageField) -> str:
        return _said(image.parts, whole=self._whole)

    def _print(self, line: Text) -> None:
        line.rstrip()
        self._terminal.console.print(line, soft_wrap=True)


def _said(parts: ImageParts, *, whole: bool = True) -> str:
    """The parts; on a terminal with the digest's first digits, else images are wider than it."""
    text = str(parts)
    if parts.digest and not whole:
        text = text.replace(str(parts.digest), f"{parts.digest.short}…")
    return text or "–"
