"""``connect``: containers of others join networks, are left alone where they are as written, and come back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import ConvergenceError
from swarmnet.model.network import NetworkSpec, Subnet
from swarmnet.model.ports import ContainerSpec
from swarmnet.model.service import Task
from swarmnet.model.state import Endpoint
from swarmnet.operations.container.checks import holder
from swarmnet.operations.container.connect import ConnectOperation
from swarmnet.operations.state_edits import without_node
from swarmnet.workflows.fleet.observe import Look, observe
from tests.simulator import World
from tests.support import plans

if TYPE_CHECKING:
    from swarmnet.model.plan import Plan
    from swarmnet.model.state import ClusterState

LOOK = Look(containers=True)
IMAGE = "legacy:1"
MAC = "02:42:0a:01:00:09"


@pytest.fixture
def world() -> World:
    world = World(managers=1, workers=1)
    world.bootstrap()
    world.engine("m1").networks.create(
        NetworkSpec(name="data", attachable=True, subnets=(Subnet(subnet="10.1.0.0/24", gateway="10.1.0.1"),))
    )
    world.engine("m1").networks.create(NetworkSpec(name="closed", subnets=(Subnet(subnet="10.3.0.0/24"),)))
    world.engine("w1").networks.create(
        NetworkSpec(name="here", driver="bridge", subnets=(Subnet(subnet="10.2.0.0/24"),))
    )
    world.settle()
    world.machines["w1"].images.add(IMAGE)
    for name in ("legacy", "other"):
        world.engine("w1").start_container(ContainerSpec(name, IMAGE, ("sleep",), {}))
    return world


def step(**fields: object) -> str:
    return f"  - connect: {json.dumps({'container': 'legacy', **fields})}\n    on: w1\n"


def look(world: World) -> ClusterState:
    return observe(world.ports(), LOOK)


def plan(world: World, **fields: object) -> Plan:
    return plans.plan(step(**fields), look(world), world.inventory)


def applied(world: World, **fields: object) -> Plan:
    found = plan(world, **fields)
    for action in found.actions:
        action.run(world.ports())
    return found


def places(state: ClusterState, name: str = "legacy") -> dict[str, Endpoint]:
    seen = state.container("w1", name)
    assert seen is not None
    return {one.network: one for one in seen.endpoints}


@pytest.mark.parametrize(("network", "address"), [("data", "10.1.0.9"), ("here", "10.2.0.9")])
def test_a_container_joins_with_address_and_names_once(world: World, network: str, address: str) -> None:
    wanted = {"network": network, "ipv4": address, "aliases": ["db", "pg"]}

    found = applied(world, **wanted)

    assert plans.reported(found) == [f"endpoint.connect endpoint legacy in {network} on w1"]
    place = places(look(world))[network]
    assert (place.address, place.aliases) == (address, ("db", "pg"))
    assert plan(world, **{**wanted, "aliases": ["pg", "db"]}).actions == ()
    assert places(found.predicted).keys() == places(look(world)).keys()


def test_what_the_step_leaves_out_is_not_managed_and_stays(world: World) -> None:
    applied(world, network="here", ipv4="10.2.0.9", aliases=["db"])

    assert plan(world, network="here").actions == ()
    found = applied(world, network="here", aliases=["pg"])

    assert plans.reported(found) == ["endpoint.reconnect endpoint legacy in here on w1"]
    assert [change.path for change in found.actions[0].changes] == ["aliases"]
    assert any("is off network here for a moment" in text for text in found.warnings)
    place = places(look(world))["here"]
    assert (place.ipv4, place.aliases) == ("10.2.0.9", ("pg",))


def test_one_that_the_engine_refuses_is_back_as_it_was(world: World) -> None:
    applied(world, network="here", ipv4="10.2.0.9", aliases=["db"])
    (action,) = plan(world, network="here", ipv4="10.2.0.10").actions
    world.engine("w1").start_container(
        ContainerSpec("late", IMAGE, ("sleep",), {}, (Endpoint(network="here", ipv4="10.2.0.10"),))
    )

    with pytest.raises(ConvergenceError, match=r"already in use.*the container is back as it was"):
        action.run(world.ports())

    place = places(look(world))["here"]
    assert (place.ipv4, place.aliases) == ("10.2.0.9", ("db",))


def test_addresses_of_a_node_that_is_removed_are_free_again(world: World) -> None:
    """Engines keep those of containers on a lost node until its entry goes (seen after `restore raft`)."""
    address, seen = "10.1.0.77", look(world)
    attached = Task(
        id="t1",
        service_id=None,
        node_id="lost",
        state="running",
        desired_state="running",
        networks={"data": (f"{address}/24",)},
    )
    state = seen.model_copy(update={"tasks": (attached,)})
    facts, network = state.facts("w1"), state.network("data")
    assert facts is not None
    assert network is not None
    assert holder(state, facts, network, address) == "task t1"
    assert holder(without_node(state, "lost"), facts, network, address) is None


def test_absent_takes_it_off_once(world: World) -> None:
    applied(world, network="data")

    assert plans.reported(applied(world, network="data", absent=True)) == [
        "endpoint.disconnect endpoint legacy in data on w1"
    ]
    assert "data" not in places(look(world))
    assert plan(world, network="data", absent=True).actions == ()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"container": "none", "network": "data"}, "container none on w1 does not exist"),
        ({"network": "nowhere"}, "network nowhere exists neither on w1 nor in the swarm"),
        ({"network": "closed"}, "network closed is not attachable"),
        ({"network": "data", "ipv4": "10.9.0.1"}, "10.9.0.1 is not an address of network data, which has 10.1.0.0/24"),
        ({"network": "data", "ipv4": "10.1.0.1"}, "10.1.0.1 is taken on network data by its gateway"),
        ({"network": "data", "ipv4": "10.1.0.50"}, "10.1.0.50 is taken on network data by container other on w1"),
        ({"network": "data", "mac": MAC}, "mac of a connection needs an engine with API 1.54; w1 has 28.5.2"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_done(world: World, fields: dict[str, object], said: str) -> None:
    for action in plans.plan(
        "  - connect: {container: other, network: data, ipv4: 10.1.0.50}\n    on: w1\n", look(world), world.inventory
    ).actions:
        action.run(world.ports())

    assert said in plans.refusal(step(**fields), look(world), world.inventory)


@pytest.mark.parametrize(
    "step",
    [
        "container: {name: fresh, image: 'app:1', networks: [{network: NET, ipv4: ADDRESS}]}",
        "connect: {container: legacy, network: NET, ipv4: ADDRESS}",
    ],
)
def test_one_address_of_a_network_of_the_swarm_is_not_for_containers_on_two_hosts(world: World, step: str) -> None:
    world.machines["m1"].images.add(IMAGE)
    world.engine("m1").start_container(ContainerSpec("legacy", IMAGE, ("sleep",), {}))
    world.engine("m1").networks.create(
        NetworkSpec(name="here", driver="bridge", subnets=(Subnet(subnet="10.2.0.0/24"),))
    )
    both, one = f"  - {step}\n    on: [m1, w1]\n", f"  - {step}\n    on: w1\n"
    state = look(world)

    def given(text: str, network: str, address: str) -> str:
        return text.replace("NET", network).replace("ADDRESS", address)

    said = plans.refusal(given(both, "data", "10.1.0.9"), state, world.inventory)
    assert "p.yml:4:3: 10.1.0.9 on network data is for one container, and this step asks for it on m1, w1" in said
    assert plans.plan(given(one, "data", "10.1.0.9"), state, world.inventory).actions
    assert plans.plan(given(both, "here", "10.2.0.9"), state, world.inventory).actions


def test_a_task_is_not_connected(world: World) -> None:
    box = next(one for one in world.machines["w1"].containers.values() if one.name == "legacy")
    world.machines["w1"].containers[box.id] = box.model_copy(update={"service": "web"})

    said = plans.refusal(step(network="data"), look(world), world.inventory)

    assert "is a task of service web: write the network in the step of the service" in said


def test_a_mac_address_is_asked_for_where_the_engine_sets_it() -> None:
    world = World(managers=1, workers=1)
    for machine in world.machines.values():
        machine.run_engine("29")
    world.bootstrap()
    world.engine("w1").networks.create(NetworkSpec(name="here", driver="bridge"))
    world.machines["w1"].images.add(IMAGE)
    world.engine("w1").start_container(ContainerSpec("legacy", IMAGE, ("sleep",), {}))

    applied(world, network="here", mac=MAC.upper())

    assert places(look(world))["here"].hardware == MAC
    assert plan(world, network="here", mac=MAC).actions == ()
    assert plans.reported(plan(world, network="here", mac="02:42:0a:01:00:0a")) == [
        "endpoint.reconnect endpoint legacy in here on w1"
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"network": "host"}, "no container can join the network host after its start"),
        ({"network": "bridge", "aliases": ["db"]}, "network bridge takes no aliases"),
        ({"network": "data", "absent": True, "ipv4": "10.1.0.9"}, "leave out ipv4"),
    ],
)
def test_what_no_engine_does_is_refused_while_reading(fields: dict[str, object], said: str) -> None:
    (fault,) = ConnectOperation.model_validate({"container": "legacy", **fields}).faults()

    assert said in fault


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("ipv4", "fd00::9", "write it as ipv6"),
        ("ipv4", "10.1.0", "is not an IP address"),
        ("mac", "02:42", "is not a MAC address"),
        ("mac", "01:42:0a:01:00:09", "the first byte of a container's own is even"),
        ("aliases", ["a b"], "is not a name for DNS"),
    ],
)
def test_a_value_that_is_none_is_refused(field: str, value: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ConnectOperation.model_validate({"container": "legacy", "network": "data", field: value})
