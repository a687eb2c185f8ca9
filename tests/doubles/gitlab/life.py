"""What becomes of merge requests: what pushes do to them, when they can be merged, and how they are."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from bot.errors import ConflictError
from bot.forges.local import merging
from bot.git.identity import Identity
from tests.doubles.gitlab.accounts import DEVELOPER, User
from tests.doubles.gitlab.behaviour import refuse
from tests.doubles.gitlab.state import Coming, MergeRequest, Note, Pipeline, Project, Rule, Status
from tests.doubles.repository import Repository

if TYPE_CHECKING:
    from tests.doubles.gitlab.instance import Instance

_ACTIVE = frozenset({"created", "pending", "running"})
# What waits for somebody isn't over, and keeps it from being merged only where pipelines have to succeed.
_INCOMPLETE = _ACTIVE | {"manual", "scheduled"}
# The first that a pipeline has is what it is.
_ORDER = ("running", "pending", "failed", "canceled", "success", "skipped")


def now() -> datetime:
    return datetime.now(UTC)


# --- pushes ---------------------------------------------------------------------------------------------


def look(gitlab: Instance, project: Project, pusher: User | None = None) -> None:
    """Notice what was pushed since the last look, by whichever way."""
    heads = project.repository.heads()
    moved = {branch for branch in {*heads, *project.heads} if heads.get(branch) != project.heads.get(branch)}
    for branch in sorted(moved):
        if branch not in project.heads:
            project.unseen[branch] = gitlab.patience.unseen
        if branch in heads and project.pipelines_for == "push":
            begin_pipeline(gitlab, project, heads[branch], branch, "push", pusher)
    project.heads = heads
    for request in project.requests.values():
        if request.source_branch in moved and request.source_branch in heads and not request.fork:
            _new_commits(gitlab, project, request, heads[request.source_branch], pusher)
        if request.open and {request.source_branch, request.target_branch} & moved:
            recheck(gitlab, request)
            _merged_by_hand(project, request, heads, pusher)


def _new_commits(gitlab: Instance, project: Project, request: MergeRequest, head: str, pusher: User | None) -> None:
    """Of a closed merge request, too, whose approvals go as well; a merged one is what it is."""
    if request.state == "merged" or request.sha == head:
        return
    if gitlab.premium and project.reset_approvals_on_push:
        request.approvals.clear()
    if not request.open:
        return
    count = len(project.repository.between(request.sha, head))
    say(gitlab, request, pusher or request.author, f"added {count} commit{'s' * (count != 1)}", system=True)
    request.versions.append((head, now()))
    request.sha = head
    request.auto_merge = None
    if project.pipelines_for == "merge_request_event":
        begin_pipeline(gitlab, project, head, f"refs/merge-requests/{request.iid}/head", "merge_request_event", pusher)


def _merged_by_hand(project: Project, request: MergeRequest, heads: dict[str, str], pusher: User | None) -> None:
    target = heads.get(request.target_branch)
    if target and request.sha != request.base_sha and project.repository.contains(target, request.sha):
        request.state, request.merged_by, request.ended = "merged", pusher, now()


def recheck(gitlab: Instance, request: MergeRequest) -> None:
    """Forget whether it can be merged."""
    request.pending = ["checking"] * gitlab.patience.mergeability


def say(gitlab: Instance, request: MergeRequest, author: User, body: str, *, system: bool = False) -> Note:
    note = Note(gitlab.accounts.next_id(), author, body, now(), now(), system)
    request.notes.append(note)
    return note


# --- pipelines ------------------------------------------------------------------------------------------


def start_pipeline(gitlab: Instance, project: Project, sha: str, ref: str, source: str, user: User | None) -> Pipeline:
    pipeline = Pipeline(gitlab.accounts.next_id(), len(project.pipelines) + 1, sha, ref, source, user, now())
    project.pipelines.append(pipeline)
    return pipeline


def begin_pipeline(gitlab: Instance, project: Project, sha: str, ref: str, source: str, user: User | None) -> None:
    """What a job in the background makes, now or some looks later."""
    if gitlab.patience.pipelines:
        project.coming.append(Coming(gitlab.patience.pipelines, sha, ref, source, user))
    else:
        start_pipeline(gitlab, project, sha, ref, source, user)


def go_on(gitlab: Instance, project: Project) -> None:
    """Somebody looks, and by the next time the jobs in the background have come further."""
    for request in project.requests.values():
        request.preparing = max(0, request.preparing - 1)
    for one in project.coming:
        one.looks -= 1
    due = [one for one in project.coming if one.looks <= 0]
    project.coming = [one for one in project.coming if one.looks > 0]
    for one in due:
        start_pipeline(gitlab, project, one.sha, one.ref, one.source, one.user)


def shown_pipeline(project: Project, request: MergeRequest) -> Pipeline | None:
    """The one of its head, or as long as there is none that of the newest head that had one."""
    own = f"refs/merge-requests/{request.iid}/head"
    heads = [sha for sha, _ in request.versions]
    fitting = [p for p in project.pipelines if p.sha in heads and p.ref in {own, request.source_branch}]
    return max(fitting, key=lambda p: (heads.index(p.sha), p.ref == own, p.id), default=None)


def head_pipeline(project: Project, request: MergeRequest) -> Pipeline | None:
    """The newest of its head: its own before one of the branch."""
    own = f"refs/merge-requests/{request.iid}/head"
    fitting = [p for p in project.pipelines if p.sha == request.sha and p.ref in {own, request.source_branch}]
    return max(fitting, key=lambda pipeline: (pipeline.ref == own, pipeline.id), default=None)


def settle(pipeline: Pipeline) -> None:
    """An external pipeline is as the newest of its statuses are; one of the project's own also has its jobs."""
    newest = {status.name: status.state for status in pipeline.statuses}
    states = {*newest.values(), *(() if pipeline.source == "external" else (pipeline.built,))}
    pipeline.status = next((state for state in _ORDER if state in states), "pending")


def change_state(status: Status, wanted: str) -> None:
    """A job's states and the ways between them; see the table's source for what is said of the others."""
    event, before = {
        "pending": ("enqueue", {"created"}),
        "running": ("run", {"pending"}),
        "success": ("success", _ACTIVE),
        "failed": ("drop", _ACTIVE),
        "canceled": ("cancel", _ACTIVE),
        "skipped": ("skip", _ACTIVE),
    }[wanted]
    if wanted == "running" and status.state == "created":
        status.state = "pending"
    if status.state not in before:
        raise refuse(
            "transition",
            f"Cannot transition status via :{event} from :{status.state} "
            f'(Reason(s): Status cannot transition via "{event}")',
        )
    status.state = wanted


# --- approvals ------------------------------------------------------------------------------------------


def rules_of(project: Project, request: MergeRequest) -> list[Rule]:
    return request.rules if request.rules is not None else project.rules


def eligible(gitlab: Instance, project: Project, rule: Rule) -> set[int]:
    """Who may approve for a rule; for one of nobody in particular, whoever may push."""
    members = gitlab.accounts.members(project.namespace)
    if rule.rule_type == "any_approver":
        return {user for user, role in members.items() if role >= DEVELOPER}
    of_groups = (gitlab.accounts.members(gitlab.accounts.groups[group], inherited=False) for group in rule.groups)
    return {user.id for user in rule.users}.union(*of_groups)


def counted(gitlab: Instance, project: Project, request: MergeRequest, rule: Rule) -> set[int]:
    """The approvals that a rule counts: not the author's, unless the project says so."""
    without = set() if project.author_may_approve else {request.author.id}
    return eligible(gitlab, project, rule) & set(request.approvals) - without


def approved(gitlab: Instance, project: Project, request: MergeRequest) -> bool:
    rules = rules_of(project, request)
    if not gitlab.premium:
        return bool(request.approvals)
    return all(len(counted(gitlab, project, request, rule)) >= rule.required for rule in rules)


def may_approve(gitlab: Instance, project: Project, request: MergeRequest, user: User) -> bool:
    own = request.author == user and gitlab.premium and not project.author_may_approve
    return gitlab.accounts.role(user, project.namespace) >= DEVELOPER and request.open and not own


# --- merging --------------------------------------------------------------------------------------------


def merge_status(gitlab: Instance, project: Project, request: MergeRequest, *, checked: bool = True) -> str:
    """GitLab's `detailed_merge_status`; looking is what makes its background job go on."""
    if request.open and request.preparing:
        return "preparing"
    if request.open and request.pending:
        return request.pending.pop(0) if checked else request.pending[0]
    return why_not(gitlab, project, request) or "mergeable"


def why_not(gitlab: Instance, project: Project, request: MergeRequest) -> str:
    """The first of GitLab's checks that fails; empty where it can be merged."""
    pipeline = head_pipeline(project, request)
    source, target = project.heads.get(request.source_branch), project.heads.get(request.target_branch)
    checks = {
        "not_open": not request.open,
        "draft_status": request.draft,
        "commits_status": source is None or target is None or source == target,
        "not_approved": gitlab.premium and not approved(gitlab, project, request),
    }
    for name, failed in checks.items():
        if failed:
            return name
    if source is None or target is None or _conflicts(project.repository, source, target):
        return "conflict"
    if project.merge_method in {"ff", "rebase_merge"} and not project.repository.contains(source, target):
        return "need_rebase"
    if project.only_allow_merge_if_pipeline_succeeds and (pipeline is None or pipeline.status != "success"):
        return "ci_still_running" if pipeline and pipeline.status in _INCOMPLETE else "ci_must_pass"
    return ""


@cache
def _conflicts(repository: Repository, source: str, target: str) -> bool:
    try:
        merging.merged_tree(repository.directory, target, source)
    except ConflictError:
        return True
    return False


def may_merge(gitlab: Instance, project: Project, request: MergeRequest, user: User) -> bool:
    role = gitlab.accounts.role(user, project.namespace)
    protection = project.protection(request.target_branch)
    if protection is None:
        return role >= DEVELOPER
    members = {number for group in protection.groups for number in gitlab.accounts.members(group)}
    return 0 < protection.merge <= role or user in protection.users or user.id in members


def merge(gitlab: Instance, project: Project, request: MergeRequest, user: User, *, squash: bool, message: str) -> bool:
    """Bring it into its target, by compare-and-set; False where the target moved meanwhile."""
    repository = project.repository
    heads = repository.heads()
    source, target = heads[request.source_branch], heads[request.target_branch]
    who = Identity(user.name, f"{user.username}@example.com")
    tree = merging.merged_tree(repository.directory, target, source)
    title = f"{request.title}\n\n{request.description}".strip()
    if squash:
        source = repository.squashed(repository.base(target, source) or target, _tree_of(project, source), title, who)
    new = source
    if project.merge_method == "ff":
        new = repository.squashed(target, tree, title, who) if squash else source
    else:
        text = message or f"Merge branch '{request.source_branch}' into '{request.target_branch}'\n\n{request.title}"
        new = merging.merge_commit(repository.directory, tree, (target, source), text, user.name, now())
    if not repository.move(request.target_branch, new, target):
        return False
    request.squash_commit_sha = (new if project.merge_method == "ff" else source) if squash else None
    request.merge_commit_sha = new if project.merge_method != "ff" else None
    request.state, request.merged_by, request.ended, request.updated = "merged", user, now(), now()
    request.auto_merge = None
    look(gitlab, project, user)
    return True


def _tree_of(project: Project, commit: str) -> str:
    return project.repository.git("rev-parse", f"{commit}^{{tree}}")


def after_merge(gitlab: Instance, project: Project, request: MergeRequest, *, remove: bool) -> None:
    """The end of the source branch, where that is wanted and nobody forbids it."""
    branch = request.source_branch
    gone = remove and branch != project.repository.default_branch and not project.protection(branch)
    if gone and project.repository.move(branch, None, request.sha):
        look(gitlab, project)
