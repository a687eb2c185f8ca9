"""Which image of the target an image of the source becomes: never another one's place."""

from __future__ import annotations

import pytest

from bot.decide.orders import Orders
from bot.errors import ExitCode
from bot.plan import CopyImage, PushBranch, Standing, Verdict
from tests.paper import E2E, STAGING, Paper, configured, digest, values

E2E_FILE, STAGING_FILE = "apps/api/e2e/values.yaml", "apps/api/staging/values.yaml"
API, WORKER = digest(2), digest(5)


def listed(registry: str, **tags: str) -> bytes:
    """A values file with a list of images, in the order of the arguments."""
    items = (f"  - image: {registry}/shop/{name}:{tag}\n" for name, tag in tags.items())
    return f"jobs:\n{''.join(items)}".encode()


@pytest.fixture
def paper() -> Paper:
    """Two images in a list; staging has them the other way round."""
    return Paper(
        trees={
            "m1": {
                E2E_FILE: listed(E2E, api="2.0.0-rc1", worker="2.0.0-rc1"),
                STAGING_FILE: listed(STAGING, worker="1.0.0", api="1.0.0"),
            }
        },
        tags={("e2e", "shop/api", "2.0.0-rc1"): API, ("e2e", "shop/worker", "2.0.0-rc1"): WORKER},
    )


def copies(verdict: Verdict) -> dict[str, CopyImage]:
    assert verdict.step is not None, verdict
    return {a.destination.repository: a for a in verdict.step.actions if isinstance(a, CopyImage)}


def test_images_of_a_list_find_their_own_repository_whatever_their_order(paper: Paper) -> None:
    verdict = paper.verdict("api")
    found = copies(verdict)
    assert {name: copy.source.repository for name, copy in found.items()} == {name: name for name in found}
    assert {name: copy.digest for name, copy in found.items()} == {"shop/api": API, "shop/worker": WORKER}
    assert verdict.step is not None
    push = next(action for action in verdict.step.actions if isinstance(action, PushBranch))
    assert push.files[0].content == listed(STAGING, worker="2.0.0", api="2.0.0")


def test_an_image_does_not_take_the_place_of_another_that_moves_too(paper: Paper) -> None:
    paper.trees["m1"][STAGING_FILE] = listed(STAGING, worker="1.0.0")
    verdict = paper.verdict("api")
    assert verdict.standing is Standing.BLOCKED
    assert verdict.blocked is not None
    assert "shop/api:2.0.0-rc1, but api in staging names no image for it" in verdict.blocked.reason


def test_the_same_place_stands_for_a_repository_of_another_name(paper: Paper) -> None:
    paper.trees["m1"][E2E_FILE] = listed(E2E, api="2.0.0-rc1")
    paper.trees["m1"][STAGING_FILE] = listed(STAGING, **{"api-released": "1.0.0"})
    assert copies(paper.verdict("api"))["shop/api-released"].digest == API


def test_an_image_named_at_two_places_moves_at_both(paper: Paper) -> None:
    twice = "a:\n  image: {0}/shop/api:{1}\nb:\n  image: {0}/shop/api:{1}\n"
    paper.trees["m1"][E2E_FILE] = twice.format(E2E, "2.0.0-rc1").encode()
    paper.trees["m1"][STAGING_FILE] = twice.format(STAGING, "1.0.0").encode()
    verdict = paper.verdict("api")
    assert len(copies(verdict)) == 1
    assert verdict.step is not None
    assert verdict.step.diff.count("+  image: ") == 2


def test_two_versions_that_would_get_the_same_tag_are_refused(paper: Paper) -> None:
    both = "a:\n  image: {0}/shop/api:{1}\nb:\n  image: {0}/shop/api:{2}\n"
    paper.trees["m1"][E2E_FILE] = both.format(E2E, "2.0.0-rc1", "2.0.0-rc2").encode()
    paper.trees["m1"][STAGING_FILE] = both.format(STAGING, "1.0.0", "1.0.0").encode()
    paper.tags["e2e", "shop/api", "2.0.0-rc2"] = digest(9)
    verdict = paper.verdict("api")
    assert verdict.step is None
    assert verdict.blocked is not None
    assert API.short in verdict.blocked.reason
    assert digest(9).short in verdict.blocked.reason
    assert verdict.blocked.code is ExitCode.BLOCKED


@pytest.mark.parametrize(
    ("found", "ours"),
    [
        (values(STAGING, "1.0.0", repository="live/shop-api"), "live/shop-api"),
        (values(E2E, "1.0.0", repository="shop/api"), "live/shop-api"),
        (values(STAGING, "1.0.0", repository="elsewhere/api"), "elsewhere/api"),
    ],
    ids=["by its mapped path", "that still names the source's registry", "of its own name at the same place"],
)
def test_an_image_goes_to_what_it_is_called_in_the_target(paper: Paper, found: bytes, ours: str) -> None:
    paper.trees["m1"] = {E2E_FILE: values(E2E, "2.0.0-rc1"), STAGING_FILE: found}
    verdict = paper.verdict("api", config=configured(staging={"repositories": {"shop/*": "live/shop-*"}}))
    assert verdict.step is not None
    push = next(action for action in verdict.step.actions if isinstance(action, PushBranch))
    assert push.files[0].content == values(STAGING, "2.0.0", repository=ours)
    assert [copy.destination.repository for copy in copies(verdict).values()] == [ours]


def test_mapped_images_of_a_list_find_their_own(paper: Paper) -> None:
    listed_live = listed(STAGING, worker="1.0.0", api="1.0.0").replace(b"/shop/", b"/live/")
    paper.trees["m1"][STAGING_FILE] = listed_live
    verdict = paper.verdict("api", config=configured(staging={"repositories": {"shop/*": "live/*"}}))
    found = copies(verdict)
    assert {name: copy.digest for name, copy in found.items()} == {"live/api": API, "live/worker": WORKER}


@pytest.mark.parametrize("registry", ["staging", "e2e"])
def test_a_copied_manifest_gets_the_mapped_repository(paper: Paper, registry: str) -> None:
    """Of one registry for both environments, too."""
    paper.trees["m1"] = {E2E_FILE: values(E2E, "2.0.0-rc1"), "apps/web/staging/values.yaml": values(STAGING, "1.0.0")}
    url = STAGING if registry == "staging" else E2E
    staging = {"repositories": {"shop/api": "live/api"}, "when_missing": "copy", "registry": registry}
    verdict = paper.verdict("api", config=configured(staging=staging))
    assert verdict.step is not None
    push = next(action for action in verdict.step.actions if isinstance(action, PushBranch))
    assert push.files[0].content == values(url, "2.0.0", repository="live/api")


def test_images_that_do_not_move_are_left_alone(paper: Paper) -> None:
    verdict = paper.verdict("api", config=configured(e2e={"images": ["shop/api"]}))
    assert list(copies(verdict)) == ["shop/api"]


# --- aliases --------------------------------------------------------------------------------------------

ALIASED = """\
api:
  image: {{repository: {0}/shop/api, tag: &version {1}}}
worker:
  image: {{repository: {0}/shop/worker, tag: *version}}
"""


def test_an_image_that_follows_another_by_an_alias_goes_with_it(paper: Paper) -> None:
    paper.trees["m1"] = {
        E2E_FILE: ALIASED.format(E2E, "2.0.0-rc1").encode(),
        STAGING_FILE: ALIASED.format(STAGING, "1.0.0").encode(),
    }
    verdict = paper.verdict("api")
    assert set(copies(verdict)) == {"shop/api", "shop/worker"}
    assert verdict.promotion is not None
    assert verdict.promotion.warnings == ()
    assert verdict.step is not None
    push = next(action for action in verdict.step.actions if isinstance(action, PushBranch))
    assert push.files[0].content == ALIASED.format(STAGING, "2.0.0").encode()


def test_an_alias_that_would_follow_to_another_version_is_refused(paper: Paper) -> None:
    paper.trees["m1"] = {
        E2E_FILE: ALIASED.format(E2E, "2.0.0-rc1").replace("*version", "2.0.1-rc1").encode(),
        STAGING_FILE: ALIASED.format(STAGING, "1.0.0").encode(),
    }
    paper.tags["e2e", "shop/worker", "2.0.1-rc1"] = WORKER
    blocked = paper.verdict("api", orders=Orders(mixed=True)).blocked
    assert blocked is not None
    assert f"{STAGING_FILE}:4: " in blocked.reason
    assert "taken by an alias from line 2" in blocked.reason
    assert blocked.code is ExitCode.MANIFEST
