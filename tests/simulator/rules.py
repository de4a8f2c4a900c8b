"""What the engine decides by itself between two requests: allocation, scheduling, updates."""

from __future__ import annotations

import re
from collections import defaultdict
from ipaddress import ip_network
from typing import TYPE_CHECKING

from swarmnet.model.compare import VNI_OPTION
from swarmnet.model.hosts import Availability, Role
from swarmnet.model.network import Scope, Subnet
from swarmnet.model.service import (
    EndpointMode,
    PublishMode,
    RestartPolicy,
    ServiceMode,
    ServiceSpec,
    UpdatePolicy,
)
from swarmnet.model.volume import Volume, VolumeSpec
from tests.simulator.boxes import container_of, volumes_of
from tests.simulator.endings import join, leave
from tests.simulator.store import NodeRecord, ServiceRecord, Store, TaskRecord

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    from tests.simulator.machine import Machine
    from tests.simulator.store import NetworkRecord

SWARM_NAME = re.compile(r"[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*")
FIRST_DYNAMIC_PORT = 30000
ALL_AT_ONCE = 10**6
_ENDPOINT = {"ports", "endpoint_mode"}
_PLACEMENT = {"constraints", "max_replicas_per_node", "platforms", "spread"}
_NOT_IN_TASKS = {"name", "mode", "labels", "replicas", "update", "rollback"}


def has_quorum(store: Store, machines: dict[str, Machine]) -> bool:
    """Return whether more than half of the managers are alive."""
    managers = [node for node in store.nodes.values() if node.spec.role is Role.MANAGER and node.in_raft]
    alive = [node for node in managers if machines[node.host].alive and machines[node.host].store is store]
    return len(alive) * 2 > len(managers)


def _is_old(store: Store, service: ServiceRecord, task: TaskRecord) -> bool:
    """Return whether an update replaces a task, as swarmkit's updater does.

    One that differs in its placement alone stays where its node meets the new one, whatever its ports (swarmkit#2496).
    """
    made, wanted = task.made_of or service.spec, service.spec
    changed = {name for name in ServiceSpec.model_fields if getattr(made, name) != getattr(wanted, name)}
    changed -= _NOT_IN_TASKS
    if changed & _PLACEMENT and changed <= _PLACEMENT | _ENDPOINT:
        node = store.nodes.get(task.node_id or "")
        return node is None or not all(_holds(node, constraint) for constraint in wanted.constraints or ())
    return bool(changed)


def tick(store: Store, machines: dict[str, Machine], missing_images: set[str], *, orchestrates: bool = True) -> None:
    """Let the managers do what is due, if there are enough of them."""
    if not has_quorum(store, machines):
        return
    for node in store.nodes.values():
        machine = machines[node.host]
        node.ready = machine.alive and machine.store is store and machine.node_id == node.id
    for network in store.networks.values():
        if not network.allocated:
            _allocate(store, network)
    for service in store.services.values() if orchestrates else ():
        _give_addresses(store, service)
        _schedule(store, service)
    _drop_tasks(store, machines)
    for task in store.tasks.values():
        _advance(store, task, machines, missing_images)


def _taken(store: Store) -> list[IPv4Network | IPv6Network]:
    return [pool for network in store.networks.values() for pool in network.pools]


def _allocate(store: Store, network: NetworkRecord) -> None:
    """Give a network its subnets and VNIs; one that overlaps another waits, without an error (swarmkit#2398)."""
    if network.spec.on_lan:  # each host gives the addresses
        network.allocated = True
        return
    taken = _taken(store)
    asked = [ip_network(subnet.subnet) for subnet in network.spec.subnets]
    pools = asked or [block for block in [_free_block(store, taken)] if block is not None]
    if not pools or any(pool.overlaps(other) for pool in pools for other in taken if other.version == pool.version):
        return
    numbers = tuple(int(vni) for vni in network.spec.options.get(VNI_OPTION, "").split(",") if vni)
    if set(numbers) & {vni for other in store.networks.values() for vni in other.vnis}:
        return
    network.pools = tuple(pools)
    network.allocated = True
    network.vnis = (*numbers, *range(store.next_vni, store.next_vni + len(pools) - len(numbers)))
    store.next_vni += len(pools) - len(numbers)
    wanted = network.spec.subnets or tuple(Subnet(subnet=str(pool)) for pool in pools)
    filled = tuple(
        subnet.model_copy(update={"gateway": subnet.gateway or str(pool.network_address + 1)})
        for subnet, pool in zip(wanted, pools, strict=True)
    )
    network.spec = network.spec.model_copy(update={"subnets": filled, "scope": Scope.SWARM})


def _free_block(store: Store, taken: list[IPv4Network | IPv6Network]) -> IPv4Network | IPv6Network | None:
    for pool in store.spec.default_addr_pool or ("10.0.0.0/8",):
        # Engines ignore a size that comes without a pool.
        size = store.spec.subnet_size if store.spec.default_addr_pool else None
        for block in ip_network(pool).subnets(new_prefix=size or 24):
            if not any(block.overlaps(other) for other in taken if other.version == block.version):
                return block
    return None


def networks_of(store: Store, spec: ServiceSpec) -> list[NetworkRecord]:
    """Return the swarm's networks that the tasks join, ingress included where a port needs it."""
    names = [attachment.network for attachment in spec.networks or ()]
    found = [network for name in names if (network := store.network_named(name)) is not None]
    if any(port.mode is PublishMode.INGRESS for port in spec.ports or ()):
        found += [network for network in store.networks.values() if network.spec.ingress]
    return found


def _give_addresses(store: Store, service: ServiceRecord) -> None:
    if service.spec.endpoint_mode is EndpointMode.DNSRR:
        service.virtual_ips = {}
        return
    networks = [one for one in networks_of(store, service.spec) if one.allocated and not one.spec.on_lan]
    service.virtual_ips = {
        network.spec.name: service.virtual_ips.get(network.spec.name) or network.lease()
        for network in networks
        if network.spec.name in service.virtual_ips or network.has_room
    }


def _schedule(store: Store, service: ServiceRecord) -> None:
    mine = [task for task in store.tasks.values() if task.service_id == service.id]
    if service.spec.mode.is_job:
        _run_job(store, service, mine)
        return
    old = {task.id for task in mine if task.desired_state == "running" and _is_old(store, service, task)}
    hands = _hands(service, [task for task in mine if task.desired_state == "running" and task.id not in old])
    if old:
        service.update_state = "updating"
    elif service.update_state == "updating" and hands:
        service.update_state = "completed"
    for task in mine:
        _judge(store, service, task, is_taken=task.id in old and hands > 0)
        hands -= task.id in old and task.state == "running"
    current = [task for task in mine if task.desired_state == "running"]
    if service.spec.mode is ServiceMode.GLOBAL:
        _spread_globally(store, service, current)
    else:
        _scale(store, service, current)


def _hands(service: ServiceRecord, fresh: list[TaskRecord]) -> int:
    """Return how many old tasks the updater may take now, besides those whose successors do not run yet."""
    update = service.spec.update or UpdatePolicy()
    parallelism = 1 if update.parallelism is None else update.parallelism
    waiting = sum(task.state != "running" for task in fresh)
    if update.order == "start-first" or not parallelism:
        return 0 if waiting else ALL_AT_ONCE
    return max(0, parallelism - waiting)


def _judge(store: Store, service: ServiceRecord, task: TaskRecord, *, is_taken: bool) -> None:
    """Let a task end that the updater takes, that lost its node, or that the restart policy replaces."""
    node = store.nodes.get(task.node_id or "")
    gone = node is None or not node.ready or node.spec.availability is Availability.DRAIN
    if is_taken or (task.node_id is not None and gone):
        task.desired_state = "shutdown"
    elif node is not None and not task.ended and not _may_stay(task, node):
        task.state, task.message = "rejected", "assigned node no longer meets constraints"
    ended = task.ended and not service.spec.mode.is_job
    if ended and task.desired_state == "running" and _is_replaced(service, task):
        task.desired_state = "shutdown"


def _run_job(store: Store, service: ServiceRecord, mine: list[TaskRecord]) -> None:
    """Begin the tasks of a job's run, all at once; they end by themselves. Each update makes a new run."""
    for task in mine:
        _judge(store, service, task, is_taken=task.run != service.run and not task.ended)
    current = [task for task in mine if task.run == service.run]
    if not service.spec.mode.is_everywhere:
        for slot in range(len(current) + 1, (service.spec.replicas or 0) + 1):
            _new_task(store, service, node_id=None, slot=slot)
        for task in [one for one in store.tasks.values() if one.service_id == service.id and one.node_id is None]:
            _choose_node(store, service, task)
        return
    for node in _eligible(store, service.spec):
        if node.id not in {task.node_id for task in current}:
            _new_task(store, service, node_id=node.id, slot=None)


def _may_stay(task: TaskRecord, node: NodeRecord) -> bool:
    """Return whether a node still meets what a task on it asked for (swarmkit: constraint enforcer)."""
    asked = task.made_of.constraints if task.made_of is not None else None
    return all(_holds(node, constraint) for constraint in asked or ())


def _is_replaced(service: ServiceRecord, task: TaskRecord) -> bool:
    """Return whether the restart policy wants a new task instead of one that ended; its delay takes no time."""
    policy = service.spec.restart or RestartPolicy()
    restarts = service.restarts.get(_place(task), 0)
    if policy.condition == "none" or (policy.condition == "on-failure" and task.state == "complete"):
        return False
    if policy.max_attempts and restarts >= policy.max_attempts:
        return False
    service.restarts[_place(task)] = restarts + 1
    return True


def _place(task: TaskRecord) -> str:
    """Return what one task after the other is made for: a slot, or a node where the service is global."""
    return str(task.slot or task.node_id)


def _spread_globally(store: Store, service: ServiceRecord, current: list[TaskRecord]) -> None:
    held = {task.node_id for task in current}
    eligible = {node.id for node in _eligible(store, service.spec)}
    for task in current:
        if task.node_id not in eligible:
            task.desired_state = "shutdown"
    for node_id in eligible - held:
        _new_task(store, service, node_id=node_id, slot=None)


def _scale(store: Store, service: ServiceRecord, current: list[TaskRecord]) -> None:
    wanted = 1 if service.spec.replicas is None else service.spec.replicas
    for task in current[wanted:]:
        task.desired_state = "remove"
    used = {task.slot for task in current}
    free = (slot for slot in range(1, wanted + len(current) + 1) if slot not in used)
    for _ in range(wanted - len(current)):
        _new_task(store, service, node_id=None, slot=next(free))
    for task in store.tasks.values():
        if task.service_id == service.id and task.node_id is None and task.desired_state == "running":
            _choose_node(store, service, task)


def _new_task(store: Store, service: ServiceRecord, *, node_id: str | None, slot: int | None) -> None:
    task_id = f"{service.id[:17]}{store.write():08d}"
    store.tasks[task_id] = TaskRecord(
        id=task_id, service_id=service.id, node_id=node_id, slot=slot, made_of=service.spec, run=service.run
    )


def _choose_node(store: Store, service: ServiceRecord, task: TaskRecord) -> None:
    """Choose the node with the fewest tasks of the service, or leave the task pending."""

    def load(node: NodeRecord) -> int:
        return sum(
            other.node_id == node.id and other.service_id == service.id and other.desired_state == "running"
            for other in store.tasks.values()
        )

    limit = service.spec.max_replicas_per_node or 0
    nodes = [node for node in _eligible(store, service.spec) if not limit or load(node) < limit]
    if not nodes:
        task.state, task.message = "pending", "no suitable node (scheduling constraints not satisfied)"
        return
    task.node_id = min(nodes, key=load).id


def _eligible(store: Store, spec: ServiceSpec) -> list[NodeRecord]:
    return [
        node
        for node in store.nodes.values()
        if node.ready
        and node.spec.availability is Availability.ACTIVE
        and all(_holds(node, constraint) for constraint in spec.constraints or ())
    ]


def _holds(node: NodeRecord, constraint: str) -> bool:
    """Judge one constraint; unknown keys never match, as in the engine."""
    key, operator, wanted = (part.strip() for part in re.split("(==|!=)", constraint, maxsplit=1))
    known = {
        "node.id": node.id,
        "node.hostname": node.host,
        "node.role": (node.spec.role or Role.WORKER).value,
        "node.platform.os": "linux",
        "node.platform.arch": "x86_64",
        **{f"node.labels.{label}".lower(): value for label, value in node.spec.labels.items()},
    }
    value = known.get(key.lower())
    if value is None:
        return operator == "!=" and key.lower().startswith("node.labels.")
    return (value.lower() == wanted.lower()) is (operator == "==")


def _drop_tasks(store: Store, machines: dict[str, Machine]) -> None:
    """End tasks that should not run; forget those of removed services and slots."""
    for task in list(store.tasks.values()):
        if task.desired_state in ("shutdown", "remove") or task.state == "rejected":
            node = store.nodes.get(task.node_id or "")
            if node is not None and machines[node.host].alive:
                if task.state == "running" and _still_runs(store, task, machines[node.host]):
                    continue
                machines[node.host].containers.pop(task.container_id or "", None)
            task.state = task.state if task.ended else "shutdown"
            leave(store, task)
        orphaned = task.service_id is not None and task.service_id not in store.services
        if task.desired_state == "remove" or orphaned:
            leave(store, task)
            del store.tasks[task.id]
    for service in store.services.values():
        if not service.spec.mode.is_job:
            _forget_history(store, service)


def _still_runs(store: Store, task: TaskRecord, machine: Machine) -> bool:
    """Return whether a task that should end runs on: until it has stopped, or its successor has started first."""
    service = store.services.get(task.service_id or "")
    if service is not None and (service.spec.update or UpdatePolicy()).order == "start-first":
        places = {_place(one) for one in store.tasks.values() if one.made_of == service.spec and one.state != "running"}
        if task.desired_state == "shutdown" and _place(task) in places:
            return True
    task.stopped_for += 1
    return task.stopped_for <= machine.stop_ticks


def _forget_history(store: Store, service: ServiceRecord) -> None:
    """Keep the last ended tasks of each slot, or node."""
    ended: defaultdict[str, list[TaskRecord]] = defaultdict(list)
    for task in store.tasks.values():
        if task.service_id == service.id and task.ended:
            ended[_place(task)].append(task)
    keep = 5 if store.spec.task_history is None else store.spec.task_history
    for tasks in ended.values():
        for task in tasks[: max(0, len(tasks) - keep)]:
            del store.tasks[task.id]


def _advance(store: Store, task: TaskRecord, machines: dict[str, Machine], missing_images: set[str]) -> None:
    """Move a placed task one step: new, then running; or rejected without an image, or by a busy engine."""
    if task.service_id is None or task.node_id is None or task.ended or task.state == "running":
        return
    service, machine = store.services[task.service_id], machines[store.nodes[task.node_id].host]
    if _is_refused(task, service, machine, missing_images):
        return
    networks = networks_of(store, service.spec)
    if not all(network.allocated and (network.has_room or task.state != "new") for network in networks):
        return  # without a word, also where a network is full
    if task.state in ("new", "pending"):
        task.state = "preparing"
        return
    if service.spec.mode.is_job:
        task.state, task.message = "complete", "finished"
        return
    task.state, task.message = "running", "started"
    task.networks = {network.spec.name: () if network.spec.on_lan else (network.lease(),) for network in networks}
    machine.images.add(service.spec.image)
    task.container_id = machine.ids.local()
    machine.containers[task.container_id] = container_of(service, task, networks)
    for name in volumes_of(service):
        machine.volumes.setdefault(name, Volume(spec=VolumeSpec(name=name)))
    machine.arguments[task.container_id] = service.spec.command or ()
    join(store, service, task)


def _is_refused(task: TaskRecord, service: ServiceRecord, machine: Machine, missing_images: set[str]) -> bool:
    """End a task that its engine cannot start, in the engine's words; return whether it did."""
    if machine.rejects:
        machine.rejects -= 1
        task.state, task.message = "rejected", "failed to find a load balancer IP"
        return True
    if service.spec.image in missing_images:
        task.state, task.message = "rejected", f"No such image: {service.spec.image}"
        return True
    own = {port.published for port in service.spec.ports or () if port.mode is PublishMode.HOST and port.published}
    for port in sorted(own & machine.held_ports.keys()):
        where = f"on endpoint {service.spec.name}.1.{task.id} ({machine.ids.local()})"
        why = f"driver failed programming external connectivity {where}: Bind for 0.0.0.0:{port} failed"
        task.state = "failed"
        task.message = f"starting container failed: {why}: port is already allocated"
        return True
    return False
