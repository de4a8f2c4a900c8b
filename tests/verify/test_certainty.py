"""How sure each cause is: what is concluded says so, what is fine says nothing."""

from __future__ import annotations

from swarmnet.model.report import Certainty, Status, Verdict
from swarmnet.verify.certainty import CONCLUDED, certainty_of
from swarmnet.verify.ids import CauseId
from tests.support.simulated_probe import Paths
from tests.support.verified_world import run, world_to_verify


def found(status: Status, cause: CauseId | None, certainty: Certainty | None = None) -> Verdict:
    return Verdict(scenario="x", subject="y", status=status, detail="z", cause=cause, certainty=certainty)


def test_what_follows_from_which_pairs_fail_is_likely_and_what_is_seen_is_proven() -> None:
    world = world_to_verify()
    Paths(world).cut |= {("m1", "w2"), ("w1", "w2")}
    world.machines["w1"].powered = False
    sure = {one.cause: one.certainty for one in run(world).verdicts if one.cause is not None}

    assert sure[CauseId.UNDERLAY] is Certainty.LIKELY
    assert sure[CauseId.UNREACHABLE] is Certainty.PROVEN


def test_a_verdict_without_a_cause_is_not_sure_of_any() -> None:
    assert certainty_of(found(Status.OK, None)) is None
    assert certainty_of(found(Status.INCONCLUSIVE, None)) is None


def test_a_scenario_that_knows_better_is_believed() -> None:
    assert CONCLUDED[CauseId.PATH_MTU] is Certainty.LIKELY
    assert certainty_of(found(Status.FAILED, CauseId.PATH_MTU, Certainty.PROVEN)) is Certainty.PROVEN
