"""`promobot mr`: the local forge's merge requests, for who has no other forge to look at."""

from __future__ import annotations

import getpass
from collections.abc import Iterator

from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

from bot.cli.call import Call
from bot.errors import ExitCode, UsageError
from bot.forges import Forge
from bot.promotion import MergeRequest, Repository, RequestState
from bot.world import World


def main(call: Call) -> ExitCode:
    """Run one of the verbs."""
    verbs = {"list": _list, "show": _show, "merge": _merge, "close": _close}
    verbs[call.args.verb](call, call.world())
    return ExitCode.DONE


def _list(call: Call, world: World) -> None:
    state = None if call.args.all else RequestState.OPEN
    found = [
        (repository, request)
        for repository in _repositories(world)
        for request in world.forge(repository.forge).requests(repository.project, state)
    ]
    if call.json:
        call.print_json([_data(repository, request) for repository, request in found])
        return
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 3, 0, 0))
    for header in ("MERGE REQUEST", "STATE", "TITLE", "REVIEWERS"):
        table.add_column(header)
    for repository, request in found:
        name = f"{repository.project}!{request.number}"
        table.add_row(name, request.state.value, request.title, ", ".join(request.reviewers))
    call.console().print(table if found else "No open merge requests.")


def _show(call: Call, world: World) -> None:
    repository, request = _find(call, world)
    diff = world.forge(repository.forge).diff(repository.project, request.number)
    if call.json:
        call.print_json({**_data(repository, request), "body": request.body, "diff": diff})
        return
    console = call.console()
    console.print(Text(f"{request.title}  {repository.project}!{request.number}", style="bold"))
    reviewers = f", for {', '.join(request.reviewers)}" if request.reviewers else ""
    console.print(f"{request.state.value}, {request.source_branch} → {request.target_branch}{reviewers}\n")
    console.print(Markdown(request.body), soft_wrap=False, width=min(console.width, 110))
    console.print()
    for line in diff.splitlines():
        console.print(Text(line, style={"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")))


def _merge(call: Call, world: World) -> None:
    repository, request = _find(call, world)
    forge = world.forge(repository.forge)
    _tell(call, repository, forge.merge(repository.project, request.number, head=request.head, by=_who(call)))


def _close(call: Call, world: World) -> None:
    repository, request = _find(call, world)
    forge = world.forge(repository.forge)
    closed = forge.close(repository.project, request.number, reason="closed by hand", by=_who(call))
    _tell(call, repository, closed)


def _tell(call: Call, repository: Repository, request: MergeRequest) -> None:
    if call.json:
        call.print_json(_data(repository, request))
    else:
        call.console().print(f"{repository.project}!{request.number} {request.state.value}: {request.title}")


def _who(call: Call) -> str:
    return call.args.by or getpass.getuser()


def _repositories(world: World) -> Iterator[Repository]:
    yield from dict.fromkeys(env.repository.repository for env in world.config.environments)


def _find(call: Call, world: World) -> tuple[Repository, MergeRequest]:
    """The request that was named; its project may be left out where only one has that number."""
    project, _, number = call.args.request.rpartition("!")
    if not number.isdigit():
        raise UsageError(f"{call.args.request} is not a merge request", hint="write 3 or platform/gitops!3")
    found = [
        (repository, request)
        for repository in _repositories(world)
        if project in {"", repository.project}
        for request in _numbered(world.forge(repository.forge), repository, int(number))
    ]
    if len(found) == 1:
        return found[0]
    if found:
        names = " or ".join(f"{repository.project}!{number}" for repository, _ in found)
        raise UsageError(f"there are {len(found)} merge requests !{number}", hint=f"say which: {names}")
    raise UsageError(f"no merge request {call.args.request}", hint="`promobot mr list --all` shows what there is")


def _numbered(forge: Forge, repository: Repository, number: int) -> Iterator[MergeRequest]:
    yield from (request for request in forge.requests(repository.project) if request.number == number)


def _data(repository: Repository, request: MergeRequest) -> dict[str, object]:
    return {
        "repository": str(repository),
        "number": request.number,
        "title": request.title,
        "state": request.state.value,
        "source_branch": request.source_branch,
        "target_branch": request.target_branch,
        "head": request.head,
        "author": request.author,
        "reviewers": list(request.reviewers),
        "labels": list(request.labels),
        "ended_by": request.ended_by,
        "url": request.url,
    }
