"""Whether a webhook is from who knows the secret. Secrets and signatures are compared in constant time."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TypeAlias, assert_never

from bot.errors import ConfigError
from bot.forges.webhooks.refusals import DeliveryError

# How far clocks may be apart, by https://github.com/standard-webhooks/standard-webhooks, spec: "Verifying webhooks"
_SKEW = timedelta(minutes=5)
_KEY_BEGINS = "whsec_"


@dataclass(frozen=True)
class GitHubSecret:
    """The secret of GitHub's webhook, by which each is signed."""

    text: str = field(repr=False)


@dataclass(frozen=True)
class GitLabToken:
    """The secret token of GitLab's webhook, which comes with each as it is."""

    text: str = field(repr=False)


@dataclass(frozen=True)
class GitLabSigningKey:
    """The signing token of GitLab's webhook (`whsec_…`), by which each is signed with its number and time."""

    text: str = field(repr=False)

    def __post_init__(self) -> None:
        """Raises ConfigError where it isn't one."""
        if not self.text.startswith(_KEY_BEGINS) or not self.key:
            raise ConfigError("the signing token is none", hint=f"GitLab shows it once, as {_KEY_BEGINS} and base64")

    @property
    def key(self) -> bytes:
        """The bytes that sign; none where the text isn't base64."""
        try:
            return base64.b64decode(self.text.removeprefix(_KEY_BEGINS), validate=True)
        except (binascii.Error, ValueError):
            return b""


Secret: TypeAlias = GitHubSecret | GitLabToken | GitLabSigningKey


def check(headers: Mapping[str, str], body: bytes, secret: Secret, *, now: datetime) -> None:
    """Raises DeliveryError where it isn't from who knows the secret. Headers are by their names in lower case."""
    match secret:
        case GitHubSecret(text):
            _check_github(headers, body, _filled(text))
        case GitLabToken(text):
            _must_be_equal([headers.get("x-gitlab-token", "")], _filled(text))
        case GitLabSigningKey():
            _check_standard(headers, body, secret.key, now)
        case _:
            assert_never(secret)


def _filled(text: str) -> str:
    """An empty secret would let in everybody."""
    if not text:
        raise ConfigError("the secret of the webhook is empty", hint="give the forge and promobot the same one")
    return text


def _check_github(headers: Mapping[str, str], body: bytes, secret: str) -> None:
    wanted = hmac.new(secret.encode(), body, sha256).hexdigest()
    _must_be_equal([headers.get("x-hub-signature-256", "")], f"sha256={wanted}")


def _check_standard(headers: Mapping[str, str], body: bytes, key: bytes, now: datetime) -> None:
    number, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    signed = f"{number}.{stamp}.".encode() + body
    wanted = base64.b64encode(hmac.new(key, signed, sha256).digest()).decode()
    _must_be_equal(headers.get("webhook-signature", "").split(), f"v1,{wanted}")
    # Only who knows the key gets here, so this is about what somebody kept and sends again.
    if not stamp.isascii() or not stamp.isdigit() or abs(now.timestamp() - int(stamp)) > _SKEW.total_seconds():
        raise DeliveryError(
            "a webhook was signed at another time", hint=f"clocks may be {_SKEW} apart: see that they are right"
        )


def _must_be_equal(given: list[str], wanted: str) -> None:
    """That one of these is it."""
    if not any(hmac.compare_digest(one.encode("utf-8", "replace"), wanted.encode()) for one in given):
        raise DeliveryError(
            "a webhook isn't signed with the secret", hint="give the forge and promobot the same one, and no other way"
        )
