"""The file as YAML: what can't be read, or could be misread, is told with its line and what to do."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import yaml

from bot.configfile.syntax import syntax_error
from bot.errors import ConfigError

Loc: TypeAlias = tuple[int | str, ...]
Data: TypeAlias = "dict[str, Data] | list[Data] | str | int | float | bool | None"

_MAX_BYTES = 1 << 20
# docs/configuration.md needs six levels; PyYAML's composer recurses, and some 10,000 end the process.
_MAX_DEPTH = 50
_STANDARD = "tag:yaml.org,2002:"
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NEW_HERE = "name the file with -c FILE or PROMOBOT_CONFIG; `promobot init` writes one, `promobot demo` shows it all"
_UNREADABLE = {
    errno.ENOENT: _NEW_HERE,
    errno.EISDIR: "name the file in it, such as promobot.yaml",
    errno.ENOTDIR: _NEW_HERE,
    errno.EACCES: "see who may read it",
    errno.ELOOP: "these links lead to each other: name the file itself",
}


def compose(path: Path) -> yaml.Node:
    """The document of a configuration file. Raises ConfigError."""
    content = _content(path)
    try:
        _refuse_riddles(content, path)
        document = yaml.compose(content, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        raise syntax_error(path, content, error) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}:1: not YAML: {' '.join(str(error).split())}") from None
    if document is None or document.tag == f"{_STANDARD}null":
        raise ConfigError(f"{path}:1: the file is empty", hint="`promobot init` writes one, README.md shows one")
    return document


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", hint=_UNREADABLE.get(error.errno or 0, "")) from None
    if len(content) > _MAX_BYTES:
        raise ConfigError(f"{path}: larger than {_MAX_BYTES} bytes", hint="this is not a promobot.yaml")
    if control := _CONTROL.search(content):
        line = content.count(b"\n", 0, control.start()) + 1
        raise ConfigError(f"{path}:{line}: not a text: it holds the byte {_bytes(control[0])}", hint="save it as UTF-8")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}:{line}: not UTF-8: it holds the byte {_bytes(content[error.start : error.start + 1])}",
            hint="save it as UTF-8",
        ) from None
    return content


def _bytes(content: bytes) -> str:
    return f"0x{content.hex()}"


def _refuse_riddles(content: bytes, path: Path) -> None:
    """Refuse what stands for more than any memory holds, and what isn't read as it looks."""
    _refuse_depth(content, path)
    events = list(yaml.parse(content, Loader=yaml.CSafeLoader))
    for document in [event for event in events if isinstance(event, yaml.DocumentStartEvent)][1:]:
        raise ConfigError(f"{path}:{_line(document)}: a second document begins here", hint="take the `---` out")
    anchored: dict[str | None, yaml.Event] = {}
    for event in events:
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            anchored[event.anchor] = event
        elif isinstance(event, yaml.AliasEvent):
            whole = anchored.get(event.anchor)
            if isinstance(whole, yaml.CollectionStartEvent):
                what = f"the alias *{event.anchor} stands for all that begins in line {_line(whole)}"
                raise ConfigError(f"{path}:{_line(event)}: {what}", hint="write it out: an alias is for one value")


def _refuse_depth(content: bytes, path: Path) -> None:
    depth = 0
    for event in yaml.parse(content, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise ConfigError(f"{path}:{_line(event)}: nested more than {_MAX_DEPTH} levels deep")


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def lines_of(node: yaml.Node, loc: Loc = ()) -> Iterator[tuple[Loc, int]]:
    """The line (from 1) at which each place of the document begins; a key's line for a mapping's value."""
    if not loc:
        yield loc, 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*loc, key.value), key.start_mark.line + 1
            yield from lines_of(value, (*loc, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield (*loc, index), item.start_mark.line + 1
            yield from lines_of(item, (*loc, index))


def plain(node: yaml.Node, path: Path) -> Data:
    """The document as plain data; refuses duplicate keys, which YAML readers silently drop, and tags of somebody's."""
    if not node.tag.startswith(_STANDARD):
        what = f"{path}:{node.start_mark.line + 1}: the tag {node.tag} means nothing here"
        raise ConfigError(what, hint="write the value itself; a password is named by password_env or password_file")
    if isinstance(node, yaml.MappingNode):
        data: dict[str, Data] = {}
        first: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            _refuse_odd_key(key, f"{path}:{line}")
            if key.value in data:
                what = f"{path}:{line}: {key.value} is given twice, first in line {first[key.value]}"
                raise ConfigError(what, hint="leave one of them out")
            data[key.value], first[key.value] = plain(value, path), line
        return data
    if isinstance(node, yaml.SequenceNode):
        return [plain(item, path) for item in node.value]
    return _scalar(node)


def _refuse_odd_key(key: yaml.Node, place: str) -> None:
    if not isinstance(key, yaml.ScalarNode):
        raise ConfigError(f"{place}: a key must be a word", hint="quote a text that holds { } [ ] or begins with ?")
    if key.tag == f"{_STANDARD}merge":
        raise ConfigError(f"{place}: << merges nothing here", hint="write the keys out")


def _scalar(node: yaml.Node) -> Data:
    loader = yaml.CSafeLoader("")
    try:
        value: Data = loader.construct_object(node)
    except (yaml.YAMLError, ValueError, LookupError, AttributeError):  # the last two for `!!bool x`, `!!timestamp x`
        return str(node.value)
    finally:
        loader.dispose()
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(node.value)
