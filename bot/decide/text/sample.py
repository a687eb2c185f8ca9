"""Made-up promotions that use every name a template knows, so that its faults show before there is a real one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from bot.decide.approving import Assurance, Demand, Needed
from bot.decide.creation import Copy, Creation
from bot.decide.revisions import Revisions
from bot.decide.sentences import sentence
from bot.decide.text.background import Background
from bot.decide.uncarried import LeftBehind, NotCarried, NotCompared
from bot.images import Digest, ImageRef
from bot.manifests import Binding, BindingKind, Difference, DifferenceKind
from bot.plan import Check
from bot.promotion import Companion, FromEnvironment, Given, Move, Promotion, Proof, Unit
from bot.questions import Location
from bot.repositories import FileChange, Reviewers, Summary

_E2E, _STAGING = "registry-e2e.example.com", "registry-staging.example.com"
_COMMIT = "5" * 40


def samples() -> tuple[tuple[Promotion, Background], ...]:
    """Promotions with everything to tell, of what was never tried, with as little as there can be, of what is new."""
    two = Unit("shop", ("inventory", "orders"))
    moves = (_move("inventory", 1), _move("orders", 2))
    carried = Companion(
        "apps/orders/staging/helmrelease.yaml",
        "0:/spec/chart/spec/version",
        "1.2.0",
        "1.3.0",
        plain=False,
        origin="apps/orders/e2e/helmrelease.yaml",
        origin_pointer="0:/spec/chart/spec/version",
    )
    full = Promotion(
        two, "staging", moves, ("0" * 16,), (carried,), warnings=(sentence("the registry changes to {}", _STAGING),)
    )
    bare = Promotion(Unit("inventory", ("inventory",)), "staging", moves[:1], ("0" * 16,))
    created = replace(bare, created=(moves[0].path,))
    given = Given("e2e", "", moves[0].origin.image, moves[0].origin.path, "urgent")
    untried = replace(bare, moves=(replace(moves[0], origin=given, proof=Proof.NOTHING, allowed=("mixed versions",)),))
    return (
        (full, _background()),
        (untried, Background()),
        (bare, Background()),
        (created, replace(_background(), left_behind=LeftBehind())),
    )


def _move(service: str, seed: int) -> Move:
    path, digest = f"shop/{service}", Digest(f"sha256:{seed:064x}")
    before, after = (ImageRef(_STAGING, path, tag) for tag in ("1.1.2", "1.1.3"))
    source = ImageRef(_E2E, path, "1.1.3-rc2")
    return Move(
        service=service,
        path=f"apps/{service}/staging/helmrelease.yaml",
        pointer="0:/spec/values/image",
        line=12,
        origin=FromEnvironment("e2e", _COMMIT, source, f"apps/{service}/e2e/helmrelease.yaml"),
        source=Location("e2e", path),
        digest=digest,
        proof=Proof.RECORD,
        destination=Location("staging", path),
        tag="1.1.3",
        before=before,
        after=after,
    )


def _revisions() -> Revisions:
    before, after, lost = ("1" * 40, "2" * 40, "3" * 40)
    return Revisions(
        "orders",
        before,
        after,
        "shop/orders",
        gained=(Summary(after, "Round totals half up"), Summary("4" * 40, "Log the order's number")),
        lost=(Summary(lost, "Hotfix: round totals"),),
        url=f"https://git.example.com/shop/orders/-/compare/{before}...{after}",
    )


def _background() -> Background:
    path, origin = "apps/orders/staging/helmrelease.yaml", "apps/orders/e2e/helmrelease.yaml"
    changed = Difference(DifferenceKind.CHANGED, 0, "/spec/values/replicas", "spec.values.replicas", "1", "2")
    added = Difference(DifferenceKind.ADDED, 0, "/spec/values/debug", "spec.values.debug", "", "true")
    binding = Binding(BindingKind.HOST, "orders.e2e.example.com", 20, "0:/spec/values/host")
    return Background(
        left_behind=LeftBehind((NotCarried("e2e", _COMMIT, origin, (changed, added)),), (NotCompared("e2e", origin),)),
        creation=Creation(
            copies=(Copy(path, "e2e", origin, (binding,), ("./apps/orders/staging",)),),
            listings=(FileChange("apps/kustomization.yaml", b""),),
            notes=(sentence("no kustomization lists {}", path),),
        ),
        since=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        checks=(Check("soak", "2 h of 2 h"), Check("signature", "none found", passed=False)),
        needed=Needed(
            assured=(
                Assurance(
                    Demand(2, Reviewers(("platform/sre", "ops"), ("ann",))), why="rule All asks for 1 of anybody"
                ),
                Assurance(Demand(1, Reviewers(("sre",))), "project rule sre"),
            ),
            mentioned=(("platform/sre", "@platform/sre"),),
        ),
        revisions=(_revisions(), Revisions("inventory", "", "main", "https://git.example.com/shop/inventory")),
    )
