"""The script that a team writes before it looks for a tool: what is where, and is it in the registry?

    python -m bench.first_script FOLDER FIRST HOSTS URL...      HOSTS: in-manifests=to-connect-to,...

Clones each repository, loads each manifest with ruamel.yaml as its documentation shows, runs `skopeo inspect` for
each image that it has not seen yet; of FIRST services only, so that it can be measured. It decides nothing.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ruamel.yaml import YAML


def main(folder: str, first: str, hosts: str, *urls: str) -> int:
    """Prints the number of images. Raises CalledProcessError where one is missing."""
    reach = dict(pair.split("=") for pair in hosts.split(","))
    digests: dict[str, str] = {}
    for number, url in enumerate(urls):
        clone = Path(folder) / str(number)
        subprocess.run(["git", "clone", "--quiet", "--depth=1", url, str(clone)], check=True)  # noqa: S607
        for image in _images(clone, int(first)):
            if image not in digests:
                digests[image] = _digest(image, reach)
    print(len(digests))
    return 0


def _images(clone: Path, first: int) -> Iterator[str]:
    yaml = YAML()
    for path in sorted(clone.glob("apps/*/helmrelease.yaml"))[:first]:
        image = yaml.load(path)["spec"]["values"]["image"]
        yield f"{image['repository']}:{image['tag']}"


def _digest(image: str, reach: dict[str, str]) -> str:
    host, _, rest = image.partition("/")
    inspect = ["skopeo", "inspect", "--no-tags", "--tls-verify=false", "--format={{.Digest}}"]
    done = subprocess.run([*inspect, f"docker://{reach[host]}/{rest}"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
