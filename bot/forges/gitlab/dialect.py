"""How GitLab says no."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


class GitLabDialect:
    """Reads refusals: `message` is a text, a list of them, or lists by field; Grape's and OAuth's have `error`."""

    def said(self, content: object) -> tuple[str, ...]:
        """The texts in it, of a field with its name before."""
        if not isinstance(content, dict):
            return ()
        told = [content[name] for name in ("message", "error_description", "error") if content.get(name)]
        return tuple(_texts(told[0])) if told else ()

    def lacking(self, headers: Mapping[str, str], content: object) -> str:  # noqa: ARG002 - another forge's are there
        """The scope that the token lacks."""
        if not isinstance(content, dict) or content.get("error") != "insufficient_scope":
            return ""
        # Several that would do are named, the one for everything first.
        scopes = str(content.get("scope") or "api").split()
        return f"scope {scopes[0]}"

    def limited(self, status: int, headers: Mapping[str, str], content: object) -> bool:  # noqa: ARG002
        """HTTP 429, with or without Retry-After, which gitlab.com has left out; 503 with it is GitLab's maintenance."""
        return status == 429 or (status == 503 and "Retry-After" in headers)


def _texts(told: object, field: str = "") -> Iterator[str]:
    match told:
        case dict():
            for name, inner in told.items():
                yield from _texts(inner, f"{name} ")
        case list():
            for inner in told:
                yield from _texts(inner, field)
        case _:
            yield f"{field}{told}"
