"""An image as people and programs read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from bot.catalog import Found, Holder
from bot.cli.call import Call
from bot.cli.sizes import size
from bot.cli.visible import inline
from bot.counting import counted
from bot.images import Digest, ImageRef
from bot.registry import Attached, Inspection, Kind, Part

if TYPE_CHECKING:
    from bot.cli import answers
    from bot.cli.terminal import Terminal


@dataclass(frozen=True)
class Inspected:
    """An image, who holds it, what it is and where else it is.

    `tag_leads_to` is where its tag leads now, if the reference says a tag beside the digest.
    """

    image: ImageRef
    holder: Holder
    inspection: Inspection
    elsewhere: Sequence[Found]
    tag_leads_to: Digest | None

    @property
    def digest(self) -> Digest:
        """The image's."""
        return self.inspection.overview.digest


# --- JSON -----------------------------------------------------------------------------------------------


def inspected_data(inspected: Inspected) -> answers.Inspected:
    """An image as `inspect -o json` prints it."""
    found, overview = inspected.inspection, inspected.inspection.overview
    return {
        "image": str(inspected.image),
        "registry": inspected.holder.registry if inspected.holder.configured else None,
        "digest": str(overview.digest),
        "media_type": found.media_type,
        "kind": overview.kind.value,
        "artifact_type": found.artifact_type or None,
        "created": overview.created.isoformat() if overview.created else None,
        "size": found.size,
        "platforms": [_part_data(part) for part in found.parts],
        "labels": dict(found.labels),
        "annotations": dict(found.annotations),
        "chart": dict(found.chart) or None,
        "attached": [_attached_data(one) for one in found.attached],
        "also": [_found_data(one) for one in inspected.elsewhere],
    }


def _part_data(part: Part) -> answers.Platform:
    layers = part.image.layers if part.image else ()
    return {
        "platform": part.platform or None,
        "digest": str(part.descriptor.digest),
        "media_type": part.descriptor.media_type,
        "present": part.image is not None,
        "size": part.size if part.image else None,
        "layers": [{"digest": str(one.digest), "media_type": one.media_type, "size": one.size} for one in layers],
    }


def _attached_data(one: Attached) -> answers.Attached:
    return {
        "kind": one.kind,
        "type": one.type,
        "digest": str(one.digest),
        "where": one.where,
        "platform": one.platform or None,
    }


def _found_data(found: Found) -> answers.Elsewhere:
    return {
        "registry": found.holder.registry,
        "repository": found.holder.repository,
        "present": None if found.error else found.present,
        "tags": list(found.tags),
        "tags_asked": found.asked,
        "tags_known": found.known,
        "error": str(found.error) if found.error else "",
    }


# --- text -----------------------------------------------------------------------------------------------


def show_inspected(call: Call, inspected: Inspected) -> None:
    """The image's facts, one on each line, then its parts."""
    terminal = call.terminal()
    terminal.title(str(inspected.image))
    if not inspected.holder.configured:
        terminal.say(Text(f"asked {inspected.holder.registry} anonymously: it isn't in the configuration", style="dim"))
    for name, text in _facts(inspected):
        terminal.say(Text.assemble((f"{name:<8}", "dim"), text))  # a digest still fits 80 columns
    _show_parts(terminal, inspected.inspection)
    _show_texts(terminal, "labels", inspected.inspection.labels)
    _show_texts(terminal, "annotations", inspected.inspection.annotations)
    _show_attached(terminal, inspected.inspection)
    _show_elsewhere(terminal, inspected)


def _facts(inspected: Inspected) -> Iterator[tuple[str, Text | str]]:
    found, overview = inspected.inspection, inspected.inspection.overview
    yield "digest", overview.digest.text
    if inspected.image.digest and inspected.image.tag and inspected.tag_leads_to != inspected.digest:
        now = f"leads to {inspected.tag_leads_to}" if inspected.tag_leads_to else "is gone"
        yield "tag", Text(f"✗ {inspected.image.tag} {now}", style="red")
    yield "kind", _kind(inspected.inspection)
    yield "type", found.media_type
    if overview.platforms and len(found.parts) == 1 and overview.kind is not Kind.INDEX:
        yield "for", inline(", ".join(overview.platforms))
    if found.chart:
        yield "chart", inline(" ".join(filter(None, (found.chart.get("name"), found.chart.get("version")))))
    if overview.created:
        yield "created", f"{overview.created:%Y-%m-%d %H:%M:%S} UTC"
    count = len({blob.digest for blob in found.blobs})
    yield "size", f"{size(found.size)} in {counted(count, 'blob')}, each counted once"


def _kind(found: Inspection) -> str:
    kind = found.overview.kind.value
    if found.overview.kind is Kind.INDEX:
        kind = f"index of {counted(len(found.parts), 'image')}"
    return f"{kind} ({found.artifact_type})" if found.artifact_type else kind


def _show_parts(terminal: Terminal, found: Inspection) -> None:
    """An index's images, or an image's layers; digests are never broken, so that they can be copied."""
    if found.overview.kind is Kind.INDEX:
        terminal.title("images")
        rows = [_part_row(part) for part in found.parts]
    else:
        terminal.title("layers")
        layers = (layer for part in found.parts if part.image for layer in part.image.layers)
        rows = [(size(layer.size), layer.media_type, layer.digest.text) for layer in layers]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        *cells, digest = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        terminal.say(Text.assemble("   ".join(cells), "   ", (digest, "dim")), indent=2)
    if not rows:
        terminal.say("none", indent=2)


def _part_row(part: Part) -> tuple[str, ...]:
    if part.image is None:
        return part.platform or "–", "absent", "", part.descriptor.digest.text
    layers = counted(len(part.image.layers), "layer")
    return part.platform or "–", size(part.size), layers, part.descriptor.digest.text


def _show_texts(terminal: Terminal, title: str, texts: Mapping[str, str]) -> None:
    if texts:
        terminal.title(title)
        for key, value in sorted(texts.items()):
            terminal.say(f"{inline(key)}: {inline(value)}", indent=2)


def _show_attached(terminal: Terminal, found: Inspection) -> None:
    terminal.title("signatures and attestations")
    for one in found.attached:
        about = f" of {one.platform}" if one.platform else ""
        type_ = f" ({inline(one.type)})" if one.type else ""
        terminal.say(Text.assemble(f"{one.kind}{about}{type_}   ", (one.digest.text, "dim")), indent=2)
    if not found.attached:
        terminal.say("none found", indent=2)


def _show_elsewhere(terminal: Terminal, inspected: Inspected) -> None:
    if not inspected.elsewhere:
        return
    terminal.title("in the configured registries")
    for found in inspected.elsewhere:
        terminal.say(Text.assemble(f"{found.holder.registry}: {found.holder.repository}", _state(found)), indent=2)
        if found.error and found.error.hint:
            terminal.say(f"→ {found.error.hint}", indent=4)


def _state(found: Found) -> Text:
    if found.error:
        return Text(f" unknown: {found.error.message}", style="red")
    if not found.present:
        return Text(" hasn't this digest", style="dim")
    rest = "" if found.asked == found.known else f" (the newest {found.asked:,} of {found.known:,} tags were asked)"
    return Text(f":{', :'.join(found.tags)}{rest}" if found.tags else f" has it, under no tag{rest}")
