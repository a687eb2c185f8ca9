"""GitHub's merge queue that wants promobot's status of its own commits, end to end."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import urllib3

from bot.demo.oci import build_index, push
from bot.errors import ExitCode
from bot.images import Digest
from tests.company import PROJECT, Company
from tests.doubles.github import Protection, life
from tests.doubles.github.state import Pull
from tests.doubles.http import Request, Response
from tests.promotion.shops import ANN, GitHubShop, github_shop

FILE = "apps/inventory/staging/helmrelease.yaml"
BRANCH = "promobot/staging/inventory"
SAYS = ["POST /repos/:owner/:repo/statuses/:sha"]


@pytest.fixture
def shop(company: Company) -> Iterator[GitHubShop]:
    """Its queue wants promobot's status, and staging's registry has 1.2.0 of the service, which e2e doesn't run."""
    with github_shop(company) as shop:
        shop.settle("merge: auto", required=0)
        project = shop.hub.projects[PROJECT]
        project.queues.add("main")
        project.rules["main"] = Protection(contexts=("promobot",))
        yield shop


def pull(shop: GitHubShop, number: int = 1) -> Pull:
    return shop.hub.pulls(PROJECT)[number]


def reconcile(shop: GitHubShop, code: ExitCode = ExitCode.DONE) -> list[str]:
    """What a pass writes."""
    shop.running.forget()
    assert shop.promobot("reconcile") == code
    return shop.writes()


def queued(shop: GitHubShop) -> dict[str, str]:
    """The queue's branches, with what promobot's status says of their commits."""
    project = shop.hub.projects[PROJECT]
    heads = {name: head for name, head in shop.repository.heads().items() if name.startswith("gh-readonly-queue/")}
    said = {name: project.combined(head).get("promobot") for name, head in heads.items()}
    return {name: f"{status.state}: {status.description}" if status else "" for name, status in said.items()}


def pushed(shop: GitHubShop, tag: str) -> Digest:
    """An image in staging's registry alone."""
    company = shop.company
    return push(company.staging.access("test"), f"{company.team}/inventory", tag, build_index(f"inventory {tag}"))


def vanishes(shop: GitHubShop, digest: Digest) -> None:
    """Somebody deletes an image in staging's registry."""
    company = shop.company
    login = company.staging.login
    assert login is not None
    headers = urllib3.make_headers(basic_auth=f"{login.username}:{login.password}")
    url = f"{company.staging.url}/v2/{company.team}/inventory/manifests/{digest}"
    with urllib3.PoolManager(ca_certs=str(company.staging.ca_file)) as pool:
        assert pool.request("DELETE", url, headers=headers).status == 202


def proposed(shop: GitHubShop, tag: str) -> int:
    """Ann's pull request for another image, in the queue, which whoever administers it lets in; its number."""
    content = shop.company.manifest("inventory", "staging", tag)
    shop.repository.commit(f"ann/{tag}", {FILE: content}, who=ANN)
    assert shop.opens(f"ann/{tag}")
    with shop.hub.lock:
        project = shop.hub.synced(PROJECT)
        (found,) = (one for one in project.open_pulls if one.source == f"ann/{tag}")
        life.enqueue(project, found, next(shop.hub.ids), "ann", shop.hub.now())
        return found.number


def manual(shop: GitHubShop) -> None:
    """promobot proposes nothing by itself."""
    with (shop.company.folder / "promobot.yaml").open("a", encoding="utf-8") as file:
        file.write("services:\n  - {match: inventory, promote: manual}\n")


def test_what_promobot_merges_by_itself_is_merged_by_the_queue(shop: GitHubShop) -> None:
    assert shop.promobot("reconcile") == ExitCode.DONE
    reconcile(shop)
    main = shop.repository.head("main")
    name = f"gh-readonly-queue/main/pr-1-{main}"
    assert queued(shop) == {name: ""}
    shop.hub.land(PROJECT)
    assert pull(shop).open, "nothing is said of its commit"
    assert reconcile(shop) == SAYS
    assert shop.running.counts().total() == 5, shop.running.log()
    assert queued(shop) == {name: "success: 1 image found in registry staging"}
    assert reconcile(shop) == []
    assert shop.running.counts().total() == 3, shop.running.log()
    shop.hub.land(PROJECT)
    assert pull(shop).merged
    assert shop.company.content("main", FILE) == shop.company.manifest("inventory", "staging", "1.1.3")
    reconcile(shop)
    assert reconcile(shop) == []
    assert shop.running.counts().total() == 2, shop.running.log()
    assert sorted(shop.repository.heads()) == ["main"]


def test_it_is_shown_in_plain_words(shop: GitHubShop, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert shop.promobot("reconcile") == ExitCode.DONE
    words = "set the status on !1 in the merge queue: success, 1 image found in registry staging"
    for command in ("plan", "status", "reconcile"):
        capsys.readouterr()
        assert shop.promobot(command) == ExitCode.DONE
        told = capsys.readouterr().out
        assert "!1 in the merge queue in staging" in told, command
        assert words in " ".join(told.split()), told


def test_the_same_as_json(shop: GitHubShop, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert shop.promobot("reconcile") == ExitCode.DONE
    capsys.readouterr()
    assert shop.promobot("plan", "-o", "json") == ExitCode.DONE
    (item,) = json.loads(capsys.readouterr().out)["upkeep"]
    words = "set the status on !1 in the merge queue: success, 1 image found in registry staging"
    assert (item["unit"], item["environment"]) == ("!1 in the merge queue", "staging")
    assert item["actions"] == [{"action": "SetStatus", "summary": words}]


def test_an_image_that_disappears_in_the_queue_keeps_it_from_being_merged(shop: GitHubShop) -> None:
    manual(shop)
    digest = pushed(shop, "1.2.0")
    number = proposed(shop, "1.2.0")
    assert reconcile(shop) == SAYS
    assert list(queued(shop).values()) == ["success: 1 image found in registry staging"]
    vanishes(shop, digest)
    assert reconcile(shop) == SAYS
    (said,) = queued(shop).values()
    assert said.startswith("failure: ")
    assert "inventory:1.2.0 is not in registry staging: promote it, or push it there" in said
    shop.hub.land(PROJECT)
    assert (pull(shop, number).open, pull(shop, number).queued, queued(shop)) == (True, None, {})
    assert reconcile(shop) == []


def test_a_person_s_that_names_a_missing_image_takes_nobody_else_s_along(shop: GitHubShop) -> None:
    """What is behind it is made anew without it."""
    manual(shop)
    pushed(shop, "1.2.0")
    missing = proposed(shop, "9.9.9")
    shop.repository.commit("ann/notes", {"notes.md": b"1"}, who=ANN)
    assert shop.opens("ann/notes")
    with shop.hub.lock:
        project = shop.hub.synced(PROJECT)
        other = project.pulls[missing + 1]
        life.enqueue(project, other, next(shop.hub.ids), "ann", shop.hub.now())
    reconcile(shop)
    assert [said.partition(":")[0] for said in queued(shop).values()] == ["failure", "failure"]
    shop.hub.land(PROJECT)
    assert list(queued(shop).values()) == [""]
    assert reconcile(shop) == SAYS
    shop.hub.land(PROJECT)
    assert (pull(shop, missing).open, bool(pull(shop, other.number).merged)) == (True, True)


def test_what_leaves_the_queue_meanwhile_is_no_failure(shop: GitHubShop, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        assert shop.promobot("reconcile") == ExitCode.DONE
    assert list(queued(shop).values()) == [""]
    answer = shop.hub.answer
    left: list[object] = []

    def leaves(request: Request) -> Response:
        """Whoever takes it out does so while promobot reads what is said of its commit."""
        if b"context(name" in request.body and not left:
            left.append(life.dequeue(shop.hub.synced(PROJECT), pull(shop), shop.hub.now()))
        return answer(request)

    monkeypatch.setattr(shop.hub, "answer", leaves)
    assert [route for route in reconcile(shop) if "statuses" in route] == []
    assert left
    assert queued(shop) == {}
