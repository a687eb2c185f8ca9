"""GitHub's double: REST and the GraphQL that we need, as Enterprise Server has them (`/api/v3`, `/api/graphql`).

`hub.GitHub` is the App to serve, the world that a test arranges, and what people do there. `refusals.py` has every
refusal with its source. Pull requests follow what is pushed, at the next request: they close when their branch is
deleted, and are merged when the target has their commits.
"""

from tests.doubles.github.accounts import Role
from tests.doubles.github.hub import GitHub
from tests.doubles.github.state import Protection

__all__ = ["GitHub", "Protection", "Role"]
