"""Probes as tasks of one temporary global service: the only way onto overlays that take no containers of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import ConvergenceError, HostError
from swarmnet.model.service import Attachment, EndpointMode
from swarmnet.verify.scenario import Station
from swarmnet.workflows.fleet.fanout import fan_out

if TYPE_CHECKING:
    from swarmnet.model.service import Task
    from swarmnet.verify.stage.stage import Stage


@dataclass(slots=True)
class StationService:
    """One task a host on all tested networks; the stage removes the service with everything else of the run."""

    stage: Stage

    @property
    def name(self) -> str:
        """The service's name."""
        return f"swarmnet-station-{self.stage.run.id}"

    def place(self, hosts: tuple[str, ...]) -> dict[str, Station]:
        """Bring the image where it is missing and run a task on each host; a host that has none says why."""
        brought = fan_out(hosts, self.stage.bring_image)
        stations = {
            host: Station(host, problem=one.message) for host, one in brought.items() if isinstance(one, HostError)
        }
        able = tuple(host for host in hosts if host not in stations)
        if able:
            try:
                stations |= self._run(able)
            except (ConvergenceError, HostError) as error:
                stations |= {host: Station(host, problem=str(error)) for host in able}
        return stations

    def _run(self, hosts: tuple[str, ...]) -> dict[str, Station]:
        stage = self.stage
        nodes = {node.id: host for host in hosts if (node := stage.state.node_of(host)) is not None}
        excluded = sorted({node.id for node in stage.state.nodes} - set(nodes))
        spec = stage.service_spec(excluded, hosts).model_copy(
            update={
                "name": self.name,
                "networks": tuple(Attachment(network=net.spec.name) for net in stage.networks),
                "endpoint_mode": EndpointMode.DNSRR,
            }
        )
        stage.ports.manager().create_service(spec)
        tasks, missing = stage.tasks_on(self.name, frozenset(nodes))
        stations = {nodes[node]: Station(nodes[node], problem=why) for node, why in missing.items()}
        for task in tasks:
            owner = str(task.node_id)
            stations[nodes[owner]] = self._station(nodes[owner], task)
            stage.containers[nodes[owner]] = str(task.container_id)
        return stations

    def _station(self, host: str, task: Task) -> Station:
        """Return the probe that a task is; engines name its container after service, node and task."""
        addresses = {
            name: next((one.partition("/")[0] for one in given if ":" not in one), "")
            for name, given in task.networks.items()
        }
        return Station(
            host,
            name=f"{self.name}.{task.node_id}.{task.id}",
            addresses={name: address for name, address in addresses.items() if address},
            identity=str(task.node_id),
        )
