"""What skopeo's last words mean: it says everything with exit status 1, so the text decides."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FATAL = re.compile(r'level=fatal msg=(?:"((?:[^"\\]|\\.)*)"|(\S+))')
# Registries send readers of blobs to signed addresses, whose query is as good as a password.
_QUERY = re.compile(r"\?[^\s\"']+")
_QUOTED = 600


@dataclass(frozen=True)
class Diagnosis:
    """Why a copy failed: skopeo's reason, what to do, and whether trying again may help."""

    reason: str
    hint: str
    may_pass: bool


@dataclass(frozen=True)
class _Row:
    words: tuple[str, ...]
    hint: str
    may_pass: bool = False


_LATER = "run again when the registry is well"
# Seen from skopeo 1.9.3; the first row that has one of its words in the reason. See docs/registries.md.
_ROWS = (
    _Row(
        ("manifest unknown", "repository name not known"),
        "the source registry no longer has this digest, or part of it: was it cleaned up?",
    ),
    _Row(
        ("unauthorized:", "authentication required", "invalid username/password"),
        "check the credentials of both registries: an expired token looks like this too",
    ),
    _Row(("denied:", "403 (Forbidden)"), "the account may not read from the source or not write to the destination"),
    _Row(("x509: certificate",), "set ca_file of that registry to its authority's certificate"),
    _Row(("server gave HTTP response to HTTPS client",), "set plain_http of that registry if that is meant"),
    _Row(("no such host",), "check the spelling of the registry's address, and this machine's DNS"),
    _Row(("invalid reference format", "Invalid source name", "Invalid destination name"), "check the image's name"),
    _Row(("toomanyrequests:",), "the registry limits the rate of requests: wait, then run again"),
    # skopeo says this too, and nothing else, when the upload of an index was refused or cut.
    _Row(
        ("we cannot modify it",),
        "the destination did not take the index: may the account write, is it well? Or this skopeo cannot copy such an"
        " index unchanged: a newer one can (1.18 is known to)",
        may_pass=True,
    ),
    # Two copies of one image into one repository at the same time: each may take the other's blob for there too early.
    _Row(("blob unknown", "digest invalid"), "another copy of it was going on: run again", may_pass=True),
    _Row(("Unexpectedly received a manifest list",), "an index of indexes cannot be copied: build a flat one"),
    _Row(
        (
            *("received unexpected HTTP status: 5", "invalid status code from registry 5", "status code: 5"),
            *("500 (Internal Server Error)", "502 (Bad Gateway)", "503 (Service Unavailable)", "504 (Gateway Timeout)"),
        ),
        _LATER,
        may_pass=True,
    ),
    _Row(("context deadline exceeded", "i/o timeout", "TLS handshake timeout"), _LATER, may_pass=True),
    _Row(("connection refused",), "check the registry's address, and that it runs", may_pass=True),
    _Row(("EOF", "use of closed network connection", "connection reset by peer", "broken pipe"), _LATER, may_pass=True),
)


def diagnose(stderr: str, returncode: int) -> Diagnosis:
    """Read the last fatal message of skopeo's standard error; `returncode` is negative if a signal ended it."""
    reason = _reason(stderr) or _unsaid(stderr, returncode)
    for row in _ROWS:
        if any(word in reason for word in row.words):
            return Diagnosis(reason, row.hint, row.may_pass)
    return Diagnosis(reason, "run again with -v", may_pass=False)


def _reason(stderr: str) -> str:
    found = list(_FATAL.finditer(stderr))
    if not found:
        return ""
    text = re.sub(r"\\(.)", lambda escaped: escaped[1].replace("n", " "), found[-1][1] or found[-1][2] or "")
    return _shown(text.strip())


def _unsaid(stderr: str, returncode: int) -> str:
    if returncode < 0:
        return f"skopeo was ended by signal {-returncode}"
    lines = stderr.strip().splitlines()
    return _shown(lines[-1]) if lines else f"skopeo ended with status {returncode} and no word"


def _shown(text: str) -> str:
    return _QUERY.sub("?…", text)[:_QUOTED]
