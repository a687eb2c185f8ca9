"""Questions that one look answers together: what spoils one of them spoils no other."""

from __future__ import annotations

from contextlib import closing

from bot.configfile import load_config
from bot.observe import observe
from bot.questions import Commits, Found, Unknown
from bot.repositories import Repository
from bot.world import World
from tests.company import PROJECT, Company


def test_a_head_that_is_gone_costs_no_other_its_commits(company: Company) -> None:
    repository = Repository("local", PROJECT)
    base = company.git("rev-parse", "main").strip()
    head = company.commit("topic", "notes.md", b"a note\n")
    there, gone = Commits(repository, base, head, paths=True), Commits(repository, base, "0" * 39 + "1", paths=True)
    with closing(World(load_config(company.folder / "promobot.yaml"), company.environ, company.folder / "c")) as world:
        answers = observe(world, [gone, there])
    assert isinstance(answers[gone], Unknown)
    found = answers[there]
    assert isinstance(found, Found)
    assert [(commit.sha, commit.paths) for commit in found.value] == [(head, ("notes.md",))]
