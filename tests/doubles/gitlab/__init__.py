"""GitLab's API v4, as far as promobot uses it, with GitLab's own opinions about when to say what.

`GitLab(root)` is an instance: users, groups, projects over bare repositories, merge requests, pipelines. `serve` of
`tests/doubles/server.py` runs it. What people do there is done by its methods and by plain git; what promobot does
comes over HTTP. Every refusal names where GitLab does so, in `behaviour.py`; what takes GitLab's background jobs a
while takes as many looks as `Patience` says.
"""

from tests.doubles.gitlab.accounts import DEVELOPER, GUEST, MAINTAINER, OWNER, REPORTER, User
from tests.doubles.gitlab.app import GitLab
from tests.doubles.gitlab.state import MergeRequest, Patience, Project, Rule

__all__ = [
    "DEVELOPER",
    "GUEST",
    "MAINTAINER",
    "OWNER",
    "REPORTER",
    "GitLab",
    "MergeRequest",
    "Patience",
    "Project",
    "Rule",
    "User",
]
