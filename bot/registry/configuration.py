"""What an image's configuration and annotations say, for people: nothing that is promoted depends on it. Pure.

Formats: https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md and …/annotations.md
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.registry.manifest import Manifest

IMAGE_CONFIGURATIONS = frozenset(
    {"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"}
)
# https://helm.sh/docs/topics/registries/#helm-chart-manifest: the chart's Chart.yaml, as JSON.
CHART_CONFIGURATION = "application/vnd.cncf.helm.config.v1+json"
_CREATED = "org.opencontainers.image.created"


@dataclass(frozen=True)
class Configuration:
    """What an image says of itself; `platform` is `os/architecture[/variant]`, empty where it doesn't say."""

    platform: str = ""
    created: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Annotations:
    """Those of a manifest, and of what it names by the text of the digest."""

    own: Mapping[str, str] = field(default_factory=dict)
    inner: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def created(self) -> datetime | None:
        """When the annotations say that it was made."""
        return read_time(self.own.get(_CREATED))


def read_configuration(body: bytes) -> Configuration:
    """Read an image's configuration. What isn't there or makes no sense is left empty."""
    said = _object(body)
    platform = "/".join(filter(None, (_text(said.get(part)) for part in ("os", "architecture", "variant"))))
    inner = said.get("config")
    labels = inner.get("Labels") if isinstance(inner, dict) else None
    return Configuration(platform, read_time(said.get("created")), _texts(labels))


def read_annotations(manifest: Manifest) -> Annotations:
    """Read a manifest's annotations. What makes no sense is left out."""
    content = _object(manifest.body)
    entries: list[object] = []
    for key in ("manifests", "layers"):
        found = content.get(key)
        entries += found if isinstance(found, list) else []
    inner = {
        _text(entry.get("digest")): _texts(entry.get("annotations")) for entry in entries if isinstance(entry, dict)
    }
    return Annotations(_texts(content.get("annotations")), inner)


def read_chart(body: bytes) -> Mapping[str, str]:
    """What a Helm chart says of itself in one word each: name, version, appVersion, description."""
    said = _object(body)
    return {key: _text(said[key]) for key in ("name", "version", "appVersion", "description") if _text(said.get(key))}


def read_time(text: object) -> datetime | None:
    """A time of RFC 3339, None where it is none or says that nobody knows."""
    try:
        time = datetime.fromisoformat(_text(text))
        time = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return time if time.year > 1 else None  # which is what Go's tools write for no time


def _object(body: bytes) -> dict[str, object]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _texts(said: object) -> dict[str, str]:
    return {key: value for key, value in said.items() if isinstance(value, str)} if isinstance(said, dict) else {}


def _text(said: object) -> str:
    return said if isinstance(said, str) else ""
