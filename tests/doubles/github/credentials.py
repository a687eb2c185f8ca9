"""By what a request shows whose it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jwt

from tests.doubles.github.accounts import AppRegistration, Token
from tests.doubles.github.refusals import Refused, RefusedError
from tests.doubles.http import Request

if TYPE_CHECKING:
    from tests.doubles.github.hub import GitHub

_LONGEST_JWT = 600


def presented(request: Request) -> str:
    """The token that a request comes with; empty where it has none."""
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    return value if kind.lower() in {"token", "bearer"} else ""


def known(hub: GitHub, text: str) -> tuple[Token | None, AppRegistration | None]:
    """The token, or the App that signed; both None for nobody."""
    if not text:
        return None, None
    if text.count(".") == 2:
        return None, _signer(hub, text)
    token = hub.tokens.get(text)
    if token is None or (token.expires and token.expires <= hub.now()):
        raise RefusedError(Refused.BAD_CREDENTIALS)
    return token, None


def _signer(hub: GitHub, text: str) -> AppRegistration:
    """https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app"""
    try:
        claims = jwt.decode(text, options={"verify_signature": False})
        app = hub.apps[int(claims["iss"])]
        # Times are compared with the double's own clock.
        jwt.decode(text, app.public_key, ["RS256"], options={"verify_exp": False, "verify_iat": False})
        lasts = float(claims["exp"]) - hub.now().timestamp()
    except (jwt.PyJWTError, KeyError, ValueError, TypeError):
        raise RefusedError(Refused.BAD_JWT) from None
    if not 0 < lasts <= _LONGEST_JWT:
        raise RefusedError(Refused.BAD_EXPIRY)
    return app
