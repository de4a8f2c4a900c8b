"""The writes that make services run as written; each waits until the tasks do, unless the step says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from swarmnet.errors import ConvergenceError
from swarmnet.model.clock import wait_until
from swarmnet.model.find import by_name
from swarmnet.model.merge import lay, replace, without_labels
from swarmnet.model.plan import Action, Permit, Rank, Sign
from swarmnet.model.plural import count
from swarmnet.model.ports import progress
from swarmnet.model.service import Service, ServiceSpec
from swarmnet.operations.service.converge import SERVICE_LIMIT, again_when_changed, wait_for_detached, wait_for_service
from swarmnet.operations.service.port_check import Doors, not_tried
from swarmnet.operations.service.replaced_tasks import (
    OFF_LABEL,
    apart,
    ended_tasks,
    renewed,
    renewing,
    resumed,
    unnoted,
)
from swarmnet.operations.state_edits import with_service

if TYPE_CHECKING:
    from swarmnet.model.ports import Ports, SwarmPort
    from swarmnet.model.state import ClusterState


class _ServiceAction(Action):
    spec: ServiceSpec
    wait: bool = True
    """False returns as soon as the engine accepted."""
    timeout: float = SERVICE_LIMIT

    stage: ClassVar[Rank] = Rank.SERVICE

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with the service as written, what is not managed as it was."""
        seen = state.service(self.spec.name)
        if seen is None or seen.spec.mode is not self.spec.mode:
            return with_service(state, Service(id="", version=0, spec=self.spec))
        return with_service(state, seen.model_copy(update={"spec": self._over(seen.spec, self.spec)}))

    def _over(self, present: ServiceSpec, spec: ServiceSpec) -> ServiceSpec:
        """Return the service as it will be: what is not managed stays."""
        return lay(unnoted(present), spec)

    def _settle(self, ports: Ports, *, before: frozenset[str] = frozenset()) -> None:
        if self.wait:
            wait_for_service(ports, self.spec.name, timeout=self.timeout, before=before)


class CreateService(_ServiceAction):
    """Make a service."""

    kind: Literal["service.create"] = "service.create"
    sign: ClassVar[Sign] = Sign.CREATE

    def run(self, ports: Ports) -> None:
        """Make it and wait for its tasks."""
        ports.manager().services.create(self.spec)
        self._settle(ports)


class UpdateService(_ServiceAction):
    """Change a service."""

    kind: Literal["service.update"] = "service.update"
    remove_labels: tuple[str, ...] = ()
    whole: ClassVar[bool] = False
    """True writes the spec alone, and nothing else of the present service stays."""

    def run(self, ports: Ports) -> None:
        """Write the managed fields over the present ones, and wait for the tasks; twice where ``apart`` says so."""
        manager = ports.manager()
        now = self._present(manager)
        spec = resumed(self.spec, now.spec)
        wanted = self._over(now.spec, spec)
        doors = Doors.of(ports, now.spec, wanted)
        first = apart(now.spec, wanted, lambda: manager.tasks(service=now.id))
        if first is not None:
            progress(ports)(f"service {self.spec.name}: its tasks are replaced twice, first off what changes its names")
            self._write(manager, first)
            wait_for_detached(ports, first, timeout=self.timeout)
            spec = spec.model_copy(update={"networks": wanted.networks, "ports": wanted.ports})
        self._settle(ports, before=self._write(manager, spec))
        if self.wait and doors.numbers and not wanted.mode.is_job:
            if doors.lost(ports):
                progress(ports)(
                    f"service {self.spec.name}: ports that answered before do not: its tasks are made again"
                )
                self._settle(ports, before=self._write(manager, spec, forced=True))
            doors.prove(ports, self.spec.name)
        left = not_tried(ports, now.spec, wanted) if self.wait else None
        if left is not None:
            progress(ports)(f"service {self.spec.name}: {left}")

    def _over(self, present: ServiceSpec, spec: ServiceSpec) -> ServiceSpec:
        """Return the service as it will be: what is not managed stays, but for the labels to remove."""
        return lay(without_labels(unnoted(present), self.remove_labels), spec)

    def _present(self, manager: SwarmPort) -> Service:
        now = by_name(manager.services.list(), self.spec.name)
        if now is None:
            raise ConvergenceError(f"service {self.spec.name} is gone", hint="plan again")
        return now

    def _write(self, manager: SwarmPort, spec: ServiceSpec, *, forced: bool = False) -> frozenset[str]:
        """Write a spec over the present one, and return the ids of the tasks that this ends: all when ``forced``."""
        before: frozenset[str] | None = None

        def write() -> None:
            nonlocal before
            now = self._present(manager)
            wanted = renewed(self._over(now.spec, spec), now.spec) if forced else self._over(now.spec, spec)
            if before is not None and wanted == now.spec:
                return  # our own write, whose answer was lost; sent again, it would take away the state of its update
            # Laid over the present labels, the note and the labels to remove would stay.
            whole = self.whole or bool(self.remove_labels) or OFF_LABEL in now.spec.labels
            tasks = manager.tasks(service=now.id)
            all_of_them = frozenset(task.id for task in tasks)
            before = all_of_them if forced else ended_tasks(now.spec, wanted, tasks, manager.nodes.list)
            manager.services.update(now.id, now.version, renewing(now.spec, wanted), whole=whole)

        again_when_changed(write)
        return before or frozenset()


class RestoreService(UpdateService):
    """Change a service to what a backup has, in place."""

    kind: Literal["service.restore"] = "service.restore"  # type: ignore[assignment]
    whole: ClassVar[bool] = True

    def _over(self, present: ServiceSpec, spec: ServiceSpec) -> ServiceSpec:
        """Return the service as it will be: nothing that the backup has not stays."""
        return replace(present, spec)


class SetService(RestoreService):
    """Change a service to what a step says of all of it, in place."""

    kind: Literal["service.set"] = "service.set"  # type: ignore[assignment]


class ReplaceService(_ServiceAction):
    """Remove a service and create it again, as a change of its mode asks for (swarmkit: not updatable)."""

    kind: Literal["service.replace"] = "service.replace"

    @property
    def permit(self) -> Permit:
        """Need the operator's word for it: its tasks end before new ones start."""
        return Permit.REPLACE

    def run(self, ports: Ports) -> None:
        """Remove it, wait until its tasks are gone, make it, wait for the new ones."""
        manager = ports.manager()
        old = by_name(manager.services.list(), self.spec.name)
        if old is not None:
            manager.services.remove(old.id)
            what = f"the tasks of service {self.spec.name} to end"
            wait_until(
                ports.clock, lambda: _ended(manager, old.id), what=what, timeout=self.timeout, tell=progress(ports)
            )
        manager.services.create(self.spec)
        self._settle(ports)


def _ended(manager: SwarmPort, service_id: str) -> tuple[bool | None, str]:
    left = [task for task in manager.tasks() if task.service_id == service_id and task.state == "running"]
    return (None if left else True), f"{count(len(left), 'task still runs', 'tasks still run')}"
