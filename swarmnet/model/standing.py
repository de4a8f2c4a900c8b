"""The health of a cluster: healthy, degraded, or lost, and what the next loss would mean. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import IncompleteError
from swarmnet.model.announced_losses import Health, Standing, are, lost, majority, unlocking
from swarmnet.model.halted import halted
from swarmnet.model.hosts import Role
from swarmnet.model.printable import without_ids
from swarmnet.model.service import ServiceMode
from swarmnet.model.state import SwarmStanding
from swarmnet.model.trust import address_of, is_same_name, written

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from swarmnet.model.hosts import Host, Inventory
    from swarmnet.model.service import Service, Task
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import Node

_WANTED = ("running", "ready")
"""Desired states of a task that is meant to run; swarmkit holds one back as ``ready`` for the delay of a restart."""


def standing(state: ClusterState, inventory: Inventory) -> Standing:
    """Return the health of the observed cluster."""
    if state.swarm is None:
        return lost(state, inventory)
    # A manager by its spec without reachability is not a raft member: just promoted, or removed by force.
    managers = [node for node in state.nodes if node.reachability is not None]
    answering = sum(node.reachability == "reachable" for node in managers)
    stopped = halted(state)
    reasons = (*_of_hosts(state), *_of_nodes(state), *_of_services(state), *map(str, stopped))
    return Standing(
        health=Health.DEGRADED if reasons else Health.HEALTHY,
        managers=len(managers),
        answering=answering,
        spare=max(answering - majority(len(managers)), 0),
        reasons=reasons,
        cure=unlocking(state.locked) if state.locked else next((one.cure for one in stopped), None),
    )


def believed(state: ClusterState, inventory: Inventory) -> Standing:
    """Return the health of the observed cluster, without belief in a leader that does not see its majority.

    A leader that lost its majority a moment ago still answers for some seconds, and lists the managers that it misses.
    """
    found = standing(state, inventory)
    return found if found.answering >= majority(found.managers) else lost(state, inventory)


def answered(state: ClusterState, inventory: Inventory, *, hosts: Collection[str] | None = None) -> None:
    """Return when a manager answers for the cluster that the hosts are in, or when they are in none.

    Args:
        state: what was observed.
        inventory: which hosts are its managers.
        hosts: those that must not be locked; None means all.

    Raises:
        IncompleteError: no manager answers, or a host is locked; says what to start or to unlock.
    """
    found = standing(state, inventory)
    if found.health is Health.LOST:
        raise IncompleteError(f"cluster {inventory.cluster}: {'; '.join(found.reasons)}", hint=found.cure)
    locked = [host for host in state.locked if hosts is None or host in hosts]
    if locked:
        raise IncompleteError(f"cluster {inventory.cluster}: {are(locked, 'locked')}", hint=unlocking(locked))


def next_loss(found: Standing) -> str:
    """Return in words what the loss of one more manager means."""
    if found.spare:
        return f"{found.spare} more {'manager' if found.spare == 1 else 'managers'} may be lost"
    return "one more manager lost stops the swarm" if found.managers > 1 else "the loss of its one manager stops it"


def running_of(service: Service, state: ClusterState) -> tuple[int, int]:
    """Return how many tasks of a service run and how many should: of a global one, one for each eligible node.

    Of a job: how many have run to their end.
    """
    tasks = [task for task in state.tasks if task.service_id == service.id and task.run == service.run]
    wanted = 1 if service.spec.replicas is None else service.spec.replicas
    if service.spec.mode.is_job:
        done = sum(task.state == "complete" for task in tasks)
        return done, len({task.node_id for task in tasks}) if service.spec.mode.is_everywhere else wanted
    running = [task for task in tasks if task.desired_state == task.state == "running"]
    if service.spec.mode is ServiceMode.GLOBAL:
        return len(running), len({task.node_id for task in tasks if task.desired_state in _WANTED})
    return len(running), wanted


def failing_of(service: Service, state: ClusterState) -> tuple[str, ...]:
    """Return what engines report about tasks of a service that should run and do not, each once, newest first."""
    running, wanted = running_of(service, state)
    stopped = tuple(f"{one}: {one.cure}" for one in halted(state) if one.service == service.spec.name)
    return (*stopped, *(_unstarted(service, state) if running < wanted else ()))


def _unstarted(service: Service, state: ClusterState) -> tuple[str, ...]:
    tasks = [task for task in state.tasks if task.service_id == service.id]
    names = {node.id: node.name for node in state.nodes}
    waiting = [_said(task, names) for task in tasks if task.desired_state in _WANTED and task.state != "running"]
    ended = [_said(task, names) for task in tasks if task.state in ("failed", "rejected")]
    return tuple(dict.fromkeys(ended or waiting))


def strangers(state: ClusterState, inventory: Inventory) -> tuple[str, ...]:
    """Return the names of the nodes that no host of the inventory is, as far as hosts were asked and answered.

    A node with the name or the address of a host is that host, or an entry that it left behind.
    """
    known = {facts.engine.membership.node_id for facts in state.hosts}
    rest = (node for node in state.nodes if node.id not in known)
    return tuple(node.name for node in rest if not any(_may_be(host, node) for host in inventory.hosts))


def _may_be(host: Host, node: Node) -> bool:
    return is_same_name(host.name, node.hostname) or address_of(node) in written(host)


def promoted(state: ClusterState, inventory: Inventory) -> tuple[str, ...]:
    """Return the workers of the inventory that the managers list as managers."""
    workers = (host.name for host in inventory.hosts if host.role is Role.WORKER)
    found = ((name, state.node_of(name)) for name in workers)
    return tuple(name for name, node in found if node is not None and node.spec.role is Role.MANAGER)


def _of_hosts(state: ClusterState) -> Iterator[str]:
    for failure in state.failures:
        why = f": {failure.brief}" if failure.brief else ""
        yield f"{failure.host} {failure.reason}" if failure.disbelieved else f"{failure.host} {failure.trouble}{why}"
    if state.locked:
        yield are(state.locked, "locked")
    for facts in state.hosts:
        membership = facts.engine.membership
        if membership.state in (SwarmStanding.PENDING, SwarmStanding.ERROR):
            said = f": {membership.error}" if membership.error else ""
            yield f"{facts.host} has not joined the swarm completely (state: {membership.state}){said}"


def _of_nodes(state: ClusterState) -> Iterator[str]:
    silent = {failure.host for failure in state.failures}
    names = {facts.engine.membership.node_id: facts.host for facts in state.hosts}
    for node in state.nodes:
        name = names.get(node.id, node.name)
        if name in silent or name in state.locked:
            continue
        if node.status != "ready":
            yield f"node {name} is {node.status or 'unknown'}"
        elif node.reachability not in (None, "reachable"):
            yield f"manager {name} is {node.reachability}"


def _of_services(state: ClusterState) -> Iterator[str]:
    for service in sorted(state.services, key=lambda one: one.spec.name):
        running, wanted = running_of(service, state)
        if running < wanted and not service.spec.mode.is_job:
            yield f"{service.spec.name} runs {running} of {wanted} tasks"


def _said(task: Task, names: dict[str, str]) -> str:
    where = names.get(task.node_id or "")
    return f"{task.state}{f' on {where}' if where else ''}{f': {without_ids(task.message)}' if task.message else ''}"
