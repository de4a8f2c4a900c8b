"""Probes as tasks of one temporary global service: the only way onto overlays that take no containers of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import ConvergenceError, HostError
from swarmnet.model.service import Attachment, EndpointMode
from swarmnet.verify.scenario import OverlayProbe
from swarmnet.workflows.fleet.fanout import fan_out

if TYPE_CHECKING:
    from swarmnet.model.service import Task
    from swarmnet.verify.probes.probes import Probes


@dataclass(slots=True)
class ProbeTasks:
    """One task a host on all tested networks; the run removes the service with everything else of the run."""

    probes: Probes

    @property
    def name(self) -> str:
        """The service's name."""
        return f"swarmnet-probe-tasks-{self.probes.run.id}"

    def place(self, hosts: tuple[str, ...]) -> dict[str, OverlayProbe]:
        """Bring the image where it is missing and run a task on each host; a host that has none says why."""
        brought = fan_out(hosts, self.probes.bring_image)
        placed = {
            host: OverlayProbe(host, problem=one.message) for host, one in brought.items() if isinstance(one, HostError)
        }
        able = tuple(host for host in hosts if host not in placed)
        if able:
            try:
                placed |= self._run(able)
            except (ConvergenceError, HostError) as error:
                placed |= {host: OverlayProbe(host, problem=str(error)) for host in able}
        return placed

    def _run(self, hosts: tuple[str, ...]) -> dict[str, OverlayProbe]:
        probes = self.probes
        nodes = {node.id: host for host in hosts if (node := probes.state.node_of(host)) is not None}
        excluded = sorted({node.id for node in probes.state.nodes} - set(nodes))
        spec = probes.service_spec(excluded, hosts).model_copy(
            update={
                "name": self.name,
                "networks": tuple(Attachment(network=net.spec.name) for net in probes.networks),
                "endpoint_mode": EndpointMode.DNSRR,
            }
        )
        probes.ports.manager().create_service(spec)
        tasks, missing = probes.tasks_on(self.name, frozenset(nodes))
        placed = {nodes[node]: OverlayProbe(nodes[node], problem=why) for node, why in missing.items()}
        for task in tasks:
            owner = str(task.node_id)
            placed[nodes[owner]] = self._probe(nodes[owner], task)
            probes.containers[nodes[owner]] = str(task.container_id)
        return placed

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
