"""Files that travel with promobot: inside the wheel, or beside `bot/` in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent
_CHECKOUT = _PACKAGE.parent


def load_templates() -> dict[str, str]:
    """Every template by file name."""
    folder = _first(_PACKAGE / "templates", _CHECKOUT / "templates")
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.j2"))}


def demo_repositories() -> Path:
    """The folder that the demo's Git repositories are made from."""
    return _first(_PACKAGE / "demo" / "gitops-repo", _CHECKOUT / "fixtures" / "gitops-repo")


def _first(*folders: Path) -> Path:
    return next(folder for folder in folders if folder.is_dir())
