"""What GitHub's refusals say. https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.network.retry import asked_pause

# Where it limits the rate and does not say for how long: "wait for at least one minute before retrying".
# https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#handle-rate-limit-errors-appropriately
_A_WHILE = 60.0


class GitHubDialect:
    """Reads status, headers and JSON of a refusal."""

    def said(self, content: object) -> tuple[str, ...]:
        """The message, and what failed of a validation."""
        match content:
            case {"message": str(message), "errors": list(errors)}:
                return (message, *(text for error in errors for text in _of_error(error)))
            case {"message": str(message)}:
                return (message,)
            case _:
                return ()

    def lacking(self, headers: Mapping[str, str], content: object) -> str:
        """What the token lacks: a permission, a scope, or that single sign-on lets it in."""
        if headers.get("X-GitHub-SSO", "").startswith("required"):
            return "the authorization for the organization's single sign-on"
        permissions = headers.get("X-Accepted-GitHub-Permissions", "")
        if permissions and any("not accessible by" in text for text in self.said(content)):
            return f"the permission {permissions.replace(';', ' or ')}"
        wanted, held = (_words(headers.get(name, "")) for name in ("X-Accepted-OAuth-Scopes", "X-OAuth-Scopes"))
        # A fine-grained token has no scopes, and isn't told which it would need.
        if wanted and "X-OAuth-Scopes" in headers and not wanted & held:
            return f"the scope {' or '.join(sorted(wanted))}"
        return ""

    def limited(self, status: int, headers: Mapping[str, str], content: object) -> bool:
        """Whether it limits the rate of requests: the primary limit by its header, the secondary by its words."""
        if status == 429:
            return True
        words = any("rate limit" in text.lower() for text in self.said(content))
        return status == 403 and (words or "Retry-After" in headers or headers.get("X-RateLimit-Remaining") == "0")


def pause_of(headers: Mapping[str, str], now: float) -> float:
    """The seconds that an answer that limits the rate wants everybody to wait; `now` is the time since the epoch."""
    if asked := asked_pause(headers, now):
        return asked
    # The time of the reset is told with every answer, and is that of the primary limit alone.
    reset = headers.get("X-RateLimit-Reset", "")
    if headers.get("X-RateLimit-Remaining") == "0" and reset.isascii() and reset.isdecimal():
        return max(1.0, float(reset[:12]) - now + 1.0)
    return _A_WHILE


def _of_error(error: object) -> Iterator[str]:
    match error:
        case str():
            yield error
        case {"message": str(message)}:
            yield message
        case {"field": str(field), "code": str(code)}:
            yield f"{field}: {code.replace('_', ' ')}"
        case _:
            return


def _words(text: str) -> set[str]:
    return {word.strip() for word in text.split(",") if word.strip()}
