"""Forges that run inside the tests: stateful, over real bare repositories, and strict about what they are asked.

A double is an `App` (see `server.py`): a function from request to answer, and who may do what with a repository.
`serve` runs it on a free loopback port. Around the app, the same for every forge:

- `git clone` and `git push` by the real `git http-backend` (`tests/git/backend.py`), with a token as the password;
- repositories whose refs change by compare-and-set alone (`repository.py`);
- a list of every exchange, counted by method and route, and printed readably (`server.py`);
- faults: `running.inject(Fault(match, kind, times, skip))`, with the kinds of `tests/proxy.py`, for one request by its
  route or its number: refused, answered late, cut before the work, or cut after it;
- `running.watchers`: each sees every exchange, and what one of them says against it fails the test. What the double
  itself stumbles over does so too.

Routes are written as in the forges' own documentation (`routes.py`), and are names in counts and complaints.

`hooks.py` sends what changes as webhooks, best effort and to loopback alone, for who puts it around the app.

`standing` runs one as a process of its own, with pages for a browser: `promobot demo --forge gitlab` does.
"""
