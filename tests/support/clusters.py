"""Hosts and states to plan against, in memory."""

from __future__ import annotations

from swarmnet.model.hosts import Availability, Host, Inventory, Role
from swarmnet.model.network import Network, NetworkSpec, Subnet
from swarmnet.model.plan import MANAGED_LABEL
from swarmnet.model.state import ClusterState, EngineFacts, HostFacts, Route, SwarmMembership, SwarmStanding
from swarmnet.model.swarm import Node, NodeSpec, Swarm, SwarmSpec

CLUSTER = "shop"


def inventory(managers: int = 3, workers: int = 2) -> Inventory:
    names = [(f"m{i}", Role.MANAGER) for i in range(1, managers + 1)]
    names += [(f"w{i}", Role.WORKER) for i in range(1, workers + 1)]
    hosts = tuple(
        Host(name=name, address=f"192.168.9.{number}", role=role) for number, (name, role) in enumerate(names, 1)
    )
    return Inventory(cluster=CLUSTER, hosts=hosts)


def with_host(base: Inventory, name: str, **changes: object) -> Inventory:
    hosts = tuple(host.model_copy(update=changes) if host.name == name else host for host in base.hosts)
    return base.model_copy(update={"hosts": hosts})


def facts(host: Host, membership: SwarmMembership | None = None, *, version: str = "1.45") -> HostFacts:
    engine = EngineFacts(
        id=f"engine-{host.name}",
        version="26.1.5",
        api_version=version,
        hostname=host.name,
        membership=membership or SwarmMembership(),
    )
    routes = (Route(prefix="0.0.0.0/0", device="eth0"), Route(prefix="192.168.9.0/24", device="eth0"))
    return HostFacts(host=host.name, engine=engine, addresses=(host.address,), routes=routes)


def blank(hosts: Inventory) -> ClusterState:
    """Return the state of hosts that are in no swarm."""
    return ClusterState(hosts=tuple(facts(host) for host in hosts.hosts))


def node(host: Host, **changes: object) -> Node:
    manager = host.role is Role.MANAGER
    made = Node(
        id=f"node-{host.name}",
        version=1,
        hostname=host.name,
        spec=NodeSpec(role=host.role, availability=Availability.ACTIVE, labels=host.labels),
        status="ready",
        address=host.address,
        reachability="reachable" if manager else None,
        is_leader=host.name == "m1",
        manager_address=f"{host.address}:2377" if manager else None,
    )
    return made.model_copy(update=changes)


def member(host: Host, node_id: str | None = None) -> SwarmMembership:
    return SwarmMembership(
        state=SwarmStanding.ACTIVE,
        node_id=node_id or f"node-{host.name}",
        cluster_id="cluster-1" if host.role is Role.MANAGER else "",
        address=host.address,
        is_manager=host.role is Role.MANAGER,
    )


def swarm(hosts: Inventory) -> ClusterState:
    """Return the state of a whole swarm as swarmnet makes it."""
    return ClusterState(
        hosts=tuple(facts(host, member(host)) for host in hosts.hosts),
        swarm=Swarm(id="cluster-1", version=1, spec=SwarmSpec(labels={MANAGED_LABEL: CLUSTER})),
        nodes=tuple(node(host) for host in hosts.hosts),
        networks=(overlay("ingress", "10.0.0.0/24", ingress=True),),
    )


def overlay(name: str, subnet: str | None = None, **fields: object) -> Network:
    subnets = () if subnet is None else (Subnet(subnet=subnet, gateway=subnet.replace(".0/24", ".1")),)
    spec = NetworkSpec.model_validate({"name": name, "subnets": subnets, **fields})
    return Network(id=f"id-{name}", spec=spec, predefined=name == "ingress")
