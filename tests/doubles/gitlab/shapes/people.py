"""Users, groups and tokens as GitLab shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.doubles.gitlab.accounts import Namespace, Token, User

Json = dict[str, Any]


def stamp(when: datetime | None) -> str | None:
    """As GitLab writes times."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03}Z" if when else None


def user(base: str, one: User) -> Json:
    return {
        "id": one.id,
        "username": one.username,
        "public_email": None,
        "name": one.name,
        "state": one.state,
        "locked": False,
        "avatar_url": f"{base}/uploads/{one.username}.png",
        "web_url": f"{base}/{one.username}",
    }


def maybe_user(base: str, one: User | None) -> Json | None:
    return user(base, one) if one else None


def current_user(base: str, one: User) -> Json:
    return {
        **user(base, one),
        "created_at": "2026-01-01T00:00:00.000Z",
        "bio": "",
        "email": f"{one.username}@example.com",
        "bot": one.bot,
        "can_create_group": False,
        "can_create_project": False,
        "external": False,
        "private_profile": False,
        "two_factor_enabled": False,
    }


def member(base: str, one: User, role: int) -> Json:
    return {
        **{key: value for key, value in user(base, one).items() if key != "public_email"},
        "access_level": role,
        "created_at": "2026-01-01T00:00:00.000Z",
        "expires_at": None,
        "membership_state": "active",
    }


def token(one: Token) -> Json:
    return {
        "id": one.id,
        "name": "promobot",
        "description": None,
        "revoked": one.ended == "revoked",
        "created_at": "2026-01-01T00:00:00.000Z",
        "scopes": list(one.scopes),
        "user_id": one.user.id,
        "last_used_at": None,
        "last_used_ips": [],
        "active": not one.ended,
        "expires_at": one.expires_at,
    }


def group(base: str, one: Namespace) -> Json:
    return {
        "id": one.id,
        "web_url": f"{base}/groups/{one.path}",
        "name": one.path.rpartition("/")[2],
        "path": one.path.rpartition("/")[2],
        "description": "",
        "visibility": one.visibility,
        "full_name": one.path.replace("/", " / "),
        "full_path": one.path,
        "avatar_url": None,
        "created_at": "2026-01-01T00:00:00.000Z",
    }
