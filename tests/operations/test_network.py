from __future__ import annotations

import pytest

from swarmnet.model.network import Network, NetworkSpec
from swarmnet.model.state import ClusterState, Route
from tests.operations.clusters import inventory, overlay, swarm
from tests.plan.planning import plan, refusal, told

HOSTS = inventory(1, 1)


def holding(*networks: Network) -> ClusterState:
    state = swarm(HOSTS)
    return state.model_copy(update={"networks": (*state.networks, *networks)})


def on_every_host(state: ClusterState, **changes: object) -> ClusterState:
    return state.model_copy(update={"hosts": tuple(facts.model_copy(update=changes) for facts in state.hosts)})


def local(name: str, subnet: str | None = None) -> Network:
    subnets = () if subnet is None else ({"subnet": subnet},)
    return Network(id=name, spec=NetworkSpec.model_validate({"name": name, "driver": "bridge", "subnets": subnets}))


@pytest.mark.parametrize(
    ("step", "state", "text"),
    [
        ("{name: net}", holding(overlay("Net")), "there is a network 'Net'"),
        ("{name: n, subnets: [{subnet: 10.5.1.0/24}]}", holding(overlay("old", "10.5.0.0/16")), "overlaps 10.5.0.0/16"),
        ("{name: n, subnets: [10.0.0.0/24]}", holding(), "overlaps 10.0.0.0/24 of network ingress"),
        ("{name: n, subnets: [{subnet: 192.168.9.0/26}]}", holding(), "the route 192.168.9.0/24 on eth0 of m1, w1"),
        ("{name: n}", on_every_host(holding(), networks=(local("n"),)), "m1 has a local network 'n'"),
        ("{name: n, driver: bridge}", holding(overlay("n")), "the swarm has a network 'n' already"),
        ("{name: n, ipv6: true}", holding(), "needs engine 27.0; m1 has 26.1.5"),
        ("{name: n, config_from: c}", holding(), "config_from 'c' is missing on m1, w1"),
        ("{name: n, config_from: c, labels: {a: b}}", holding(), "engines refuse labels on a network with config_from"),
        (
            "{name: n, subnets: [{subnet: 172.18.5.0/24}]}",
            on_every_host(holding(), networks=(local("docker_gwbridge", "172.18.0.0/16"),)),
            "overlaps 172.18.0.0/16 of network docker_gwbridge on m1",
        ),
    ],
)
def test_what_meets_something_that_is_there_is_refused_with_its_name(step: str, state: ClusterState, text: str) -> None:
    assert text in refusal(f"- network: {step}", state, HOSTS)


def test_networks_of_one_playbook_may_not_overlap_each_other() -> None:
    steps = """
    - network: {name: a, subnets: [{subnet: 10.5.0.0/16}]}
    - network: {name: b, subnets: [{subnet: 10.5.9.0/24}]}
    """
    assert refusal(steps, holding(), HOSTS) == "p.yml:5:3: subnet 10.5.9.0/24 overlaps 10.5.0.0/16 of network a"


def test_a_default_route_and_dockers_own_bridges_are_no_obstacle() -> None:
    routes = (Route(prefix="0.0.0.0/0", device="eth0"), Route(prefix="10.5.0.0/16", device="br-0123456789ab"))
    state = on_every_host(holding(), routes=routes)
    assert told(plan("- network: {name: n, subnets: [{subnet: 10.5.1.0/24}]}", state, HOSTS)) == [
        "network.create network n"
    ]


def test_a_bridge_is_made_on_every_selected_host() -> None:
    steps = "- network: {name: n, driver: bridge}"
    assert told(plan(steps, holding(), HOSTS)) == ["network.create network n on m1", "network.create network n on w1"]
    assert told(plan(steps + "\n  on: w1", holding(), HOSTS)) == ["network.create network n on w1"]


def test_a_network_that_was_never_allocated_is_made_again() -> None:
    half_made = overlay("n").model_copy(update={"allocated": False})
    assert told(plan("- network: {name: n}", holding(half_made), HOSTS)) == ["network.remake network n"]


def test_a_network_without_a_swarm_is_refused() -> None:
    state = holding().model_copy(update={"swarm": None, "nodes": (), "networks": ()})
    assert "network n needs a swarm" in refusal("- network: {name: n}", state, HOSTS)


def test_a_block_that_is_small_for_the_nodes_is_doubted() -> None:
    made = plan("- network: {name: n, subnets: [{subnet: 10.5.0.0/29}]}", holding(), inventory(3, 3))
    assert any("10.5.0.0/29 has 5 addresses" in text for text in made.warnings)
