"""What follows from a host's lost packets and rules: nodes that are called down, and ports that are closed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from swarmnet.model.report import Status, Verdict
from swarmnet.model.state import ClusterState, SwarmMembership
from swarmnet.model.swarm import Node, NodeSpec
from swarmnet.verify import claims
from swarmnet.verify.causes.consequences import traced
from swarmnet.verify.scenarios.control.nodes import NodesReady
from tests.support.setups import facts, make_setup
from tests.verify.scenarios.test_mesh_entries import NAT, SHUT
from tests.verify.scenarios.test_published import WEB, host_mode, judged, knocked, published, with_services

if TYPE_CHECKING:
    from swarmnet.model.report import Claim
    from swarmnet.verify.scenario import Setup

MANAGERS = ("w1", "w2")
WORKER = "w3"


def cluster(**status: str) -> Setup:
    """Return two managers and a worker; ``status`` has those that are not ready by host."""
    hosts = (*MANAGERS, WORKER)
    seen = tuple(facts(host, SwarmMembership(node_id=f"id-{host}")) for host in hosts)
    nodes = tuple(
        Node(
            id=f"id-{host}",
            version=1,
            hostname=host,
            address=f"192.0.2.{host[1:]}",
            status=status.get(host, "ready"),
            spec=NodeSpec(role="worker" if host == WORKER else "manager"),
        )
        for host in hosts
    )
    return replace(make_setup(), state=ClusterState(hosts=seen, nodes=nodes))


def proof(*broken: Claim) -> Verdict:
    """Return a failure of someone else's that proves these places broken."""
    return Verdict(scenario="proof", subject="it", status=Status.FAILED, detail="", broken=frozenset(broken))


def causes(verdict: Verdict, *broken: Claim) -> list[str]:
    """Return what a verdict follows from, next to a proof of these broken places."""
    (found,) = (one for one in traced([verdict, proof(*broken)]) if one.scenario == verdict.scenario)
    return [cause.scenario for cause in found.because_of]


def lost(place: Setup) -> Verdict:
    (verdict,) = NodesReady().judge(place, {}).verdicts
    return verdict


def test_a_worker_behind_a_path_that_loses_its_words_to_all_managers_follows_from_that() -> None:
    verdict = lost(cluster(w3="down"))
    assert causes(verdict, claims.path("w3", "w1"), claims.path("w2", "w3")) == ["proof"]


def test_a_worker_that_reaches_one_of_its_managers_is_lost_for_a_reason_of_its_own() -> None:
    assert causes(lost(cluster(w3="down")), claims.path("w3", "w1")) == []


def test_a_manager_that_is_down_needs_the_paths_to_the_other_managers_alone() -> None:
    assert causes(lost(cluster(w2="down")), claims.path("w2", "w1")) == ["proof"]
    assert causes(lost(cluster(w2="down")), claims.path("w2", "w3")) == []


def test_a_lost_node_is_not_a_consequence_of_itself_and_is_the_cause_of_what_needed_it() -> None:
    verdict = lost(cluster(w3="down"))
    needing = proof().model_copy(update={"needed": (frozenset({claims.node("w3")}),)})
    assert verdict.broken == {claims.node("w3")}
    assert [(one.scenario, [root.scenario for root in one.because_of]) for one in traced([verdict, needing])] == [
        ("nodes", []),
        ("proof", ["nodes"]),
    ]


def test_a_manager_that_answers_and_is_called_unreachable_breaks_nothing() -> None:
    place = cluster()
    doubted = place.state.nodes[1].model_copy(update={"reachability": "unreachable"})
    state = place.state.model_copy(update={"nodes": (place.state.nodes[0], doubted, place.state.nodes[2])})
    verdict = lost(replace(place, state=state))
    assert (verdict.subject, verdict.broken) == ("node w2", frozenset())


def test_a_closed_port_follows_from_flushed_rules_of_its_own_host_and_of_no_other() -> None:
    verdict = judged(with_services(WEB), knocked(shut="w2"))
    assert causes(verdict, claims.rules("w2", "nat")) == ["proof"]
    assert causes(verdict, claims.rules("w1", "nat")) == []


def test_a_closed_port_of_the_mesh_follows_from_the_entry_of_its_host() -> None:
    verdict = judged(with_services(WEB), knocked(shut="w2"))
    assert causes(verdict, claims.entry("w2", "tcp")) == ["proof"]
    assert causes(verdict, claims.entry("w2", "udp")) == []


def test_ports_that_are_closed_on_several_hosts_follow_only_when_each_is_explained() -> None:
    verdict = judged(with_services(WEB), knocked(rules={"exit": 0, "stdout": NAT.replace("30000", "30001")}))
    hosts = ("w1", "w2", "w3")
    assert causes(verdict, *(claims.rules(host, "nat") for host in hosts)) == ["proof"]
    assert causes(verdict, *(claims.rules(host, "nat") for host in hosts[:2])) == []


def test_a_port_in_host_mode_follows_from_rules_of_its_host_and_from_the_way_to_it() -> None:
    verdict = host_mode(published(), {("w3", "w1"): SHUT})
    assert causes(verdict, claims.rules("w1", "filter")) == ["proof"]
    assert causes(verdict, claims.door("w3", "w1", "tcp")) == ["proof"]
    assert causes(verdict, claims.entry("w1", "tcp")) == []
