"""Who has which address, and what is refused before tasks wait for one without an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.model.addresses import AddressReport, UseKind
from swarmnet.model.hosts import AddressPool
from swarmnet.model.network import Network, NetworkSpec, Scope, Subnet
from swarmnet.model.service import Attachment, Service, ServiceSpec, Task
from swarmnet.model.state import ClusterState, Container, Endpoint
from swarmnet.operations.network.capacity import usable
from swarmnet.operations.network.ipam import addresses
from swarmnet.report.formats import FORMATS
from swarmnet.report.reports.ipam import ipam_report
from tests.support.clusters import inventory, overlay, swarm
from tests.support.plans import plan, refusal

if TYPE_CHECKING:
    from swarmnet.model.hosts import Inventory

HOSTS = inventory(1, 1)


def small(name: str = "small", block: str = "10.77.0.0/28") -> Network:
    return overlay(name).model_copy(
        update={"spec": NetworkSpec(name=name, subnets=(Subnet(subnet=block, gateway="10.77.0.1"),))}
    )


def holding(*networks: Network, services: tuple[Service, ...] = (), tasks: tuple[Task, ...] = ()) -> ClusterState:
    state = swarm(HOSTS)
    return state.model_copy(
        update={"networks": (*state.networks, *networks), "services": services, "tasks": tasks},
    )


def service(name: str, replicas: int, *networks: str) -> Service:
    spec = ServiceSpec(
        name=name, image="i", replicas=replicas, networks=tuple(Attachment(network=one) for one in networks)
    )
    return Service(id=name, version=1, spec=spec, virtual_ips=dict.fromkeys(networks, "10.77.0.2/28"))


def task(owner: str | None, slot: int, address: str | None, **fields: object) -> Task:
    networks = {} if address is None else {"small": (address,)}
    made = Task(
        id=f"{owner}-{slot}",
        service_id=owner,
        node_id="node-w1" if address else None,
        slot=slot,
        state="running" if address else "new",
        desired_state="running",
        networks=networks,
    )
    return made.model_copy(update=fields)


@pytest.mark.parametrize(
    ("block", "count"),
    [
        (Subnet(subnet="10.77.0.0/28"), 13),
        (Subnet(subnet="10.77.0.0/28", gateway="10.77.0.1"), 13),
        (Subnet(subnet="10.77.1.0/28", ip_range="10.77.1.8/29"), 6),
        (Subnet(subnet="10.77.1.0/28", ip_range="10.77.1.8/29", gateway="10.77.1.1"), 7),
        (Subnet(subnet="10.77.0.0/30"), 1),
        (Subnet(subnet="10.77.0.0/32"), 0),
    ],
)
def test_a_block_gives_what_engines_give_of_it(block: Subnet, count: int) -> None:
    assert usable(block) == count


def test_a_28_takes_ten_tasks_of_one_service_on_two_nodes() -> None:
    step = "- service: {name: web, image: i, networks: [small], replicas: 10}"
    assert plan(step, holding(small()), HOSTS).actions


@pytest.mark.parametrize("replicas", [11, 14])
def test_more_tasks_than_a_28_has_addresses_are_refused_with_the_arithmetic(replicas: int) -> None:
    step = f"- service: {{name: web, image: i, networks: [small], replicas: {replicas}}}"
    said = refusal(step, holding(small()), HOSTS)
    assert said.startswith("p.yml:4:")
    assert f"needs {replicas + 3} addresses of network small (tasks: {replicas}, virtual address: 1, load" in said
    assert "10.77.0.0/28 has 13 to give: the rest would wait without an error; write a larger subnet" in said


def test_other_services_and_containers_on_the_network_count() -> None:
    state = holding(small(), services=(service("db", 4, "small"),), tasks=(task(None, 1, "10.77.0.9/28"),))
    step = "- service: {name: web, image: i, networks: [small], replicas: %d}"
    assert plan(step % 4, state, HOSTS).actions
    said = refusal(step % 5, state, HOSTS)
    assert "(tasks: 5, virtual address: 1, load balancers: 2; other services: db, 5 addresses; containers: 1)" in said


def test_a_service_that_a_later_step_describes_counts_there_alone() -> None:
    state = holding(small(), services=(service("db", 8, "small"),))
    grown = "- service: {name: web, image: i, networks: [small], replicas: 7}\n"
    assert "db, 9 addresses" in refusal(grown, state, HOSTS)
    assert plan(grown + "- service: {name: db, image: i, networks: [small], replicas: 1}", state, HOSTS).actions
    said = refusal(grown + "- service: {name: db, image: i, networks: [small], replicas: 4}", state, HOSTS)
    assert said.startswith("p.yml:5:")


def test_a_service_that_asks_for_no_more_than_before_is_not_refused_on_a_full_network() -> None:
    state = holding(small(), services=(service("db", 9, "small"), service("web", 9, "small")))
    assert plan("- service: {name: web, image: j, networks: [small], replicas: 8}", state, HOSTS).actions


def test_the_engines_own_block_has_an_end_too() -> None:
    steps = "- network: {name: n}\n- service: {name: web, image: i, networks: [n], replicas: 300}"
    assert "the engine's block of /24 has 253 to give" in refusal(steps, holding(), HOSTS)


def test_an_update_that_starts_new_tasks_first_needs_room_for_them() -> None:
    step = "- service: {name: web, image: i, networks: [small], replicas: %d, update: {order: start-first}}"
    assert "has 0 addresses left: they would wait" in "\n".join(plan(step % 10, holding(small()), HOSTS).warnings)
    assert plan(step % 9, holding(small()), HOSTS).warnings == ()


def seen() -> tuple[ClusterState, Inventory]:
    state = holding(
        small(),
        services=(service("web", 2, "small"),),
        tasks=(
            task("web", 1, "10.77.0.3/28"),
            task("web", 2, None),
            task("web", 3, "10.77.0.4/28", state="shutdown"),
            task(None, 0, "10.77.0.5/28", container_id="c1", node_id="node-m1"),
        ),
    )
    bridge = Network(
        id="br",
        spec=NetworkSpec(name="br", driver="bridge", subnets=(Subnet(subnet="10.128.0.0/24", gateway="10.128.0.1"),)),
    )
    containers = (
        Container(id="c1", name="adminer", image="i", running=True),
        Container(
            id="c2", name="old", image="i", running=True, endpoints=(Endpoint(network="br", address="10.128.0.2"),)
        ),
    )
    first = state.hosts[0].model_copy(update={"networks": (bridge,), "containers": containers})
    pools = (AddressPool(cidr="10.128.0.0/22", size=24),)
    return (
        state.model_copy(update={"hosts": (first, *state.hosts[1:])}),
        HOSTS.model_copy(update={"address_pools": pools}),
    )


def found() -> AddressReport:
    return addresses(*seen())


def test_every_address_has_its_owner_and_host() -> None:
    one = next(net for net in found().networks if net.network == "small")
    assert [(use.kind, use.who, use.host, use.address) for use in one.uses] == [
        (UseKind.GATEWAY, "small", None, "10.77.0.1"),
        (UseKind.VIRTUAL, "web", None, "10.77.0.2"),
        (UseKind.CONTAINER, "adminer", "m1", "10.77.0.5"),
        (UseKind.TASK, "web.1", "w1", "10.77.0.3"),
        (UseKind.BALANCER, "small", "m1", None),
        (UseKind.BALANCER, "small", "w1", None),
    ]
    assert (one.total, one.used, one.free, one.waiting, one.is_full) == (13, 5, 8, 1, False)


def test_networks_of_hosts_are_listed_with_their_containers() -> None:
    one = next(net for net in found().networks if net.network == "br")
    assert (one.host, one.total, one.used) == ("m1", 253, 1)


@pytest.mark.parametrize("driver", ["macvlan", "ipvlan", "bridge"])
def test_tasks_on_networks_of_each_host_wait_for_no_address_of_the_swarm(driver: str) -> None:
    """The API makes a bridge of the swarm, too (seen on 20.10, 26.1 and 28.5)."""
    state, inventory = seen()
    lan = Network(id="lan", spec=NetworkSpec(name="lan", driver=driver, scope=Scope.SWARM, config_from="parts"))
    on_lan = [
        one.model_copy(update={"spec": one.spec.model_copy(update={"networks": (Attachment(network="lan"),)})})
        for one in state.services
    ]
    tasks = [one.model_copy(update={"networks": {"lan": ()}}) for one in state.tasks]
    changed = state.model_copy(
        update={"networks": (*state.networks, lan), "services": tuple(on_lan), "tasks": tuple(tasks)}
    )
    report = addresses(changed, inventory)
    one = next(net for net in report.networks if net.network == "lan")
    assert (one.used, one.waiting, one.is_full) == (0, 0, False)
    assert "each host's own" in FORMATS["terminal"].render(ipam_report(report, whole=False))


def test_pools_count_the_blocks_that_anything_overlaps_and_name_the_next() -> None:
    own, swarms = found().pools
    assert (own.cidr, own.blocks, own.used, own.next) == ("10.128.0.0/22", 4, 1, "10.128.1.0/24")
    assert (swarms.cidr, swarms.origin, swarms.blocks, swarms.used) == ("10.0.0.0/8", "swarm", 65536, 3)


def test_every_format_names_networks_and_pools() -> None:
    report = ipam_report(found(), whole=True)
    tree = report.tree()
    assert [one["name"] for one in tree["networks"]] == ["ingress", "small", "br"]
    assert tree["pools"][0]["next"] == "10.128.1.0/24"
    assert ("small", "5 addresses used, 8 free") in [(one.name, one.detail) for one in report.checks]
