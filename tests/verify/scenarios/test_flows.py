"""Flows of which a fixed part never passes: a broken path of several, which is not a line that loses packets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.model.report import Status
from swarmnet.verify.scenario import Answer, Answers
from swarmnet.verify.scenarios.pairs.flows import SWEEP, Flows
from swarmnet.verify.scenarios.pairs.matrix import UdpMatrix
from tests.support.small_swarm import HOSTS, bad, observed, roots, swarm

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject

W3 = [("w1", "w3"), ("w2", "w3"), ("w3", "w1"), ("w3", "w2")]


def swept(lost: int = 0, first: int = 64, pairs: list[tuple[str, str]] = W3) -> Answers:
    """Return how 64 flows of each pair passed: some of these pairs never, and how many at the first try."""
    found = Answers()
    for host in HOSTS:
        targets: JsonObject = {}
        for peer in HOSTS:
            is_odd = (host, peer) in pairs
            one: JsonObject = {"flows": 64, "first": first if is_odd else 64, "lost": lost if is_odd else 0, "tries": 6}
            if peer != host:
                targets[peer] = one
        found[host, SWEEP.name] = Answer({"targets": targets})
    return found


def test_flows_that_all_pass_are_one_ok() -> None:
    (verdict,) = Flows().judge(swarm(), swept()).verdicts
    assert (verdict.status, verdict.detail) == (Status.OK, "64 flows of each of 6 ordered pairs of hosts pass")


def test_a_fixed_part_of_lost_flows_is_a_broken_path_and_the_cause_of_lost_pairs() -> None:
    """F64: a third of the flows, as with one of three links."""
    setup = swarm()
    found = bad(setup, [Flows(), UdpMatrix()], observed(setup, [("w1", "w3")]) | swept(23, 41))
    assert (found[0].cause, roots(found)) == ("flows-lost", ["flows-lost"])
    assert found[0].detail.startswith("23 of 64 flows never pass between w3 and all others, and the others always do")


@pytest.mark.parametrize(
    ("lost", "first"),
    [
        (2, 60),  # single ones, as any line may lose them
        (5, 30),  # most flows need several tries: the line loses packets of all of them
        (64, 0),  # nothing passes: the pairs themselves say so
    ],
)
def test_a_line_that_loses_packets_at_random_or_all_is_not_called_a_broken_path(lost: int, first: int) -> None:
    found = Flows().judge(swarm(), swept(lost, first)).verdicts
    assert [one for one in found if one.status is Status.FAILED] == []


def test_flows_that_a_busy_host_had_no_turn_to_answer_are_not_lost() -> None:
    found = swept(23, 41)
    for host in HOSTS:
        targets = found[host, SWEEP.name].value["targets"]
        assert isinstance(targets, dict)
        for one in targets.values():
            assert isinstance(one, dict)
            one["proved"] = one["lost"] == 0
    (verdict,) = Flows().judge(swarm(), found).verdicts
    assert (verdict.status, verdict.detail) == (Status.OK, "64 flows of each of 2 ordered pairs of hosts pass")
