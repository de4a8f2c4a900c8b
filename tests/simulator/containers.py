"""Containers of a simulated engine."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from swarmnet.errors import ConflictError, EngineError, NotAttachedError, NotFoundError
from swarmnet.model.state import Container, Endpoint
from tests.simulator.store import TaskRecord, find
from tests.simulator.swarm_port import SwarmSide

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.endpoint import EndpointSpec
    from swarmnet.model.network import Network
    from swarmnet.model.ports import ContainerSpec

_UNFOUND = "could not find a network matching network mode {0}: network {0} not found"


def _mac(address: str) -> str:
    """Return the MAC address that engines to 26 derive from an address."""
    return "02:42:" + ":".join(f"{int(part):02x}" for part in address.split("."))


class SimulatedContainers(SwarmSide):
    """The containers of one host."""

    def containers(self, *, label: str | None = None, publishing: int | None = None) -> tuple[Container, ...]:
        with self._asked("containers"):
            found = self._machine.containers.values()
            held = self._machine.held_ports.get(publishing or 0)
            mine = (box for box in found if publishing is None or box.name == held)
            return tuple(box for box in mine if label is None or label in box.labels)

    def data_path(self, networks: Iterable[Network]) -> str | None:
        with self._asked("data_path"):
            machine = self._machine
            overlays = {one.id for one in networks if one.spec.driver == "overlay"}
            used = {endpoint.network_id for box in machine.containers.values() for endpoint in box.endpoints}
            return (machine.data_path or machine.address) if overlays & used else None

    def start_container(self, spec: ContainerSpec) -> str:
        with self._asked("container.start", spec.name):
            machine = self._machine
            if self.host in self._world.full:
                raise EngineError(self.host, "mkdir /var/lib/docker/overlay2/x: no space left on device", status=500)
            if spec.image not in machine.images:
                raise NotFoundError(self.host, f"No such image: {spec.image}", status=404)
            if any(box.name == spec.name for box in machine.containers.values()):
                message = f'Conflict. The container name "/{spec.name}" is already in use'
                raise ConflictError(self.host, message, status=409)
            if spec.network_of and not find(self.host, machine.containers, spec.network_of, "container").running:
                message = f"cannot join network of a non running container: {spec.network_of}"
                raise EngineError(self.host, message, status=409)
            container_id = machine.ids.local()
            machine.arguments[container_id] = spec.argv
            machine.containers[container_id] = Container(
                id=container_id,
                name=spec.name,
                image=spec.image,
                running=True,
                labels=dict(spec.labels),
                endpoints=tuple(self._connect(container_id, endpoint) for endpoint in spec.endpoints),
            )
            return container_id

    def connect_container(self, container_id: str, endpoint: EndpointSpec) -> None:
        with self._asked("container.connect", endpoint.network):
            box = find(self.host, self._machine.containers, container_id, "container")
            if any(one.network == endpoint.network for one in box.endpoints):
                message = f"endpoint with name {box.name} already exists in network {endpoint.network}"
                raise EngineError(self.host, message, status=403)
            fields = {name: value for name, value in endpoint.model_dump().items() if value is not None}
            asked = Endpoint.model_validate(fields | ({} if self._machine.knows(1, 54) else {"mac": None}))
            if box.running:
                self._await_managers(endpoint.network)
            placed = self._connect(container_id, asked) if box.running else asked
            after = box.model_copy(update={"endpoints": (*box.endpoints, placed)})
            self._machine.containers[container_id] = after

    def _find_networks(self, box: Container) -> None:
        """Refuse a start as engines from 25 on do where a container's mode names one of its networks.

        They join the networks in any order, and have to know that one by the time that another is joined. The
        simulator's order changes with each start, and the first network is the last to have its turn.
        """
        self._await_managers(box.endpoints[0].network if box.endpoints else "")
        mine = [one.network for one in box.endpoints if not self._is_local(one.network)]
        others = (one for one in self._machine.containers.values() if one.running)
        known = {end.network for one in others for end in one.endpoints}
        if (
            box.name in self._machine.with_mode
            and self._machine.knows(1, 44)
            and len(mine) > 1
            and box.endpoints[0].network in {*mine} - known
        ):
            turn = self._machine.turns[box.id] = self._machine.turns.get(box.id, 0) + 1
            if turn % len(mine):
                raise NotFoundError(self.host, _UNFOUND.format(mine[0]), status=404)

    def _is_local(self, network: str) -> bool:
        return any(network in (one.spec.name, one.id) for one in self._machine.networks.values())

    def _await_managers(self, network: str) -> None:
        """Fail where the node does not find the network, or its managers do not answer it in 20 s."""
        machine = self._machine
        if machine.unfound:
            machine.unfound -= 1
            raise NotFoundError(self.host, _UNFOUND.format(network), status=404)
        if machine.unattached:
            machine.unattached -= 1
            self._world.clock.sleep(20.0)
            raise NotAttachedError(
                self.host, f"Could not attach to network {network}: context deadline exceeded", status=500
            )

    def disconnect_container(self, container_id: str, network: str) -> None:
        with self._asked("container.disconnect", network):
            box = find(self.host, self._machine.containers, container_id, "container")
            left = tuple(one for one in box.endpoints if network not in (one.network, one.network_id))
            if len(left) == len(box.endpoints):
                message = f"container {container_id} is not connected to network {network}"
                raise EngineError(self.host, message, status=403)
            self._machine.containers[container_id] = box.model_copy(update={"endpoints": left})
            gone = {one.network for one in box.endpoints} - {one.network for one in left}
            self._end_attachments(container_id, gone)

    def _connect(self, container_id: str, endpoint: Endpoint) -> Endpoint:
        """Put a container on a local network or, by an attachment task, on an attachable network of the swarm."""
        for network in self._machine.networks.values():
            if endpoint.network in (network.spec.name, network.id):
                self._check_local(network, endpoint)
                address = endpoint.ipv4 or "172.18.0.2"
                update = {"network_id": network.id, "address": address, "hardware": endpoint.mac or _mac(address)}
                return endpoint.model_copy(update=update)
        store = self._machine.store
        record = store.network_named(endpoint.network) if store is not None else None
        if store is None or record is None:
            raise NotFoundError(self.host, f"network {endpoint.network} not found", status=404)
        if self.host in self._world.unattachable:
            raise EngineError(self.host, f"attaching to network {record.spec.name} failed: context deadline exceeded")
        if not record.spec.attachable:
            message = f"Could not attach to network {record.spec.name}: network {record.id} not manually attachable"
            raise EngineError(self.host, message, status=403)
        if not record.allocated:
            message = f"attaching to network failed: network {record.spec.name} is not allocated"
            raise NotAttachedError(self.host, message, status=500)
        address = f"{endpoint.ipv4}/{record.pools[0].prefixlen}" if endpoint.ipv4 else record.lease()
        task_id = f"attach{store.write():019d}"
        store.tasks[task_id] = TaskRecord(
            id=task_id,
            service_id=None,
            node_id=self._machine.node_id,
            slot=None,
            state="running",
            networks={record.spec.name: (address,)},
            container_id=container_id,
        )
        bare = address.partition("/")[0]
        # Engines note the address that the managers chose as if it had been asked for.
        update = {"network": record.spec.name, "network_id": record.id, "address": bare, "ipv4": bare}
        return endpoint.model_copy(update={**update, "hardware": _mac(bare)})

    def _check_local(self, network: Network, endpoint: Endpoint) -> None:
        if endpoint.ipv4 is None:
            return
        blocks = [ip_network(one.subnet) for one in network.spec.subnets]
        if not any(ip_address(endpoint.ipv4) in block for block in blocks):
            message = f"no configured subnet or ip-range contain the IP address {endpoint.ipv4}"
            raise EngineError(self.host, message, status=400)
        on_it = (end for box in self._machine.containers.values() for end in box.endpoints)
        if any((end.network_id, end.address) == (network.id, endpoint.ipv4) for end in on_it):
            raise EngineError(self.host, "Address already in use", status=403)

    def remove_container(self, container_id: str) -> None:
        with self._asked("container.remove", container_id):
            self._machine.containers.pop(container_id, None)
            self._end_attachments(container_id)

    def _end_attachments(self, container_id: str, networks: set[str] | None = None) -> None:
        store = self._machine.store
        for task in list(store.tasks.values()) if store is not None else []:
            if store is not None and task.service_id is None and task.container_id == container_id:
                if networks is not None and not networks & task.networks.keys():
                    continue
                del store.tasks[task.id]
