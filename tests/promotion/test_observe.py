"""Questions that one look answers together: what spoils one of them spoils no other."""

from __future__ import annotations

from contextlib import closing

from bot.configfile import load_config
from bot.git import Identity
from bot.observe import observe
from bot.questions import Commits, Found, Unknown
from bot.repositories import Repository
from bot.world import World
from tests.company import PROJECT, Company
from tests.promotion.shops import github_app_shop
from tests.proxy import ALWAYS, Answer, Fault


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


def test_a_forge_that_does_not_say_whose_commits_they_are_leaves_them_unknown(company: Company) -> None:
    """Who we are is asked for commits of an address that GitHub gives out."""
    with github_app_shop(company) as shop:
        base, who = shop.repository.head("main"), Identity("Web", "1+web@users.noreply.github.com")
        assert base is not None
        head = shop.repository.commit("topic", {"notes.md": b"a note\n"}, "Note\n\nSigned-off-by: web", who=who)
        asked, other = (Commits(Repository("local", PROJECT), base, one, paths=True) for one in (head, base))
        shop.running.inject(Fault("GET .*/app$", Answer(400), ALWAYS))
        with closing(World(load_config(company.folder / "promobot.yaml"), shop.environ, company.folder / "c")) as world:
            answers = observe(world, [asked, other])
        assert isinstance(answers[asked], Unknown)
        assert answers[other] == Found(())
