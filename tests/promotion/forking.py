"""Processes that have imported everything when they begin: with an interpreter each, that takes longer than their work.

A server forks them; the first who needs one starts it, in the environment of that moment.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerContext

from tests.promotion.driver import PRELOAD

# What is imported only when it is needed; each process would have to do it anew.
_LATER = ("bot.decide.text.language", "bot.forges.github", "bot.forges.gitlab", "gitlab.v4.objects", "jinja2.meta")


def forking(*modules: str) -> ForkServerContext:
    """How to start them; `modules` are those that what they shall run is in."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*PRELOAD, *_LATER, *modules])
    return context
