"""A GitHub over repositories that are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.doubles.github import GitHub, Role
from tests.doubles.github.accounts import Token
from tests.doubles.github.refusals import RefusedError
from tests.doubles.github.state import Project, Protection, Pull
from tests.doubles.standing.estate import APPROVERS, ROBOT, Estate
from tests.doubles.standing.pages import Shown, WithPages


def stand(estate: Estate) -> WithPages:
    """A server as docs/github.md advises: who writes may merge what promobot's status is green for."""
    hub = GitHub(estate.root)
    for path in estate.projects:
        owner = path.partition("/")[0]
        slugs = [group.rpartition("/")[2] for group in estate.groups if group.partition("/")[0] == owner]
        for slug in slugs:
            hub.team(owner, slug, *APPROVERS)
        roles, teams = dict.fromkeys((ROBOT, *APPROVERS), Role.WRITE), dict.fromkeys(slugs, Role.WRITE)
        project = hub.adopt(path, roles=roles, teams=teams, delete_branch_on_merge=True)
        project.rules[project.repository.default_branch] = Protection(contexts=("promobot",))
    hub.tokens[estate.token] = Token(ROBOT, "classic", frozenset({"repo", "read:org"}))
    return WithPages(hub, GitHubSite(hub))


@dataclass(frozen=True)
class GitHubSite:
    """Its pages."""

    hub: GitHub

    def lists(self) -> Mapping[str, str]:
        return {f"/{path}/pulls": path for path in self.hub.projects}

    def shown(self) -> Mapping[str, Shown]:
        with self.hub.lock:
            return {
                f"/{path}/pull/{pull.number}": self._shown(project, pull)
                for path, project in self.hub.projects.items()
                for pull in self.hub.pulls(path).values()
            }

    def _shown(self, project: Project, pull: Pull) -> Shown:
        asked = ", ".join((*pull.reviewers, *pull.teams))
        return Shown(
            project.path,
            pull.number,
            pull.title,
            "open" if pull.open else "merged" if pull.merged else "closed",
            (
                f"by {pull.login}",
                f"{pull.source} → {pull.target}",
                f"for {asked or 'nobody'}",
                f"approved by {project.approvals(pull)}",
                *([f"labels: {', '.join(pull.labels)}"] if pull.labels else []),
            ),
            tuple(f"{name}: {s.state}, {s.description}" for name, s in project.combined(pull.head).items()),
            pull.body or "",
            tuple(comment.body for comment in pull.comments),
            lambda: project.repository.change(pull.base, pull.head),
        )

    def approve(self, shown: Shown) -> str:
        with self.hub.lock:
            pull = self.hub.pulls(shown.project)[shown.number]
            given = {review.login for review in pull.reviews if review.commit == pull.head}
            for name in [name for name in APPROVERS if name not in given][:1]:
                self.hub.review(shown.project, shown.number, name)
        return ""

    def merge(self, shown: Shown) -> str:
        try:
            self.hub.merge(shown.project, shown.number, APPROVERS[0])
        except RefusedError as refused:
            return refused.words
        return ""
