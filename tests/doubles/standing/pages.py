"""The pages of a double for a browser: each merge request as its approvers read it, with a button for them."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from markdown_it import MarkdownIt

from tests.doubles.http import Request, Response
from tests.doubles.server import App, Pass

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_STYLE = "body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}pre{overflow:auto;background:#eee}"
# What a body says is shown, and nothing of it is carried out.
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
}


@dataclass(frozen=True)
class Shown:
    """A merge request as a page shows it; `facts` stand in a line below the title, `statuses` in one each."""

    project: str
    number: int
    title: str
    state: str
    facts: tuple[str, ...]
    statuses: tuple[str, ...]
    body: str
    notes: tuple[str, ...]
    diff: Callable[[], str]


class Site(Protocol):
    """What the pages are of. Addresses are paths, as the forge's own answers have them."""

    def shown(self) -> Mapping[str, Shown]:
        """Every merge request by its address."""
        ...

    def approve(self, shown: Shown) -> str:
        """The next of the approvers says yes; why it could not be, or nothing."""
        ...

    def merge(self, shown: Shown) -> str:
        """An approver merges; why it could not be merged, or nothing."""
        ...


@dataclass(frozen=True)
class WithPages:
    """The App, with pages where a browser looks for them."""

    app: App
    site: Site

    def route(self, request: Request) -> str:
        return f"page {request.method}" if self._is_page(request) else self.app.route(request)

    def admit(self, project: str, request: Request, *, write: bool) -> Pass | Response:
        return self.app.admit(project, request, write=write)

    def pushed(self, project: str) -> None:
        self.app.pushed(project)

    def answer(self, request: Request) -> Response:
        if not self._is_page(request):
            return self.app.answer(request)
        pages = self.site.shown()
        if request.path == "/":
            return Response(200, _page("Merge requests", _list(pages)), _HEADERS)
        shown = pages[request.path]
        if request.method == "GET":
            return Response(200, _page(shown.title, _content(shown)), _HEADERS)
        if request.headers.get("Origin", request.base) != request.base:
            return Response(403, _page("No", ["<p>That button was on somebody else's page.</p>"]), _HEADERS)
        refused = self.site.merge(shown) if "merge" in request.query else self.site.approve(shown)
        if refused:
            return Response(409, _page(shown.title, [f"<p>No: {html.escape(refused)}</p>"]), _HEADERS)
        return Response(303, b"", {"Location": request.path})

    def _is_page(self, request: Request) -> bool:
        return request.method in {"GET", "POST"} and (request.path == "/" or request.path in self.site.shown())


def _list(pages: Mapping[str, Shown]) -> Iterable[str]:
    yield "<ul>"
    for address, shown in pages.items():
        title = html.escape(f"{shown.project} {shown.number}: {shown.title} ({shown.state})")
        yield f'<li><a href="{html.escape(address)}">{title}</a></li>'
    yield "</ul>"


def _content(shown: Shown) -> Iterable[str]:
    yield f"<p>{html.escape(' · '.join((f'{shown.project} {shown.number}', shown.state, *shown.facts)))}</p>"
    yield from (f"<p>{html.escape(status)}</p>" for status in shown.statuses)
    if shown.state == "open":
        for what in ("Approve", "Merge"):
            yield f'<form method="post" action="?{what.lower()}"><button>{what}</button></form>'
    markdown = MarkdownIt("js-default", {"html": True})
    for text in (shown.body, *shown.notes):
        yield markdown.render(_COMMENT.sub("", text))
        yield "<hr>"
    yield f"<pre>{html.escape(shown.diff())}</pre>"


def _page(title: str, content: Iterable[str]) -> bytes:
    head = f"<!doctype html><title>{html.escape(title)}</title><style>{_STYLE}</style><h1>{html.escape(title)}</h1>"
    return "\n".join((head, *content)).encode()
