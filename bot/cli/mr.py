"""`promobot mr`: merge requests from the shell, above all those of the local forge, which has no pages."""

from __future__ import annotations

import getpass
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from bot.cli.call import Call
from bot.cli.whichrequest import find_request, name_of, repositories
from bot.decide.branch import unit_of
from bot.errors import ConflictError, ExitCode
from bot.forges import Forge
from bot.forges.statuses import must_be_good
from bot.repositories import CommitStatus, MergeRequest, Repository, RequestState
from bot.world import World

if TYPE_CHECKING:
    from bot.cli import answers
    from bot.config import Config


def main(call: Call) -> ExitCode:
    """Run one of the verbs."""
    verbs = {"list": _list, "show": _show, "ready": _ready, "merge": _merge, "close": _close}
    verbs[call.args.verb](call, call.world())
    return ExitCode.DONE


def _list(call: Call, world: World) -> None:
    state = None if call.args.all else RequestState.OPEN
    found = [one for repository in repositories(world) for one in _looked_at(world, repository, state)]
    if call.json:
        call.print_json([_listed(*one) for one in found])
        return
    terminal = call.terminal()
    if not found:
        terminal.say("No merge requests." if call.args.all else "No open merge requests.")
        return
    asked = {repository for repository, _, _ in found if world.config.forges[repository.forge].lists_statuses}
    header = ("STATUS",) if asked else ()
    terminal.table(("MERGE REQUEST", "STATE", *header, "REVIEWERS", "TITLE"), (_row(*one, asked) for one in found))


def _row(
    repository: Repository, request: MergeRequest, status: CommitStatus | None, asked: Collection[Repository]
) -> tuple[str, ...]:
    """`asked` are those whose forge is asked for statuses; without any, there is no column of them."""
    first = (name_of(repository, request), _short_state(request))
    last = (", ".join(request.reviewers), request.title)
    if not asked:
        return *first, *last
    unknown = "" if repository in asked else "?"
    return *first, status.state.value if status else unknown, *last


def _show(call: Call, world: World) -> None:
    repository, request = find_request(world, call.args.request)
    forge = world.forge(repository.forge)
    diff = forge.diff(repository.project, request.number)
    status = _statuses(forge, repository, [request]).get(request.head)
    note = forge.note(repository.project, request.number)
    if call.json:
        listed = _listed(repository, request, status)
        shown: answers.MergeRequestShown = {**listed, "body": request.body, "note": note, "diff": diff}
        call.print_json(shown)
        return
    terminal = call.terminal()
    terminal.title(f"{name_of(repository, request)}  {request.title}")
    reviewers = f", for {', '.join(request.reviewers)}" if request.reviewers else ""
    terminal.say(f"{_state(request)}, {request.source_branch} → {request.target_branch}{reviewers}")
    if status:
        terminal.say(f"status promobot: {status.state.value}, {status.description}")
    terminal.say()
    terminal.markdown(request.body)
    if note:
        terminal.say("\nnote of promobot:")
        terminal.markdown(note)
    if diff:
        terminal.say()
        terminal.diff(diff)


def _looked_at(
    world: World, repository: Repository, state: RequestState | None
) -> Iterator[tuple[Repository, MergeRequest, CommitStatus | None]]:
    """A project's merge requests, those that are open with promobot's status where it needn't be asked one by one."""
    forge = world.forge(repository.forge)
    requests = forge.requests(repository.project, state)
    told = world.config.forges[repository.forge].lists_statuses
    statuses = _statuses(forge, repository, requests) if told else {}
    yield from ((repository, request, statuses.get(request.head)) for request in requests)


def _statuses(forge: Forge, repository: Repository, requests: Iterable[MergeRequest]) -> Mapping[str, CommitStatus]:
    heads = {request.head: request.source_branch for request in requests if request.state is RequestState.OPEN}
    return forge.statuses(repository.project, heads, branches=heads) if heads else {}


def _short_state(request: MergeRequest) -> str:
    return "draft" if request.draft and request.state is RequestState.OPEN else request.state.value


def _state(request: MergeRequest) -> str:
    if request.state is RequestState.OPEN:
        return _short_state(request)
    reason = f" ({request.reason})" if request.reason else ""
    return f"{request.state.value} by {request.ender}{reason}"


def _ready(call: Call, world: World) -> None:
    repository, request = find_request(world, call.args.request)
    ready = world.forge(repository.forge).ready(repository.project, request.number)
    if call.json:
        call.print_json(_data(repository, ready))
    else:
        call.terminal().say(f"{name_of(repository, ready)} is ready: {ready.title}")


def _merge(call: Call, world: World) -> None:
    repository, request = find_request(world, call.args.request)
    if request.state is RequestState.CLOSED:
        raise ConflictError(
            f"{name_of(repository, request)} was closed by {request.ender}",
            hint=_again(world.config, repository, request),
        )
    forge = world.forge(repository.forge)
    if not call.args.despite_status:
        must_be_good(repository.project, request.number, _statuses(forge, repository, [request]).get(request.head))
    merged = forge.merge(repository.project, request.number, head=request.head, by=_who(call))
    _tell(call, repository, merged, already=request.state is RequestState.MERGED)


def _close(call: Call, world: World) -> None:
    repository, request = find_request(world, call.args.request)
    if request.state is RequestState.MERGED:
        raise ConflictError(
            f"{name_of(repository, request)} was merged by {request.ender}",
            hint="to undo it, revert its merge commit",
        )
    forge = world.forge(repository.forge)
    closed = forge.close(repository.project, request.number, reason=call.args.reason, by=_who(call))
    _tell(call, repository, closed, already=request.state is RequestState.CLOSED)


def _tell(call: Call, repository: Repository, request: MergeRequest, *, already: bool) -> None:
    """What came of it, or how it ended before."""
    if call.json:
        call.print_json(_data(repository, request))
    elif already:
        call.terminal().say(f"{name_of(repository, request)} was {_state(request)} already: {request.title}")
    else:
        call.terminal().say(f"{name_of(repository, request)} {request.state.value} by {request.ender}: {request.title}")


def _again(config: Config, repository: Repository, request: MergeRequest) -> str:
    """What proposes it again, by the name of its branch; what went together for once isn't in that."""
    branch = request.source_branch
    for environment in config.environments:
        if environment.repository.repository != repository:
            continue
        if unit := unit_of(environment, branch):
            named = f"{'SERVICE…' if '+' in unit else unit} --to {environment.name}"
            return f"`promobot promote {named} --reopen` proposes it again"
        if branch.startswith(environment.pin_prefix):
            service = branch.removeprefix(environment.pin_prefix)
            return f"`promobot pin {service} --env {environment.name}` proposes it again"
    return "it isn't promobot's: reopen it where it is, or open another"


def _who(call: Call) -> str:
    return call.args.by or _user()


def _user() -> str:
    """Who runs this; in a container that may be a number alone."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # before Python 3.13, and since
        return f"user {os.getuid()}"


def _listed(repository: Repository, request: MergeRequest, status: CommitStatus | None) -> answers.MergeRequestListed:
    said: answers.HeadStatus | None = None
    if status is not None:
        said = {"state": status.state.value, "description": status.description}
    return {**_data(repository, request), "status": said}


def _data(repository: Repository, request: MergeRequest) -> answers.MergeRequest:
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
        "reason": request.reason,
        "draft": request.draft,
        "url": request.url,
    }
