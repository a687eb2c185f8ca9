"""How often GitHub may be asked, and what may be written in a while.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.doubles.github.refusals import Refused, RefusedError
from tests.doubles.http import Request

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass
class Limit:
    """What one token has left of its hour."""

    most: int
    until: datetime
    used: int = 0
    written: list[datetime] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.most),
            "X-RateLimit-Remaining": str(max(0, self.most - self.used)),
            "X-RateLimit-Used": str(self.used),
            "X-RateLimit-Reset": str(math.ceil(self.until.timestamp())),
            "X-RateLimit-Resource": "core",
        }


@dataclass
class Limits:
    """The primary limit by the hour, and the secondary one of requests that make content; None is no limit."""

    by_hour: int = 5000
    content_by_minute: int | None = None
    content_by_hour: int | None = None
    tokens: dict[str, Limit] = field(default_factory=dict)

    def of(self, token: str, now: datetime) -> Limit:
        limit = self.tokens.get(token)
        if limit is None or limit.until <= now:
            written = limit.written if limit else []
            limit = self.tokens[token] = Limit(self.by_hour, now + _HOUR, written=written)
        return limit

    def refusal(self, request: Request, limit: Limit, now: datetime, *, user: int) -> RefusedError | None:
        if limit.used >= limit.most and not request.path.endswith("/rate_limit"):
            return RefusedError(Refused.LIMIT, user=user)
        query = request.path.endswith("/graphql") and not request.json["query"].lstrip().startswith("mutation")
        if request.method == "GET" or query:
            return None
        for most, span in ((self.content_by_minute, _MINUTE), (self.content_by_hour, _HOUR)):
            recent = [at for at in limit.written if at > now - span]
            if most is not None and len(recent) >= most:
                wait = math.ceil((recent[0] + span - now).total_seconds())
                return RefusedError(Refused.SECONDARY, headers={"Retry-After": str(max(1, wait))})
        limit.written.append(now)
        return None
