"""Users, teams, Apps and limits."""

from __future__ import annotations

from tests.doubles.github import shapes
from tests.doubles.github.accounts import Account, AppRegistration, Grant, Installation, Team
from tests.doubles.github.call import Call, Handler
from tests.doubles.github.refusals import Refused, RefusedError
from tests.doubles.github.shapes import when
from tests.doubles.http import Response

_METADATA, _MEMBERS = Grant("metadata"), Grant("members")


def user(call: Call) -> Response:
    who = call.hub.accounts[call.login]
    if who.kind == "Bot":
        raise RefusedError(Refused.NOT_FOR_APP)
    return Response(200, shapes.private_user(call.links, who, call.now))


def rate_limit(call: Call) -> Response:
    _kind, _, text = call.request.headers.get("Authorization", "").partition(" ")
    limit = call.hub.limits.of(text, call.now)
    said = {
        "limit": limit.most,
        "remaining": limit.most - limit.used,
        "used": limit.used,
        "reset": int(limit.until.timestamp()),
    }
    return Response(200, {"resources": {"core": said, "search": said, "graphql": said}, "rate": said})


def repository(call: Call) -> Response:
    project = call.project(_METADATA)
    owner = call.hub.accounts[project.owner]
    return Response(200, shapes.full_repository(call.links, project, owner, call.hub.role(call.token, project)))


def collaborators(call: Call) -> Response:
    project = call.project(Grant("metadata", "write"))
    logins = sorted(project.roles)
    roles = {login: project.roles[login].name.lower() for login in logins}
    return call.page(
        logins, lambda login: {**shapes.account(call.links, call.hub.accounts[login]), "role_name": roles[login]}
    )


def _team(call: Call) -> Team:
    if call.token is None or not call.token.grants(_MEMBERS):
        kind = Refused.NOT_FOR_APP if call.token and call.token.kind == "installation" else Refused.NOT_FOUND
        raise RefusedError(kind, headers={"X-Accepted-GitHub-Permissions": "members=read"})
    team = call.hub.teams.get((call.values["org"], call.values["slug"]))
    if team is None:
        raise RefusedError(Refused.NOT_FOUND)
    return team


def team(call: Call) -> Response:
    found = _team(call)
    owner = call.hub.accounts[found.organization]
    return Response(200, shapes.full_team(call.links, found, owner, call.now))


def members(call: Call) -> Response:
    return call.page(_team(call).members, lambda login: shapes.account(call.links, call.hub.accounts[login]))


# --- Apps -----------------------------------------------------------------------------------------------


def _signer(call: Call) -> AppRegistration:
    if call.app is None:
        raise RefusedError(Refused.BAD_JWT)
    return call.app


def app(call: Call) -> Response:
    signer = _signer(call)
    return Response(200, shapes.app(call.links, signer, {"metadata": "read"}, call.now))


def installation(call: Call) -> Response:
    signer, path = _signer(call), f"{call.values['owner']}/{call.values['repo']}"
    for found in signer.installations.values():
        if found.account == call.values["owner"] and (found.projects is None or path in found.projects):
            return Response(200, _installation(call, signer, found))
    raise RefusedError(Refused.NOT_FOUND)


def _installation(call: Call, signer: AppRegistration, found: Installation) -> dict[str, object]:
    account: Account = call.hub.accounts[found.account]
    return {
        "id": found.id,
        "app_id": signer.id,
        "app_slug": signer.slug,
        "target_id": account.id,
        "target_type": account.kind,
        "account": shapes.account(call.links, account),
        "access_tokens_url": f"{call.links.api}/app/installations/{found.id}/access_tokens",
        "repositories_url": f"{call.links.api}/installation/repositories",
        "html_url": f"{call.links.site}/settings/installations/{found.id}",
        "repository_selection": "all" if found.projects is None else "selected",
        "permissions": dict(found.permissions),
        "events": [],
        "single_file_name": None,
        "suspended_by": None,
        "suspended_at": None,
        "created_at": when(call.now),
        "updated_at": when(call.now),
    }


def access_tokens(call: Call) -> Response:
    signer = _signer(call)
    found = signer.installations.get(int(call.values["id"]))
    if found is None:
        raise RefusedError(Refused.NOT_FOUND)
    for permission, level in call.said.get("permissions", {}).items():
        if not Grant(permission, level).given_by(found.permissions):
            raise RefusedError(Refused.NOT_GRANTED)
    text, expires = call.hub.installation_token(signer, found)
    return Response(
        201,
        {
            "token": text,
            "expires_at": when(expires),
            "permissions": dict(found.permissions),
            "repository_selection": "all" if found.projects is None else "selected",
        },
    )


HANDLERS: dict[str, Handler] = {
    "GET /user": user,
    "GET /rate_limit": rate_limit,
    "GET /repos/:owner/:repo": repository,
    "GET /repos/:owner/:repo/collaborators": collaborators,
    "GET /orgs/:org/teams/:slug": team,
    "GET /orgs/:org/teams/:slug/members": members,
    "GET /app": app,
    "GET /repos/:owner/:repo/installation": installation,
    "POST /app/installations/:id/access_tokens": access_tokens,
}
