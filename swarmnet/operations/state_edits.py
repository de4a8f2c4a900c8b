"""Pure edits of a ``ClusterState``, used by actions to predict their effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.state import SwarmMembership, SwarmStanding
from swarmnet.model.swarm import Node, NodeSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.host_image import Image
    from swarmnet.model.hosts import Availability, Role
    from swarmnet.model.network import Network
    from swarmnet.model.service import Service
    from swarmnet.model.state import ClusterState, Container, HostFacts

NEW = "new:"
"""Prefix of the ids of predicted nodes: the real id is not known before the host joins."""


def next_version(state: ClusterState) -> int:
    """Return a version higher than that of each config and secret, which makes its object the newest."""
    return 1 + max([0, *(one.version for one in state.configs), *(one.version for one in state.secrets)])


def joined(state: ClusterState, host: str, *, role: Role, address: str, availability: Availability) -> ClusterState:
    """Return the state with the host as an additional node."""
    facts = state.facts(host)
    hostname = host if facts is None else facts.engine.hostname
    manager = role.value == "manager"
    node = Node(
        id=NEW + host,
        version=0,
        hostname=hostname,
        spec=NodeSpec(role=role, availability=availability),
        status="ready",
        address=address,
        reachability="reachable" if manager else None,
        engine_labels={} if facts is None else facts.engine.labels,
    )
    membership = SwarmMembership(state=SwarmStanding.ACTIVE, node_id=node.id, address=address, is_manager=manager)
    state = state.model_copy(update={"nodes": (*state.nodes, node)})
    return with_facts(
        state,
        host,
        lambda old: old.model_copy(update={"engine": old.engine.model_copy(update={"membership": membership})}),
    )


def with_node(state: ClusterState, node_id: str, spec: NodeSpec) -> ClusterState:
    """Return the state with that node's spec."""
    nodes = (node.model_copy(update={"spec": spec}) if node.id == node_id else node for node in state.nodes)
    return state.model_copy(update={"nodes": tuple(nodes)})


def without_node(state: ClusterState, node_id: str) -> ClusterState:
    """Return the state without that node, and without its tasks, whose addresses are free again."""
    return state.model_copy(
        update={
            "nodes": tuple(node for node in state.nodes if node.id != node_id),
            "tasks": tuple(task for task in state.tasks if task.node_id != node_id),
        }
    )


def with_network(state: ClusterState, network: Network, host: str | None) -> ClusterState:
    """Return the state with this network instead of one of its name; ``host`` None means a network of the swarm."""

    def replaced(old: tuple[Network, ...]) -> tuple[Network, ...]:
        return (*(net for net in old if net.spec.name != network.spec.name), network)

    if host is None:
        return state.model_copy(update={"networks": replaced(state.networks)})
    return with_facts(state, host, lambda facts: facts.model_copy(update={"networks": replaced(facts.networks)}))


def with_image(state: ClusterState, image: Image, host: str) -> ClusterState:
    """Return the state with this image instead of one of its name on a host."""
    return with_facts(state, host, lambda facts: _imaged(facts, image.reference, (image,)))


def without_image(state: ClusterState, reference: str, host: str) -> ClusterState:
    """Return the state without the image of that name on a host."""
    return with_facts(state, host, lambda facts: _imaged(facts, reference, ()))


def _imaged(facts: HostFacts, reference: str, images: tuple[Image, ...]) -> HostFacts:
    left = tuple(one for one in facts.images or () if one.reference != reference)
    return facts.model_copy(update={"images": (*left, *images)})


def with_container(state: ClusterState, container: Container, host: str) -> ClusterState:
    """Return the state with this container instead of one of its name on a host."""
    return with_facts(
        state,
        host,
        lambda facts: facts.model_copy(
            update={"containers": (*(one for one in facts.containers if one.name != container.name), container)}
        ),
    )


def without_container(state: ClusterState, name: str, host: str) -> ClusterState:
    """Return the state without the container of that name on a host."""
    return with_facts(
        state,
        host,
        lambda facts: facts.model_copy(
            update={"containers": tuple(one for one in facts.containers if one.name != name)}
        ),
    )


def with_service(state: ClusterState, service: Service) -> ClusterState:
    """Return the state with this service instead of one of its name."""
    others = (old for old in state.services if old.spec.name != service.spec.name)
    return state.model_copy(update={"services": (*others, service)})


def with_facts(state: ClusterState, host: str, change: Callable[[HostFacts], HostFacts]) -> ClusterState:
    """Return the state with what was seen of one host changed; the same state where that host did not answer."""
    hosts = tuple(change(facts) if facts.host == host else facts for facts in state.hosts)
    return state.model_copy(update={"hosts": hosts})
