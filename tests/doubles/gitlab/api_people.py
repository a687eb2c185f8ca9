"""Who there is, and what the instance is; by lib/api/users.rb, members.rb, groups.rb and metadata.rb."""

from __future__ import annotations

from tests.doubles.gitlab import shapes
from tests.doubles.gitlab.accounts import REPORTER, Namespace
from tests.doubles.gitlab.behaviour import refuse
from tests.doubles.gitlab.call import Call, Handler
from tests.doubles.http import Response


def _me(call: Call) -> Response:
    return Response(200, shapes.current_user(call.base, call.me))


def _my_token(call: Call) -> Response:
    if call.token is None:
        raise refuse("nobody", "401 Unauthorized")
    return Response(200, shapes.token(call.token))


def _users(call: Call) -> Response:
    """By the whole name; GitLab doesn't mind its case."""
    _ = call.me
    wanted = call.text("username").lower()
    found = [user for user in call.gitlab.accounts.users.values() if not wanted or user.username.lower() == wanted]
    return call.page([shapes.user(call.base, user) for user in found])


def _group(call: Call) -> Response:
    return Response(200, shapes.group(call.base, call.group))


def _group_members(call: Call) -> Response:
    return _members(call, call.group, inherited=False)


def _all_group_members(call: Call) -> Response:
    return _members(call, call.group, inherited=True)


def _all_project_members(call: Call) -> Response:
    project = call.project
    call.must(REPORTER)
    return _members(call, project.namespace, inherited=True)


def _members(call: Call, place: Namespace, *, inherited: bool) -> Response:
    members = call.gitlab.accounts.members(place, inherited=inherited)
    users, wanted = call.gitlab.accounts.users, call.words("user_ids")
    shown = [
        shapes.member(call.base, users[number], role)
        for number, role in sorted(members.items())
        if wanted is None or str(number) in wanted
    ]
    return call.page(shown)


def _metadata(call: Call) -> Response:
    _ = call.me
    about = {"version": call.gitlab.version, "revision": "5e0c9a1b2c3", "enterprise": call.gitlab.enterprise}
    kas = {"enabled": False, "externalUrl": None, "externalK8sProxyUrl": None, "version": None}
    return Response(200, {**about, "kas": kas})


TABLE: dict[str, Handler] = {
    "GET /user": _me,
    "GET /users": _users,
    "GET /personal_access_tokens/self": _my_token,
    "GET /groups/:id": _group,
    "GET /groups/:id/members": _group_members,
    "GET /groups/:id/members/all": _all_group_members,
    "GET /projects/:id/members/all": _all_project_members,
    "GET /version": _metadata,
    "GET /metadata": _metadata,
}
