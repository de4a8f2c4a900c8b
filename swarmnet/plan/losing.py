"""The loss of nodes as an exercise: which nodes a word means, what would be at stake, and both plans. Pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from swarmnet.errors import RefusedError, UsageError
from swarmnet.model.announced_losses import both, majority
from swarmnet.model.find import called
from swarmnet.model.hosts import Availability, Role
from swarmnet.model.lose import Door
from swarmnet.model.service import Protocol, PublishMode
from swarmnet.plan.guard import Refusal
from swarmnet.plan.nodes import Member, activated, drained, plan_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from swarmnet.model.hosts import Inventory
    from swarmnet.model.plan import Action, Plan
    from swarmnet.model.service import Service, Task
    from swarmnet.model.state import ClusterState

QUORUM = "--allow-quorum"


def meant(word: str, state: ClusterState, inventory: Inventory) -> tuple[str, ...]:
    """Return the hosts that a word means: one by its name, or those whose node has the label of ``LABEL=VALUE``.

    Raises:
        UsageError: the host does not exist, or no host in the swarm has the label.
        RefusedError: one of them takes no tasks now, so its loss would show nothing.
    """
    label, equals, value = word.partition("=")
    if equals:
        nodes = ((host.name, state.node_of(host.name)) for host in inventory.hosts)
        names = tuple(name for name, node in nodes if node is not None and node.spec.labels.get(label) == value)
        if not names:
            raise UsageError(f"no node has the label {word}", hint="swarmnet show host HOST -i FILE lists its labels")
    else:
        host = called(inventory.hosts, word) or inventory.host(word)
        names = (host.name,)
    for name in names:
        entry = Member.named(name, state, inventory).entry
        if entry.spec.availability is not Availability.ACTIVE:
            raise RefusedError(
                f"{name} takes no tasks now (availability {entry.spec.availability})",
                hint=f"first: swarmnet node activate {name} -i FILE",
            )
    return names


def losing(names: Sequence[str], state: ClusterState, inventory: Inventory) -> Plan:
    """Return the plan after which these hosts run no tasks."""
    actions: list[Action] = []
    after = state
    for name in names:
        plan = drained(name, after, inventory)
        actions += plan.actions
        after = plan.predicted
    return plan_of(actions, state, inventory)


def returning(names: Sequence[str], state: ClusterState, inventory: Inventory) -> Plan:
    """Return the plan after which these hosts take tasks again."""
    actions = [action for name in names for action in activated(name, state, inventory).actions]
    return plan_of(actions, state, inventory)


def at_stake(
    names: Sequence[str], state: ClusterState, *, allow_quorum: bool, allow_down: frozenset[str]
) -> Iterator[Refusal]:
    """Yield what the loss of these hosts would cost: the quorum, or all that runs of a service."""
    lost = {node.id for name in names if (node := state.node_of(name)) is not None}
    managers = [node for node in state.nodes if node.spec.role is Role.MANAGER]
    left = [node for node in managers if node.id not in lost and node.reachability == "reachable"]
    if len(left) < majority(len(managers)) and not allow_quorum:
        yield Refusal(
            f"without {both(names)}, {len(left)} of {len(managers)} managers are left, and the swarm needs"
            f" {majority(len(managers))}: their loss stops it, which draining them does not show",
            flag=QUORUM,
        )
    for service in state.services:
        where = _nodes_of(service, state)
        if where and where <= lost and service.spec.name not in allow_down:
            yield Refusal(
                f"service {service.spec.name} runs on {both(names)} alone: it stops until it runs elsewhere",
                flag=f"--allow-down {shlex.quote(service.spec.name)}",
            )


def tasks_on(names: Sequence[str], state: ClusterState) -> dict[str, int]:
    """Return how many tasks of each service run on these hosts."""
    lost = {node.id for name in names if (node := state.node_of(name)) is not None}
    found: dict[str, int] = {}
    for service in state.services:
        if number := sum(task.service_id == service.id and task.node_id in lost for task in _running(state)):
            found[service.spec.name] = number
    return found


def doors(names: Sequence[str], state: ClusterState, inventory: Inventory) -> tuple[Door, ...]:
    """Return the published TCP ports of services that run, each with the addresses to ask.

    A port of the mesh is asked for at hosts that stay; one of the hosts themselves at those that run a task, first.
    """
    members = [host for host in inventory.hosts if state.node_of(host.name) is not None]
    found: list[Door] = []
    for service in state.services:
        where = _nodes_of(service, state)
        if not where or service.spec.mode.is_job:
            continue
        for port in service.effective_ports:
            if port.protocol is not Protocol.TCP or port.published is None:
                continue
            stay = [host.address for host in members if host.name not in names]
            if port.mode is PublishMode.HOST:
                busy = [host.address for host in members if _id(host.name, state) in where]
                stay = [*busy, *(address for address in stay if address not in busy)]
            found.append(Door(service=service.spec.name, port=port.published, addresses=tuple(stay)))
    return tuple(found)


def _id(host: str, state: ClusterState) -> str | None:
    node = state.node_of(host)
    return None if node is None else node.id


def _running(state: ClusterState) -> Iterator[Task]:
    yield from (task for task in state.tasks if task.runs)


def _nodes_of(service: Service, state: ClusterState) -> set[str]:
    """Return the nodes that run tasks of a service; none of a job, whose tasks end by themselves."""
    if service.spec.mode.is_job:
        return set()
    return {task.node_id for task in _running(state) if task.service_id == service.id and task.node_id is not None}
