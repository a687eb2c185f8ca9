"""promobot's one note on a pull request, a comment among those of everybody else."""

from __future__ import annotations

from functools import partial

from github.IssueComment import IssueComment

from bot.forges.github import queries
from bot.forges.github.client import GraphError
from bot.forges.github.merging import must_be_open
from bot.forges.github.pulls import Pulls
from bot.forges.notes import is_note, settle_note, unmarked


def note(pulls: Pulls, number: int) -> str:
    """What ours says to people; empty where there is none."""
    return next((unmarked(one.body) for one in _ours(pulls, number)), "")


def set_note(pulls: Pulls, number: int, text: str) -> bool:
    """Let ours say this, see `settle_note`. Raises ConflictError where the pull request has ended."""
    pull, ours = pulls.client.pull(pulls.project, number), partial(_ours, pulls, number)

    def look() -> None:
        must_be_open(pulls.project, pulls.get(number).request)

    def add(body: str) -> None:
        pulls.client.certain(lambda: pull.create_issue_comment(body), lambda: next(iter(ours()), None))

    def change(comment: IssueComment, body: str) -> None:
        # Saying it twice does no harm.
        pulls.client.certain(partial(comment.edit, body), lambda: None)

    def remove(comment: IssueComment) -> None:
        try:
            pulls.client.mutate(queries.DELETE_NOTE, lambda: None, id=comment.node_id)
        except GraphError as error:
            if not error.missing("deleteIssueComment"):  # somebody else, or the try whose answer was lost, has done it
                raise

    return settle_note(text, look=look, ours=ours, add=add, change=change, remove=remove)


def _ours(pulls: Pulls, number: int) -> list[IssueComment]:
    """GitHub lists them oldest first."""
    comments = pulls.client.pull(pulls.project, number).get_issue_comments()
    return [one for one in comments if _login(one) == pulls.me.login and is_note(one.body)]


def _login(comment: IssueComment) -> str:
    """Who is gone has none."""
    return getattr(comment.user, "login", "")
