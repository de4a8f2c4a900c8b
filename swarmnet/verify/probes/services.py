"""Temporary global services of probes: what they are made of, and how their tasks come to run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import ConvergenceError
from swarmnet.model.clock import wait_until
from swarmnet.model.hosts import Availability
from swarmnet.model.plural import count
from swarmnet.model.service import RestartPolicy, ServiceMode, ServiceSpec
from swarmnet.verify.probes.run import LIFETIME

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from swarmnet.model.network import Network
    from swarmnet.model.ports import Ports
    from swarmnet.model.service import Attachment, Task
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import Node
    from swarmnet.verify.probes.images import Images
    from swarmnet.verify.probes.run import RunContext

RUNNING = "running"
AGAIN = RestartPolicy(condition="on-failure", delay=1.0, max_attempts=5)
"""Busy engines reject tasks that they could run a moment later. A probe that came to its end is not started again."""


@dataclass(frozen=True, slots=True)
class TaskServices:
    """Makes services whose tasks are probes, and waits for the tasks."""

    context: RunContext
    images: Images
    networks: tuple[Network, ...]
    """The tested networks, and the one that was made for comparison."""

    @property
    def state(self) -> ClusterState:
        """The cluster as it was observed before the run."""
        return self.context.state

    @property
    def ports(self) -> Ports:
        """The hosts."""
        return self.context.ports

    def name(self, kind: str) -> str:
        """Return the name of one of the run's services."""
        return f"swarmnet-{kind}-{self.context.run.id}"

    def create(self, name: str, hosts: tuple[str, ...], nodes: Iterable[str], attachments: Iterable[Attachment]) -> str:
        """Create a service with a task on each of these nodes; raises ``HostError``."""
        return self.ports.manager().services.create(self.spec(name, hosts, nodes, attachments))

    def spec(
        self, name: str, hosts: tuple[str, ...], nodes: Iterable[str], attachments: Iterable[Attachment]
    ) -> ServiceSpec:
        """Return a service with a task on each of these nodes, which are nodes of ``hosts``, and nowhere else."""
        excluded = sorted({node.id for node in self.state.nodes} - set(nodes))
        labels = self.context.labels()
        job = json.dumps({"run": self.context.run.id, "lifetime": LIFETIME})
        return ServiceSpec(
            name=name,
            image=self.images.reference_for(hosts),
            command=(*self.context.kit.argv, "serve", job),
            env={"SWARMNET_PROBE_ID": "{{.Node.ID}}"},
            mode=ServiceMode.GLOBAL,
            networks=tuple(attachments),
            constraints=tuple(f"node.id!={node}" for node in excluded),
            restart=AGAIN,
            stop_grace_period=0.0,
            labels=labels,
            container_labels=labels,
            extra={"TaskTemplate": {"ContainerSpec": {"OpenStdin": True}}},  # its tasks are asked, too
        )

    def tasks_on(self, service: str, wanted: frozenset[str]) -> tuple[tuple[Task, ...], dict[str, str]]:
        """Wait until each of the wanted nodes runs a task of one of the run's services.

        Returns:
            Those tasks; and each node that had none in time, with what was seen last there.

        Raises:
            ConvergenceError: no node had one in time; says what was seen last.
        """
        manager = self.ports.manager()
        running: tuple[Task, ...] = ()
        missing: dict[str, str] = {}

        def look() -> tuple[bool | None, str]:
            nonlocal running, missing
            tasks = manager.tasks(service=service)
            running = tuple(task for task in tasks if task.state == RUNNING and task.node_id in wanted)
            left = wanted - {task.node_id for task in running}
            missing = {node: _last_word(tasks, node) for node in left}
            words = "; ".join(sorted(set(missing.values())))
            return (None if missing else True), f"{count(len(missing), 'node')} without: {words}"

        patience = self.context.patience(self.context.timeout, networks=len(self.networks))
        try:
            wait_until(self.ports.clock, look, what="the probe service's tasks to run", timeout=patience)
        except ConvergenceError:
            if not running:
                raise
        return running, missing


def _last_word(tasks: Sequence[Task], node: str) -> str:
    """Return what became of a node's tasks: of several, what says most."""
    said = [f"{task.state} {task.message}".strip() for task in tasks if task.node_id == node]
    return max(said, key=len, default="no task was made for it")


def takes_tasks(node: Node) -> bool:
    """Return whether the scheduler gives a node new tasks."""
    return node.status == "ready" and node.spec.availability in (None, Availability.ACTIVE)
