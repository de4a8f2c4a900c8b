"""Probes as tasks of one temporary global service: the only way onto overlays that take no containers of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import ConvergenceError, HostError
from swarmnet.model.service import Attachment, EndpointMode
from swarmnet.verify.probes import attempts
from swarmnet.verify.probes.containers import Placed
from swarmnet.verify.scenario import OverlayProbe
from swarmnet.workflows.fleet.fanout import fan_out

if TYPE_CHECKING:
    from swarmnet.model.service import Task
    from swarmnet.verify.probes.services import TaskServices


@dataclass(frozen=True, slots=True)
class ProbeTasks:
    """One task a host on all tested networks; the run removes the service with everything else of the run."""

    services: TaskServices

    @property
    def name(self) -> str:
        """The service's name."""
        return self.services.name("probe-tasks")

    def place(self, hosts: tuple[str, ...]) -> Placed:
        """Bring the image where it is missing and run a task on each host; a host that has none says why."""
        brought = fan_out(hosts, self.services.images.bring)
        placed = {
            host: attempts.absent(self.services.ports, host, one)
            for host, one in brought.items()
            if isinstance(one, HostError)
        }
        able = tuple(host for host in hosts if host not in placed)
        containers: dict[str, str] = {}
        if able:
            try:
                found, containers = self._run(able)
            except (ConvergenceError, HostError) as error:
                found = {host: OverlayProbe(host, problem=error.message) for host in able}
            placed |= found
        return Placed(placed, containers)

    def _run(self, hosts: tuple[str, ...]) -> tuple[dict[str, OverlayProbe], dict[str, str]]:
        services = self.services
        nodes = {node.id: host for host in hosts if (node := services.state.node_of(host)) is not None}
        attachments = [Attachment(network=net.spec.name) for net in services.networks]
        spec = services.spec(self.name, hosts, nodes, attachments).model_copy(
            update={"endpoint_mode": EndpointMode.DNSRR}
        )
        services.ports.manager().services.create(spec)
        tasks, missing = services.tasks_on(self.name, frozenset(nodes))
        placed = {nodes[node]: OverlayProbe(nodes[node], problem=why) for node, why in missing.items()}
        for task in tasks:
            owner = str(task.node_id)
            placed[nodes[owner]] = self._probe(nodes[owner], task)
        return placed, {nodes[str(task.node_id)]: str(task.container_id) for task in tasks}

    def _probe(self, host: str, task: Task) -> OverlayProbe:
        """Return the probe that a task is; engines name its container after service, node and task."""
        addresses = {
            name: next((one.partition("/")[0] for one in given if ":" not in one), "")
            for name, given in task.networks.items()
        }
        return OverlayProbe(
            host,
            name=f"{self.name}.{task.node_id}.{task.id}",
            addresses={name: address for name, address in addresses.items() if address},
            identity=str(task.node_id),
        )
