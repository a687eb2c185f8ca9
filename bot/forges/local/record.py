"""A merge request as it is stored: one JSON text, described in docs/local-forge.md."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from bot.errors import ForgeError
from bot.repositories import CommitStatus, MergeRequest, RequestState, StatusState

_SCHEMA = 1
# In a merge request's address, between its repository's and its number.
NUMBER_MARK = "#merge-request-"


@dataclass(frozen=True)
class Record:
    """What is stored of a merge request. `head` is the source branch's commit when it was last written.

    Times are RFC 3339 texts; `merge_commit`, `ended`, `ended_by` and `reason` are empty while it is open. `note` is
    promobot's own.
    """

    number: int
    title: str
    body: str
    source_branch: str
    target_branch: str
    head: str
    state: str
    author: str
    created: str
    updated: str
    reviewers: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    ended: str = ""
    ended_by: str = ""
    reason: str = ""
    merge_commit: str = ""
    draft: bool = False
    note: str = ""

    @property
    def is_open(self) -> bool:
        return self.state == RequestState.OPEN.value

    @property
    def pair(self) -> tuple[str, str]:
        """Source and target branch."""
        return self.source_branch, self.target_branch

    def dump(self) -> bytes:
        text = json.dumps({"schema": _SCHEMA, **asdict(self)}, indent=2, sort_keys=True, ensure_ascii=False)
        return f"{text}\n".encode("utf-8", "surrogatepass")

    def request(self, *, user: str, head: str, url: str) -> MergeRequest:
        """The merge request as every forge has it, seen by the account `user`."""
        return MergeRequest(
            number=self.number,
            title=self.title,
            body=self.body,
            source_branch=self.source_branch,
            target_branch=self.target_branch,
            head=head,
            state=RequestState(self.state),
            url=url,
            author=self.author,
            ours=self.author == user,
            reviewers=self.reviewers,
            labels=self.labels,
            ended_by=self.ended_by,
            ended_by_us=self.ended_by == user,
            reason=self.reason,
            draft=self.draft,
            merge_commit=self.merge_commit,
            merged_at=_time(self.ended) if self.merge_commit else None,
            note=self.note,
        )


def dump_status(status: CommitStatus) -> bytes:
    """What is said of a commit, as it is stored."""
    fields = {"schema": _SCHEMA, "state": status.state.value, "description": status.description}
    return f"{json.dumps(fields, indent=2, sort_keys=True, ensure_ascii=False)}\n".encode("utf-8", "surrogatepass")


def load_status(content: bytes, where: str) -> CommitStatus:
    """Read what `dump_status` wrote. Raises ForgeError naming `where` if it is something else."""
    try:
        fields = json.loads(content.decode("utf-8", "surrogatepass"))
        return CommitStatus(StatusState(fields["state"]), str(fields["description"]))
    except (ValueError, TypeError, KeyError) as error:
        raise ForgeError(f"{where} is not a status: {error}", hint=f"remove it: git update-ref -d {where}") from error


def _time(text: str) -> datetime | None:
    """Anybody who may write refs may have written the record."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None


def load(content: bytes, where: str) -> Record:
    """Read what `Record.dump` wrote. Raises ForgeError naming `where` if it is something else."""
    try:
        fields = json.loads(content.decode("utf-8", "surrogatepass"))
        schema = fields.pop("schema")
        if schema != _SCHEMA:
            raise ForgeError(f"{where} has schema {schema}, known is {_SCHEMA}", hint="use a newer promobot")
        record = Record(**fields | {name: tuple(fields[name]) for name in ("reviewers", "labels")})
        RequestState(record.state)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ForgeError(
            f"{where} is not a merge request: {error}", hint=f"put its former value back with git update-ref {where}"
        ) from error
    return record
