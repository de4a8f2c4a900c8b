"""Hosts without a probe: the reason is the cause, reported once, with what to do about it."""

from __future__ import annotations

import pytest

from swarmnet.model.hosts import Availability
from swarmnet.model.report import Status
from swarmnet.model.state import ClusterState, HostFailure, SwarmMembership, SwarmStanding
from swarmnet.model.swarm import Node, NodeSpec, Swarm, SwarmSpec
from swarmnet.verify.absence import explain
from swarmnet.verify.probes.eligible import eligibility
from swarmnet.verify.scenario import OverlayProbe, Setup
from tests.support.setups import facts

SWARM = Swarm(id="ours", version=1, spec=SwarmSpec())


def state(membership: SwarmMembership, availability: Availability = Availability.ACTIVE) -> ClusterState:
    node = Node(
        id="n1", version=1, hostname="w1", spec=NodeSpec(availability=availability), status="ready", address="192.0.2.1"
    )
    return ClusterState(hosts=(facts("w1", membership),), swarm=SWARM, nodes=(node,))


def member(node: str = "n1", cluster: str = "") -> SwarmMembership:
    return SwarmMembership(state=SwarmStanding.ACTIVE, node_id=node, cluster_id=cluster)


@pytest.mark.parametrize(
    ("seen", "cause", "words"),
    [
        (state(member(), Availability.DRAIN), "drain", "docker node update --availability active w1"),
        (state(member(), Availability.PAUSE), "pause", "docker node update --availability active w1"),
        (state(member("n9", "theirs")), "other-swarm", "remove w1 from the inventory"),
        (state(member("n9")), "unlisted", "docker swarm leave on w1"),
        (state(SwarmMembership()), "no-swarm", "join w1 to the swarm"),
        (state(SwarmMembership(state=SwarmStanding.LOCKED)), "locked", "swarmnet unlock"),
        (
            ClusterState(failures=(HostFailure(host="w1", reason="no route"),)),
            "unreachable",
            "check the host's power, network",
        ),
        (
            ClusterState(failures=(HostFailure(host="w1", reason="says that it is node n1", disbelieved=True),)),
            "contradicted",
            "look at w1 first: a machine that was copied",
        ),
    ],
)
def test_what_the_observation_tells_is_the_cause(seen: ClusterState, cause: str, words: str) -> None:
    """F1, F10: drained, paused, removed, in another swarm, locked, unreachable."""
    eligible = eligibility(seen, ("w1",))
    (verdict,) = explain(Setup(seen, (), (*eligible.unschedulable, *eligible.absent)))
    assert (verdict.evidence["cause"], words in str(verdict.fix)) == (cause, True)
    assert verdict.status is (Status.SKIPPED if cause in ("drain", "pause") else Status.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("load image: write /var/lib/docker/tmp/x: no space left on device", "disk-full"),
        ("attaching to network failed: could not find an available IP", "subnet-full"),
        ("no available IPv4 addresses on this network's address pools: front", "subnet-full"),
        ("pull access denied for probe, repository does not exist", "image"),
        ("Could not attach to network front: context deadline exceeded", "attach"),
        ("error creating vxlan interface: operation not supported", "no-vxlan"),
        ("subnet sandbox join failed: error creating vxlan interface: file exists", "leftover-vxlan"),
        ("something never seen before", "probe"),
    ],
)
def test_what_engines_say_is_one_cause_for_all_hosts_that_say_it(said: str, cause: str) -> None:
    """F10: the hosts' own words differ, what is wrong with them does not."""
    probes = tuple(OverlayProbe(f"w{n}", problem=said) for n in (1, 2, 3))
    (verdict,) = explain(Setup(ClusterState(), (), probes))
    assert (verdict.evidence["cause"], verdict.evidence["hosts"]) == (cause, ["w1", "w2", "w3"])
    assert said in verdict.detail
