"""How a cluster stands: healthy, degraded, or lost, and what that means for the next loss. Pure.

Managers keep the swarm by majority: of three, one may be lost. Without a majority nobody answers for the cluster, its
lists are empty, and nothing can be changed; what runs goes on. All of it stands on the disks of the managers that are
left, so the way back is to start the others, never to leave the swarm.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from swarmnet.errors import IncompleteError
from swarmnet.model.base import Document
from swarmnet.model.hosts import Role
from swarmnet.model.service import ServiceMode
from swarmnet.model.state import Membership

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from swarmnet.model.hosts import Inventory
    from swarmnet.model.service import Service, Task
    from swarmnet.model.state import ClusterState, HostFacts

UNLOCK = "swarmnet unlock -i INVENTORY --key-file FILE"
"""What gives restarted managers of an autolocked swarm their key."""
_INSIDE = (Membership.ACTIVE, Membership.PENDING, Membership.ERROR, Membership.LOCKED)


class Health(StrEnum):
    """The cluster in one word."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    """It works, and something is wrong or missing."""
    LOST = "lost"
    """Nobody answers for it."""
    ABSENT = "no swarm"
    """No host that answers is in one."""


class Standing(Document):
    """How a cluster stands."""

    health: Health
    managers: int = 0
    """How many managers the swarm counts; in a lost one, those of the inventory, or more where a host knows more."""
    answering: int = 0
    """How many of them work."""
    spare: int = 0
    """How many more may be lost before the swarm stops; 0 means that the next loss stops it."""
    reasons: tuple[str, ...] = ()
    """What is wrong, worst first."""
    cure: str | None = None
    """What to do first, where one thing comes first."""


def standing(state: ClusterState, inventory: Inventory) -> Standing:
    """Return how the observed cluster stands."""
    if state.swarm is None:
        return _without_lists(state, inventory)
    managers = [node for node in state.nodes if node.spec.role is Role.MANAGER]
    answering = sum(node.reachability == "reachable" for node in managers)
    reasons = (*_of_hosts(state), *_of_nodes(state), *_of_services(state))
    return Standing(
        health=Health.DEGRADED if reasons else Health.HEALTHY,
        managers=len(managers),
        answering=answering,
        spare=max(answering - majority(len(managers)), 0),
        reasons=reasons,
        cure=_unlocking(state.locked) if state.locked else None,
    )


def answered(state: ClusterState, inventory: Inventory, *, hosts: Collection[str] | None = None) -> None:
    """Return when somebody answers for the cluster that the hosts are in, or when they are in none.

    Args:
        state: what was observed.
        inventory: which hosts are its managers.
        hosts: those that must not be locked; None means all.

    Raises:
        IncompleteError: nobody answers, or a host is locked; says what to start or to unlock.
    """
    found = standing(state, inventory)
    if found.health is Health.LOST:
        raise IncompleteError(f"cluster {inventory.cluster}: {'; '.join(found.reasons)}", hint=found.cure)
    locked = [host for host in state.locked if hosts is None or host in hosts]
    if locked:
        raise IncompleteError(f"cluster {inventory.cluster}: {_are(locked, 'locked')}", hint=_unlocking(locked))


def majority(managers: int) -> int:
    """Return how many managers must work for the swarm to go on."""
    return managers // 2 + 1


def next_loss(found: Standing) -> str:
    """Return what the loss of one more manager means, in words."""
    if found.spare:
        return f"{found.spare} more {'manager' if found.spare == 1 else 'managers'} may be lost"
    return "one more manager lost stops the swarm" if found.managers > 1 else "the loss of its one manager stops it"


def running_of(service: Service, state: ClusterState) -> tuple[int, int]:
    """Return how many tasks of a service run and how many shall; a global one has as many as nodes take tasks."""
    tasks = [task for task in state.tasks if task.service_id == service.id]
    running = [task for task in tasks if task.desired_state == task.state == "running"]
    if service.spec.mode is ServiceMode.GLOBAL:
        return len(running), len({task.node_id for task in tasks if task.desired_state == "running"})
    return len(running), 1 if service.spec.replicas is None else service.spec.replicas


def failing_of(service: Service, state: ClusterState) -> tuple[str, ...]:
    """Return what engines say of tasks of a service that shall run and do not, each once, the newest first."""
    running, wanted = running_of(service, state)
    if running >= wanted:
        return ()
    tasks = [task for task in state.tasks if task.service_id == service.id]
    names = {node.id: node.name for node in state.nodes}
    waiting = [_said(task, names) for task in tasks if task.desired_state == "running" and task.state != "running"]
    ended = [_said(task, names) for task in tasks if task.state in ("failed", "rejected")]
    return tuple(dict.fromkeys(ended or waiting))


def strangers(state: ClusterState, inventory: Inventory) -> tuple[str, ...]:
    """Return the names of the nodes that no host of the inventory is, as far as hosts answer.

    A node that is called as a host of the inventory that does not answer, or stands at its address, is that host.
    """
    known = {facts.engine.membership.node_id for facts in state.hosts}
    silent = [inventory.host(failure.host) for failure in state.failures]
    called = {name for host in silent for name in (host.name, host.address, host.advertise)}
    return tuple(
        node.name for node in state.nodes if node.id not in known and not {node.hostname, node.address} & called
    )


def promoted(state: ClusterState, inventory: Inventory) -> tuple[str, ...]:
    """Return the workers of the inventory that the managers list as managers."""
    workers = (host.name for host in inventory.hosts if host.role is Role.WORKER)
    found = ((name, state.node_of(name)) for name in workers)
    return tuple(name for name, node in found if node is not None and node.spec.role is Role.MANAGER)


def _without_lists(state: ClusterState, inventory: Inventory) -> Standing:
    inside = [facts for facts in state.hosts if facts.engine.membership.state in _INSIDE]
    disbelieved = [failure for failure in state.failures if failure.disbelieved]
    if not inside and not disbelieved:
        return Standing(health=Health.ABSENT)
    managers = [facts for facts in inside if facts.host in {host.name for host in inventory.managers}]
    known = {address for facts in managers for address in facts.engine.membership.managers}
    total = max(len(inventory.managers), len(known))
    locked = [facts.host for facts in managers if facts.engine.membership.state is Membership.LOCKED]
    working = [facts.host for facts in managers if facts.host not in locked]
    found = Standing(health=Health.LOST, managers=total, answering=len(working))
    if disbelieved:
        return found.model_copy(update={"reasons": tuple(f"{one.host} {one.reason}" for one in disbelieved)})
    return found.model_copy(update=dict(_lost(inventory, (working, locked), inside)))


def _lost(
    inventory: Inventory, managers: tuple[list[str], list[str]], inside: list[HostFacts]
) -> Iterator[tuple[str, object]]:
    """Yield reasons and cure of a cluster that nobody answers for; ``managers`` are those working, and those locked."""
    working, locked = managers
    away = [host.name for host in inventory.managers if host.name not in (*working, *locked)]
    total = len(inventory.managers)
    if locked and len(working) + len(locked) >= majority(total):
        yield "reasons", (f"{_are(locked, 'locked')}, and no manager answers for the swarm",)
        yield "cure", _unlocking(locked)
        return
    if not working and not locked:
        yield "reasons", (_managerless(inside, inventory),)
        yield "cure", f"start {_and(away)}" if away else None
        return
    count = f"{len(working)} of {total} managers {'answers' if len(working) == 1 else 'answer'}"
    if len(working) >= majority(total):
        errors = dict.fromkeys(facts.engine.membership.error for facts in inside if facts.engine.membership.error)
        yield "reasons", (f"{count}, and none of them leads: {'; '.join(errors) or 'no leader'}",)
        yield "cure", "an election takes some 20 s: try again; if it stays so, look at 2377/tcp between the managers"
        return
    both = [*([f"start {_and(away)}"] if away else []), *([_unlocking(locked)] if locked else [])]
    also = f", {_are(locked, 'locked')}" if locked else ""
    yield "reasons", (f"{count}{also}, no quorum: {both[0] if both else 'look at the other managers'}",)
    yield "cure", _again(both)


def _again(steps: list[str]) -> str:
    kept = "what runs goes on; the managers that are left hold the cluster's state: do not reset them"
    return f"{'; then '.join(steps)}; {kept}" if steps else kept


def _managerless(inside: list[HostFacts], inventory: Inventory) -> str:
    hosts = [facts.host for facts in inside]
    claims = [facts.host for facts in inside if facts.engine.membership.is_manager]
    what = f"{_are(hosts, 'in a swarm')}, and no manager of the inventory answers for it"
    if not claims:
        return what
    return (
        f"{what}; {_and(claims)} {'says' if len(claims) == 1 else 'say'} that it is a manager, and is a worker in"
        f" {inventory.source}: when that is meant, write 'role: manager' there"
    )


def _of_hosts(state: ClusterState) -> Iterator[str]:
    for failure in state.failures:
        yield f"{failure.host} {failure.reason}" if failure.disbelieved else f"{failure.host} does not answer"
    if state.locked:
        yield _are(state.locked, "locked")


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
        if running < wanted and service.spec.mode in (ServiceMode.REPLICATED, ServiceMode.GLOBAL):
            yield f"{service.spec.name} runs {running} of {wanted} tasks"


def _said(task: Task, names: dict[str, str]) -> str:
    where = names.get(task.node_id or "")
    return f"{task.state}{f' on {where}' if where else ''}{f': {task.message}' if task.message else ''}"


def _unlocking(hosts: Collection[str]) -> str:
    return f"unlock {_and(hosts)}: {UNLOCK}"


def _are(hosts: Collection[str], what: str) -> str:
    return f"{_and(hosts)} {'is' if len(hosts) == 1 else 'are'} {what}"


def _and(names: Collection[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
