"""``ingress`` and ``docker_gwbridge``: the networks that engines make by themselves, made as wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import DocumentError
from swarmnet.model.network import GATEWAY, Network, NetworkSpec, Subnet
from swarmnet.model.plan import Risk
from swarmnet.model.service import PublishedPort, Service, ServiceSpec
from swarmnet.operations.network.actions import CreateNetwork
from swarmnet.operations.network.ingress import RemakeIngress
from swarmnet.operations.network.restored import RemakeGateway, RestoredNetwork
from swarmnet.operations.playbook import Playbook, Step
from swarmnet.plan.build import build
from tests.support.clusters import blank, inventory, overlay, swarm
from tests.support.plans import book, plan, refusal, reported

if TYPE_CHECKING:
    from swarmnet.model.state import ClusterState

HOSTS = inventory(1, 1)
SWARM = "- swarm: {}\n"


def publishing() -> ClusterState:
    spec = ServiceSpec(name="web", image="i", ports=(PublishedPort(published=80, target=80),))
    return swarm(HOSTS).model_copy(update={"services": (Service(id="w", version=1, spec=spec),)})


def test_the_ingress_network_is_replaced_with_what_the_step_names_and_keeps_the_rest() -> None:
    (made,) = plan("- ingress: {mtu: 1400, encrypted: true}", swarm(HOSTS), HOSTS).actions
    assert isinstance(made, RemakeIngress)
    assert made.risk is Risk.DISRUPTIVE
    assert (made.spec.mtu, made.spec.encrypted, made.spec.ingress) == (1400, True, True)
    assert [one.subnet for one in made.spec.subnets] == ["10.0.0.0/24"]


def test_an_ingress_network_as_wanted_stays_even_while_services_publish() -> None:
    assert reported(plan("- ingress: {subnets: [10.0.0.0/24]}", publishing(), HOSTS)) == []


def test_it_is_refused_while_services_publish_through_it() -> None:
    said = refusal("- ingress: {mtu: 1400}", publishing(), HOSTS)
    assert said.startswith(
        "p.yml:4:3: the ingress network cannot be replaced: services publish through it: web; put the"
    )


@pytest.mark.parametrize(
    ("step", "state", "text"),
    [
        ("{mtu: 1400}", blank(HOSTS), "needs a swarm: put a 'swarm' step before"),
        (
            "{subnets: [10.66.0.0/16]}",
            swarm(HOSTS).model_copy(update={"networks": (overlay("front", "10.66.3.0/24"),)}),
            "10.66.0.0/16 overlaps 10.66.3.0/24 of network front",
        ),
        ("{subnets: [192.168.9.0/24]}", swarm(HOSTS), "overlaps the route 192.168.9.0/24 on eth0 of m1, w1"),
        ("{subnets: [{subnet: 10.9.0.0/24, gateway: 10.8.0.1}]}", swarm(HOSTS), "gateway 10.8.0.1 is outside"),
    ],
)
def test_an_ingress_network_that_cannot_work_is_refused(step: str, state: ClusterState, text: str) -> None:
    try:
        said = refusal(f"- ingress: {step}", state, HOSTS)
    except DocumentError as error:
        said = str(error)
    assert text in said


def test_a_new_swarm_gets_its_ingress_network_at_once() -> None:
    found = reported(plan(SWARM + "- ingress: {subnets: [10.255.0.0/16]}", blank(HOSTS), HOSTS))
    assert found[-1] == "network.remake-ingress network ingress"


def test_the_bridge_is_made_before_its_host_joins() -> None:
    found = plan("- docker_gwbridge: {subnets: [172.30.0.0/16]}\n" + SWARM, blank(HOSTS), HOSTS).actions
    made = [one for one in found if isinstance(one, CreateNetwork)]
    assert found[:2] == tuple(made)
    assert [one.target for one in made] == ["network docker_gwbridge on m1", "network docker_gwbridge on w1"]
    assert made[0].spec.options["com.docker.network.bridge.name"] == "docker_gwbridge"


def bridged(state: ClusterState, subnet: str) -> ClusterState:
    options = {
        "com.docker.network.bridge.name": GATEWAY,
        "com.docker.network.bridge.enable_icc": "false",
        "com.docker.network.bridge.enable_ip_masquerade": "true",
    }
    spec = NetworkSpec(name=GATEWAY, driver="bridge", subnets=(Subnet(subnet=subnet),), options=options)
    bridge = Network(id="g", spec=spec, predefined=True)
    return state.model_copy(
        update={"hosts": tuple(one.model_copy(update={"networks": (bridge,)}) for one in state.hosts)}
    )


def test_a_bridge_that_an_earlier_swarm_left_is_replaced() -> None:
    found = plan("- docker_gwbridge: {subnets: [172.30.0.0/16]}", bridged(blank(HOSTS), "172.18.0.0/16"), HOSTS).actions
    assert [type(one) for one in found] == [RemakeGateway, RemakeGateway]


def test_a_member_with_the_wanted_bridge_stays_and_one_with_another_is_refused() -> None:
    step = "- docker_gwbridge: {subnets: [172.30.0.0/16]}"
    assert reported(plan(step, bridged(swarm(HOSTS), "172.30.0.0/16"), HOSTS)) == []
    said = refusal(step, bridged(swarm(HOSTS), "172.18.0.0/16"), HOSTS)
    assert "m1 is in a swarm, and engines make docker_gwbridge as they join: put this step before the 'swarm'" in said


def test_the_network_step_names_the_step_to_write() -> None:
    for name in ("ingress", GATEWAY):
        with pytest.raises(DocumentError) as error:
            book(f"- network: {{name: {name}}}")
        assert f"'{name}' step" in str(error.value)


def test_a_restore_refuses_a_host_with_several_networks_of_the_name_as_playbooks_do() -> None:
    spec = NetworkSpec(name="n", driver="bridge")
    step = Step(operation=RestoredNetwork(name="n", driver="bridge", kept=spec), on=("m1",))
    twice = tuple(Network(id=f"id{number}", spec=spec) for number in (1, 2))
    state = swarm(HOSTS)
    state = state.model_copy(update={"hosts": tuple(one.model_copy(update={"networks": twice}) for one in state.hosts)})
    with pytest.raises(DocumentError) as error:
        build(Playbook(name="restore", steps=(step,)), state, HOSTS)
    assert "m1 has 2 networks named 'n' (id1, id2): keep one" in str(error.value)
