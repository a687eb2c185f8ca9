"""What a forge's webhook says: where to look, and never what is there. Pure: headers, body and time are arguments.

Who takes it looks at that place by the forge's API; so one that is repeated, late or out of order does no harm, and
what is lost is found by the next scheduled pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import assert_never

from bot.forges.webhooks.events import Key, from_github, from_gitlab
from bot.forges.webhooks.refusals import DeliveryError
from bot.forges.webhooks.signatures import GitHubSecret, GitLabSigningKey, GitLabToken, Secret, check

# GitHub sends no more: https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap
MOST = 25 * 2**20

__all__ = ["MOST", "DeliveryError", "GitHubSecret", "GitLabSigningKey", "GitLabToken", "Key", "Secret", "key_of"]


def key_of(headers: Mapping[str, str], body: bytes, secret: Secret, *, now: datetime) -> Key | None:
    """Where to look for what a webhook tells of; None where that is nothing to look for.

    `body` is as it came. Raises DeliveryError where it isn't signed with the secret, or is no webhook.
    """
    if len(body) > MOST:
        raise DeliveryError(f"a webhook of {len(body):,} bytes is longer than any forge sends")
    headers = {name.lower(): value for name, value in headers.items()}
    check(headers, body, secret, now=now)
    match secret:
        case GitHubSecret():
            return from_github(headers, body)
        case GitLabToken() | GitLabSigningKey():
            return from_gitlab(headers, body)
        case _:
            assert_never(secret)
