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
_STYLE = """
body { font: 16px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; overflow-wrap: anywhere }
table { display: block; overflow-x: auto; border-collapse: collapse; margin: 1em 0; overflow-wrap: normal }
th, td { border: 1px solid #ccc; padding: .3em .7em; text-align: left; vertical-align: top }
th { background: #f4f4f4 }
button { font: inherit; padding: .4em 1.2em; margin: 0 .5em 0 0; cursor: pointer }
pre { overflow-x: auto; background: #f4f4f4; padding: .5em 0; line-height: 1.4 }
pre code { display: inline-block; min-width: 100%; overflow-wrap: normal }
pre span, pre ins, pre del { display: block; padding: 0 .7em; text-decoration: none; min-height: 1.4em }
pre ins { background: #d9f2dd }
pre del { background: #fbdfdf }
@media (max-width: 30em) { th, td { padding: .3em .4em; font-size: .85em } }
.facts { color: #555 }
"""
# What a body says is shown, and nothing of it is carried out.
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
}


@dataclass(frozen=True)
class Shown:
    """A merge request as a page shows it; `facts` stand in a line below the title, `statuses` in one each.

    `diff` is what it brings, or brought, to its target.
    """

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

    def lists(self) -> Mapping[str, str]:
        """The projects, by the address of the list of each one's merge requests."""
        ...

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
        if request.path not in pages:
            return self._list(request, pages)
        shown = pages[request.path]
        if request.method == "GET":
            return Response(200, _page(shown.title, [*self._way_up(shown), *_content(shown)]), _HEADERS)
        back = f'<p><a href="{html.escape(request.path)}">Back</a></p>'
        if request.headers.get("Origin", request.base) != request.base:
            return Response(403, _page("No", ["<p>That button was on somebody else's page.</p>", back]), _HEADERS)
        refused = self.site.merge(shown) if "merge" in request.query else self.site.approve(shown)
        if refused:
            return Response(409, _page(shown.title, [f"<p>No: {html.escape(refused)}</p>", back]), _HEADERS)
        return Response(303, b"", {"Location": request.path})

    def _list(self, request: Request, pages: Mapping[str, Shown]) -> Response:
        """Those of a project, or of all of them."""
        project = self._listed().get(request.path, "")
        listed = {address: shown for address, shown in pages.items() if project in {"", shown.project}}
        title = f"Merge requests of {project}" if project else "Merge requests"
        return Response(200, _page(title, [*([_ALL] if project else []), *_list(listed)]), _HEADERS)

    def _listed(self) -> Mapping[str, str]:
        """What is at addresses of lists: a project, or nothing for all of them."""
        lists = self.site.lists()
        return {"/": "", **{f"/{project}": project for project in lists.values()}, **lists}

    def _way_up(self, shown: Shown) -> Iterable[str]:
        address = next(address for address, project in self.site.lists().items() if project == shown.project)
        yield f'{_ALL} / <a href="{html.escape(address)}">{html.escape(shown.project)}</a>'

    def _is_page(self, request: Request) -> bool:
        path, method = request.path, request.method
        return (method == "GET" and path in self._listed()) or (method in {"GET", "POST"} and path in self.site.shown())


_ALL = '<a href="/">All merge requests</a>'


def _list(pages: Mapping[str, Shown]) -> Iterable[str]:
    yield "<ul>" if pages else "<p>There is none yet.</p><ul>"
    for address, shown in pages.items():
        title = html.escape(f"{shown.project} {shown.number}: {shown.title} ({shown.state})")
        yield f'<li><a href="{html.escape(address)}">{title}</a></li>'
    yield "</ul>"


def _content(shown: Shown) -> Iterable[str]:
    facts = html.escape(" · ".join((f"{shown.project} {shown.number}", shown.state, *shown.facts)))
    yield f'<p class="facts">{facts}</p>'
    yield from (f"<p>{html.escape(status)}</p>" for status in shown.statuses)
    if shown.state == "open":
        buttons = (f'<button formaction="?{what.lower()}">{what}</button>' for what in ("Approve", "Merge"))
        yield f'<form method="post">{"".join(buttons)}</form>'
    markdown = MarkdownIt("js-default", {"html": True})
    for text in (shown.body, *shown.notes):
        yield markdown.render(_COMMENT.sub("", text))
        yield "<hr>"
    yield f"<pre><code>{''.join(_coloured(shown.diff()))}</code></pre>"


def _coloured(diff: str) -> Iterable[str]:
    """The lines of a diff, each an element of what it is; those above a hunk are neither here nor there."""
    inside = False
    for line in diff.split("\n"):
        inside = line.startswith("@@") or (inside and not line.startswith("diff "))
        kind = {"+": "ins", "-": "del"}.get(line[:1], "span") if inside else "span"
        yield f"<{kind}>{html.escape(line)}</{kind}>"


def _page(title: str, content: Iterable[str]) -> bytes:
    viewport = '<meta name="viewport" content="width=device-width">'
    head = f'<!doctype html><html lang="en"><title>{html.escape(title)}</title>{viewport}<style>{_STYLE}</style>'
    return "\n".join((head, f"<h1>{html.escape(title)}</h1>", *content)).encode()
