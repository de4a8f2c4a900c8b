"""Put probes behind a service's name and virtual address on the tested networks, for the time of one run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.errors import ConvergenceError, HostError
from swarmnet.model.service import Attachment
from swarmnet.verify.probes.services import takes_tasks
from swarmnet.verify.scenario import ProbeService

if TYPE_CHECKING:
    from swarmnet.verify.probes.services import TaskServices


@dataclass(slots=True)
class ServedProbes:
    """One global service on all tested networks; the run removes it with everything else of the run.

    Begin it after the probes are up, not before. A node's first task on a network may arrive before the node knows
    its address for balancing there, and is rejected then ("failed to find a load balancer IP": seen on busy 26.1.5, 20
    nodes at once). Probes are started again after that at once; the swarm makes a new task only after a second.
    """

    services: TaskServices
    served: frozenset[str]
    """Names of the networks that have room for it."""
    hosts: tuple[str, ...] = ()
    """Where it gets a task; empty until begun."""
    containers: dict[str, str] = field(default_factory=dict)
    """Host to the container of its task there."""
    service: ProbeService | None = None
    problem: str | None = None
    missing: dict[str, str] = field(default_factory=dict)
    """Hosts whose task did not come to run, and what was seen of it."""

    @property
    def name(self) -> str:
        """The service's name."""
        return self.services.name("probe")

    @property
    def alias(self) -> str:
        """Another name for it on every network."""
        return f"any-{self.services.context.run.id}"

    def begin(self, hosts: tuple[str, ...]) -> None:
        """Make the service; its tasks start meanwhile. A failure is kept as the problem."""
        mine = {node.id for host in hosts if (node := self.services.state.node_of(host))}
        attachments = [
            Attachment(network=net.spec.name, aliases=(self.alias,))
            for net in self.services.networks
            if net.spec.name in self.served
        ]
        try:
            self.services.create(self.name, hosts, mine, attachments)
        except HostError as error:
            self.problem = str(error)
        else:
            self.hosts = hosts

    def wait(self) -> None:
        """Wait until each node has its task, and learn its addresses; a failure is kept as the problem."""
        try:
            self.service = self._found()
        except (ConvergenceError, HostError) as error:
            self.problem = str(error)

    def _found(self) -> ProbeService:
        nodes = {node.id: (host, node) for host in self.hosts if (node := self.services.state.node_of(host))}
        backends = {node_id: host for node_id, (host, node) in nodes.items() if takes_tasks(node)}
        tasks, missing = self.services.tasks_on(self.name, frozenset(backends))
        self.missing = {backends.pop(node): why for node, why in missing.items()}
        service = next(one for one in self.services.ports.manager().services.list() if one.spec.name == self.name)
        self.containers = {
            backends[task.node_id]: task.container_id
            for task in tasks
            if task.node_id in backends and task.container_id
        }
        addresses = {name: address.partition("/")[0] for name, address in service.virtual_ips.items()}
        return ProbeService(
            name=self.name,
            alias=self.alias,
            virtual_ips={name: address for name, address in addresses.items() if ":" not in address},
            by_ipv6={name: address for name, address in addresses.items() if ":" in address},
            task_addresses={
                net.spec.name: tuple(
                    sorted(
                        a.partition("/")[0]
                        for task in tasks
                        for a in task.networks.get(net.spec.name, ())
                        if ":" not in a
                    )
                )
                for net in self.services.networks
                # One that starts late is in the engines' tables by the time they are read, and is not stale.
                if not self.missing
            },
            backends=backends,
        )
