"""A pass has so many rounds of questions: what is asked about several of a kind is asked together, however many."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.config import Approvers, Config, ServiceRule
from bot.decide import Orders
from bot.decide.built import REVISION
from bot.images import ImageParts
from bot.plan import MoveTag, SetStatus, Standing
from bot.promotion import Proof
from bot.reconcile import ROUNDS
from bot.repositories import Landing, MergeRequest, RequestState, StatusState
from tests.decide.test_approving import configured_on
from tests.decide.test_pin import deployment, pinned
from tests.paper import E2E, STAGING, Paper, commit, configured, digest, values

MANY = [f"s{number:02}" for number in range(20)]
AT = datetime(2026, 11, 1, tzinfo=UTC)
NEW = digest(2)


def e2e_file(name: str, service: str = "api") -> str:
    return f"apps/{service}/e2e/{name}.yaml"


def staging_file(name: str, service: str = "api") -> str:
    return f"apps/{service}/staging/{name}.yaml"


def several_files(**staging: object) -> Config:
    """Each service has many manifests in both environments."""
    paths = {env: {"paths": [f"apps/{{service}}/{env}/{name}.yaml" for name in MANY]} for env in ("e2e", "staging")}
    return configured(paths["e2e"], {**paths["staging"], **staging})


def test_merge_requests_that_nothing_stands_behind() -> None:
    paper = Paper(
        trees={"m1": {e2e_file("values"): values(E2E, "1.0.0"), staging_file("values"): values(STAGING, "1.0.0")}},
        tags={("e2e", "shop/api", "1.0.0"): NEW, ("staging", "shop/api", "1.0.0"): NEW},
    )
    for name in MANY:
        branch = f"promobot/staging/{name}"
        paper.heads[branch] = name
        paper.ahead["m1", name] = (commit(name, Promotion=f"staging/{name}"),)
        request = MergeRequest(1, "t", "b", branch, "main", name, RequestState.OPEN, "url", "promobot", ours=True)
        paper.opened = (*paper.opened, request)
    assert [item.unit.name for item in paper.plan().upkeep] == MANY


def test_services_that_one_floating_tag_may_follow() -> None:
    # Staging has none of them, so that no promotion asks for their tags.
    tree = {staging_file("values", "other"): values(STAGING, "1.0.0")}
    paper = Paper(trees={"m1": tree})
    for index, name in enumerate(MANY):
        tree[e2e_file("values", name)] = values(E2E, f"1.0.{index}")
        paper.tags["e2e", "shop/api", f"1.0.{index}"] = digest(index)
    plan = paper.plan(config=configured(e2e={"floating_tags": ["{major}"]}))
    (step,) = plan.steps
    assert [action.digest for action in step.actions if isinstance(action, MoveTag)] == [digest(len(MANY) - 1)]


def test_manifests_that_landed_one_by_one() -> None:
    tree = {e2e_file(name): values(E2E, "1.1.3", extra=f"  digest: {NEW}\n") for name in MANY}
    tree |= {staging_file(name): values(STAGING, "1.1.2") for name in MANY}
    paper = Paper(trees={"m1": tree}, tags={("e2e", "shop/api", "1.1.3"): NEW})
    paper.landed = {path: (Landing(path, AT, content),) for path, content in tree.items()}
    verdict = paper.verdict("api", config=several_files(gates={"soak": timedelta(hours=2)}))
    assert verdict.standing is Standing.DUE, verdict.blocked


def test_manifests_that_somebody_names_one_image_of() -> None:
    tree = {e2e_file(name): values(E2E, "1.1.3") for name in MANY}
    tree |= {staging_file(name): values(STAGING, "1.1.2") for name in MANY}
    paper = Paper(trees={"m1": tree}, tags={("e2e", "shop/api", "1.1.3"): NEW, ("e2e", "shop/api", "1.1.4"): digest(3)})
    paper.landed = {e2e_file(name): (Landing(f"c-{name}", AT, values(E2E, "1.1.4")),) for name in MANY}
    verdict = paper.verdict("api", config=several_files(), orders=Orders(ImageParts.parse(":1.1.4")))
    assert verdict.promotion is not None, verdict.blocked
    assert {move.proof for move in verdict.promotion.moves} == {Proof.HISTORY}


def test_environments_that_may_have_had_a_version() -> None:
    several = {name: f"registry-{name}.example.com" for name in MANY}
    two = configured(staging={"replace_unreleased": True}).model_dump(by_alias=True, exclude_unset=True)
    further = [
        {
            "name": name,
            "from": "staging",
            "repository": {"forge": "local", "project": "shop/gitops"},
            "paths": [f"apps/{{service}}/{name}/values.yaml"],
            "registry": name,
        }
        for name in MANY
    ]
    registries = {**two["registries"], **{name: {"url": url} for name, url in several.items()}}
    config = Config.model_validate({**two, "registries": registries, "environments": [*two["environments"], *further]})
    tree = {e2e_file("values"): values(E2E, "1.1.3-rc2"), staging_file("values"): values(STAGING, "1.1.2")}
    tree |= {f"apps/api/{name}/values.yaml": values(url, "1.1.1") for name, url in several.items()}
    tags = {("e2e", "shop/api", "1.1.3-rc2"): NEW, ("staging", "shop/api", "1.1.3"): digest(1)}
    paper = Paper(trees={"m1": tree}, tags=tags)
    verdict = next(v for v in paper.plan(config=config).verdicts if v.target == "staging")
    assert verdict.standing is Standing.DUE, verdict.blocked


def test_images_whose_versions_are_made_anew() -> None:
    tree = {e2e_file("values"): b"", staging_file("values"): b""}
    paper = Paper(trees={"m1": tree})
    for index, name in enumerate(MANY):
        tree[e2e_file("values")] += f"{name}:\n  image: {E2E}/shop/{name}:1.1.3-rc2\n".encode()
        tree[staging_file("values")] += f"{name}:\n  image: {STAGING}/shop/{name}:1.1.2\n".encode()
        paper.tags["e2e", f"shop/{name}", "1.1.3-rc2"] = digest(100 + index)
        paper.tags["staging", f"shop/{name}", "1.1.3"] = digest(200 + index)
    verdict = paper.verdict("api", config=configured(staging={"replace_unreleased": True}))
    assert verdict.standing is Standing.DUE, verdict.blocked


def test_overlays_that_inherit_an_image() -> None:
    paths = [f"apps/{{service}}/staging/{name}/kustomization.yaml" for name in MANY]
    config = configured(staging={"paths": paths})
    tree = {e2e_file("values"): values(E2E, "1.1.3")}
    for name in MANY:
        tree[f"apps/api/staging/{name}/kustomization.yaml"] = f"resources: [../../base/{name}]\n".encode()
        tree[f"apps/api/base/{name}/kustomization.yaml"] = b"resources: [deployment.yaml]\n"
        tree[f"apps/api/base/{name}/deployment.yaml"] = b"kind: Deployment\n"
    paper = Paper(trees={"m1": tree}, tags={("e2e", "shop/api", "1.1.3"): NEW})
    refused = paper.verdict("api", config=config).blocked
    assert refused is not None
    assert all(f"apps/api/base/{name}/deployment.yaml" in refused.reason for name in MANY)


def test_overlays_that_get_an_image_of_their_own() -> None:
    paths = [f"apps/{{service}}/staging/{name}/kustomization.yaml" for name in MANY]
    tree = {}
    for name in MANY:
        tree[f"apps/api/staging/{name}/kustomization.yaml"] = f"resources: [../../base/{name}]\n".encode()
        tree[f"apps/api/base/{name}/kustomization.yaml"] = b"resources: [deployment.yaml]\n"
        tree[f"apps/api/base/{name}/deployment.yaml"] = deployment(f"{STAGING}/shop/api:1.1.2")
    assert pinned(Paper(trees={"m1": tree}), config=configured(staging={"paths": paths})).standing is Standing.DUE


def test_repositories_of_which_each_has_more_due_than_may_be_open() -> None:
    two = configured().model_dump(by_alias=True, exclude_unset=True)
    environments = [
        {
            **environment,
            "name": f"{environment['name']}-{team}",
            "repository": {"forge": "local", "project": f"{team}/gitops"},
            "paths": [f"{team}/{{service}}/{environment['name']}/values.yaml"],
            **({"from": f"e2e-{team}", "limits": {"open_requests": 1}} if "from" in environment else {}),
        }
        for team in MANY
        for environment in two["environments"]
    ]
    tree = {}
    for team in MANY:
        for service in ("api", "web"):
            tree[f"{team}/{team}-{service}/e2e/values.yaml"] = values(E2E, "1.1.3")
            tree[f"{team}/{team}-{service}/staging/values.yaml"] = values(STAGING, "1.1.2")
    paper = Paper(trees={"m1": tree}, tags={("e2e", "shop/api", "1.1.3"): NEW})
    plan = paper.plan(config=Config.model_validate({**two, "environments": environments}))
    assert [verdict.unit.name for verdict in plan.verdicts if verdict.queued] == [f"{team}-web" for team in MANY]


def test_groups_of_which_each_has_to_approve() -> None:
    config = configured_on("gitlab", {"groups": ["team"]})
    rules = tuple(ServiceRule(match=(name,), group="shop", approvers=Approvers(groups=(name,))) for name in MANY)
    tree: dict[str, bytes] = {}
    paper = Paper(trees={"m1": tree}, members=dict.fromkeys(MANY, frozenset({"bob"})))
    for name in MANY:
        tree[e2e_file("values", name)] = values(E2E, "1.1.3", repository=f"shop/{name}")
        tree[staging_file("values", name)] = values(STAGING, "1.1.2", repository=f"shop/{name}")
        paper.tags["e2e", f"shop/{name}", "1.1.3"] = NEW
    config = config.model_copy(update={"services": rules})
    paper.carry_out(paper.verdict(config=config))
    head = paper.heads["promobot/staging/shop"]
    paper.opened = (replace(paper.opened[0], head=head, reviewers=("bob",), approvals=("bob",)),)
    paths = tuple(staging_file("values", name) for name in MANY)
    paper.ahead["m1", head] = tuple(replace(each, paths=paths) for each in paper.ahead["m1", head])
    (item,) = paper.plan(config=config).upkeep
    assert item.step is not None
    assert [action.status.state for action in item.step.actions if isinstance(action, SetStatus)] == [
        StatusState.SUCCESS
    ]


def test_a_pass_has_room_for_all_that_is_asked_about_one_service() -> None:
    """It soaks and is built from a source, manifests name tags alone, and promotions are squashed."""
    before, old, hour = digest(1), {"Promoted_From": f"e2e@e5 {E2E}/shop/api:1.1.2"}, timedelta(hours=1)
    new = {"Promoted_Image": f"{E2E}/shop/api:1.1.3@{NEW}", "Promoted_From": "dev@d0 dev.example.com/api:1.1.3"}
    paper = Paper(
        trees={
            "m1": {e2e_file("values"): values(E2E, "1.1.3"), staging_file("values"): values(STAGING, "1.1.2")},
            "e5": {e2e_file("values"): values(E2E, "1.1.2")},
        },
        tags={("e2e", "shop/api", "1.1.3"): NEW, ("staging", "shop/api", "1.1.2"): before},
        labels={NEW: {REVISION: "b" * 40}, before: {REVISION: "a" * 40}},
        history={e2e_file("values"): (commit("c1", **new),)},
        landed={
            e2e_file("values"): (Landing("c1", AT, values(E2E, "1.1.3")),),
            staging_file("values"): (
                Landing("s1", AT - hour, values(STAGING, "1.1.2")),
                Landing("s0", AT - 2 * hour, values(STAGING, "1.1.1")),
            ),
        },
        patience=ROUNDS,
    )
    image = f"{STAGING}/shop/api:1.1.2@{before}"
    paper.ahead["m1", "h"] = (commit("h", Promotion="staging/api", Promoted_Image=image, **old),)
    ours = MergeRequest(1, "t", "b", "promobot/staging/api", "main", "h", RequestState.MERGED, "url", "bot", ours=True)
    theirs = replace(ours, number=2, source_branch="ann", head="a1", state=RequestState.OPEN, ours=False)
    paper.merged["s1"], paper.opened, paper.bases["a1"] = ours, (theirs,), "m1"
    paper.ahead["m1", "a1"] = (replace(commit("a1", email="ann@example.com"), paths=(staging_file("values"),)),)
    paper.trees["a1"] = {staging_file("values"): values(STAGING, "1.1.2", extra="replicas: 3\n")}
    config = configured(
        staging={"gates": {"soak": hour}}, services=[{"match": "api", "source": {"forge": "local", "project": "a/b"}}]
    )
    assert paper.verdict("api", config=config).standing is Standing.DUE
    assert paper.rounds < ROUNDS / 2
