"""How GitLab refuses, and where that is from: files are of GitLab's own source unless it says otherwise.

`message` comes in three shapes (text, list, lists by field), and Grape's own refusals and those of OAuth have `error`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.doubles.http import Response


@dataclass(frozen=True)
class Refusal:
    """A status, the shape of what is said with it, and the source."""

    status: int
    shape: str
    source: str


_TRAINS = "ee/app/services/auto_merge/add_to_merge_train_when_pipeline_succeeds_service.rb"

REFUSALS = {
    # --- who asks ---------------------------------------------------------------------------------------
    "nobody": Refusal(401, "message", "lib/api/helpers.rb, unauthorized!; an unknown token is nobody's"),
    "expired": Refusal(401, "oauth", "lib/api/api_guard.rb, Gitlab::Auth::ExpiredError"),
    "revoked": Refusal(401, "oauth", "lib/api/api_guard.rb, Gitlab::Auth::RevokedError"),
    "scope": Refusal(403, "oauth", "lib/api/api_guard.rb, Gitlab::Auth::InsufficientScopeError"),
    "forbidden": Refusal(403, "message", "lib/api/helpers.rb, forbidden!"),
    # --- what is asked for ------------------------------------------------------------------------------
    "hidden": Refusal(404, "message", "lib/api/helpers.rb, find_project! and find_group!: who may not see it, neither"),
    "absent": Refusal(404, "message", "lib/api/api.rb, rescue_from ActiveRecord::RecordNotFound"),
    "route": Refusal(404, "error", "lib/api/api.rb, route :any: how an edition answers that hasn't got the endpoint"),
    "parameter": Refusal(400, "error", "lib/api/api.rb, rescue_from Grape::Exceptions::ValidationErrors"),
    # --- merge requests ---------------------------------------------------------------------------------
    "duplicate": Refusal(409, "array", "app/models/merge_request.rb, validate_branches; lib/api/helpers.rb, conflict!"),
    "same branch": Refusal(422, "errors", "app/models/merge_request.rb, validate_branches, and error! of lib/api"),
    "branch unseen": Refusal(400, "fields", "github.com/renovatebot/renovate, issue 44498: just after a push"),
    "title": Refusal(400, "fields", "app/models/concerns/issuable.rb, TITLE_LENGTH_MAX"),
    "may not merge": Refusal(401, "message", "lib/api/merge_requests.rb, merge: unless can_be_merged_by?"),
    "head moved": Refusal(409, "message", "lib/api/helpers/merge_requests_helpers.rb, check_sha_param!"),
    "not mergeable": Refusal(405, "message", "lib/api/merge_requests.rb, execute_merge; right after creation, too"),
    "cannot be merged": Refusal(422, "message", "lib/api/merge_requests.rb, execute_immediate_merge!"),
    "not armed": Refusal(406, "message", "docs: api/merge_requests, cancel merge when pipeline succeeds"),
    "no train": Refusal(403, "message", "docs: api/merge_trains, add a merge request to a merge train"),
    "nothing to wait for": Refusal(400, "message", f"{_TRAINS}, available_for?; since 17.11 it gets on at once"),
    "may not approve": Refusal(401, "message", "lib/api/merge_request_approvals.rb, unauthorized! unless success"),
    # --- commits and branches ---------------------------------------------------------------------------
    "transition": Refusal(400, "message", "app/services/ci/create_commit_status_service.rb, apply_job_state!"),
    "no pipeline": Refusal(404, "message", "app/services/ci/create_commit_status_service.rb, validate"),
    "branch exists": Refusal(400, "message", "app/services/branches/create_service.rb"),
    "branch": Refusal(404, "message", "lib/api/branches.rb, not_found!('Branch')"),
    "protected": Refusal(403, "message", "app/services/branches/delete_service.rb"),
    "file": Refusal(404, "message", "lib/api/files.rb, not_found!('File')"),
    "commit": Refusal(404, "message", "lib/api/commits.rb, not_found!('Commit')"),
}

# What else is copied, by where it is copied.
BEHAVIOURS = {
    "two at once may both open one": "app/models/merge_request.rb: validate_branches looks, and then inserts",
    "a push takes approvals away": "app/services/merge_requests/refresh_service.rb; Premium's setting, on by default",
    "a push ends auto-merge": "app/services/merge_requests/refresh_service.rb, abort_auto_merges",
    "a target with the head has merged it": "app/services/merge_requests/refresh_service.rb, post_merge_manually",
    "a deleted branch closes nothing": "github.com/renovatebot/renovate, issue 1468",
    "mergeability takes a while": "app/services/merge_requests/mergeability/detailed_merge_status_service.rb",
    "pipelines take a while": "app/services/merge_requests/base_service.rb, refresh_pipelines_on_merge_requests: async",
    "a new one is prepared once it has its pipeline": "app/services/merge_requests/after_create_service.rb",
    "the pipeline of an older head is shown until then": "app/models/merge_request.rb, update_head_pipeline",
    "one pipeline takes the statuses": "app/services/ci/create_commit_status_service.rb, find_or_create_pipeline",
    "a draft is one by its title": "lib/gitlab/regex.rb, merge_request_draft: [Draft], Draft:, (Draft)",
    "Free keeps one reviewer": "docs: multiple reviewers and assignees are of Premium",
    "members come down from groups": "lib/api/members.rb, members/all",
    "long diffs are cut": "docs: api/merge_requests, changes_count is a string, as 1000+; app/models/merge_request.rb",
    "long lists aren't counted": "docs: api/rest, pagination response headers; of more than 10,000",
    "a linear history wants a rebase": "app/models/merge_request.rb, should_be_rebased?; ff and rebase_merge",
    "squashing is the project's choice": "app/models/project_setting.rb, squash_option",
}

_SHAPES: dict[str, Any] = {
    "message": lambda text, _: {"message": text},
    "array": lambda text, _: {"message": [text]},
    "fields": lambda text, field: {"message": {field: [text]}},
    "error": lambda text, _: {"error": text},
    "errors": lambda text, _: {"error": [text]},
}
_OAUTH = {
    "expired": ("invalid_token", "Token is expired. You can either do re-authorization or token refresh."),
    "revoked": ("invalid_token", "Token was revoked. You have to re-authorize from the user."),
    "scope": ("insufficient_scope", "The request requires higher privileges than provided by the access token."),
}


class RefusedError(Exception):
    """Ends a request: `response` is the answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response)
        self.response = response


def refuse(why: str, text: str = "", field: str = "") -> RefusedError:
    """How GitLab refuses for a reason of the table; `text` is what it says, `field` what about or the scope wanted."""
    refusal = REFUSALS[why]
    if refusal.shape == "oauth":
        error, description = _OAUTH[why]
        scope = {"scope": field} if field else {}
        return RefusedError(Response(refusal.status, {"error": error, "error_description": description, **scope}))
    return RefusedError(Response(refusal.status, _SHAPES[refusal.shape](text, field)))
