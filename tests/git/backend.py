"""git http-backend, the program that Git's own documentation serves repositories over HTTP by (CGI, RFC 3875)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.git.origin import GIT


def http_backend(
    root: Path, method: str, target: str, headers: Mapping[str, str], body: bytes, *, user: str
) -> tuple[int, dict[str, str], bytes]:
    """What it answers to a request for one of the bare repositories below `root`: status, headers and body.

    `target` is the request's path and query. `user` is whom the server let in, who may push.
    """
    path, _, query = target.partition("?")
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_PROTOCOL": headers.get("Git-Protocol", ""),
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": headers.get("Content-Type", ""),
        "HTTP_CONTENT_ENCODING": headers.get("Content-Encoding", ""),
        "REMOTE_USER": user,
        "REMOTE_ADDR": "127.0.0.1",
    }
    done = subprocess.run([GIT, "http-backend"], env=environment, input=body, check=True, capture_output=True)
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    answer = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    return int(answer.pop("Status", "200").split()[0]), answer, content
