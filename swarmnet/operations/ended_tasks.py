"""Which tasks of a service an update ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.compare import service_changes
from swarmnet.model.service import PublishedPort, PublishMode, ServiceSpec
from swarmnet.operations.constraints import matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from swarmnet.model.service import Task
    from swarmnet.model.swarm import Node

_KEEPS_TASKS = ("labels.", "replicas", "update.", "rollback.", "endpoint_mode", "max_replicas_per_node")
"""Beginnings of the paths whose change ends no running task (swarmkit updater: task spec and host ports do)."""


def ended_tasks(
    now: ServiceSpec, wanted: ServiceSpec, tasks: Iterable[Task], nodes: Callable[[], Iterable[Node]]
) -> frozenset[str]:
    """Return the ids of those of a service's tasks that its update ends; one that ends none never begins.

    Seen on 20.10, 26.1 and 28.5: constraints alone end only tasks on nodes that do not meet them any more, and ports
    of the routing mesh end none.

    Args:
        now: the service as it is.
        wanted: the service as it shall be, in full.
        tasks: what there is of the service.
        nodes: gives the swarm's nodes; asked only where constraints alone decide.
    """
    keeping = (*_KEEPS_TASKS, *(("ports",) if _host_ports(now) == _host_ports(wanted) else ()))
    ending = [change for change in service_changes(wanted, now) if not change.path.startswith(keeping)]
    if not ending:
        return frozenset()
    met = set()
    if all(change.path.startswith("constraints") for change in ending):
        met = {node.id for node in nodes() if matches(wanted.constraints or (), node)}
    return frozenset(task.id for task in tasks if task.node_id not in met)


def _host_ports(spec: ServiceSpec) -> frozenset[PublishedPort]:
    return frozenset(port for port in spec.ports or () if port.mode is PublishMode.HOST)
