"""What is installed from a wheel: the code, and the files that it reads at run time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

from bot import __version__

ROOT = Path(__file__).parents[1]


def test_the_wheel_holds_code_templates_and_the_demo_estate_byte_for_byte(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("promobot-*.whl")
    with ZipFile(wheel) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    assert {"bot/images.py", "bot/py.typed"} <= held.keys()
    for source, target in (("fixtures/gitops-repo", "bot/demo/gitops-repo"), ("templates", "bot/templates")):
        for path in (ROOT / source).rglob("*"):
            if path.is_file():
                assert held[f"{target}/{path.relative_to(ROOT / source)}"] == path.read_bytes()


def test_the_version_is_the_same_wherever_the_option_stands() -> None:
    for arguments in (["--version"], ["--version", "status"]):
        done = subprocess.run([sys.executable, "-m", "bot", *arguments], check=True, capture_output=True, text=True)
        assert done.stdout == f"promobot {__version__}\n"
