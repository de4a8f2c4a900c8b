"""A cluster at a glance, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.announced_losses import UNLOCK, Health
from swarmnet.model.redaction import Cover
from swarmnet.model.standing import failing_of, next_loss, promoted, running_of, standing, strangers
from swarmnet.model.state import SwarmStanding
from swarmnet.report.terminal.plan import failure_lines, failures_json
from swarmnet.report.terminal.text import PLAIN, Paint, count, on_one_line, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from swarmnet.model.announced_losses import Standing
    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.network import Network
    from swarmnet.model.service import PublishedPort, Service
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import Node

SHOWN = 3
"""Reasons that one line names; the rest is counted."""
_COLOURS: Mapping[Health, Callable[[Paint], Callable[[str], str]]] = {
    Health.HEALTHY: lambda paint: paint.green,
    Health.DEGRADED: lambda paint: paint.yellow,
    Health.LOST: lambda paint: paint.red,
    Health.ABSENT: lambda paint: paint.yellow,
}


def status_json(
    state: ClusterState, inventory: Inventory, locks: list[JsonValue], cover: Cover | None = None
) -> JsonObject:
    """Return the cluster as JSON; ``locks`` are those of runs (``report.lock``), ``cover`` hides values of labels."""
    cover = cover or Cover()
    names = _host_names(state)
    nodes: list[JsonValue] = [_node_json(node, names, cover) for node in _by_name(state, names)]
    networks: list[JsonValue] = [_network_json(network) for network in sorted(state.networks, key=_name)]
    services: list[JsonValue] = [_service_json(service, state) for service in sorted(state.services, key=_name)]
    return {
        "schema": 1,
        "cluster": inventory.cluster,
        "swarm": None if state.swarm is None else state.swarm.id,
        "standing": _standing_json(standing(state, inventory)),
        "nodes": nodes,
        "networks": networks,
        "services": services,
        "locked": list(state.locked),
        "outside": [facts.host for facts in state.hosts if _is_outside(facts.host, state)],
        "not_in_inventory": list(strangers(state, inventory)),
        "promoted": list(promoted(state, inventory)),
        "locks": locks,
        "failures": failures_json(state.failures),
    }


def status_text(state: ClusterState, inventory: Inventory, paint: Paint = PLAIN) -> str:
    """Return the cluster as tables, below a line that says how it stands."""
    return "\n".join(_lines(state, inventory, paint))


def _lines(state: ClusterState, inventory: Inventory, paint: Paint) -> Iterator[str]:
    found = standing(state, inventory)
    yield f"{paint.bold(f'cluster {on_one_line(inventory.cluster)}')}: {_headline(found, state, paint)}"
    if found.cure:
        yield f"next: {on_one_line(found.cure)}"
    yield from _node_table(state, paint)
    yield from _network_table(state, paint)
    yield from _service_table(state, paint)
    yield from _differences(state, inventory, paint)
    yield from failure_lines(state.failures, paint)


def _headline(found: Standing, state: ClusterState, paint: Paint) -> str:
    """Return the answer: how the cluster stands, why, and what the next loss means."""
    colour = _COLOURS[found.health](paint)
    if state.swarm is None:
        why = "; ".join(found.reasons) or "no host that answers is in one"
        return f"{colour(found.health.value)}: {on_one_line(why)}"
    more = len(found.reasons) - SHOWN
    why = "; ".join(found.reasons[:SHOWN]) + (f" and {count(more, 'thing')} more" if more > 0 else "")
    managers = f"{found.answering} of {count(found.managers, 'manager')} {'works' if found.answering == 1 else 'work'}"
    told = (on_one_line(why), managers, next_loss(found))
    size = f"{count(len(state.nodes), 'node')}, swarm {on_one_line(state.swarm.id)}"
    return f"{colour(found.health.value)}: {'; '.join(filter(None, told))} ({size})"


def _differences(state: ClusterState, inventory: Inventory, paint: Paint) -> Iterator[str]:
    """Yield where swarm and inventory differ, and engines that are newer than those that were tried."""
    for facts in state.hosts:
        if facts.engine.is_untried:
            known = (
                f"{on_one_line(facts.host)}: engine {on_one_line(facts.engine.version)} is known from its documentation"
            )
            yield paint.dim(f"{known}; swarmnet's tests run on 20.10, 26.1 and 28.5")
    for facts in state.hosts:
        if _is_outside(facts.host, state):
            yield _outside(facts.host, state, paint)
    for name in promoted(state, inventory):
        yield paint.yellow(f"{on_one_line(name)} is a manager of the swarm, and a worker in the inventory")
    for name in strangers(state, inventory):
        heard = " that was heard" if len(state.hosts) < len(inventory.hosts) else ""
        yield paint.yellow(f"node {on_one_line(name)} is in the swarm, and no host of the inventory{heard}")


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
        ports = (f"{one.published or '?'}:{one.target}/{one.protocol}" for one in _ports(service, state))
        image = service.spec.image.partition("@")[0]
        rows.append((service.spec.name, str(service.spec.mode), f"{running}/{wanted}", image, ", ".join(ports)))
    yield ""
    yield table(("SERVICE", "MODE", "RUNNING", "IMAGE", "PORTS"), rows, paint)
    for service in sorted(state.services, key=_name):
        for said in failing_of(service, state)[:SHOWN]:
            yield paint.red(f"{on_one_line(service.spec.name)}: {on_one_line(said)}")


def _ports(service: Service, state: ClusterState) -> tuple[PublishedPort, ...]:
    """Return the ports with the numbers that the engine chose; those of host mode are told by the tasks."""
    tasks = (task for task in state.tasks if task.service_id == service.id and task.state == "running")
    given = dict.fromkeys((*service.published, *(port for task in tasks for port in task.published)))
    told = {(port.target, port.protocol) for port in given if port.published}
    wanted = service.spec.ports or ()
    missing = (port for port in wanted if port not in given and (port.target, port.protocol) not in told)
    return (*(port for port in given if port.published), *missing)


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
    host = on_one_line(host)
    membership = SwarmStanding.INACTIVE if facts is None else facts.engine.membership.state
    if membership is SwarmStanding.INACTIVE:
        return paint.yellow(f"{host} is in no swarm")
    if membership is SwarmStanding.LOCKED:
        return paint.red(f"{host} is locked: its engine was restarted; unlock it: {UNLOCK}")
    error = "" if facts is None else on_one_line(facts.engine.membership.error)
    said = f"{membership.value}{': ' + error if error else ''}"
    return paint.red(
        f"{host} is in a swarm ({said})" if state.swarm is None else f"{host} is not in this swarm: {said}"
    )


def _is_outside(host: str, state: ClusterState) -> bool:
    return state.node_of(host) is None


def _host_names(state: ClusterState) -> dict[str, str]:
    return {facts.engine.membership.node_id: facts.host for facts in state.hosts}


def _node_json(node: Node, names: dict[str, str], cover: Cover) -> JsonObject:
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
        "labels": cover.value(("labels",), {**node.spec.labels}),
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
        "failing": list(failing_of(service, state)),
        "networks": [at.network for at in service.spec.networks or ()],
        "ports": [
            {"published": one.published, "target": one.target, "protocol": one.protocol.value, "mode": one.mode.value}
            for one in _ports(service, state)
        ],
    }


def _standing_json(found: Standing) -> JsonObject:
    return {
        "health": found.health.value,
        "managers": found.managers,
        "answering": found.answering,
        "spare": found.spare,
        "reasons": list(found.reasons),
        "next": found.cure,
    }
