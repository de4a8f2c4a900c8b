"""Detect updates of global services that are stuck on a lost node.

When a node is lost while the engine updates a global service, the updater waits for that node's new task without end.
The task never leaves ``assigned``, and ``UpdateStatus`` says ``updating`` until the node is back or removed (seen on
26.1; moby/swarmkit#1720). A node that is known to be down before the update begins is left out of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.placement import eligible
from swarmnet.model.plan import MANAGED_LABEL
from swarmnet.model.service import ServiceMode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.service import Service, Task
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import Node

NOT_STARTED = ("new", "pending", "assigned", "accepted", "preparing", "ready", "starting")
LOST = ("down", "disconnected")


def holding_up(service: Service, tasks: Iterable[Task], nodes: Iterable[Node]) -> dict[str, str]:
    """Return task id to host name of the lost nodes at which the service's update waits; empty when it goes on."""
    if service.update_state != "updating" or service.spec.mode is not ServiceMode.GLOBAL:
        return {}
    lost = {node.id: node.name for node in nodes if _is_lost(node)}
    return {task.id: lost[task.node_id] for task in tasks if task.node_id in lost and task.state in NOT_STARTED}


def without_new_task(service: Service, tasks: Iterable[Task], nodes: Iterable[Node]) -> tuple[str, ...]:
    """Return the host names of the nodes that should run the service and on which none of these tasks runs."""
    on = {task.node_id for task in tasks if task.runs}
    return tuple(sorted(node.name for node in eligible(service.spec, nodes) if node.id not in on))


def stands_still(service: Service, held: int) -> bool:
    """Return whether so many tasks that never start keep the updater from all others."""
    update = service.spec.update
    parallelism = 1 if update is None or update.parallelism is None else update.parallelism
    return 0 < parallelism <= held  # 0: all at once


def held_up_services(state: ClusterState) -> tuple[str, ...]:
    """Return a sentence for each service of swarmnet's whose update waits for nodes that are gone."""
    found = []
    for service in state.services:
        tasks = (task for task in state.tasks if task.service_id == service.id)
        held = sorted(set(holding_up(service, tasks, state.nodes).values()))
        if held and MANAGED_LABEL in service.spec.labels:
            found.append(f"service {service.spec.name}: {sentence(held)}")
    return tuple(found)


def sentence(hosts: Iterable[str]) -> str:
    """Return what the hosts do to the update, and what ends it."""
    where = ", ".join(hosts)
    return f"its update waits for {where}, down since it began; it ends when {where} is back or its node is removed"


def _is_lost(node: Node) -> bool:
    # A manager that is unreachable stays unknown to a new leader for half a minute before it is down.
    return node.status in LOST or (node.status == "unknown" and node.reachability == "unreachable")
