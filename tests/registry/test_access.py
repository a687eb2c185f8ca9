"""Passwords in what a registry says are hidden, however it writes them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from bot.network.redaction import redact
from bot.registry.access import Login

LOGIN = Login("bot", 'cänary "p/w%\\ +x?>')


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


WAYS: dict[str, Callable[[str], str]] = {
    "clear": str,
    "percent": quote,
    "percent, all": lambda text: quote(text, safe=""),
    "percent, small": lambda text: quote(text, safe="").lower(),
    "percent, every byte": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "form": quote_plus,
    "json": lambda text: json.dumps(text)[1:-1],
    "json, as it is": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "basic": lambda text: _base64(f"bot:{text}"),
    "basic, percent": lambda text: quote(_base64(f"bot:{text}"), safe=""),
    "basic, unpadded": lambda text: _base64(f"bot:{text}").rstrip("="),
    "base64": _base64,
    "base64 of more": lambda text: _base64(f"another-user:{text}, and so on"),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(f"<?>{text}".encode()).decode(),
    "base64 behind letters": lambda text: "xyz" + _base64(text),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_password_is_hidden(way: str) -> None:
    sent = WAYS[way](LOGIN.password)
    shown = LOGIN.redact(f"denied: {sent}; go away")
    assert sent not in shown
    assert shown.startswith("denied: …")
    assert shown.endswith("; go away")


def test_words_stay() -> None:
    text = "requested access to the resource is denied: sha256:0123456789abcdef, repository team/application"
    assert LOGIN.redact(text) == text
    assert Login("bot", "").redact(text) == text
    assert redact("aXbX", "X") == "a…b…"


def test_bytes_that_are_no_text_are_hidden_too() -> None:
    login = Login("bot", b"\xffcanary".decode(errors="surrogateescape"))
    assert login.redact(f"sent {login.basic}") == "sent …"
    assert login.redact("sent %FFcanary") == "sent …"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("\\" * 2000, "\\" * 1000 + "x"),
        ('\\\\"' * 1000, '\\"' * 500 + "x"),
        ("%25" * 20_000, "%25" * 2000 + "x"),
        ("a" * 65_536, "a" * 30_000 + "b"),
    ],
    ids=["backslashes", "quotes", "percents", "repeated"],
)
def test_what_a_server_chooses_as_token_and_words_is_told_apart(text: str, secret: str) -> None:
    assert redact(text, secret) == text


def test_long_tokens_are_hidden() -> None:
    secret = "".join(chr(33 + number * number % 94) for number in range(200_000))
    assert redact(f"sent {json.dumps(secret)[1:-1]} and {secret}!", secret) == "sent … and …!"


def test_halves_of_characters_are_no_trouble() -> None:
    assert redact("\ud800 \udc00 canary \udcff", "canary") == "\ufffd \ufffd … \udcff"
    assert redact("\\ud800\\ud83d\\ude00canary\\", "😀canary") == "\\ud800…\\"
