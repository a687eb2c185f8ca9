"""What a double that stands by itself is of."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

# Whose the token is, and who are in every group; the first of them merges.
ROBOT, APPROVERS = "promobot-robot", ("approver", "colleague")


@dataclass(frozen=True)
class Estate:
    """The bare repositories below a folder, `<root>/<project>.git`; groups that approve; the token that opens it."""

    root: Path
    groups: tuple[str, ...]
    token: str = field(repr=False)

    @property
    def projects(self) -> list[str]:
        return sorted(str(path.relative_to(self.root)).removesuffix(".git") for path in self.root.rglob("*.git"))
