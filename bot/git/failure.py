"""What git's last words mean, and what to do about it."""

from __future__ import annotations

import re

_LAST = 4

# Lines that say no more than that it failed.
_EMPTY = re.compile(r"^error: failed to push some refs|^fatal: Could not read from remote repository|^remote: *$")

_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")

# Patterns over git's untranslated messages (LC_ALL=C) and those of servers; the first that fits gives the hint.
_HINTS = (
    (
        re.compile(r"dubious ownership"),
        "the repository belongs to another user: run promobot as its owner, or change the owner",
    ),
    (
        re.compile(
            r"Read-only file system|insufficient permission for adding"
            r"|(?:unable to|cannot|could not|failed to) .*: Permission denied$",
            re.IGNORECASE | re.MULTILINE,
        ),
        "let promobot's user write there, or name a folder for clones that can be written (PROMOBOT_CACHE)",
    ),
    (
        re.compile(
            r"Authentication failed|could not read (Username|Password)|Permission denied|access denied"
            r"|returned error: 40[13]|Host key verification failed",
            re.IGNORECASE,
        ),
        "check {credential}: whether it has expired, and its rights on this repository",
    ),
    (
        re.compile(
            r"does not appear to be a git repository|repository .*not found|project you were looking for"
            r"|returned error: 404|no such file or directory",
            re.IGNORECASE,
        ),
        "check `project` in the configuration{or_no_access}",
    ),
    (
        re.compile(
            r"Could not resolve host|Connection (refused|timed out|reset)|Couldn't connect|Failed to connect"
            r"|unable to access|unable to connect|hung up|early EOF|returned error: 5\d\d|Network is unreachable",
            re.IGNORECASE,
        ),
        "check the network and the server, then run again",
    ),
    (
        re.compile(r"unadvertised object|not our ref"),
        "the commit is no longer on the server: run again to see the present one",
    ),
    (
        re.compile(r"No space left|disk quota", re.IGNORECASE),
        "free disk space: where clones are kept (PROMOBOT_CACHE), or on the server",
    ),
    (
        re.compile(
            r"is corrupt|is empty|is too small|bad object|inflate: data|bad signature|index-pack failed"
            r"|invalid index-pack"
        ),
        "if this happens again, remove {clone}: promobot makes it anew",
    ),
    (
        re.compile(r"hook declined|protected branch|not allowed to|GH006|remote rejected", re.IGNORECASE),
        "the server refuses this push: check its rules for this branch, and the rights of the credential",
    ),
)


# Connections that were cut, or nothing came by, and servers that can't just now. Not: no such host, nobody listens.
_PASSING = re.compile(
    r"returned error: (429|5\d\d)|RPC failed|Connection (timed out|reset|closed)|Empty reply|hung up|early EOF"
    r"|unexpected disconnect|transfer closed|Operation too slow|Recv failure|Send failure|SSL_ERROR_SYSCALL"
    r"|HTTP/2 stream|GnuTLS recv error|kex_exchange_identification",
    re.IGNORECASE,
)
_REFUSED = re.compile(r"returned error: 4(?!29)\d\d|not our ref|unadvertised object|remote rejected")


def may_pass(said: str) -> bool:
    """Whether git failed at what may be over a little later."""
    return _PASSING.search(said) is not None and _REFUSED.search(said) is None


def explain(stderr: str, clone: object = "the clone", credential: str = "") -> tuple[str, str]:
    """Git's last words, on one line and without credentials, and a hint (empty if there is none).

    `credential` is what the one is called that a server was shown; empty where there is no server.
    """
    lines = [line.strip() for line in redact(stderr).splitlines() if line.strip()]
    telling = [
        line for line in lines if line.startswith(("fatal:", "error:", "remote:", "!")) and not _EMPTY.search(line)
    ]
    words = "; ".join((telling or lines or ["it said nothing"])[-_LAST:])
    hint = next((hint for pattern, hint in _HINTS if pattern.search(stderr)), "")
    or_no_access = f"; many forges answer the same where {credential} has no access" if credential else ""
    named = credential or "the credential"
    return words, hint.format(clone=clone, credential=named, or_no_access=or_no_access)


def redact(text: str) -> str:
    """The text without user names and passwords in its URLs."""
    return _USERINFO.sub("", text)
