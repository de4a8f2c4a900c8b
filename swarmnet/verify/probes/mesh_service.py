"""Publish a probe service through the routing mesh, and on the hosts' own ports, for the time of one run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.errors import ConvergenceError, HostError
from swarmnet.model.find import by_name
from swarmnet.model.service import Protocol, PublishedPort, PublishMode
from swarmnet.probe import wire
from swarmnet.verify.probes.services import takes_tasks
from swarmnet.verify.scenario import MeshService

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.service import Task
    from swarmnet.verify.probes.services import TaskServices

FEWEST = 2
"""With as many hosts, one is left without a task."""


@dataclass(slots=True)
class Publication:
    """One global service with a TCP and a UDP port in the mesh and a TCP port in host mode.

    The engines choose the ports: the swarm from 30000 to 32767, each host from its own range; nothing of the user's can
    be hit. One host gets no task: the mesh must answer there, too, and its own port must not. The run removes the
    service with everything else of the run.
    """

    services: TaskServices
    nodes: dict[str, str] = field(default_factory=dict)
    """Node to host, of those that get a task; empty until begun."""
    service: MeshService | None = None
    problem: str | None = None
    missing: dict[str, str] = field(default_factory=dict)
    """Hosts whose task did not come to run, and what was seen of it."""

    @property
    def name(self) -> str:
        """The service's name."""
        return self.services.name("mesh")

    def begin(self, hosts: tuple[str, ...]) -> None:
        """Make the service; a failure is kept as the problem."""
        found = {node.id: host for host in hosts if (node := self.services.state.node_of(host)) and takes_tasks(node)}
        spare = len(found) if len(found) < FEWEST else -1
        chosen = dict(list(found.items())[:spare])
        spec = self.services.spec(self.name, hosts, chosen, ()).model_copy(update={"ports": tuple(self._ports())})
        try:
            self.services.ports.manager().services.create(spec)
        except HostError as error:
            self.problem = str(error)
        else:
            self.nodes = chosen
            self.problem = None if chosen else "no node takes tasks"

    def wait(self) -> None:
        """Wait for the tasks, and learn the ports; a failure is kept as the problem."""
        try:
            tasks, missing = self.services.tasks_on(self.name, frozenset(self.nodes))
            manager = self.services.ports.manager()
            seen = by_name(manager.services.list(), self.name)
        except (ConvergenceError, HostError) as error:
            self.problem = str(error)
            return
        self.missing = {self.nodes.pop(node): why for node, why in missing.items()}
        given = {
            port.protocol.value: port.published
            for port in (seen.published if seen else ())
            if port.mode is PublishMode.INGRESS and port.published is not None
        }
        ingress = {net.spec.name for net in self.services.state.networks if net.spec.ingress}
        self.service = MeshService(
            name=self.name,
            ports=given,
            host_ports=self._host_ports(tasks),
            backends=dict(self.nodes),
            addresses=tuple(
                address.partition("/")[0]
                for task in tasks
                for name in ingress
                for address in task.networks.get(name, ())
            ),
        )

    def _host_ports(self, tasks: Iterable[Task]) -> dict[str, int]:
        return {
            self.nodes[task.node_id]: port.published
            for task in tasks
            for port in task.published
            if task.node_id is not None and port.mode is PublishMode.HOST and port.published is not None
        }

    def _ports(self) -> Iterable[PublishedPort]:
        """Yield what is published: of a swarm without an ingress network, engines take ports in host mode alone."""
        if any(net.spec.ingress and not net.is_copy for net in self.services.state.networks):
            yield PublishedPort(target=wire.PORT, protocol=Protocol.TCP)
            yield PublishedPort(target=wire.PORT, protocol=Protocol.UDP)
        yield PublishedPort(target=wire.PORT, protocol=Protocol.TCP, mode=PublishMode.HOST)
