"""A cluster at a glance, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.hosts import Role
from swarmnet.model.service import ServiceMode
from swarmnet.model.state import Membership
from swarmnet.report.plan import failure_lines, failures_json
from swarmnet.report.text import PLAIN, Paint, on_one_line, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.network import Network
    from swarmnet.model.service import Service
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import Node


def status_json(state: ClusterState, cluster: str, locks: list[JsonValue]) -> JsonObject:
    """Return the cluster as JSON; ``locks`` are those of runs (``report.lock``)."""
    names = _host_names(state)
    nodes: list[JsonValue] = [_node_json(node, names) for node in _by_name(state, names)]
    networks: list[JsonValue] = [_network_json(network) for network in sorted(state.networks, key=_name)]
    services: list[JsonValue] = [_service_json(service, state) for service in sorted(state.services, key=_name)]
    return {
        "schema": 1,
        "cluster": cluster,
        "swarm": None if state.swarm is None else state.swarm.id,
        "nodes": nodes,
        "networks": networks,
        "services": services,
        "locked": list(state.locked),
        "outside": [facts.host for facts in state.hosts if _is_outside(facts.host, state)],
        "locks": locks,
        "failures": failures_json(state.failures),
    }


def status_text(state: ClusterState, cluster: str, paint: Paint = PLAIN) -> str:
    """Return the cluster as tables."""
    return "\n".join(_lines(state, cluster, paint))


def running_of(service: Service, state: ClusterState) -> tuple[int, int]:
    """Return how many tasks of a service run and how many shall; a global one has as many as nodes take tasks."""
    running = [
        task for task in state.tasks if task.service_id == service.id and task.desired_state == task.state == "running"
    ]
    if service.spec.mode is ServiceMode.GLOBAL:
        wanted = {t.node_id for t in state.tasks if t.service_id == service.id and t.desired_state == "running"}
        return len(running), len(wanted)
    return len(running), 1 if service.spec.replicas is None else service.spec.replicas


def _lines(state: ClusterState, cluster: str, paint: Paint) -> Iterator[str]:
    managers = [node for node in state.nodes if node.spec.role is Role.MANAGER]
    reachable = sum(node.reachability == "reachable" for node in managers)
    head = paint.bold(f"cluster {on_one_line(cluster)}")
    if state.swarm is None:
        yield f"{head}: {paint.yellow('no manager answers for a swarm')}"
    else:
        quorum = f"{reachable} of {len(managers)} managers reachable"
        yield f"{head}: swarm {on_one_line(state.swarm.id)}, {len(state.nodes)} nodes, {quorum}"
    yield from _node_table(state, paint)
    yield from _network_table(state, paint)
    yield from _service_table(state, paint)
    for facts in state.hosts:
        if _is_outside(facts.host, state):
            yield _outside(facts.host, state, paint)
    yield from failure_lines(state.failures, paint)


def _by_name(state: ClusterState, names: Mapping[str, str]) -> list[Node]:
    """Return the nodes as the inventory names them; managers answer in an order that means nothing."""
    return sorted(state.nodes, key=lambda node: (names.get(node.id, node.name), node.id))


def _name(one: Network | Service) -> str:
    return one.spec.name


def _node_table(state: ClusterState, paint: Paint) -> Iterator[str]:
    if not state.nodes:
        return
    names = _host_names(state)
    rows = [
        (
            names.get(node.id, f"({node.name})"),
            str(node.spec.role),
            str(node.spec.availability),
            node.status,
            "leader" if node.is_leader else node.reachability or "",
            node.engine_version,
            node.address,
        )
        for node in _by_name(state, names)
    ]
    yield ""
    yield table(("NODE", "ROLE", "AVAILABILITY", "STATUS", "MANAGER", "ENGINE", "ADDRESS"), rows, paint)


def _network_table(state: ClusterState, paint: Paint) -> Iterator[str]:
    if not state.networks:
        return
    rows = [
        (
            network.spec.name,
            network.spec.driver,
            ", ".join(one.subnet for one in network.spec.subnets),
            ", ".join(str(vni) for vni in network.vnis),
            ", ".join(_traits(network)),
        )
        for network in sorted(state.networks, key=_name)
    ]
    yield ""
    yield table(("NETWORK", "DRIVER", "SUBNETS", "VNI", "TRAITS"), rows, paint)


def _service_table(state: ClusterState, paint: Paint) -> Iterator[str]:
    if not state.services:
        return
    rows = []
    for service in sorted(state.services, key=_name):
        running, wanted = running_of(service, state)
        ports = (f"{one.published or '?'}:{one.target}/{one.protocol}" for one in service.spec.ports or ())
        image = service.spec.image.partition("@")[0]
        rows.append((service.spec.name, str(service.spec.mode), f"{running}/{wanted}", image, ", ".join(ports)))
    yield ""
    yield table(("SERVICE", "MODE", "RUNNING", "IMAGE", "PORTS"), rows, paint)


def _traits(network: Network) -> Iterator[str]:
    spec = network.spec
    traits = {
        "ingress": spec.ingress,
        "attachable": spec.attachable,
        "internal": spec.internal,
        "encrypted": spec.encrypted,
        "ipv6": spec.ipv6,
        "NOT ALLOCATED": not network.allocated,
    }
    yield from (name for name, has in traits.items() if has)


def _outside(host: str, state: ClusterState, paint: Paint) -> str:
    facts = state.facts(host)
    standing = Membership.INACTIVE if facts is None else facts.engine.membership.state
    if standing is Membership.INACTIVE:
        return paint.yellow(f"{host} is in no swarm")
    if standing is Membership.LOCKED:
        return paint.red(f"{host} is locked: its engine was restarted; unlock it: swarmnet unlock --key-file FILE")
    error = "" if facts is None else on_one_line(facts.engine.membership.error)
    return paint.red(f"{host} is not in this swarm: {standing.value}{': ' + error if error else ''}")


def _is_outside(host: str, state: ClusterState) -> bool:
    return state.node_of(host) is None


def _host_names(state: ClusterState) -> dict[str, str]:
    return {facts.engine.membership.node_id: facts.host for facts in state.hosts}


def _node_json(node: Node, names: dict[str, str]) -> JsonObject:
    return {
        "id": node.id,
        "host": names.get(node.id),
        "hostname": node.hostname,
        "role": None if node.spec.role is None else node.spec.role.value,
        "availability": None if node.spec.availability is None else node.spec.availability.value,
        "status": node.status,
        "reachability": node.reachability,
        "leader": node.is_leader,
        "engine": node.engine_version,
        "address": node.address,
        "labels": dict(node.spec.labels),
    }


def _network_json(network: Network) -> JsonObject:
    return {
        "id": network.id,
        "name": network.spec.name,
        "driver": network.spec.driver,
        "subnets": [one.subnet for one in network.spec.subnets],
        "vnis": list(network.vnis),
        "attachable": network.spec.attachable,
        "internal": network.spec.internal,
        "encrypted": network.spec.encrypted,
        "ingress": network.spec.ingress,
        "allocated": network.allocated,
    }


def _service_json(service: Service, state: ClusterState) -> JsonObject:
    running, wanted = running_of(service, state)
    return {
        "id": service.id,
        "name": service.spec.name,
        "mode": service.spec.mode.value,
        "image": service.spec.image,
        "running": running,
        "desired": wanted,
        "networks": [at.network for at in service.spec.networks or ()],
    }
