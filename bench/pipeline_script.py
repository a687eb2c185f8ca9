"""The job that a team writes in its pipeline: change one service's tag, push a branch, open a merge request.

    python -m bench.pipeline_script KIND URL PROJECT SERVICE TAG REVIEWER FOLDER      the token is in TOKEN

As it is found in most pipelines: a shallow clone, a commit, a forced push, then the forge is asked for the reviewer
and for an open merge request, which is made or edited. It looks at no registry, proves no digest, sets no status.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen


def main(kind: str, url: str, project: str, *rest: str) -> int:
    """Raises CalledProcessError and HTTPError."""
    service, tag, reviewer, folder = rest
    branch, title = f"promote/{service}", f"{service} {tag} to staging"
    if _push(f"{url}/{project}.git", Path(folder), service, tag, branch):
        {"gitlab": _gitlab, "github": _github}[kind](url, project, branch, title, reviewer)
    return 0


def _push(url: str, folder: Path, service: str, tag: str, branch: str) -> bool:
    """Whether there was anything to change."""

    def git(*arguments: str) -> str:
        helper = "credential.helper=!f() { echo username=oauth2; echo password=$TOKEN; }; f"
        command = ["git", "-c", helper, "-c", "user.name=ci", "-c", "user.email=ci@example.com", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder).stdout

    git("clone", "--quiet", "--depth=1", url, ".")
    manifest = folder / "apps" / service / "staging" / "helmrelease.yaml"
    manifest.write_text(re.sub(r'tag: ".*"', f'tag: "{tag}"', manifest.read_text()))
    if not git("status", "--porcelain"):
        return False
    git("checkout", "--quiet", "-b", branch)
    git("commit", "--quiet", "--all", "--message", f"{service} {tag}")
    git("push", "--quiet", "--force", "origin", branch)
    return True


def _gitlab(url: str, project: str, branch: str, title: str, reviewer: str) -> None:
    api = f"{url}/api/v4"
    requests = f"{api}/projects/{quote(project, safe='')}/merge_requests"
    (user,) = _ask("GET", f"{api}/users?username={reviewer}")
    found = _ask("GET", f"{requests}?state=opened&source_branch={quote(branch, safe='')}")
    told = {"title": title, "labels": "promotion", "reviewer_ids": [user["id"]]}
    if found:
        _ask("PUT", f"{requests}/{found[0]['iid']}", told)
    else:
        _ask("POST", requests, {**told, "source_branch": branch, "target_branch": "main", "remove_source_branch": True})


def _github(url: str, project: str, branch: str, title: str, reviewer: str) -> None:
    api = f"{url}/api/v3/repos/{project}"
    found = _ask("GET", f"{api}/pulls?state=open&head={project.partition('/')[0]}:{quote(branch, safe='')}")
    if found:
        number = found[0]["number"]
        _ask("PATCH", f"{api}/pulls/{number}", {"title": title})
    else:
        number = _ask("POST", f"{api}/pulls", {"title": title, "head": branch, "base": "main"})["number"]
    _ask("POST", f"{api}/issues/{number}/labels", {"labels": ["promotion"]})
    _ask("POST", f"{api}/pulls/{number}/requested_reviewers", {"reviewers": [reviewer]})


def _ask(method: str, url: str, told: object = None) -> Any:  # noqa: ANN401 - JSON
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}", "Content-Type": "application/json"}
    body = json.dumps(told).encode() if told is not None else None
    with urlopen(Request(url, body, headers, method=method)) as answer:  # noqa: S310 - the bench's own double
        return json.load(answer)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
