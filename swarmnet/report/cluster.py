"""What the table and the JSON of ``swarmnet status`` both look up in a cluster's state."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmnet.model.service import PublishedPort, Service
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import Node


def host_names(state: ClusterState) -> dict[str, str]:
    """Return the inventory's name of each node, by the node's id."""
    return {facts.engine.membership.node_id: facts.host for facts in state.hosts}


def data_paths(state: ClusterState) -> dict[str, str]:
    """Return the address between which a node's overlays go, by its id, where that is not the node's own."""
    return {facts.engine.membership.node_id: apart for facts in state.hosts if (apart := facts.data_path_apart)}


def nodes_by_name(state: ClusterState) -> list[Node]:
    """Return the nodes by their names in the inventory: the order in which managers list them means nothing."""
    names = host_names(state)
    return sorted(state.nodes, key=lambda node: (names.get(node.id, node.name), node.id))


def services_by_name(state: ClusterState) -> list[Service]:
    """Return the services by name."""
    return sorted(state.services, key=lambda one: one.spec.name)


def is_outside(host: str, state: ClusterState) -> bool:
    """Return whether a host is outside of the swarm."""
    return state.node_of(host) is None


def ports_of(service: Service, state: ClusterState) -> tuple[PublishedPort, ...]:
    """Return the ports with the numbers that the engine chose; those of host mode come from the tasks."""
    tasks = (task for task in state.tasks if task.service_id == service.id and task.state == "running")
    given = dict.fromkeys((*service.published, *(port for task in tasks for port in task.published)))
    known = {(port.target, port.protocol) for port in given if port.published}
    wanted = service.spec.ports or ()
    missing = (port for port in wanted if port not in given and (port.target, port.protocol) not in known)
    return (*(port for port in given if port.published), *missing)
