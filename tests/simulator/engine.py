"""A simulated engine: facts, networks, containers and images of one host, and the swarm where it is a manager."""

from __future__ import annotations

import io
import json
import tarfile
from ipaddress import ip_network
from typing import TYPE_CHECKING

from swarmnet.errors import ConflictError, EngineError, HostTimeoutError, NotFoundError
from swarmnet.model.compare import VNI_OPTION
from swarmnet.model.hosts import Role
from swarmnet.model.network import Network, Scope
from swarmnet.model.state import Container, Endpoint, EngineFacts, SwarmMembership, SwarmStanding
from tests.simulator.rules import SWARM_NAME, has_quorum
from tests.simulator.service_port import SimulatedServices
from tests.simulator.store import NetworkRecord, Store, TaskRecord, find
from tests.simulator.swarm_port import SimulatedMembership

if TYPE_CHECKING:
    from swarmnet.model.network import NetworkSpec
    from swarmnet.model.ports import ContainerSpec


class SimulatedDialogue:
    """A ``DialoguePort`` to a program that answers each line at once."""

    def __init__(self, engine: SimulatedEngine, container_id: str) -> None:
        self._engine = engine
        self._container_id = container_id
        self._printed: list[bytes] = []

    def say(self, line: bytes) -> None:
        self._printed += self._engine.answer(self._container_id, line).splitlines()

    def hear(self, timeout: float) -> bytes:
        if not self._printed:
            raise HostTimeoutError(self._engine.host, f"nothing was said within {timeout:g} s")
        return self._printed.pop(0)

    def close(self) -> None:
        self._printed.clear()


_REFUSED_NAMES = ("bridge", "host", "none", "default")


class SimulatedEngine(SimulatedMembership, SimulatedServices):
    """An ``EnginePort``."""

    def facts(self) -> EngineFacts:
        with self._asked("facts"):
            machine = self._machine
            return EngineFacts(
                id=f"ENGINE:{machine.name}",
                version=machine.engine_version,
                api_version=machine.api_version,
                hostname=machine.name,
                kernel="6.1.0",
                os="Debian GNU/Linux",
                architecture="x86_64",
                live_restore=machine.live_restore,
                firewall=machine.firewall if machine.knows(1, 49) else "",
                membership=self._membership(),
            )

    def _membership(self) -> SwarmMembership:
        machine, store = self._machine, self._machine.store
        if machine.locked:
            return SwarmMembership(state=SwarmStanding.LOCKED)
        if store is None:
            return SwarmMembership()
        node = store.nodes.get(machine.node_id)
        if node is None:
            return SwarmMembership(state=SwarmStanding.ERROR, error="node was removed from the swarm")
        answers = node.spec.role is Role.MANAGER and has_quorum(store, self._world.machines)
        leaderless = node.spec.role is Role.MANAGER and not answers
        machine.restarted = machine.restarted and leaderless
        managers = (other for other in store.nodes.values() if other.spec.role is Role.MANAGER)
        return SwarmMembership(
            state=SwarmStanding.PENDING if machine.restarted else SwarmStanding.ACTIVE,
            node_id=node.id,
            cluster_id=store.id if answers else "",
            address=node.address,
            is_manager=answers,
            managers=tuple(f"{other.address}:2377" for other in managers),
            error="The swarm does not have a leader" if leaderless else "",
        )

    # Networks

    def networks(self) -> tuple[Network, ...]:
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

    def create_network(self, spec: NetworkSpec) -> str:
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

    def remove_network(self, network_id: str) -> None:
        with self._asked("network.remove", network_id):
            local = self._machine.networks.get(network_id)
            if local is not None:
                self._remove_local(local)
                return
            store = self._store()
            record = find(self.host, store.networks, network_id, "network")
            self._check_unused(store, record)
            until = self._world.clock.monotonic() + self._machine.lingers
            copy = _network(record).model_copy(update={"is_copy": True})
            self._machine.copies.append((until, copy))
            del store.networks[network_id]
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

    # Containers

    def containers(self, *, label: str | None = None, publishing: int | None = None) -> tuple[Container, ...]:
        with self._asked("containers"):
            found = self._machine.containers.values()
            held = self._machine.held_ports.get(publishing or 0)
            mine = (box for box in found if publishing is None or box.name == held)
            return tuple(box for box in mine if label is None or label in box.labels)

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

    def _connect(self, container_id: str, endpoint: Endpoint) -> Endpoint:
        """Put a container on a local network or, by an attachment task, on an attachable network of the swarm."""
        for network in self._machine.networks.values():
            if endpoint.network in (network.spec.name, network.id):
                return endpoint.model_copy(update={"network_id": network.id, "address": endpoint.ipv4 or "172.18.0.2"})
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
            raise EngineError(self.host, message, status=500)
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
        update = {"network": record.spec.name, "network_id": record.id, "address": address.partition("/")[0]}
        return endpoint.model_copy(update=update)

    def dialogue(self, container_id: str) -> SimulatedDialogue:
        """Attach to one of ``machine.container_programs``."""
        with self._asked("dialogue", container_id):
            find(self.host, self._machine.containers, container_id, "container")
            return SimulatedDialogue(self, container_id)

    def answer(self, container_id: str, line: bytes) -> bytes:
        """Return what an attached program prints when it reads a line."""
        with self._asked("dialogue", container_id):
            program = self._machine.container_programs[self._machine.arguments[container_id][0]]
            code, printed, complaint = program(self._machine, self._machine.arguments[container_id], line)
            if code:
                said = complaint.decode().strip()
                raise EngineError(self.host, f"talk with container {container_id[:12]}: it ended: {said}")
            return printed

    def container_log(self, container_id: str) -> bytes:
        with self._asked("container_log", container_id):
            find(self.host, self._machine.containers, container_id, "container")
            return self._machine.logs.get(container_id, b"")[-65536:]

    def remove_container(self, container_id: str) -> None:
        with self._asked("container.remove", container_id):
            self._machine.containers.pop(container_id, None)
            self._end_attachments(container_id)

    def _end_attachments(self, container_id: str) -> None:
        store = self._machine.store
        for task in list(store.tasks.values()) if store is not None else []:
            if store is not None and task.service_id is None and task.container_id == container_id:
                del store.tasks[task.id]

    # Images

    def has_image(self, reference: str) -> bool:
        with self._asked("has_image", reference):
            return reference in self._machine.images

    def load_image(self, archive: bytes) -> None:
        with self._asked("image.load"):
            try:
                with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                    manifest = tar.extractfile("manifest.json")
                    images = json.loads(manifest.read()) if manifest is not None else []
            except (tarfile.TarError, KeyError, ValueError) as error:
                raise EngineError(self.host, f"invalid archive: {error}", status=500) from error
            self._machine.images.update(tag for image in images for tag in image["RepoTags"])

    def pull_image(self, reference: str, *, timeout: float = 300.0) -> None:
        del timeout
        with self._asked("image.pull", reference):
            if reference in self._world.missing_images:
                raise NotFoundError(self.host, f"manifest for {reference} not found", status=404)
            self._machine.images.add(reference)

    def remove_image(self, reference: str) -> None:
        with self._asked("image.remove", reference):
            if any(box.image == reference and box.running for box in self._machine.containers.values()):
                message = f"conflict: unable to remove {reference}: image is being used by a running container"
                raise ConflictError(self.host, message, status=409)
            self._machine.images.discard(reference)


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
