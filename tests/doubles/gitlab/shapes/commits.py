"""Commits, branches and what they differ in, as GitLab shows them."""

from __future__ import annotations

from tests.doubles.gitlab.shapes.people import Json
from tests.doubles.gitlab.state import Project, Protection

_FORMAT = "%H%x00%h%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B"


def commit(base: str, one: Project, sha: str) -> Json:
    text = one.repository.git("log", "-1", f"--format={_FORMAT}", sha)
    oid, short, parents, author, email, authored, committer, address, committed, message = text.split("\0")
    return {
        "id": oid,
        "short_id": short,
        "created_at": committed,
        "parent_ids": parents.split(),
        "title": message.partition("\n")[0],
        "message": message,
        "author_name": author,
        "author_email": email,
        "authored_date": authored,
        "committer_name": committer,
        "committer_email": address,
        "committed_date": committed,
        "trailers": {},
        "extended_trailers": {},
        "web_url": f"{base}/{one.path}/-/commit/{oid}",
    }


def branch(base: str, one: Project, name: str, sha: str, role: int) -> Json:
    protection = one.protection(name)
    default = one.repository.default_branch
    heads = one.repository.heads()
    return {
        "name": name,
        "commit": commit(base, one, sha),
        "merged": name != default and one.repository.contains(heads[default], sha),
        "protected": protection is not None,
        "developers_can_push": protection is not None and 0 < protection.push <= 30,
        "developers_can_merge": protection is not None and 0 < protection.merge <= 30,
        "can_push": role >= (protection.push or 99) if protection else role >= 30,
        "default": name == default,
        "web_url": f"{base}/{one.path}/-/tree/{name}",
    }


def protection(one: Protection) -> Json:
    def levels(role: int) -> list[Json]:
        names = {0: "No one", 30: "Developers + Maintainers", 40: "Maintainers"}
        level = {"id": one.id, "access_level": role, "access_level_description": names.get(role, str(role))}
        return [{**level, "user_id": None, "group_id": None}]

    users = [(user.name, {"user_id": user.id, "group_id": None}) for user in one.users]
    groups = [(group.path, {"user_id": None, "group_id": group.id}) for group in one.groups]
    named = [
        {"id": one.id, "access_level": 40, "access_level_description": name, **ids} for name, ids in (*users, *groups)
    ]
    return {
        "id": one.id,
        "name": one.name,
        "push_access_levels": levels(one.push),
        "merge_access_levels": [*levels(one.merge), *named],
        "allow_force_push": False,
        "unprotect_access_levels": [],
        "code_owner_approval_required": one.code_owners,
        "inherited": False,
    }


def diff(one: Project, base: str, head: str, *, unidiff: bool) -> list[Json]:
    """Every file that differs; GitLab leaves out the two lines that name it, unless they are asked for."""
    names = one.repository.git("diff", "--raw", "--no-renames", "--abbrev=40", base, head).splitlines()
    return [_file_diff(one, base, head, line, unidiff=unidiff) for line in names]


def _file_diff(one: Project, base: str, head: str, line: str, *, unidiff: bool) -> Json:
    modes, _, path = line.partition("\t")
    before, after, _, _, kind = modes.removeprefix(":").split()
    text = one.repository.git("diff", "--no-renames", "--no-color", base, head, "--", path)
    start = text.find("\n--- " if unidiff else "\n@@")
    return {
        "diff": f"{text[start + 1 :]}\n" if start >= 0 else "",
        "collapsed": False,
        "too_large": False,
        "new_path": path,
        "old_path": path,
        "a_mode": before,
        "b_mode": after,
        "new_file": kind == "A",
        "renamed_file": False,
        "deleted_file": kind == "D",
        "generated_file": None,
    }
