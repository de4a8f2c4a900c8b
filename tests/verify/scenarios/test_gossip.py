"""Gossip by UDP: what leaves and what comes, counted at both ends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.report import Status
from swarmnet.model.state import ClusterState
from swarmnet.model.swarm import Node, NodeSpec
from swarmnet.verify.scenario import Answer, Answers
from swarmnet.verify.scenarios.hosts.gossip import BEGUN, COLLECTED, MOST, RESTED, Gossip
from tests.support.encrypted_captures import cluster, vtep

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.base import JsonObject
    from swarmnet.verify.scenario import Setup

HOSTS = ("w1", "w2", "w3")


def place(nodes: int = 3) -> Setup:
    found = tuple(
        Node(id=f"n{n}", version=1, hostname=f"w{n}", spec=NodeSpec(), status="ready", address="") for n in range(nodes)
    )
    return replace(cluster(), state=ClusterState(nodes=found))


def counted(lost: Iterable[tuple[str, str]] = (), *, left: int = 6) -> Answers:
    """Return what observers counted: all that leaves arrives, but in the directions of ``lost``."""
    cut, found = set(lost), Answers()
    for host in HOSTS:
        peers = [one for one in HOSTS if one != host]
        sent: JsonObject = {"vxlan": {vtep(peer): {"0": left} for peer in peers}}
        came: JsonObject = {"vxlan": {vtep(peer): {"0": left} for peer in peers if (peer, host) not in cut}}
        found[host, COLLECTED.name] = Answer({"sent": sent, "received": came})
    return found


def test_what_arrives_everywhere_is_one_ok() -> None:
    (verdict,) = Gossip().judge(place(), counted()).verdicts
    assert (verdict.status, verdict.detail) == (Status.OK, "UDP 7946 of 6 ordered pairs of hosts arrives")


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        ([("w1", "w2")], "UDP 7946 is lost from w1 to w2: 6 packets of the engines left and none arrived"),
        ([("w1", "w3"), ("w2", "w3")], "UDP 7946 is lost from all hosts to w3: 12 packets"),
    ],
)
def test_a_direction_in_which_nothing_arrives_is_named_though_engines_get_on_by_tcp(
    lost: list[tuple[str, str]], words: str
) -> None:
    """F5: 7946/udp blocked one way was green."""
    (verdict,) = Gossip().judge(place(), counted(lost)).verdicts
    assert verdict.status is Status.FAILED
    assert verdict.detail.startswith(words)


def test_what_did_not_leave_proves_nothing_and_large_swarms_are_not_waited_for() -> None:
    (verdict,) = Gossip().judge(place(), counted([("w1", "w2")], left=1)).verdicts
    assert verdict.status is Status.SKIPPED
    assert Gossip().ask(place(MOST + 1), {}) == ()


def test_engines_have_their_turns_between_the_two_counts() -> None:
    begun: Answers = {(host, BEGUN.name): Answer({"ready": True}) for host in HOSTS}
    assert {one.key for one in Gossip().ask(place(), {})} == {BEGUN.name}
    assert {one.key for one in Gossip().ask(place(), begun)} == {BEGUN.name, RESTED.name}
