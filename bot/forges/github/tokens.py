"""What GitHub lets promobot in by: a token that somebody made, or those that an App gets for its installations."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any

import jwt
from github.Auth import AppAuth, Auth

from bot.errors import ConfigError, ForgeError
from bot.forges.access import AppKey
from bot.forges.certainty import certain
from bot.forges.errors import StatusError, UnansweredError
from bot.forges.github.sending import OurRequester
from bot.network.retry import pause

# A token that ends while it is on its way is none; long enough for a clone, too.
_ENOUGH = timedelta(minutes=10)
_LOOKS = 5


def _utc() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Held:
    """A token and when it ends."""

    text: str = field(repr=False)
    until: datetime


class Supplied(Auth):
    """Whatever token is good at the time of each request."""

    def __init__(self, supply: Callable[[], str]) -> None:
        self._supply = supply

    @property
    def token_type(self) -> str:
        """As in the header."""
        return "Bearer"

    @property
    def token(self) -> str:
        """The token."""
        return self._supply()

    @property
    def _masked_token(self) -> str:
        return "Bearer …"

    def authentication(self, headers: dict[str, Any]) -> None:
        """Put it into the headers; who has none asks as nobody."""
        if text := self.token:
            headers["Authorization"] = f"{self.token_type} {text}"


class App:
    """The App itself, by what it signs."""

    def __init__(
        self,
        key: AppKey,
        open_requester: Callable[[Auth], OurRequester],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Raises ConfigError where the key is none."""
        self._key = key
        self._sleep = sleep
        self._requester = open_requester(_signing(key))

    def login(self) -> str:
        """The login of its bot."""
        _, said = self._requester.requestJsonAndCheck("GET", "/app")
        return f"{said['slug']}[bot]"

    def installation(self, project: str) -> int:
        """The installation that a repository belongs to. Raises ForgeError."""
        if self._key.installation is not None:
            return self._key.installation
        return int(self._installed(project)["id"])

    def permissions(self, project: str) -> dict[str, str]:
        """What it may do where the repository's installation is. Raises ForgeError."""
        permissions: dict[str, str] = self._installed(project)["permissions"]
        return permissions

    def _installed(self, project: str) -> dict[str, Any]:
        said: dict[str, Any]
        try:
            _, said = self._requester.requestJsonAndCheck("GET", f"/repos/{project}/installation")
        except StatusError as error:
            if error.status != 404:
                raise
            raise ForgeError(
                f"{error.message}: App {self._key.id} is not installed on {project}",
                hint="install it (Install App on its page) and give it this repository",
            ) from None
        return said

    def fetch(self, installation: int) -> Held:
        """A new token, good for an hour. Raises ForgeError."""
        url = f"/app/installations/{installation}/access_tokens"

        def write() -> dict[str, Any]:
            said: dict[str, Any] = self._requester.requestJsonAndCheck("POST", url, input={})[1]
            return said

        try:
            # One that nobody has heard of ends by itself.
            said = certain(write, lambda: None, sleep=self._sleep)
        except (StatusError, UnansweredError) as error:
            if not error.unsure:
                raise
            raise ForgeError(error.message, hint=error.hint) from error  # who asked for it has no more tries
        return Held(said["token"], datetime.fromisoformat(said["expires_at"]))


class InstallationTokens:
    """An installation's token, renewed before it ends; threads may share it."""

    def __init__(
        self, fetch: Callable[[], Held], begun: Callable[[Held], None], *, now: Callable[[], datetime] = _utc
    ) -> None:
        """`begun` is told of each before it is used."""
        self._fetch = fetch
        self._begun = begun
        self._now = now
        self._lock = RLock()
        self._held: Held | None = None

    def token(self) -> str:
        """One that is good for ten minutes at least. Raises ForgeError."""
        with self._lock:
            if self._held is None or self._held.until - self._now() < _ENOUGH:
                held = self._fetch()
                self._begun(held)
                self._held = held
            return self._held.text


def until_known(look: Callable[[], object], *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Look by a fresh token until it is known: for a moment some of GitHub's servers say 401 or 404 to it.

    What else comes of the look is no matter of the token's, and found by who asks for just that.
    """
    for attempt in range(1, _LOOKS + 1):
        try:
            look()
        except StatusError as error:
            if error.status not in {401, 404} or attempt == _LOOKS:
                return
            sleep(pause(attempt))
        except ForgeError:
            return
        else:
            return


def _signing(app: AppKey) -> AppAuth:
    """The key is read once: by itself PyGithub would do that for each request, 30 ms for 2048 bits, 200 for 4096."""
    rs256 = jwt.get_algorithm_by_name("RS256")
    try:
        key = rs256.prepare_key(app.key)
        auth = AppAuth(app.id, sign_func=lambda claims: jwt.encode(claims, key, "RS256"))
        _ = auth.token
    except Exception as error:  # noqa: BLE001 - PyJWT's and cryptography's, of many kinds; their words may quote the key
        raise ConfigError(
            f"{app.key_from}: no private key of a GitHub App ({type(error).__name__})",
            hint="it is the PEM file that the App's page makes: -----BEGIN RSA PRIVATE KEY-----",
        ) from None
    return auth
