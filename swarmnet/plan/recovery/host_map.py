"""The hosts of an old cluster and those that take their places. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import UsageError
from swarmnet.model.constraint import Constraint
from swarmnet.model.hosts import Inventory
from swarmnet.operations.state_edits import NEW

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from swarmnet.model.service import Service, ServiceSpec
    from swarmnet.model.state import ClusterState


def host_map(old: Iterable[str], new: Iterable[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """Return old host names to new ones: as mapped, else by the same name; hosts without a place are left out.

    Raises:
        UsageError: a mapping names hosts that do not exist, or one new host twice.
    """
    before, after = set(old), set(new)
    for source, target in mapping.items():
        if source not in before:
            raise UsageError(f"--map {source}={target}: the backup has no host {source!r}", hint=_known(before))
        if target not in after:
            raise UsageError(f"--map {source}={target}: there is no host {target!r} now", hint=_known(after))
    taken = set(mapping.values())
    found = {name: name for name in before & after if name not in mapping and name not in taken} | dict(mapping)
    if len(set(found.values())) != len(found):
        raise UsageError("two hosts of the backup are mapped to one new host", hint="map one of them")
    return found


@dataclass(frozen=True, slots=True)
class Places:
    """What constraints call the nodes of an old cluster, and what the new one calls those in their places."""

    ids: Mapping[str, str]
    """Node ids, to ids; only of hosts that are in the new swarm already."""
    hostnames: Mapping[str, str]
    """Hostnames, and ids of nodes whose new id is not known yet, to hostnames."""
    addresses: Mapping[str, str]
    """Addresses of nodes."""

    def of(self, constraint: str) -> str:
        """Return a constraint in the words of the new cluster; one on another property stays as it is."""
        found = Constraint.parse(constraint)
        names = {"node.id": self.ids, "node.ip": self.addresses, "node.hostname": self.hostnames}
        if found is None or found.key not in names:
            return constraint
        known = names[found.key]
        if found.value in known:
            return constraint if known[found.value] == found.value else _written(found.key, found, known[found.value])
        if found.key == "node.id" and found.value in self.hostnames:
            return _written("node.hostname", found, self.hostnames[found.value])
        return constraint


def _written(key: str, constraint: Constraint, value: str) -> str:
    return f"{key}{constraint.operator}{value}"


def places(before: ClusterState, after: ClusterState, hosts: Mapping[str, str], inventory: Inventory) -> Places:
    """Return what the nodes of the old cluster are called in the new one; ``hosts`` are old names to new ones."""
    ids: dict[str, str] = {}
    hostnames: dict[str, str] = {}
    addresses: dict[str, str] = {}
    addressed = {host.name: host.advertise or host.address for host in inventory.hosts}
    for old, new in hosts.items():
        was, now = before.facts(old), after.facts(new)
        if was is None or now is None:
            continue
        old_id, old_node, node = was.engine.membership.node_id, before.node_of(old), after.node_of(new)
        hostnames[was.engine.hostname] = hostnames[old_id] = now.engine.hostname
        if node is not None and not node.id.startswith(NEW):
            ids[old_id] = node.id
        if old_node is not None and old_node.address:
            addresses[old_node.address] = node.address if node is not None else addressed.get(new, old_node.address)
    return Places(ids, hostnames, addresses)


def moved(spec: ServiceSpec, where: Places) -> ServiceSpec:
    """Return a service whose constraints name the nodes that took the places of those it named."""
    if spec.constraints is None:
        return spec
    return spec.model_copy(update={"constraints": tuple(where.of(one) for one in spec.constraints)})


def seen_as(
    before: ClusterState, after: ClusterState, hosts: Mapping[str, str], inventory: Inventory | None = None
) -> ClusterState:
    """Return an old state with the names of a new one, so that only real differences between them are left."""
    where = places(before, after, hosts, inventory or Inventory(cluster="", hosts=()))

    def service(one: Service) -> Service:
        return one.model_copy(update={"spec": moved(one.spec, where)})

    facts = tuple(one.model_copy(update={"host": hosts.get(one.host, one.host)}) for one in before.hosts)
    return before.model_copy(update={"hosts": facts, "services": tuple(service(one) for one in before.services)})


def _known(names: Iterable[str]) -> str:
    return f"known: {', '.join(sorted(names))}"
