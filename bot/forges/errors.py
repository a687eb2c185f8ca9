"""What went wrong at a forge, in words that say which one, what was asked of it and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from bot.errors import ForgeError
from bot.forges.access import ForgeAccess
from bot.network.failures import Trouble
from bot.network.retry import is_failure


@dataclass(frozen=True)
class Asked:
    """A request to a forge, as messages name it; `url` is without the query."""

    access: ForgeAccess
    method: str
    url: str

    def __str__(self) -> str:
        return f"forge {self.access.name}: {self.method} {self.url}"

    def limited(self, seconds: float) -> ForgeError:
        """The error where the forge wants no request for so long that nobody waits for it."""
        return LimitError(self, seconds)


class StatusError(ForgeError):
    """A forge's refusal: the HTTP status, and what it said, in its own texts."""

    def __init__(self, message: str, *, hint: str, status: int, said: tuple[str, ...]) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.said = said

    @property
    def unsure(self) -> bool:
        """Whether what was asked may have been done all the same: a gateway doesn't know."""
        return is_failure(self.status)

    @property
    def hides(self) -> bool:
        """Whether what was asked for isn't there, or isn't for this token: forges answer either as they like."""
        return self.status in {403, 404}


class UnansweredError(ForgeError):
    """No answer came. `unsure`: the request may have arrived, and been carried out."""

    def __init__(self, message: str, *, hint: str, unsure: bool) -> None:
        super().__init__(message, hint=hint)
        self.unsure = unsure


class LimitError(ForgeError):
    """A forge lets nobody through for longer than is waited for; it was not asked again."""

    def __init__(self, asked: Asked, seconds: float) -> None:
        super().__init__(
            f"{asked}: the forge limits the rate of requests, and wants {seconds:.0f} s without any",
            hint="run again after that; nothing is lost by it",
        )
        self.seconds = seconds


_LATER = "run again when the forge works again"
# What an HTTP status means, and what to do: `{}` is where the token is from.
_REFUSALS = {
    401: ("the token is not accepted", "check that {} is the forge's, and has not expired"),
    403: ("the token's user may not do this", "give the user of the token the rights that the manual names"),
    404: (
        "not found, or the token has no access",
        "check the project's path, and the token's access to the project",
    ),
    429: ("the forge limits the rate of requests", "wait, then run again; nothing is lost by it"),
}


def of_status(asked: Asked, status: int, said: tuple[str, ...], lacking: str) -> StatusError:
    """The error for a refusal; `lacking` is what the token lacks, as far as the forge says so."""
    message, hint = _words(asked.access, status, lacking)
    told = asked.access.quoted("; ".join(said))
    return StatusError(
        f"{asked}: {message} (HTTP {status}){f': {told}' if told else ''}", hint=hint, status=status, said=said
    )


def words_of_lack(access: ForgeAccess, lacking: str) -> tuple[str, str]:
    """What is wrong with the token where it lacks this, and what to do."""
    token = access.token_from or f"the token of forge {access.name}"
    return f"the token lacks {lacking}", access.remedy or f"make a token that has it, and put it into {token}"


def _words(access: ForgeAccess, status: int, lacking: str) -> tuple[str, str]:
    token = access.token_from or f"the token of forge {access.name}"
    if status == 401 and not (access.token or access.remedy):
        return "the forge wants a token, and none is configured", f"give forge {access.name} a token_env or token_file"
    if lacking:
        return words_of_lack(access, lacking)
    if is_failure(status):
        return "the forge failed", _LATER
    message, hint = _REFUSALS.get(status, ("the forge refuses", "see what it says, then run again"))
    return message, hint.format(token)


_HINTS = {
    Trouble.CUT: _LATER,
    Trouble.NAME: "check the url of forge {}, and this machine's DNS",
    Trouble.REFUSED: "check the url of forge {}, and that the forge runs",
    Trouble.NO_CONNECTION: "check the url of forge {}, and that the forge runs",
    Trouble.SLOW_CONNECTION: "check the url of forge {}, and the network",
    Trouble.SILENCE: _LATER,
    Trouble.UNTRUSTED: "set ca_file of forge {} to the authority's certificate",
    Trouble.NO_TLS: "does the url of forge {} begin with the right scheme?",
    Trouble.TLS: "check the url and the certificate of forge {}",
    Trouble.PROXY: "check HTTPS_PROXY and NO_PROXY in the environment",
    Trouble.NO_HTTP: "check the url of forge {}",
}


def of_trouble(asked: Asked, trouble: Trouble, why: str = "") -> UnansweredError:
    """The error for a request that got no answer at all."""
    hint = _HINTS[trouble].format(asked.access.name)
    return UnansweredError(f"{asked}: {trouble.value}{why and f': {why}'}", hint=hint, unsure=trouble.connected)


def of_page(asked: Asked) -> ForgeError:
    """The error where a page for people came instead of an answer."""
    return ForgeError(
        f"{asked}: the answer is a web page, not that of a forge's API",
        hint=f"is the url of forge {asked.access.name} right, and is there no login page in front of it?",
    )


def of_elsewhere(asked: Asked, where: str) -> ForgeError:
    """The error where a forge sends us to an address that the token is not for."""
    return ForgeError(
        f"{asked}: the answer leads to {where}, which promobot's token is not for",
        hint=f"if that is where the forge is now, make it the url of forge {asked.access.name}",
    )
