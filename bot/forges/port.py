"""What promobot asks of a forge, in promobot's terms."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.forges.rights import Right, Use
from bot.repositories import BranchProtection, CommitStatus, MergeRequest, RequestDraft, RequestState


@dataclass(frozen=True)
class Opened:
    """A merge request that is open now; `created` is false if it was open before and was adopted.

    `notes` are sentences without a full stop, for whoever runs this: what of the draft the forge could not be given.
    """

    request: MergeRequest
    created: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class AutoMerge:
    """A merge request that was to be merged, as it is then; `waits` says why it neither is nor will be by itself.

    `remedy` is what to do about that, where it isn't plain.
    """

    request: MergeRequest
    waits: str = ""
    remedy: str = ""


class Forge(Protocol):
    """A forge. `project` is the path of a project there, such as `platform/gitops-prod`.

    Every method raises ForgeError when the forge refuses, fails or can't be reached, or has no such project or
    merge request. Repeating a call that succeeded changes nothing.
    """

    def git_url(self, project: str) -> str:
        """Where git finds the project's repository. No credential is in it."""
        ...

    def requests(self, project: str, state: RequestState | None = None) -> tuple[MergeRequest, ...]:
        """The merge requests in this state (None: all), lowest number first."""
        ...

    def open_requests(self, project: str) -> tuple[MergeRequest, ...]:
        """The open merge requests, lowest number first."""
        ...

    def closed_requests(self, project: str, branches: Collection[str]) -> Mapping[str, tuple[MergeRequest, ...]]:
        """The merge requests from each of these branches that were closed without merging, newest first."""
        ...

    def merged(self, project: str, commits: Collection[str]) -> Mapping[str, MergeRequest]:
        """The merge requests by which a branch came to these commits, by commit; others are left out.

        So is a commit that the project doesn't have: one of several takes nothing from the others.
        Each with `merge_commit` and `merged_at`, the forge's own time and not a commit's, where the forge knows them.
        Where several say the same commit (one changed nothing), the one merged first.
        """
        ...

    def get(self, project: str, number: int) -> MergeRequest:
        """One merge request."""
        ...

    def approvals(self, project: str, number: int) -> tuple[str, ...]:
        """Who approves an open merge request as it is, as far as the forge tells; its author never among them."""
        ...

    def diff(self, project: str, number: int) -> str:
        """What merging an open merge request would change, as a unified diff; empty once it has ended."""
        ...

    def statuses(
        self, project: str, commits: Collection[str], *, branches: Mapping[str, str] | None = None
    ) -> Mapping[str, CommitStatus]:
        """What promobot's own status says on these commits, by commit; those without one are left out.

        So is a commit that the project doesn't have: one of several takes nothing from the others.
        On a forge where pipelines hold the statuses, what an older pipeline of a commit has isn't there, nor what one
        of another branch at it has: of which branch is meant, `branches` tell by commit; else of all that are there.
        """
        ...

    def protection(self, project: str, branch: str) -> BranchProtection:
        """What it makes sure of before a branch changes, as far as this token is told."""
        ...

    def members(self, project: str, group: str) -> tuple[str, ...]:
        """The users who may approve for a group, as `project` calls it. Raises ForgeError where it can't be seen."""
        ...

    def rights(self, uses: Sequence[Use]) -> tuple[Right, ...]:
        """Whether the token can do what these projects are used for. Reads only; what fails is a finding."""
        ...

    def set_status(
        self,
        project: str,
        commit: str,
        status: CommitStatus,
        *,
        branch: str,
        new: bool = False,
        request: int | None = None,
    ) -> bool:
        """Let promobot's own status on a commit say this; False where it said so before, and nothing was written.

        `branch` is where the commit is, for a forge that wants to know. No status of another name is touched.
        Of a `new` commit nothing is said yet, so that a forge may do without a look. One that was just pushed to an
        open merge request, `request`, may not have the pipeline yet that has to hold it.
        """
        ...

    def open(self, project: str, draft: RequestDraft, *, status: CommitStatus | None = None) -> Opened:
        """Open a merge request, or adopt, as it is, the one that is open between the two branches.

        `status` is what was said of its head before; where opening begins a pipeline that counts from then on, it says
        so too.
        """
        ...

    def update(
        self, project: str, number: int, *, title: str, body: str, seen: tuple[str, str] | None = None
    ) -> MergeRequest:
        """Give an open merge request a new title and body. Raises ConflictError if it is no longer open.

        Or if it doesn't say what was `seen`, looked at right before: what a person wrote meanwhile stays.
        """
        ...

    def note(self, project: str, number: int) -> str:
        """What our one note on a merge request says to people; empty where there is none."""
        ...

    def set_note(self, project: str, number: int, text: str) -> bool:
        """Let our one note on an open merge request say this; False where it did, and nothing was written.

        Raises ConflictError if it is no longer open, looked at right before: who ended it is told nothing more.
        Notes of ours beyond it, which two who write at once may leave, go. Nobody else's is touched.
        """
        ...

    def ready(self, project: str, number: int) -> MergeRequest:
        """Let an open merge request be a draft no longer. Raises ConflictError if it is no longer open."""
        ...

    def close(self, project: str, number: int, *, reason: str, by: str | None = None, link: str = "") -> MergeRequest:
        """Close without merging, and say the reason; the branch stays. Raises ConflictError if it is merged.

        `link` leads people to what replaces it.
        It is `by` the account that promobot works as, unless the forge lets anybody say who they are.
        """
        ...

    def merge(self, project: str, number: int, *, head: str, by: str | None = None) -> MergeRequest:
        """Merge, if the source branch is still at the commit `head`; `by` as in `close`.

        Raises ConflictError if it isn't, if the branches conflict, or if the merge request is closed or a draft.
        """
        ...

    def merge_when_ready(self, project: str, number: int, *, head: str, into: str) -> AutoMerge:
        """Merge, if the source branch is still at `head`; or let the forge do so by itself when its checks are through.

        What the forge refuses, by its rules for the branch or while approvals are missing, is said and left at that.
        Raises ConflictError if the branch moved, if the merge request is closed or a draft, if it `needs_rebase`, or if
        it goes elsewhere than `into` this branch by now.
        """
        ...

    def hold(self, project: str, number: int) -> bool:
        """Let the forge no longer merge it by itself; False where it wouldn't have."""
        ...
