"""What tests of `tags` and `inspect` share: a company, and images with more to tell than the company's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.cli import main
from bot.demo.oci import PLATFORMS, Image, build_image, push
from bot.demo.registries import RunningRegistry
from bot.images import Digest
from tests.cli.conftest import Said
from tests.company import Company
from tests.oci import index_of, manifest_of

LABELS = {"org.opencontainers.image.revision": "deadbeef", "odd": "\x1b[31mred\n"}
PREDICATE = "https://slsa.dev/provenance/v0.2"


def built(seed: str, labels: Mapping[str, str] = LABELS) -> Image:
    """What BuildKit pushes for two platforms, with an attestation of each."""
    images = [build_image(f"{seed}/{platform}", platform=platform, labels=labels, layers=2) for platform in PLATFORMS]
    attestations = [
        manifest_of(
            ("application/vnd.oci.image.config.v1+json", b'{"os": "unknown", "architecture": "unknown"}'),
            [("application/vnd.in-toto+json", image.digest.text.encode())],
        )
        for image in images
    ]
    told = [_predicate(attestation) for attestation in attestations]
    return index_of(
        [
            *((image, {"platform": _platform(name)}) for image, name in zip(images, PLATFORMS, strict=True)),
            *(
                (
                    attestation,
                    {
                        "platform": _platform("unknown/unknown"),
                        "annotations": {
                            "vnd.docker.reference.type": "attestation-manifest",
                            "vnd.docker.reference.digest": image.digest.text,
                        },
                    },
                )
                for attestation, image in zip(told, images, strict=True)
            ),
        ],
        annotations={"org.opencontainers.image.title": seed},
    )


def _predicate(attestation: Image) -> Image:
    said = f'"annotations": {{"in-toto.io/predicate-type": "{PREDICATE}"}}, "digest"'.encode()
    head, layers, rest = attestation.manifest.partition(b'"layers"')
    return Image(attestation.media_type, head + layers + rest.replace(b'"digest"', said, 1), attestation.blobs)


def _platform(name: str) -> dict[str, str]:
    return dict(zip(("os", "architecture"), name.split("/"), strict=True))


class Shop:
    """A company, and commands run for it."""

    def __init__(self, company: Company, capsys: pytest.CaptureFixture[str]) -> None:
        self.company = company
        self._capsys = capsys
        self.environ = company.environ

    @property
    def path(self) -> str:
        """The repository of the service inventory."""
        return f"{self.company.team}/inventory"

    def push(self, registry: RunningRegistry, tag: str, image: Image) -> Digest:
        """Push an image of the service inventory."""
        return push(registry.access("test"), self.path, tag, image)

    def run(self, *argv: str) -> Said:
        """Run a command."""
        self._capsys.readouterr()
        code = main(argv, environ=self.environ)
        return Said(code, *self._capsys.readouterr())


def shown_in_docs(command: str) -> str:
    """What docs/registries.md shows of a command, its lines with the command itself first."""
    page = (Path(__file__).parents[2] / "docs/registries.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"```\n(\$ promobot {command} .*?)```", page, re.DOTALL)
    return str(block)


@pytest.fixture
def shop(
    tmp_path: Path, e2e_registry: RunningRegistry, prod_registry: RunningRegistry, capsys: pytest.CaptureFixture[str]
) -> Shop:
    """A company with one service, inventory."""
    return Shop(Company.found(tmp_path / "company", e2e_registry, prod_registry, ["inventory"]), capsys)
