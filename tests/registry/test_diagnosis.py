"""skopeo's last words, and what they mean for a copy."""

from __future__ import annotations

import pytest

from bot.registry.diagnosis import diagnose

# What skopeo 1.9.3 said in each case, shortened where it does not matter.
SAID: list[tuple[str, str, bool]] = [
    ("reading manifest sha256:0 in h/app: manifest unknown: manifest unknown", "no longer has", False),
    ("initializing source docker://h/a: unauthorized: authentication required", "credentials", False),
    ("writing blob: denied: requested access to the resource is denied", "may not", False),
    ('pinging h: Get \\"https://h/v2/\\": x509: certificate signed by unknown authority', "ca_file", False),
    ("http: server gave HTTP response to HTTPS client", "plain_http", False),
    ("dial tcp: lookup h: no such host", "DNS", False),
    ("dial tcp 127.0.0.1:1: connect: connection refused", "that it runs", True),
    ("writing manifest: uploading manifest v1: received unexpected HTTP status: 503", "when the registry", True),
    ("Invalid status code returned: invalid status code from registry 503 (Service Unavailable)", "when", True),
    ("trying to read from destination repository h/app: 500 (Internal Server Error)", "when the registry", True),
    ("uploading manifest v1 to h/app: manifest blob unknown: blob unknown to registry", "another copy", True),
    ("writing blob: uploading layer to h: digest invalid: provided digest did not match", "another copy", True),
    ("toomanyrequests: slow down", "wait", False),
    ("happened during read: unexpected EOF", "when the registry", True),
    ("write tcp: use of closed network connection", "when the registry", True),
    ("read tcp: connection reset by peer", "when the registry", True),
    ("context deadline exceeded", "when the registry", True),
    ("Manifest list must be converted to type x to be written, but we cannot modify it", "newer", True),
    ("Unexpectedly received a manifest list instead of a manifest", "flat one", False),
    ("something quite new", "-v", False),
]


@pytest.mark.parametrize(("said", "hint", "may_pass"), SAID)
def test_each_reason_has_its_hint(said: str, hint: str, *, may_pass: bool) -> None:
    stderr = f'time="2026-01-01T00:00:00Z" level=warning msg="EOF"\ntime="…" level=fatal msg="{said}"\n'
    diagnosis = diagnose(stderr, 1)
    assert diagnosis.reason == said.replace('\\"', '"')
    assert hint in diagnosis.hint
    assert diagnosis.may_pass == may_pass


def test_the_last_fatal_message_counts() -> None:
    assert diagnose('level=fatal msg="manifest unknown"\nlevel=fatal msg=EOF', 1).reason == "EOF"


def test_a_reason_of_several_lines_is_told_on_one() -> None:
    assert diagnose('level=fatal msg="errors:\\ndigest invalid\\nblob unknown\\n"', 1).reason == (
        "errors: digest invalid blob unknown"
    )


def test_without_a_fatal_message_the_rest_is_shown() -> None:
    assert diagnose("", -9).reason == "skopeo was ended by signal 9"
    assert diagnose("panic: oh\nError: unknown flag: --x\n", 1).reason == "Error: unknown flag: --x"
    assert diagnose("", 3).reason == "skopeo ended with status 3 and no word"


def test_signed_addresses_are_not_shown() -> None:
    said = 'level=fatal msg="Get \\"https://bucket.example.com/blob?X-Signature=s3cret&a=b\\": EOF"'
    reason = diagnose(said, 1).reason
    assert "s3cret" not in reason
    assert "bucket.example.com/blob" in reason
