"""Scalars that are carried with a service's images."""

from __future__ import annotations

import pytest

from bot.decide.text import fingerprints_in
from bot.plan import OpenRequest, PushBranch, Standing, Verdict
from tests.paper import E2E, STAGING, Paper, configured, digest

E2E_FILE, STAGING_FILE = "apps/api/e2e/values.yaml", "apps/api/staging/values.yaml"
CONFIG = configured(staging={"also_promote": ["/spec/chart/spec/version"]})
RELEASE = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: api
spec:
  chart:
    spec:
      chart: shop
      version: {chart} # of the chart
  values:
    image:
      repository: {registry}/shop/api
      tag: {tag}
"""


def release(registry: str, tag: str, chart: str = "1.0.0") -> bytes:
    return RELEASE.format(registry=registry, tag=tag, chart=chart).encode()


@pytest.fixture
def paper() -> Paper:
    """E2e runs 1.1.3-rc2 from chart 1.3.0, staging 1.1.2 from chart 1.2.0."""
    return Paper(
        trees={
            "m1": {E2E_FILE: release(E2E, "1.1.3-rc2", "1.3.0"), STAGING_FILE: release(STAGING, "1.1.2", '"1.2.0"')}
        },
        tags={("e2e", "shop/api", "1.1.3-rc2"): digest(2), ("staging", "shop/api", "1.1.2"): digest(1)},
    )


def action(verdict: Verdict, kind: type) -> object:
    assert verdict.step is not None, verdict
    return next(action for action in verdict.step.actions if isinstance(action, kind))


def pushed(verdict: Verdict) -> bytes:
    push = action(verdict, PushBranch)
    assert isinstance(push, PushBranch)
    return push.files[0].content


def body(verdict: Verdict) -> str:
    opening = action(verdict, OpenRequest)
    assert isinstance(opening, OpenRequest)
    return opening.draft.body


def test_a_companion_goes_with_the_image_in_one_commit(paper: Paper) -> None:
    verdict = paper.verdict("api", config=CONFIG)
    assert pushed(verdict) == release(STAGING, "1.1.3", '"1.3.0"')
    assert verdict.step is not None
    assert '+      version: "1.3.0" # of the chart' in verdict.step.diff
    assert "- Carried along: `/spec/chart/spec/version`, `1.2.0` → `1.3.0`\n" in body(verdict)
    assert verdict.promotion is not None
    assert [(c.path, c.pointer, c.before, c.after) for c in verdict.promotion.companions] == [
        (STAGING_FILE, "0:/spec/chart/spec/version", "1.2.0", "1.3.0")
    ]
    push = action(verdict, PushBranch)
    assert isinstance(push, PushBranch)
    assert "\nversion 1.2.0 → 1.3.0\n" in push.message


def test_what_forges_obey_is_told_in_code_alone(paper: Paper) -> None:
    # A forge would close the issue, or call the group.
    paper.trees["m1"][E2E_FILE] = release(E2E, "1.1.3-rc2", '"Closes #1 @all"')
    verdict = paper.verdict("api", config=CONFIG)
    push = action(verdict, PushBranch)
    assert isinstance(push, PushBranch)
    assert "\nversion 1.2.0 → Closes \\u00231 \\u0040all\n" in push.message
    assert "`1.2.0` → `Closes\\u0020#1 @all`" in body(verdict)


def test_without_the_key_it_stays(paper: Paper) -> None:
    assert pushed(paper.verdict("api")) == release(STAGING, "1.1.3", '"1.2.0"')


def test_the_fingerprint_is_of_the_companions_too(paper: Paper) -> None:
    prints = {fingerprints_in(body(paper.verdict("api"))), fingerprints_in(body(paper.verdict("api", config=CONFIG)))}
    paper.trees["m1"][E2E_FILE] = release(E2E, "1.1.3-rc2", "1.4.0")
    prints.add(fingerprints_in(body(paper.verdict("api", config=CONFIG))))
    assert len(prints) == 3


def test_a_companion_alone_is_due_too(paper: Paper) -> None:
    paper.trees["m1"][STAGING_FILE] = release(STAGING, "1.1.3")
    paper.tags["staging", "shop/api", "1.1.3"] = digest(2)
    assert paper.verdict("api").standing is Standing.CURRENT
    verdict = paper.verdict("api", config=CONFIG)
    assert pushed(verdict) == release(STAGING, "1.1.3", "1.3.0")
    opening = action(verdict, OpenRequest)
    assert isinstance(opening, OpenRequest)
    assert opening.draft.title == "api version 1.0.0 → 1.3.0 to staging"


def test_a_companion_that_says_the_same_is_not_mentioned(paper: Paper) -> None:
    paper.trees["m1"][STAGING_FILE] = release(STAGING, "1.1.2", "'1.3.0'")
    verdict = paper.verdict("api", config=CONFIG)
    assert pushed(verdict) == release(STAGING, "1.1.3", "'1.3.0'")
    assert "Carried along" not in body(verdict)


def test_a_number_is_carried_as_a_number(paper: Paper) -> None:
    paper.trees["m1"][E2E_FILE] = release(E2E, "1.1.3-rc2", "1.10")
    paper.trees["m1"][STAGING_FILE] = release(STAGING, "1.1.2", "1.9")
    assert pushed(paper.verdict("api", config=CONFIG)) == release(STAGING, "1.1.3", "1.10")


def test_where_neither_has_it_nothing_is_carried(paper: Paper) -> None:
    for path in (E2E_FILE, STAGING_FILE):
        head, _, values = paper.trees["m1"][path].partition(b"  chart:\n")
        paper.trees["m1"][path] = head + b"  values:\n" + values.partition(b"  values:\n")[2]
    verdict = paper.verdict("api", config=CONFIG)
    assert verdict.promotion is not None
    assert verdict.promotion.companions == ()
    assert verdict.standing is Standing.DUE


@pytest.mark.parametrize(("lacking", "having"), [(E2E_FILE, STAGING_FILE), (STAGING_FILE, E2E_FILE)])
def test_where_one_lacks_it_it_is_refused(paper: Paper, lacking: str, having: str) -> None:
    lines = paper.trees["m1"][lacking].splitlines(keepends=True)
    paper.trees["m1"][lacking] = b"".join(
        line for line in lines if b"version: 1" not in line and b'version: "' not in line
    )
    verdict = paper.verdict("api", config=CONFIG)
    assert verdict.blocked is not None
    assert verdict.blocked.reason == f"{lacking} has no value at /spec/chart/spec/version, but {having} has one"


def test_the_title_names_what_is_carried_beside_the_image(paper: Paper) -> None:
    opening = action(paper.verdict("api", config=CONFIG), OpenRequest)
    assert isinstance(opening, OpenRequest)
    assert opening.draft.title == "api 1.1.2 → 1.1.3, version 1.2.0 → 1.3.0 to staging"


def test_a_title_names_no_more_than_a_few(paper: Paper) -> None:
    others = [f"/spec/values/o{number}" for number in range(9)]
    for file, text in ((E2E_FILE, "new"), (STAGING_FILE, "old")):
        lines = "".join(f"    o{number}: {text}\n" for number in range(9))
        paper.trees["m1"][file] += lines.encode()
    opening = action(paper.verdict("api", config=configured(staging={"also_promote": others})), OpenRequest)
    assert isinstance(opening, OpenRequest)
    assert opening.draft.title == "api 1.1.2 → 1.1.3, o0 old → new, o1 old → new and 7 more to staging"


@pytest.mark.parametrize(
    ("theirs", "ours", "standing"),
    [
        ('"1.10"', "1.10", Standing.CURRENT),
        ("1.10", "'1.10'", Standing.CURRENT),
        ("!!str 1.10", '"1.1\\x30"', Standing.CURRENT),
        ('"true"', "true", Standing.CURRENT),
        ("1.1", "1.10", Standing.DUE),
        ("'1.1'", '"1.10"', Standing.DUE),
    ],
)
def test_what_differs_is_the_text_and_not_how_it_is_written(
    paper: Paper, theirs: str, ours: str, standing: Standing
) -> None:
    paper.trees["m1"] = {E2E_FILE: release(E2E, "1.1.3-rc2", theirs), STAGING_FILE: release(STAGING, "1.1.3", ours)}
    paper.tags["staging", "shop/api", "1.1.3"] = digest(2)
    assert paper.verdict("api", config=CONFIG).standing is standing


INTO_A_LIST = configured(staging={"also_promote": ["/spec/values/containers/1/cpu"]})


def listed(*items: str) -> bytes:
    return f"    containers:\n{''.join(f'      - {item}{chr(10)}' for item in items)}".encode()


@pytest.mark.parametrize(
    ("theirs", "ours", "reason"),
    [
        (("{name: a, cpu: 1}", "{name: b, cpu: 3}"), ("{name: x, cpu: 1}", "{name: b, cpu: 2}"), None),
        (
            ("{name: a, cpu: 1}", "{name: b, cpu: 3}"),
            ("{name: b, cpu: 2}", "{name: a, cpu: 1}"),
            f"list item /spec/values/containers/1 has the name b in {E2E_FILE} and the name a in {STAGING_FILE}, "
            "so it may not be the same one",
        ),
        (
            ("{cpu: 1}", "{cpu: 3}"),
            ("{cpu: 1}", "{cpu: 2}"),
            f"list item /spec/values/containers/1 has no `name` in {E2E_FILE} and no `name` in {STAGING_FILE}, "
            "so it may not be the same one",
        ),
    ],
)
def test_through_a_list_items_are_told_by_their_names(
    paper: Paper, theirs: tuple[str, ...], ours: tuple[str, ...], reason: str | None
) -> None:
    paper.trees["m1"][E2E_FILE] += listed(*theirs)
    paper.trees["m1"][STAGING_FILE] += listed(*ours)
    verdict = paper.verdict("api", config=INTO_A_LIST)
    assert (verdict.blocked.reason if verdict.blocked else None) == reason
    if reason is None:
        assert b"- {name: b, cpu: 3}\n" in pushed(verdict)


def test_a_key_that_is_a_number_is_no_place_in_a_list(paper: Paper) -> None:
    for file, text in ((E2E_FILE, "new"), (STAGING_FILE, "old")):
        paper.trees["m1"][file] += f"    ports: {{'1': {{name: {text}}}}}\n".encode()
    verdict = paper.verdict("api", config=configured(staging={"also_promote": ["/spec/values/ports/1/name"]}))
    assert b"{'1': {name: new}}" in pushed(verdict)
