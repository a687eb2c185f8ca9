"""What skopeo's last words mean: it says everything with exit status 1, so the text decides."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

_FATAL = re.compile(r'level=fatal msg=(?:"((?:[^"\\]|\\.)*)"|(\S+))')
# Registries send readers of blobs to signed addresses, whose query is as good as a password.
_QUERY = re.compile(r"\?[^\s\"']+")
# A server's debugging output may repeat what it was sent, and the tokens that skopeo gets are not known to us.
_CREDENTIALS = re.compile(r"(?i)\b(bearer|basic)[ +][\w.~+/=-]+")
_QUOTED = 600

Side: TypeAlias = Literal["source", "destination"]
# What skopeo was about; a blob that cannot be read is told by the request that was to send it.
_AT_SOURCE = re.compile(
    r"initializing source|determining manifest|reading manifest|reading blob|fetching blob|happened during read"
)
_AT_DESTINATION = re.compile(r"writing |uploading |initiating |at destination|Manifest list must")


@dataclass(frozen=True)
class Diagnosis:
    """Why a copy failed: skopeo's reason, what to do, and whether trying again may help.

    `side` is the registry that it happened at, None where that is not known; `rate_limited`: it asked for patience.
    """

    reason: str
    hint: str
    may_pass: bool
    side: Side | None = None
    rate_limited: bool = False


@dataclass(frozen=True)
class _Row:
    pattern: str
    hint: str
    side: Side | None = None
    may_pass: bool = False
    rate_limited: bool = False


_LATER = "run again when {where} is well"
# Seen from skopeo 1.9.3 and 1.18; the first row that fits counts, so what is rare and exact comes first.
# `StatusCode: …` is what it says where a registry's answer has none of the specification's error codes.
_ROWS = (
    _Row(
        r"toomanyrequests|too many requests|StatusCode: 429|429 \(Too Many",
        "{where} limits the rate of requests: wait, then run again; if it happens often, lower its `concurrency`",
        may_pass=True,
        rate_limited=True,
    ),
    _Row(
        r"(?i:quota)|exceed the configured upper limit",
        "the project's quota at the destination is used up: delete there, or have it raised",
        side="destination",
    ),
    _Row(r"no space left on device|HTTP status: 507|507 \(", "the disk is full: there is no room left at {where}"),
    _Row(
        r"read.only mode|: unsupported|StatusCode: 405|405 \(",
        "the destination takes no uploads: is it read-only, or a cache of another registry?",
        side="destination",
    ),
    _Row(
        r"StatusCode: 413|413 \(",
        "something before the destination limits the size of uploads, such as client_max_body_size of nginx",
        side="destination",
    ),
    _Row(
        r"tag invalid:|immutable",
        "tags of this repository cannot be changed: release the image under a new version",
        side="destination",
    ),
    _Row(
        r"unauthorized|authentication required|invalid username/password|token has expired|StatusCode: 401|401 \(",
        "check the credentials of {where}: an expired token looks like this too",
    ),
    _Row(
        r"denied|StatusCode: 403|403 \(Forbidden\)",
        "the account of {where} may not read from the source or not write to the destination, or its token has expired",
    ),
    _Row(r"x509: certificate|x509: ", "set ca_file of {where} to its authority's certificate"),
    _Row(r"server gave HTTP response to HTTPS client", "set plain_http of {where} if that is meant"),
    _Row(r"no such host", "check the spelling of the address of {where}, and this machine's DNS"),
    _Row(r"invalid reference format|Invalid (?:source|destination) name", "check the image's name"),
    _Row(
        r"name unknown|not known to registry|StatusCode: 404|404 \(Not Found\)",
        "there is no such repository at the destination, and it makes none by itself: create it",
        side="destination",
    ),
    # Two copies of one image into one repository at the same time: each may take the other's blob for there too early.
    _Row(
        r"blob unknown|digest invalid|blob upload (?:unknown|invalid)|StatusCode: 416",
        "the destination lost track of an upload, or another copy of it was going on: run again",
        side="destination",
        may_pass=True,
    ),
    _Row(
        r"manifest unknown|blob unknown|name unknown|not known to registry|StatusCode: 404|404 \(Not Found\)",
        "the source registry no longer has this digest, or part of it: was it cleaned up?",
    ),
    # skopeo says this too, and nothing else, when the upload of an index was refused or cut.
    _Row(
        r"we cannot modify it",
        "the destination did not take the index: may the account write, is it well? Or this skopeo cannot copy such an"
        " index unchanged: a newer one can (1.18 is known to)",
        may_pass=True,
    ),
    _Row(
        r"[Dd]igest did not match|does not match provided manifest digest",
        "something between here and {where} changes content: do not trust it",
        may_pass=True,
    ),
    _Row(r"Unexpectedly received a manifest list", "an index of indexes cannot be copied: build a flat one"),
    _Row(r"manifest invalid", "the destination does not take manifests of this type", side="destination"),
    _Row(r"stopped after \d+ redirects", "check the address of {where}: it redirects in a circle"),
    _Row(
        r"(?:HTTP status: |status code from registry |status code: |StatusCode: )5\d\d"
        r"|5\d\d \((?:Internal Server Error|Bad Gateway|Service Unavailable|Gateway Timeout)\)",
        _LATER + ", and has room on its disk",
        may_pass=True,
    ),
    _Row(r"context deadline exceeded|i/o timeout|TLS handshake timeout", _LATER, may_pass=True),
    _Row(r"connection refused", "check the address of {where}, and that it runs", may_pass=True),
    _Row(r"no route to host|network is unreachable", "check this machine's network", may_pass=True),
    _Row(
        r"EOF|use of closed network connection|connection reset by peer|broken pipe|server closed idle connection",
        _LATER,
        may_pass=True,
    ),
)
_WHERE = {
    "source": "the source registry",
    "destination": "the destination registry",
    None: "the source or the destination registry",
}


def diagnose(stderr: str, returncode: int, redact: Callable[[str], str] = str, names: Iterable[str] = ()) -> Diagnosis:
    """Read the last fatal message of skopeo's standard error; `returncode` is negative if a signal ended it.

    `redact` takes secrets out of what is shown. They are there where it is judged: one may be a word like any other.
    Of `names`, which a repository called `quota` may have, nothing is judged.
    """
    reason = _reason(stderr) or _unsaid(stderr, returncode)
    judged = _without(reason, names)
    shown, side = _shown(redact(reason)), _side(judged)
    for row in _ROWS:
        if row.side in {None, side} and re.search(row.pattern, judged):
            return Diagnosis(shown, row.hint.format(where=_WHERE[side]), row.may_pass, side, row.rate_limited)
    return Diagnosis(shown, "run again with -v", may_pass=False, side=side)


def _without(reason: str, names: Iterable[str]) -> str:
    for name in sorted(names, key=len, reverse=True):
        reason = reason.replace(name, "…")
    return reason


def _side(reason: str) -> Side | None:
    if _AT_SOURCE.search(reason):
        return "source"
    return "destination" if _AT_DESTINATION.search(reason) else None


def _reason(stderr: str) -> str:
    found = list(_FATAL.finditer(stderr))
    if not found:
        return ""
    text = re.sub(r"\\(.)", lambda escaped: escaped[1].replace("n", " "), found[-1][1] or found[-1][2] or "")
    return text.strip()


def _unsaid(stderr: str, returncode: int) -> str:
    if returncode < 0:
        return f"skopeo was ended by signal {-returncode}"
    lines = stderr.strip().splitlines()
    return lines[-1] if lines else f"skopeo ended with status {returncode} and no word"


def _shown(text: str) -> str:
    return _CREDENTIALS.sub(r"\1 …", _QUERY.sub("?…", text))[:_QUOTED]
