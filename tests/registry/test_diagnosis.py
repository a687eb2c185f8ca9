"""skopeo's last words, and what they mean for a copy."""

from __future__ import annotations

import pytest

from bot.registry.copying.diagnosis import diagnose

# What cannot be had from a registry here; test_skopeo_words.py has skopeo say the others.
SAID: list[tuple[str, str, bool]] = [
    (
        "initializing source docker://h/a: pinging container registry h: x509: certificate signed by unknown authority",
        "set ca_file of the source registry",
        False,
    ),
    ("http: server gave HTTP response to HTTPS client", "plain_http", False),
    ("trying to reuse blob at destination: pinging container registry h: no such host", "of the destination", False),
    ("dial tcp 127.0.0.1:1: connect: connection refused", "that it runs", True),
    ("dial tcp 10.0.0.1:443: connect: no route to host", "network", True),
    ("writing blob: storing blob to file: write /var/tmp/x: no space left on device", "disk is full", False),
    ("uploading manifest v1 to h/app: manifest blob unknown: blob unknown to registry", "another copy", True),
    ("writing blob: uploading layer to h: digest invalid: provided digest did not match", "another copy", True),
    ("write tcp: use of closed network connection", "is well", True),
    ("read tcp: connection reset by peer", "is well", True),
    ("context deadline exceeded", "is well", True),
    ("writing manifest: uploading manifest v1 to h/app: StatusCode: 404, nginx", "at the destination", False),
    ("initializing source docker://h/a: reading manifest v1 in h/a: StatusCode: 404, nginx", "source registry", False),
    ("something quite new", "-v", False),
]


@pytest.mark.parametrize(("said", "hint", "may_pass"), SAID)
def test_each_reason_has_its_hint(said: str, hint: str, *, may_pass: bool) -> None:
    stderr = f'time="2026-01-01T00:00:00Z" level=warning msg="EOF"\ntime="…" level=fatal msg="{said}"\n'
    diagnosis = diagnose(stderr, 1)
    assert diagnosis.reason == said.replace('\\"', '"')
    assert hint in diagnosis.hint
    assert diagnosis.may_pass == may_pass


@pytest.mark.parametrize("name", ["quota", "access-denied", "immutable", "unauthorized"])
def test_a_name_is_no_reason(name: str) -> None:
    where = f"{name}.example.com:5000"
    said = f"writing blob: initiating layer upload to /v2/shop/{name}/blobs/uploads/ in {where}: StatusCode: 503, x"
    diagnosis = diagnose(f'level=fatal msg="{said}"', 1, names=[where, f"/shop/{name}"])
    assert diagnosis.reason == said
    assert diagnosis.may_pass
    assert "has room on its disk" in diagnosis.hint
    told = f'level=fatal msg="writing blob: in {where}/shop/{name}: denied: quota exceeded"'
    assert "quota at the destination is used up" in diagnose(told, 1, names=[where, f"/shop/{name}"]).hint


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


def test_credentials_that_a_server_repeats_are_not_shown() -> None:
    said = 'level=fatal msg="writing blob: denied: you sent Bearer ey.a-_~+/= and sent=basic dTpw, go away"'
    assert diagnose(said, 1).reason == "writing blob: denied: you sent Bearer … and sent=basic …, go away"
