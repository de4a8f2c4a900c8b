"""An inventory with roles, labels and availability as the nodes have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.hosts import Availability, Host, Inventory, Role

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject, JsonValue, Labels
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import Node


def inventory_data(data: JsonObject, inventory: Inventory, state: ClusterState) -> JsonObject:
    """Return an inventory's data with the nodes' roles, labels and availability; all else stays.

    Args:
        data: the file as it is.
        inventory: what it says, groups resolved.
        state: what was seen; a host that is not in the swarm, or did not answer, stays as it is.
    """
    entries = data.get("hosts")
    hosts: JsonObject = dict(entries) if isinstance(entries, dict) else {}
    for host in inventory.hosts:
        node, entry = state.node_of(host.name), hosts.get(host.name)
        if node is not None:
            hosts[host.name] = _entry(dict(entry) if isinstance(entry, dict) else {}, node, _of_groups(host, data))
    return {**data, "hosts": hosts}


def hosts_of(state: ClusterState, cluster: str) -> Inventory:
    """Return the hosts of a backup as an inventory: those that answered, by their names at that time."""
    hosts = []
    for facts in state.hosts:
        node = state.node_of(facts.host)
        address = node.address if node is not None and node.address else next(iter(facts.addresses), facts.host)
        spec = None if node is None else node.spec
        hosts.append(
            Host(
                name=facts.host,
                address=address,
                role=(spec and spec.role) or Role.WORKER,
                labels={} if spec is None else spec.labels,
                availability=None if spec is None else spec.availability,
            )
        )
    return Inventory(cluster=cluster, hosts=tuple(hosts))


def _entry(entry: JsonObject, node: Node, inherited: Labels) -> JsonObject:
    """Return the entry of a host; what it says already in other words stays."""
    role, availability = node.spec.role, node.spec.availability
    if role is not None and (role is Role.MANAGER or "role" in entry):
        entry["role"] = role.value
    if availability is not None and (availability is not Availability.ACTIVE or "availability" in entry):
        entry["availability"] = availability.value
    labels: dict[str, JsonValue] = {key: text for key, text in node.spec.labels.items() if inherited.get(key) != text}
    entry.pop("labels", None)
    return {**entry, "labels": labels} if labels else entry


def _of_groups(host: Host, data: JsonObject) -> Labels:
    """Return the labels that a host has from its groups."""
    groups, found = data.get("groups"), dict[str, str]()
    for name, group in groups.items() if isinstance(groups, dict) else ():
        labels = group.get("labels") if isinstance(group, dict) else None
        if name in host.groups and isinstance(labels, dict):
            found |= {key: str(text) for key, text in labels.items()}
    return found
