"""What the tables and the JSON of ``swarmnet status`` and ``show`` look up in a cluster's state."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from swarmnet.model.printable import without_ids

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.service import PublishedPort, Service
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import Node

COMPLETED = "completed"
"""The engine's word for an update that is done."""
DIGEST = len("sha256:") + 12
"""Characters of a digest that tell one from another, as the engine itself shortens them."""


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


def images_of(service: Service, state: ClusterState) -> dict[str, int]:
    """Return the images of a service's running tasks, each with their number: several until an update is done."""
    mine = (task for task in state.tasks if task.service_id == service.id and task.runs)
    return dict(sorted(Counter(task.image for task in mine if task.image).items()))


def short_images(images: Iterable[str]) -> dict[str, str]:
    """Return what to call each image: without its digest, or with its first digits where names are alike."""
    known = dict.fromkeys(images)
    names = Counter(one.partition("@")[0] for one in known)
    found = {}
    for one in known:
        name, _, digest = one.partition("@")
        found[one] = f"{name}@{digest[:DIGEST]}" if digest and names[name] > 1 else name
    return found


def update_text(state: str | None, message: str | None) -> str:
    """Return the engine's words on a service's update; empty where there was none, or it is done."""
    if state in (None, COMPLETED):
        return ""
    return f"{state}: {without_ids(message)}" if message else f"update state {state}"
