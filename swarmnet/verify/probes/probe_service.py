"""Put probes behind a service's name and virtual address on the tested networks, for the time of one run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.errors import ConvergenceError, HostError
from swarmnet.verify.probes.probes import takes_tasks
from swarmnet.verify.scenario import ProbeService

if TYPE_CHECKING:
    from swarmnet.verify.probes.probes import Probes


@dataclass(slots=True)
class ServedProbes:
    """One global service on all tested networks; the run removes it with everything else of the run.

    Begin it after the probes are up, not before. A node's first task on a network may arrive before the node was told
    its address for balancing there, and is rejected then ("failed to find a load balancer IP": seen on busy 26.1.5, 20
    nodes at once). Probes are started again after that at once; the swarm makes a new task only after a second.
    """

    probes: Probes
    hosts: tuple[str, ...] = ()
    """Where it shall have a task; empty until begun."""
    service: ProbeService | None = None
    problem: str | None = None
    missing: dict[str, str] = field(default_factory=dict)
    """Hosts whose task did not come to run, and what was seen of it."""

    def begin(self, hosts: tuple[str, ...]) -> None:
        """Make the service; its tasks start meanwhile. A failure is kept as the problem."""
        state = self.probes.state
        mine = {node.id for host in hosts if (node := state.node_of(host))}
        excluded = sorted({node.id for node in state.nodes} - mine)
        try:
            self.probes.ports.manager().create_service(self.probes.service_spec(excluded, hosts))
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
        probes = self.probes
        nodes = {node.id: (host, node) for host in self.hosts if (node := probes.state.node_of(host))}
        backends = {node_id: host for node_id, (host, node) in nodes.items() if takes_tasks(node)}
        tasks, missing = probes.tasks_on(probes.service_name, frozenset(backends))
        self.missing = {backends.pop(node): why for node, why in missing.items()}
        service = next(one for one in probes.ports.manager().services() if one.spec.name == probes.service_name)
        probes.task_containers = {
            backends[task.node_id]: task.container_id
            for task in tasks
            if task.node_id in backends and task.container_id
        }
        addresses = {name: address.partition("/")[0] for name, address in service.virtual_ips.items()}
        return ProbeService(
            name=probes.service_name,
            alias=probes.service_alias,
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
                for net in probes.networks
            },
            backends=backends,
        )
