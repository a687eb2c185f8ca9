"""Notes, approvals and the rules for them; by lib/api/notes.rb, merge_request_approvals.rb and the rules' manual."""

from __future__ import annotations

from tests.doubles.gitlab import life, shapes
from tests.doubles.gitlab.accounts import DEVELOPER, MAINTAINER
from tests.doubles.gitlab.behaviour import refuse
from tests.doubles.gitlab.call import Call, Handler
from tests.doubles.gitlab.state import MergeRequest, Note, Rule
from tests.doubles.http import Response


def _notes(call: Call) -> Response:
    request, project = call.merge_request(), call.project
    newest_first = call.choice("sort", "asc", "desc", default="desc") == "desc"
    updated = call.choice("order_by", "created_at", "updated_at", default="created_at") == "updated_at"
    notes = [
        note
        for note in request.notes
        if {"only_comments": not note.system, "only_activity": note.system}.get(call.text("activity_filter"), True)
    ]
    notes.sort(key=lambda note: (note.updated if updated else note.created, note.id), reverse=newest_first)
    return call.page([shapes.note(call.base, project, request, note) for note in notes])


def _note(call: Call, request: MergeRequest) -> Note:
    wanted = call.values["note_id"]
    for note in request.notes:
        if str(note.id) == wanted:
            return note
    raise refuse("absent", "404 Not found")


def _one_note(call: Call) -> Response:
    request = call.merge_request()
    return Response(200, shapes.note(call.base, call.project, request, _note(call, request)))


def _say(call: Call) -> Response:
    request = call.merge_request()
    note = life.say(call.gitlab, request, call.me, call.text("body", required=True))
    return Response(201, shapes.note(call.base, call.project, request, note))


def _reword(call: Call) -> Response:
    request = call.merge_request()
    note = _own_note(call, request)
    note.body, note.updated = call.text("body", required=True), life.now()
    return Response(200, shapes.note(call.base, call.project, request, note))


def _take_back(call: Call) -> Response:
    request = call.merge_request()
    request.notes.remove(_own_note(call, request))
    return Response(204)


def _own_note(call: Call, request: MergeRequest) -> Note:
    """Maintainers may change anybody's."""
    note = _note(call, request)
    if note.system or (note.author != call.me and call.role(call.project.namespace) < MAINTAINER):
        raise refuse("forbidden", "403 Forbidden")
    return note


# --- approvals ------------------------------------------------------------------------------------------


def _approvals(call: Call) -> Response:
    request = call.merge_request()
    return Response(200, shapes.approvals(call.base, call.gitlab, call.project, request, call.user))


def _approve(call: Call) -> Response:
    request, project = call.merge_request(least=DEVELOPER), call.project
    sha = call.text("sha")
    if sha and sha != request.sha:
        raise refuse("head moved", f"SHA does not match HEAD of source branch: {request.sha}")
    able = life.may_approve(call.gitlab, project, request, call.me)
    if not able or call.me.id in request.approvals:
        raise refuse("may not approve", "401 Unauthorized")
    request.approvals[call.me.id] = life.now()
    life.say(call.gitlab, request, call.me, "approved this merge request", system=True)
    return Response(201, shapes.approvals(call.base, call.gitlab, project, request, call.user))


def _unapprove(call: Call) -> Response:
    request = call.merge_request(least=DEVELOPER)
    if request.approvals.pop(call.me.id, None) is None:
        raise refuse("absent", "404 Not Found")
    return Response(201, shapes.approvals(call.base, call.gitlab, call.project, request, call.user))


def _state(call: Call) -> Response:
    call.must_be_paid()
    request, project = call.merge_request(), call.project
    rules = life.rules_of(project, request)
    states = [shapes.rule_state(call.base, call.gitlab, project, request, rule) for rule in rules]
    return Response(200, {"approval_rules_overwritten": request.rules is not None, "rules": states})


def _project_rules(call: Call) -> Response:
    call.must_be_paid()
    project = call.project
    call.must(DEVELOPER)
    shown = [
        {
            **shapes.rule(call.base, call.gitlab, project, rule),
            "applies_to_all_protected_branches": rule.protected,
            "protected_branches": [
                shapes.protection(one) for one in project.protections if rule.protected or one.name in rule.branches
            ],
        }
        for rule in project.rules
    ]
    return call.page(shown)


def _settings(call: Call) -> Response:
    """By ee/lib/api/project_approvals.rb."""
    call.must_be_paid()
    project = call.project
    call.must(DEVELOPER)
    return Response(200, shapes.approval_settings(project))


def _request_rules(call: Call) -> Response:
    call.must_be_paid()
    request, project = call.merge_request(), call.project
    return call.page([shapes.rule(call.base, call.gitlab, project, rule) for rule in life.rules_of(project, request)])


def _add_rule(call: Call) -> Response:
    """Its first own rule makes a merge request forget the project's."""
    call.must_be_paid()
    request = call.merge_request(least=DEVELOPER)
    made = Rule(call.gitlab.accounts.next_id(), call.text("name", required=True), call.number("approvals_required"))
    _fill(call, made)
    request.rules = [*(request.rules or ()), made]
    return Response(201, shapes.rule(call.base, call.gitlab, call.project, made))


def _change_rule(call: Call) -> Response:
    call.must_be_paid()
    request = call.merge_request(least=DEVELOPER)
    for rule in request.rules or ():
        if str(rule.id) == call.values["rule_id"]:
            rule.name = call.text("name", rule.name)
            rule.required = call.number("approvals_required", rule.required)
            _fill(call, rule)
            return Response(200, shapes.rule(call.base, call.gitlab, call.project, rule))
    raise refuse("absent", "404 Not found")


def _fill(call: Call, rule: Rule) -> None:
    users = [*(call.people("user_ids") or ())]
    names = call.words("usernames") or ()
    users += [user for user in call.gitlab.accounts.users.values() if user.username in names]
    if users or "user_ids" in call.given or names:
        rule.users = tuple(dict.fromkeys(users))
    groups = call.words("group_ids")
    if groups is not None:
        rule.groups = tuple(g.path for g in call.gitlab.accounts.groups.values() if str(g.id) in groups)
    rule.rule_type = "regular" if rule.users or rule.groups else "any_approver"


_ONE = "/projects/:id/merge_requests/:iid"
TABLE: dict[str, Handler] = {
    f"GET {_ONE}/notes": _notes,
    f"POST {_ONE}/notes": _say,
    f"GET {_ONE}/notes/:note_id": _one_note,
    f"PUT {_ONE}/notes/:note_id": _reword,
    f"DELETE {_ONE}/notes/:note_id": _take_back,
    f"GET {_ONE}/approvals": _approvals,
    f"POST {_ONE}/approve": _approve,
    f"POST {_ONE}/unapprove": _unapprove,
    f"GET {_ONE}/approval_state": _state,
    "GET /projects/:id/approval_rules": _project_rules,
    "GET /projects/:id/approvals": _settings,
    f"GET {_ONE}/approval_rules": _request_rules,
    f"POST {_ONE}/approval_rules": _add_rule,
    f"PUT {_ONE}/approval_rules/:rule_id": _change_rule,
}
