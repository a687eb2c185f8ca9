"""python-gitlab, with requests that go our way."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import gitlab
import requests

from bot import __version__
from bot.forges.access import ForgeAccess
from bot.forges.gitlab.dialect import GitLabDialect
from bot.forges.sending import ForgeAdapter
from bot.network.pace import Pace

_PER_PAGE = 100
# For lists that the library has no objects for.
EVERYTHING: Mapping[str, Any] = {"get_all": True, "per_page": _PER_PAGE}


def make_client(access: ForgeAccess, pace: Pace, *, sleep: Callable[[float], None] = time.sleep) -> gitlab.Gitlab:
    """The library's client. Its own tries never come to pass, since our adapter lets no failure through to it."""
    session = requests.Session()
    adapter = ForgeAdapter(access, GitLabDialect(), pace, sleep=sleep)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return gitlab.Gitlab(
        access.url,
        private_token=access.token or None,
        per_page=_PER_PAGE,
        retry_transient_errors=False,
        keep_base_url=True,
        user_agent=f"promobot/{__version__}",
        session=session,
    )
