"""Files that travel with promobot: inside the wheel, or beside `bot/` in a checkout."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from pathlib import Path

from bot.errors import ConfigError

_PACKAGE = Path(__file__).parent
_CHECKOUT = _PACKAGE.parent

_LARGEST_TEMPLATE = 100_000


def load_templates() -> dict[str, str]:
    """Every template by file name."""
    folder = _first(_PACKAGE / "templates", _CHECKOUT / "templates")
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.j2"))}


def load_replacements(folder: Path, known: Collection[str]) -> dict[str, str]:
    """What a user's folder has instead of our templates, by file name. Raises ConfigError, `file:line: what`."""
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        return {path.name: _replacement(path, known) for path in paths}
    except OSError as error:
        raise ConfigError(f"{error.filename or folder}: {error.strerror}", hint="correct `templates`") from None


def _replacement(path: Path, known: Collection[str]) -> str:
    if path.name not in known:
        near = difflib.get_close_matches(path.name, known, n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise ConfigError(f"{path}:1: replaces no template", hint=f"{meant}there are {', '.join(sorted(known))}")
    with path.open("rb") as file:
        content = file.read(_LARGEST_TEMPLATE + 1)
    if len(content) > _LARGEST_TEMPLATE:
        raise ConfigError(f"{path}:1: is larger than {_LARGEST_TEMPLATE:,} bytes", hint="see docs/templates.md")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: is not UTF-8", hint="save it as UTF-8") from None


def demo_repositories() -> Path:
    """The folder that the demo's Git repositories are made from."""
    return _first(_PACKAGE / "demo" / "gitops-repo", _CHECKOUT / "fixtures" / "gitops-repo")


def checkout() -> Path:
    """The folder that has all of promobot's repository where this is a checkout; any other has only what travels."""
    return _CHECKOUT


def _first(*folders: Path) -> Path:
    return next(folder for folder in folders if folder.is_dir())
