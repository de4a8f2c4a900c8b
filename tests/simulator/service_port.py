"""Services and tasks of a simulated engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import ConflictError, EngineError
from swarmnet.model.log import LogEntry
from swarmnet.model.merge import lay
from swarmnet.model.network import Scope
from swarmnet.model.service import EndpointMode, PublishMode, Service, ServiceMode, Task
from swarmnet.model.service_mounts import MountType
from tests.simulator.endings import given
from tests.simulator.store import ServiceRecord, TaskRecord, check_version, find
from tests.simulator.swarm_port import SwarmSide

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.service import PublishedPort, ServiceSpec
    from tests.simulator.store import Store


class SimulatedServices(SwarmSide):
    """What a manager does with services; tasks follow at the next tick."""

    def list(self) -> tuple[Service, ...]:
        with self._asked("services"):
            return tuple(
                Service(
                    id=record.id,
                    version=record.version,
                    spec=record.spec,
                    virtual_ips=dict(record.virtual_ips),
                    published=given(record.spec, PublishMode.INGRESS),
                    update_state=record.update_state,
                    previous=record.previous,
                    run=record.run,
                )
                for record in self._store().services.values()
            )

    def create(self, spec: ServiceSpec) -> str:
        with self._asked("service.create", spec.name):
            store = self._store()
            if any(record.spec.name == spec.name for record in store.services.values()):
                message = f"name conflicts with an existing object: service {spec.name} already exists"
                raise ConflictError(self.host, message, status=409)
            if spec.mode is ServiceMode.REPLICATED_JOB:
                number = next((one for one in (spec.max_concurrent, spec.replicas) if one is not None), 1)
                total = number if spec.replicas is None else spec.replicas
                spec = spec.model_copy(update={"max_concurrent": number, "replicas": total})
            elif spec.mode is ServiceMode.REPLICATED and spec.replicas is None:
                spec = spec.model_copy(update={"replicas": 1})
            service_id = self._world.ids.swarm()
            self._check(store, spec, service_id)
            store.services[service_id] = ServiceRecord(
                service_id, spec, store.write(), run=0 if spec.mode.is_job else None
            )
            return service_id

    def update(self, object_id: str, version: int, spec: ServiceSpec, *, whole: bool = False) -> None:
        with self._asked("service.update", object_id):
            store = self._store()
            record = find(self.host, store.services, object_id, "service")
            check_version(self.host, record.version, version)
            if record.spec.name != spec.name:
                raise EngineError(self.host, "renaming services is not supported", status=501)
            if record.spec.mode is not spec.mode:
                raise EngineError(self.host, "service mode change is not allowed", status=501)
            wanted = spec if whole else lay(record.spec, spec)
            self._check(store, wanted, object_id)
            record.restarts.clear()
            record.update_state = None
            record.run = None if record.run is None else record.run + 1
            record.previous, record.spec, record.version = record.spec, wanted, store.write()

    def remove(self, object_id: str) -> None:
        with self._asked("service.remove", object_id):
            store = self._store()
            find(self.host, store.services, object_id, "service")
            del store.services[object_id]
            for task in store.tasks.values():
                if task.service_id == object_id:
                    task.desired_state = "remove"

    def _check(self, store: Store, spec: ServiceSpec, service_id: str) -> None:
        """Refuse what the engine refuses."""
        if spec.mode.is_job and spec.update is not None:
            raise EngineError(self.host, "Jobs may not have an update config", status=400)
        for mount in spec.mounts or ():
            if mount.type is MountType.IMAGE or (mount.type is MountType.CLUSTER and not self._machine.knows(1, 42)):
                raise EngineError(self.host, f'invalid MountType: "{mount.type}"', status=400)
        for attachment in spec.networks or ():
            self._check_network(store, attachment.network)
        for kind, wanted, files in (
            ("config", spec.configs, store.configs),
            ("secret", spec.secrets, store.secrets),
        ):
            known = {record.spec.name for record in files.values()}
            for reference in wanted or ():
                if reference.source not in known:
                    raise EngineError(self.host, f"{kind} {reference.source} not found", status=400)
        self._check_ports(store, spec, service_id)

    def _check_network(self, store: Store, name: str) -> None:
        network = store.network_named(name)
        if network is not None and network.spec.name == name:
            if network.spec.ingress:
                message = "Service cannot be explicitly attached to the ingress network"
                raise EngineError(self.host, f'{message} "{name}"', status=403)
            return
        if name in ("host", "bridge"):
            return
        local = any(net.spec.name == name and net.spec.scope is Scope.LOCAL for net in self._machine.networks.values())
        message = f"The network {name} cannot be used with services" if local else f"network {name} not found"
        raise EngineError(self.host, message, status=403 if local else 404)

    def _check_ports(self, store: Store, spec: ServiceSpec, service_id: str) -> None:
        wanted = {
            (port.protocol, port.published)
            for port in spec.ports or ()
            if port.mode is PublishMode.INGRESS and port.published is not None
        }
        mesh = any(port.mode is PublishMode.INGRESS for port in spec.ports or ())
        if spec.endpoint_mode is EndpointMode.DNSRR and mesh:
            raise EngineError(
                self.host, "EndpointSpec: port published with ingress mode can't be used with dnsrr mode", status=400
            )
        for other in store.services.values():
            for port in other.spec.ports or ():
                key = (port.protocol, port.published)
                if other.id != service_id and port.mode is PublishMode.INGRESS and key in wanted:
                    message = f"port '{port.published}' is already in use by service '{other.spec.name}' ({other.id})"
                    raise ConflictError(self.host, f"{message} as an ingress port", status=400)


class SimulatedTasks(SwarmSide):
    """The tasks that a manager lists."""

    def tasks(self, *, service: str | None = None, network: str | None = None) -> tuple[Task, ...]:
        with self._asked("tasks"):
            store = self._store()
            return tuple(
                Task(
                    id=task.id,
                    service_id=task.service_id,
                    node_id=task.node_id,
                    slot=task.slot,
                    state=task.state,
                    desired_state=task.desired_state,
                    message=task.message,
                    networks=dict(task.networks),
                    container_id=task.container_id,
                    run=task.run,
                    published=_of_its_node(store, task),
                    image=task.made_of.image if task.made_of is not None else "",
                )
                for task in store.tasks.values()
                if _selected(store, task, service, network)
            )

    def service_log(self, service: str, *, tail: int | None = None, since: str | None = None) -> tuple[LogEntry, ...]:
        with self._asked("service_log"):
            mine = {task.id for task in self._store().tasks.values() if task.service_id == service}
            printed = (*self._world.printed, *_echoed(self._store()))
            found = [one for one in printed if one.task_id in mine and one.at >= (since or "")]
            kept = [one for task in mine for one in _last([one for one in found if one.task_id == task], tail)]
            return tuple(sorted(kept, key=lambda one: one.at))


def _echoed(store: Store) -> Iterator[LogEntry]:
    """Yield what ``echo`` printed in tasks of jobs, in their order."""
    for number, task in enumerate(store.tasks.values()):
        words = () if task.made_of is None else task.made_of.command or ()
        if task.state == "complete" and words[:1] == ("echo",):
            at = f"2026-01-01T00:00:00.{number:09d}Z"
            yield LogEntry(at=at, node_id=task.node_id or "", task_id=task.id, text=" ".join(words[1:]))


def _last(lines: list[LogEntry], tail: int | None) -> list[LogEntry]:
    return lines if tail is None else lines[len(lines) - min(tail, len(lines)) :]


def _of_its_node(store: Store, task: TaskRecord) -> tuple[PublishedPort, ...]:
    record = store.services.get(task.service_id or "")
    return given(record.spec, PublishMode.HOST) if record is not None and task.state == "running" else ()


def _selected(store: Store, task: TaskRecord, service: str | None, network: str | None) -> bool:
    record = store.services.get(task.service_id or "")
    if service is not None and (record is None or service not in (record.id, record.spec.name)):
        return False
    if network is None:
        return True
    wanted = record is not None and any(a.network == network for a in record.spec.networks or ())
    return wanted or network in task.networks
