"""Giving an overlay an image of its own: what its base names now, so that nothing changes in what runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.config import Config
from bot.decide.bases import Inherited, read_base
from bot.decide.branch import Branch, Mark, branch_at, open_request, pin_branch
from bot.decide.changes import Change, are_made
from bot.decide.environments import Manifest, Snapshot, head_of, read_environments
from bot.decide.facts import Ask, Facts, Refusal, Unanswered, for_each
from bot.decide.notes import saying
from bot.decide.objections import leave_foreign_alone, respect_retargeted
from bot.decide.opening import make_draft
from bot.decide.pinnable import missing_images, names_in
from bot.decide.text import read, signed
from bot.errors import ExitCode, ManifestError, UsageError
from bot.manifests import add_images
from bot.plan import Guard, OpenRequest, Plan, PushBranch, SetNote, Standing, Step, UpdateRequest, Verdict
from bot.promotion import Unit
from bot.questions import Files, Found, Need
from bot.repositories import FileChange, MergeRequest, Rev

PINNED = "Pinned"


@dataclass(frozen=True)
class Pin:
    """A service and the environment that shall have its images to itself."""

    service: str
    environment: str

    @property
    def key(self) -> str:
        """What names it in the commit's trailer."""
        return f"{self.environment}/{self.service}"


def decide_pin(config: Config, pin: Pin, facts: Facts) -> Need | Plan:
    """What is to be done for an overlay to have its own images, or what must be known before.

    Raises UsageError for a service that the environment doesn't have.
    """
    unit = Unit(pin.service, (pin.service,))
    try:
        return Plan((_judge(Ask(facts), config, pin, unit),))
    except Unanswered as need:
        return Need(need.questions)
    except Refusal as refusal:
        return Plan((Verdict(unit, pin.environment, Standing.BLOCKED, blocked=refusal.blocked),))


def _judge(ask: Ask, config: Config, pin: Pin, unit: Unit) -> Verdict:
    environment = config.environment(pin.environment)
    (snapshot,) = read_environments(ask, config, (environment,), (pin.service,))
    if pin.service not in snapshot.manifests:
        raise UsageError(f"{pin.environment} has no service named {pin.service}", hint="`promobot check` lists them")
    overlay = _Overlay(config, snapshot, pin, _inherited(ask, config, snapshot, snapshot.manifests[pin.service]))
    if not overlay.inherited:
        return Verdict(unit, pin.environment, Standing.CURRENT, note=_why_current(overlay))
    changes = overlay.changes
    branch = branch_at(ask, snapshot.rev, overlay.branch, Mark(config.author, PINNED, pin.key, environment))
    request = open_request(ask, snapshot, branch.name)
    if request is None:
        respect_retargeted(ask, snapshot, branch, f"`promobot pin {pin.service} --env {pin.environment}`")
    actions = (*_pushing(ask, overlay, changes, branch, request), *_proposing(overlay, request))
    if not actions:
        return Verdict(unit, pin.environment, Standing.PROPOSED, request=request)
    step = Step(
        unit=unit,
        target=pin.environment,
        repository=snapshot.rev.repository,
        branch=branch.name,
        head=branch.head,
        guards=(Guard(head_of(environment), Found(snapshot.rev.commit)),),
        actions=actions,
        diff="".join(change.diff for change in changes),
    )
    return Verdict(unit, pin.environment, Standing.DUE, step=step, request=request)


@dataclass(frozen=True)
class _Overlay:
    """An environment's manifests of a service, with the images that each of them inherits, by path."""

    config: Config
    snapshot: Snapshot
    pin: Pin
    inherited: Mapping[str, tuple[Inherited, ...]]

    @property
    def branch(self) -> str:
        """The branch that proposes it."""
        return pin_branch(self.snapshot.environment, self.pin.service)

    @property
    def changes(self) -> tuple[Change, ...]:
        """The manifests with these images. Raises Refusal where one has no place for them."""
        return tuple(self._change(manifest) for manifest in self.snapshot.manifests[self.pin.service])

    def _change(self, manifest: Manifest) -> Change:
        path, before = manifest.file.path, manifest.file.content
        images = [each.image for each in self.inherited.get(path, ())]
        try:
            return Change(path, before, add_images(path, before, images) if images else before)
        except ManifestError as error:
            raise Refusal(error.message, error.hint, ExitCode.MANIFEST) from None


# --- what to pin ----------------------------------------------------------------------------------------


def _inherited(
    ask: Ask, config: Config, snapshot: Snapshot, manifests: Sequence[Manifest]
) -> dict[str, tuple[Inherited, ...]]:
    """What to pin, by manifest. Raises Refusal where that can't be, or where nothing names an image."""
    missing = for_each(manifests, lambda manifest: missing_images(ask, config, snapshot, manifest))
    found = {manifest.file.path: images for manifest, images in zip(manifests, missing, strict=True)}
    if not any(found.values()) and not any(names_in(manifest) for manifest in manifests):
        raise _nothing(ask, config, snapshot, manifests)
    return {path: images for path, images in found.items() if images}


def _why_current(overlay: _Overlay) -> str:
    """Which image it names by itself: one that moves, if there is one."""
    config, environment = overlay.config, overlay.pin.environment
    named = [
        (config.moves_to(environment, field.image), f"{manifest.file.path}:{field.line} names {field.image} already")
        for manifest in overlay.snapshot.manifests[overlay.pin.service]
        for field in manifest.fields
        if field.image is not None
    ]
    return next((text for moves, text in named if moves), named[0][1])


def _nothing(ask: Ask, config: Config, snapshot: Snapshot, manifests: Sequence[Manifest]) -> Refusal:
    url = config.registries[snapshot.environment.registry].url
    paths = [manifest.file.path for manifest in manifests]
    bases = [read_base(ask, snapshot.rev, path) for path in paths]
    read = ", ".join(dict.fromkeys([*paths, *(path for base in bases for path in base.read)]))
    unread = dict.fromkeys(path for base in bases for path in base.elsewhere)
    elsewhere = f"; not looked into: {', '.join(unread)}" if unread else ""
    return Refusal(
        f"no image from {url} or a source's registry was found in {read}{elsewhere}",
        f"write the image in {paths[0]} by hand",
    )


# --- how it is proposed ---------------------------------------------------------------------------------


def _pushing(
    ask: Ask, overlay: _Overlay, changes: Sequence[Change], branch: Branch, request: MergeRequest | None
) -> Iterator[PushBranch]:
    rev = overlay.snapshot.rev
    if _in_place(ask, rev, changes, branch):
        return
    leave_foreign_alone(branch, request)
    files = tuple(FileChange(change.path, change.content) for change in changes if change.content != change.before)
    message = f"{_title(overlay.pin)}\n\n{PINNED}: {overlay.pin.key}\n"
    yield PushBranch(rev.repository, branch.name, rev.commit, branch.head, files, message)


def _proposing(overlay: _Overlay, request: MergeRequest | None) -> Iterator[OpenRequest | SetNote | UpdateRequest]:
    title, repository = _title(overlay.pin), overlay.snapshot.rev.repository
    body = signed(title, _body(overlay))
    if request is None or request.unfinished:
        environment, services = overlay.snapshot.environment, (overlay.pin.service,)
        draft = make_draft(overlay.config, environment, services, overlay.branch, (title, body))
        yield OpenRequest(repository, draft)
    elif request.ours:
        yield from saying(repository, request, read(request.title, request.body).proposing(title, body), "")


def _in_place(ask: Ask, rev: Rev, changes: Sequence[Change], branch: Branch) -> bool:
    if branch.head is None:
        return False
    return are_made(changes, ask.maybe(Files(Rev(rev.repository, branch.head), tuple(each.path for each in changes))))


def _title(pin: Pin) -> str:
    return f"Pin {pin.service} in {pin.environment} to what its base names"


def _body(overlay: _Overlay) -> str:
    pin = overlay.pin
    lines = [
        f"- `{each.image}` in `{_shown(path)}`, as `{_shown(each.file.path)}` line {each.field.line} names it"
        for path, images in overlay.inherited.items()
        for each in images
    ]
    return (
        f"{pin.service} in {pin.environment} inherits its image from a base. This gives it an image of its own:\n\n"
        + "\n".join(lines)
        + "\n\nIt names what the base names now, so nothing changes in what runs. From then on the base's image says "
        f"nothing of {pin.environment}, and promobot can promote to it.\n\n**To undo**, revert the merge commit.\n"
    )


def _shown(path: str) -> str:
    """A path that can't end the code span that it stands in."""
    return "".join(c if c.isprintable() and c not in "`<" else f"\\u{ord(c):04x}" for c in path)
