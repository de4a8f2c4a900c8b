"""Networks of a simulated engine: its own, and those of the swarm."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

from swarmnet.errors import ConflictError, EngineError
from swarmnet.model.compare import VNI_OPTION
from swarmnet.model.hosts import Role
from swarmnet.model.network import Network, Scope
from tests.simulator.rules import SWARM_NAME, has_quorum
from tests.simulator.store import NetworkRecord, Store, find
from tests.simulator.swarm_port import SwarmSide

if TYPE_CHECKING:
    from swarmnet.model.network import NetworkSpec

_REFUSED_NAMES = ("bridge", "host", "none", "default")


class SimulatedNetworks(SwarmSide):
    """A ``Store`` of networks."""

    def list(self) -> tuple[Network, ...]:
        """List; where no manager answers, swarm networks are missing without an error."""
        with self._asked("networks"):
            store, machine = self._machine.store, self._machine
            now = self._world.clock.monotonic()
            seen = [*machine.networks.values(), *(copy for until, copy in machine.copies if until > now)]
            if store is None:
                return tuple(seen)
            manages = store.nodes[machine.node_id].spec.role is Role.MANAGER
            complete = manages and self._is_led() and has_quorum(store, self._world.machines)
            used = {endpoint.network_id for box in machine.containers.values() for endpoint in box.endpoints}
            records = [net for net in store.networks.values() if complete or net.spec.ingress or net.id in used]
            return tuple(seen + [_network(record) for record in records])

    def _is_led(self) -> bool:
        """Return whether the leader lives on until a manager's list is whole; takes the time that the list takes."""
        slow = self._world.slow_lists.pop(0) if self._world.slow_lists else None
        if slow is not None:
            self._world.clock.sleep(slow.seconds)
            self._world.election = slow.election
        return slow is None or not slow.is_cut

    def create(self, spec: NetworkSpec) -> str:
        with self._asked("network.create", spec.name):
            self._check_network_spec(spec)
            spec = spec.stated
            if spec.effective_scope is Scope.LOCAL:
                return self._machine.add_network(spec)
            store = self._store()
            if not SWARM_NAME.fullmatch(spec.name) or len(spec.name) > 63:
                raise EngineError(self.host, f"name {spec.name!r} must be valid as a DNS name component", status=400)
            network_id = self._world.ids.swarm()
            bare = tuple(subnet.model_copy(update={"aux_addresses": {}}) for subnet in spec.subnets)
            kept = spec.model_copy(update={"subnets": bare, "scope": Scope.SWARM})
            store.networks[network_id] = NetworkRecord(network_id, kept)
            store.write()
            return network_id

    def _check_network_spec(self, spec: NetworkSpec) -> None:
        if spec.name in _REFUSED_NAMES:
            raise EngineError(self.host, f"operation is not permitted on predefined {spec.name} network", status=403)
        if spec.config_from is not None and spec.labels:
            message = (
                "user specified configurations are not supported if the network depends on a configuration network"
            )
            raise EngineError(self.host, message, status=403)
        if spec.config_only and (spec.scope or spec.attachable or spec.internal or spec.ingress):
            message = "configuration network can only contain network specific fields. Network operator fields like"
            raise EngineError(self.host, f"{message} [ ingress | internal | attachable | scope ] are not supported.")
        store = self._machine.store
        now = self._world.clock.monotonic()
        taken = [network.spec.name for network in self._machine.networks.values()]
        taken += [copy.spec.name for until, copy in self._machine.copies if until > now]
        if any(name == spec.name for name in taken):
            raise ConflictError(self.host, f"network with name {spec.name} already exists", status=409)
        if self._knows(spec.name):
            raise ConflictError(self.host, f"network with name {spec.name} already exists", status=409)
        self._check_overlap(spec)
        if spec.ingress and store is not None and any(net.spec.ingress for net in store.networks.values()):
            raise ConflictError(self.host, "ingress network (ingress) is already present", status=409)

    def _knows(self, name: str) -> bool:
        """Return whether the swarm has a network of that name, as far as this node knows: workers do not ask."""
        store = self._machine.store
        manages = store is not None and store.nodes[self._machine.node_id].spec.role is Role.MANAGER
        return manages and store is not None and store.network_named(name) is not None

    def _check_overlap(self, spec: NetworkSpec) -> None:
        """Refuse a bridge whose block overlaps another one's, also that of one which no list shows."""
        for other, subnet in self._machine.half_made.items():
            if any(block.subnet == subnet for block in spec.subnets):
                message = f"cannot create network: conflicts with network {other}: networks have overlapping IPv4"
                raise EngineError(self.host, message, status=403)
        if spec.driver != "bridge" or spec.effective_scope is not Scope.LOCAL or spec.config_only:
            return
        for network in self._machine.networks.values():
            blocks = () if network.spec.config_only else network.spec.subnets
            if any(ip_network(one.subnet).overlaps(ip_network(two.subnet)) for one in spec.subnets for two in blocks):
                message = (
                    f"cannot create network: conflicts with network {network.id} ({network.spec.name}): overlapping"
                )
                raise EngineError(self.host, message, status=403)

    def remove(self, object_id: str) -> None:
        with self._asked("network.remove", object_id):
            local = self._machine.networks.get(object_id)
            if local is not None:
                self._remove_local(local)
                return
            store = self._store()
            record = find(self.host, store.networks, object_id, "network")
            self._check_unused(store, record)
            until = self._world.clock.monotonic() + self._machine.lingers
            copy = _network(record).model_copy(update={"is_copy": True})
            self._machine.copies.append((until, copy))
            del store.networks[object_id]
            store.write()

    def _remove_local(self, network: Network) -> None:
        if network.predefined and network.spec.name != "docker_gwbridge":
            message = f"{network.spec.name} is a pre-defined network and cannot be removed"
            raise EngineError(self.host, message, status=403)
        running = [box for box in self._machine.containers.values() if box.running]
        if any(endpoint.network_id == network.id for box in running for endpoint in box.endpoints):
            message = f"error while removing network: network {network.spec.name} has active endpoints"
            raise ConflictError(self.host, message, status=403)
        del self._machine.networks[network.id]

    def _check_unused(self, store: Store, record: NetworkRecord) -> None:
        name = record.spec.name
        for service in store.services.values():
            if any(attachment.network == name for attachment in service.spec.networks or ()):
                raise ConflictError(self.host, f"network {name} is in use by service {service.id}", status=400)
        for task in store.tasks.values():
            if name in task.networks and task.desired_state == "running" and not task.ended:
                raise ConflictError(self.host, f"network {name} is in use by task {task.id}", status=400)


def _network(record: NetworkRecord) -> Network:
    """Return a network as a manager lists it: before it is allocated, driver, options and addresses are empty."""
    empty: dict[str, object] = {
        "driver": "",
        "subnets": (),
        "options": {},
        "ipam_options": {},
        "mtu": None,
        "encrypted": False,
    }
    named = {key: value for key, value in record.spec.options.items() if key != VNI_OPTION}
    return Network(
        id=record.id,
        spec=record.spec.model_copy(update={"options": named} if record.allocated else empty),
        allocated=record.allocated,
        vnis=record.vnis,
        predefined=record.predefined,
    )
