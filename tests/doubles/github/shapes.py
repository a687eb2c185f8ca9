"""Accounts, repositories and what is about them, in GitHub's JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from tests.doubles.github.accounts import Account, AppRegistration, Role, Team
from tests.doubles.github.state import Project

_USER_URLS = {
    "events_url": "/events{/privacy}",
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "organizations_url": "/orgs",
    "received_events_url": "/received_events",
    "repos_url": "/repos",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
}
_REPOSITORY_URLS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "statuses_url": "/statuses/{sha}",
    "trees_url": "/git/trees{/sha}",
}
_PLAIN_URLS = (
    *("contributors", "deployments", "downloads", "events", "forks", "hooks", "languages", "merges", "stargazers"),
    *("subscribers", "subscription", "tags", "teams"),
)


@dataclass(frozen=True)
class Links:
    """Where the double is for who asks: `api` is the API's root, `site` where people look."""

    api: str
    site: str

    def repository(self, project: Project) -> str:
        return f"{self.api}/repos/{project.path}"


def when(time: datetime | None) -> str | None:
    return None if time is None else time.strftime("%Y-%m-%dT%H:%M:%SZ")


def account(links: Links, who: Account) -> dict[str, Any]:
    name = quote(who.login)
    url = f"{links.api}/users/{name}"
    return {
        "login": who.login,
        "id": who.id,
        "node_id": f"U_{who.id}",
        "avatar_url": f"{links.site}/avatars/u/{who.id}",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{links.site}/{name}",
        **{key: f"{url}{below}" for key, below in _USER_URLS.items()},
        "type": who.kind,
        "site_admin": False,
    }


def private_user(links: Links, who: Account, now: datetime) -> dict[str, Any]:
    counts = [
        *("followers", "following", "public_gists", "public_repos", "collaborators", "disk_usage"),
        *("owned_private_repos", "private_gists", "total_private_repos"),
    ]
    nothing = ["bio", "blog", "company", "email", "hireable", "location", "name"]
    return {
        **account(links, who),
        **dict.fromkeys(counts, 0),
        **dict.fromkeys(nothing),
        "two_factor_authentication": True,
        "created_at": when(now),
        "updated_at": when(now),
    }


def repository(links: Links, project: Project, owner: Account, role: Role) -> dict[str, Any]:
    """What a repository is wherever it is part of something else."""
    url = links.repository(project)
    return {
        "id": project.id,
        "node_id": project.node_id,
        "name": project.name,
        "full_name": project.path,
        "owner": account(links, owner),
        "private": project.private,
        "description": None,
        "fork": False,
        "url": url,
        "html_url": f"{links.site}/{project.path}",
        **{key: f"{url}{below}" for key, below in _REPOSITORY_URLS.items()},
        **{f"{name}_url": f"{url}/{name}" for name in _PLAIN_URLS},
        "clone_url": f"{links.site}/{project.path}.git",
        "git_url": f"git://example.invalid/{project.path}.git",
        "ssh_url": f"git@example.invalid:{project.path}.git",
        "svn_url": f"{links.site}/{project.path}",
        "mirror_url": None,
        **_about(project),
        "permissions": {
            "admin": role >= Role.ADMIN,
            "maintain": role >= Role.MAINTAIN,
            "push": role >= Role.WRITE,
            "triage": role >= Role.TRIAGE,
            "pull": role >= Role.READ,
        },
    }


def _about(project: Project) -> dict[str, Any]:
    counted = ("forks", "open_issues", "watchers")
    counts = (*counted, *(f"{name}_count" for name in counted), "size", "stargazers_count")
    kinds = ["has_downloads", "has_issues", "has_projects", "has_wiki"]
    return {
        "homepage": None,
        "language": None,
        "license": None,
        "default_branch": project.repository.default_branch,
        **dict.fromkeys(counts, 0),
        **dict.fromkeys(kinds, True),
        "has_pages": False,
        "has_discussions": False,
        "topics": [],
        "archived": False,
        "disabled": False,
        "visibility": "private" if project.private else "public",
        **{f"{name}_at": when(project.created) for name in ("created", "updated", "pushed")},
    }


def full_repository(links: Links, project: Project, owner: Account, role: Role) -> dict[str, Any]:
    """What a repository is when it is asked for; how it may be merged is told to who may push."""
    told = {
        **{f"allow_{_METHODS[method]}": method in project.methods for method in _METHODS},
        "allow_auto_merge": project.auto_merge,
        "delete_branch_on_merge": project.delete_branch_on_merge,
    }
    return {
        **repository(links, project, owner, role),
        "network_count": 0,
        "subscribers_count": 0,
        **(told if role >= Role.WRITE else {}),
    }


_METHODS = {"merge": "merge_commit", "squash": "squash_merge", "rebase": "rebase_merge"}


def label(links: Links, project: Project, name: str) -> dict[str, Any]:
    number = project.labels[name]
    return {
        "id": number,
        "node_id": f"LA_{number}",
        "url": f"{links.repository(project)}/labels/{quote(name, safe='')}",
        "name": name,
        "description": "",
        "color": "ededed",
        "default": False,
    }


def team(links: Links, which: Team) -> dict[str, Any]:
    url = f"{links.api}/organizations/1/team/{which.id}"
    return {
        "id": which.id,
        "node_id": which.node_id,
        "url": url,
        "html_url": f"{links.site}/orgs/{which.organization}/teams/{which.slug}",
        "name": which.slug,
        "slug": which.slug,
        "description": None,
        "permission": "pull",
        "privacy": "closed",
        "members_url": f"{url}/members{{/member}}",
        "repositories_url": f"{url}/repos",
        "parent": None,
        "type": "organization",
    }


def full_team(links: Links, which: Team, owner: Account, now: datetime) -> dict[str, Any]:
    organization = account(links, owner)
    url = f"{links.api}/orgs/{owner.login}"
    names = ["login", "id", "node_id", "avatar_url", "html_url", "type"]
    return {
        **team(links, which),
        "created_at": when(now),
        "updated_at": when(now),
        "members_count": len(which.members),
        "repos_count": 0,
        "organization": {
            **{name: organization[name] for name in names},
            "url": url,
            **{f"{name}_url": f"{url}/{name}" for name in ("repos", "events", "hooks", "issues")},
            "members_url": f"{url}/members{{/member}}",
            "public_members_url": f"{url}/public_members{{/member}}",
            "description": None,
            "has_organization_projects": True,
            "has_repository_projects": True,
            **dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0),
            "created_at": when(now),
            "updated_at": when(now),
            "archived_at": None,
        },
    }


def app(links: Links, which: AppRegistration, permissions: Mapping[str, str], now: datetime) -> dict[str, Any]:
    return {
        "id": which.id,
        "slug": which.slug,
        "node_id": f"A_{which.id}",
        "owner": account(links, Account(1, "apps-owner", "Organization")),
        "name": which.slug,
        "description": None,
        "external_url": "https://example.invalid",
        "html_url": f"{links.site}/apps/{which.slug}",
        "created_at": when(now),
        "updated_at": when(now),
        "permissions": dict(permissions),
        "events": [],
    }
