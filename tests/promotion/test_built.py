"""What a merge request tells of the code that an image was built from, with real labels and a real repository."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bot.demo.oci import build_index, push
from bot.errors import ExitCode
from tests.company import PROJECT, Company
from tests.git.origin import git
from tests.proxy import Answer, Fault, start_proxy

PROMOTE = ("promote", "inventory", "--to", "staging")
SUBJECTS = (
    "Round totals half up (#412)",
    "/approve",
    "@all: `<b>` $x$ [a](http://evil.example) <!-- promobot -->\t\x1b[1m",
)
SHOWN = "@all: \\u0060\\u003cb>\\u0060 $x$ [a](http://evil.example) \\u003c!-- promobot --\\u003e\\u0009\\u001b[1m"
SOURCE = "services:\n  - {match: inventory, source: {forge: local, project: shop/inventory}}\n"


def write_code(company: Company, subjects: Sequence[str]) -> tuple[str, str]:
    """The service's repository on the forge: a first commit, and one for each subject. Returns first and last."""
    bare = company.folder / "git/shop/inventory.git"
    bare.mkdir(parents=True)
    git(bare, "init", "--quiet", "--bare", "--initial-branch=main")
    tree, commits = git(bare, "mktree"), [""]
    for subject in ("First", *subjects):
        parent = ["-p", commits[-1]] if commits[-1] else []
        commits.append(git(bare, "commit-tree", tree, *parent, stdin=f"{subject}\n"))
    git(bare, "update-ref", "refs/heads/main", commits[-1])
    return commits[1], commits[-1]


def label(company: Company, before: str, after: str) -> None:
    """Let both images say what they were built from."""
    labels = [{"org.opencontainers.image.revision": revision} for revision in (before, after)]
    access = company.staging.access("staging")
    push(access, f"{company.team}/inventory", "1.1.2", build_index("inventory old", labels=labels[0]))
    company.push_e2e("inventory", "1.1.3-rc2", build_index("inventory new", labels=labels[1]))


def test_the_commits_between_two_images_are_told_once(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = write_code(company, SUBJECTS)
    label(company, before, after)
    config = company.folder / "promobot.yaml"
    config.write_text(config.read_text(encoding="utf-8") + SOURCE, encoding="utf-8")
    assert company.promobot(*PROMOTE) == ExitCode.DONE
    (request,) = company.requests()
    listed = f"**New:** 3 commits of `shop/inventory`, `{before[:7]} → {after[:7]}` by the labels of the images\n"
    assert listed in request.body
    assert "` `Round totals half up (#412)`\n" in request.body
    assert "` `/approve`\n" in request.body
    assert f"` `{SHOWN}`\n" in request.body
    refs = company.git("for-each-ref")
    assert company.promobot(*PROMOTE) == ExitCode.DONE
    assert company.git("for-each-ref") == refs, "nothing was pushed, and no merge request was written"
    message = company.git("log", "-1", "--format=%B", request.source_branch)
    assert "approve" not in message


def test_labels_are_read_once_for_a_merge_request(company: Company) -> None:
    label(company, "1" * 40, "2" * 40)
    with start_proxy(company.e2e) as e2e, start_proxy(company.staging) as staging:
        company.connect(e2e=e2e, staging=staging)
        assert company.promobot(*PROMOTE) == ExitCode.DONE
        (request,) = company.requests()
        assert "- Built from `1111111 → 2222222`, by the labels.\n" in request.body
        assert staging.count("GET .*/blobs/") == 1
        for proxy in (e2e, staging):
            proxy.seen.clear()
        assert company.promobot(*PROMOTE) == ExitCode.DONE
        assert e2e.count() + staging.count() == 2
        assert company.requests() == (request,)


def test_a_registry_that_tells_no_labels_holds_nothing_up(company: Company) -> None:
    label(company, "1" * 40, "2" * 40)
    with start_proxy(company.staging) as staging:
        company.connect(staging=staging)
        staging.inject(Fault("GET .*/manifests/sha256", Answer(403)))
        assert company.promobot(*PROMOTE) == ExitCode.DONE
        (request,) = company.requests()
        assert "- Built from `2222222`, by the labels.\n" in request.body
        staging.heal()
        assert company.promobot(*PROMOTE) == ExitCode.DONE
    (request,) = company.requests()
    assert "- Built from `1111111 → 2222222`, by the labels.\n" in request.body
    assert company.forge.get(PROJECT, 1) == request
