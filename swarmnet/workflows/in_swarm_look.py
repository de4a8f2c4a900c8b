"""Look at all hosts of a swarm from one of its managers, without SSH: a global job asks the engine of each node.

Each task of the job prints what its engine says, sealed to a key of this run; the manager collects it as the log of the
job, over the connections that the swarm has anyway. No port is opened, and nothing is in the logs in clear. Managers
refuse lines that one node prints in the name of another (swarmkit, ``PublishLogs``).
"""

from __future__ import annotations

import base64
import binascii
import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pydantic import ValidationError

from swarmnet.errors import (
    ConflictError,
    DamagedError,
    NotFoundError,
    NothingReachableError,
    RefusedError,
    SwarmnetError,
    cut,
)
from swarmnet.model.clock import look_until
from swarmnet.model.events import Progress
from swarmnet.model.find import by_name
from swarmnet.model.hosts import Availability, Host, Inventory, Role
from swarmnet.model.in_swarm import LOOK, SCHEDULE_LABEL, SERVICE, SOCKET, HostAnswer, is_ours
from swarmnet.model.service import (
    Attachment,
    Logging,
    Mount,
    MountType,
    RestartPolicy,
    ServiceMode,
    ServiceSpec,
)
from swarmnet.model.state import HostFailure
from swarmnet.workflows.backup import undisturbed
from swarmnet.workflows.fleet.observe import RECORDED, Look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from swarmnet.model.clock import Clock
    from swarmnet.model.in_swarm import Envelope, Member, Orders
    from swarmnet.model.lock import Operator
    from swarmnet.model.log import LogEntry
    from swarmnet.model.ports import EnginePort, Ports, SwarmPort
    from swarmnet.model.service import Task
    from swarmnet.model.state import ClusterState, HostFacts
    from swarmnet.model.swarm import Node

LOOK_LIMIT = 120.0
"""Seconds for the tasks of the job to end; a host that must fetch the image first needs most of it."""
LOG_LIMIT = 30.0
"""Seconds for what they printed to be with the manager."""
EVERY = 0.5
_MARK = "swarmnet-answer"
_LINE = re.compile(rf"{_MARK} (\d{{1,6}})/(\d{{1,6}}) ([A-Za-z0-9+/=]+)", re.ASCII)
_WIDTH = 8000
"""Characters of a line: engines split lines of more than 16 KiB."""
_ENDED = frozenset({"complete", "failed", "rejected", "shutdown", "orphaned", "remove"})


@dataclass(frozen=True, slots=True)
class Hosts:
    """The hosts that a run looks at, and what became of those that it cannot."""

    inventory: Inventory
    nodes: Mapping[str, Node] = field(default_factory=dict)
    """Host to node, of those that take tasks."""
    missing: tuple[HostFailure, ...] = ()
    unknown: tuple[str, ...] = ()
    """Hosts that the schedule does not name: nodes that joined later, by their hostnames."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Node id to host, of all that are nodes."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What the hosts answered."""

    described: dict[str, HostFacts] = field(default_factory=dict)
    missing: tuple[HostFailure, ...] = ()


def placed(cluster: str, members: Iterable[Member], nodes: Iterable[Node]) -> Hosts:
    """Return the hosts of a schedule by the nodes that they are now; nodes that it does not know follow.

    A node is found by its id; one that joined again by its hostname. What its engine holds is missing where no task
    can look at it, also of a node that joined later.
    """
    left = {node.id: node for node in nodes}
    ready = {node.hostname for node in left.values() if node.status == "ready"}
    known = [(one, left.pop(one.node_id, None)) for one in members]
    hosts: list[Host] = []
    found: dict[str, Node] = {}
    missing: list[HostFailure] = []
    names: dict[str, str] = {}
    for member, node in known:
        if node is None or node.status != "ready":
            again = [one for one in left.values() if one.hostname == member.hostname and one.status == "ready"]
            node = left.pop(again[0].id) if len(again) == 1 else node  # noqa: PLW2901 - the same host
        hosts.append(_host(member.host, node, member.role))
        names |= {} if node is None else {node.id: member.host}
        if node is None:
            gone = "it is no longer a node of the swarm"
            missing.append(HostFailure(host=member.host, reason=gone, hint="run `swarmnet schedule install` again"))
        elif (why := _takes_no_tasks(node)) is not None:
            missing.append(HostFailure(host=member.host, reason=why))
        else:
            found[member.host] = node
    # A node that is down, where another of its hostname is ready, is what is left of one that joined again.
    unknown = [node for node in left.values() if node.status == "ready" or node.hostname not in ready]
    taken = {one.name for one in hosts}
    for node in unknown:
        name = node.id if node.name in taken else node.name
        taken.add(name)
        hosts.append(_host(name, node, Role.WORKER))
        names[node.id] = name
        if (why := _takes_no_tasks(node)) is not None:
            missing.append(HostFailure(host=name, reason=why))
        else:
            found[name] = node
    added = tuple(one.name for one in hosts[len(known) :])
    return Hosts(Inventory(cluster=cluster, hosts=tuple(hosts)), found, tuple(missing), added, names)


def _host(name: str, node: Node | None, role: Role) -> Host:
    address = node.address if node is not None and node.address else name
    return Host(name=name, address=address, role=role if node is None else node.spec.role or role)


def _takes_no_tasks(node: Node) -> str | None:
    if node.status != "ready":
        return f"its node is {node.status}"
    if node.spec.availability not in (None, Availability.ACTIVE):
        return f"its node is set to {node.spec.availability.value}, so no task can look at its engine"
    return None


def _led_from(inventory: Inventory, here: str) -> Inventory:
    """Return the hosts with one manager, this one: files of the others, where a lock may be as well, are not reached.

    A lock of a run that changes a swarm is a config of the swarm; files hold it only while there is none.
    """
    hosts = (
        one.model_copy(update={"role": Role.MANAGER if one.name == here else Role.WORKER}) for one in inventory.hosts
    )
    return inventory.model_copy(update={"hosts": tuple(hosts)})


@dataclass(frozen=True, slots=True)
class Watch:
    """What a look at the cluster from inside needs."""

    orders: Orders
    manager: EnginePort
    """The engine of this host, a manager."""
    ports: Callable[[Inventory, str], Ports]
    """Returns the world of this host, by the inventory and its name there."""
    envelope: Envelope
    operator: Operator
    lock_wait: float
    """Seconds to wait for the end of a change."""


def observed(watch: Watch) -> ClusterState:
    """Return the state of the cluster while no operator changes it: the swarm's by this manager, each host's by itself.

    Raises:
        LockedError: another run is changing it.
        NothingReachableError: this engine does not answer.
        HostError: it does not answer for the swarm, or refuses the job.
    """
    manager, orders = watch.manager, watch.orders
    hosts = placed(orders.schedule.cluster, orders.members, manager.nodes.list())
    here = hosts.names.get(manager.facts().membership.node_id)
    service = by_name(manager.services.list(), SERVICE)
    if here is None or service is None:
        raise NothingReachableError("this engine is not a node of the swarm that the schedule is of")
    ports = watch.ports(_led_from(hosts.inventory, here), here)
    for name in hosts.unknown:
        joined_later = f"{name} is not in the schedule's inventory: install it again to give it its name there"
        ports.listener(Progress(joined_later))
    others = tuple(HostFailure(host=one.name, reason="not asked yet") for one in hosts.inventory.hosts)
    alone = Look(believed=here, missing=tuple(one for one in others if one.host != here))
    undisturbed(ports, alone, watch.operator, wait=watch.lock_wait)
    command = service.spec.command or ()
    spec = look_spec(service.spec.image, orders.schedule.cluster, command, watch.envelope.public)
    found = look(manager, spec, hosts, watch.envelope, ports.clock)
    missing = tuple(one for one in found.missing if one.host != here)
    return undisturbed(
        ports, replace(RECORDED, described=found.described, missing=missing, believed=here), watch.operator
    )


def look_spec(image: str, cluster: str, command: tuple[str, ...], public: str) -> ServiceSpec:
    """Return the job that looks: on the network of the host, whose addresses it reads, with the engine's socket."""
    return ServiceSpec(
        name=LOOK,
        image=image,
        mode=ServiceMode.GLOBAL_JOB,
        command=command,
        args=("look", public),
        networks=(Attachment(network="host"),),
        mounts=(Mount(target=SOCKET, type=MountType.BIND, source=SOCKET, read_only=True),),
        cap_drop=("ALL",),
        read_only=True,
        restart=RestartPolicy(condition="none"),
        logging=Logging(driver="json-file", options={"max-size": "64m", "max-file": "2", "mode": "blocking"}),
        labels={SCHEDULE_LABEL: cluster},
    )


def look(manager: SwarmPort, spec: ServiceSpec, hosts: Hosts, envelope: Envelope, clock: Clock) -> Answers:
    """Run the job and return what the hosts answered; no job of this or an earlier run is left.

    Raises:
        HostError: the manager does not answer, or refuses the job.
        RefusedError: a service of someone else has the job's name.
    """
    clear(manager)
    if not hosts.nodes:
        return Answers(missing=hosts.missing)
    job = manager.services.create(spec)
    try:
        tasks = _ended(manager, job, hosts, clock)
        answers = _answers(manager, job, tasks, envelope, clock)
    finally:
        with suppress(NotFoundError):
            manager.services.remove(job)
    described: dict[str, HostFacts] = {}
    missing = list(hosts.missing)
    for host, node in hosts.nodes.items():
        answer = answers.get(node.id) or HostAnswer(problem=_unheard(tasks.get(node.id)))
        if answer.facts is None:
            missing.append(HostFailure(host=host, reason=answer.problem))
        elif answer.facts.engine.membership.node_id != node.id:
            missing.append(HostFailure(host=host, reason="its engine says that it is another node"))
        else:
            described[host] = answer.facts.model_copy(update={"host": host})
    return Answers(described, tuple(missing))


def clear(manager: SwarmPort) -> None:
    """Remove the job of a run that was interrupted.

    Raises:
        RefusedError: a service of someone else has its name.
    """
    there = by_name(manager.services.list(), LOOK)
    if there is None:
        return
    if not is_ours(there.spec.labels):
        raise RefusedError(f"service {LOOK} is not swarmnet's: it was left alone", hint="rename it, and run it again")
    with suppress(NotFoundError, ConflictError):
        manager.services.remove(there.id)


def _ended(manager: SwarmPort, job: str, hosts: Hosts, clock: Clock) -> dict[str, Task]:
    """Return the task of each node once all of them ended, or the time is up."""
    nodes = {node.id for node in hosts.nodes.values()}

    def seen() -> dict[str, Task]:
        return {task.node_id: task for task in manager.tasks(service=job) if task.node_id is not None}

    def enough(tasks: dict[str, Task]) -> bool:
        return all(node in tasks and tasks[node].state in _ENDED for node in nodes)

    return look_until(clock, seen, enough, limit=LOOK_LIMIT, every=EVERY)


def _answers(
    manager: SwarmPort, job: str, tasks: Mapping[str, Task], envelope: Envelope, clock: Clock
) -> dict[str, HostAnswer]:
    """Return the answer of each node whose task ended well, once all of them have arrived."""
    wanted = {node for node, task in tasks.items() if task.state == "complete"}

    def heard() -> dict[str, bytes]:
        return joined(manager.service_log(job)) if wanted else {}

    found = look_until(clock, heard, lambda seen: seen.keys() >= wanted, limit=LOG_LIMIT, every=EVERY)
    return {node: _opened(sealed, envelope) for node, sealed in found.items()}


def _opened(sealed: bytes, envelope: Envelope) -> HostAnswer:
    try:
        return HostAnswer.model_validate_json(envelope.open(sealed))
    except DamagedError as error:
        return HostAnswer(problem=error.message)
    except ValidationError:
        return HostAnswer(problem="its answer is not one of this version of swarmnet: is the image the same there?")


def _unheard(task: Task | None) -> str:
    if task is None:
        return "its node got no task of the job"
    if task.state == "complete":
        return "what its task printed did not arrive"
    return f"its task is {task.state}: {cut(task.message, 200)}" if task.message else f"its task is {task.state}"


def lines(sealed: bytes) -> Iterator[str]:
    """Yield the lines that a task prints: text of base64, in pieces with their number and how many there are."""
    text = base64.b64encode(sealed).decode()
    pieces = [text[start : start + _WIDTH] for start in range(0, len(text), _WIDTH)]
    for number, piece in enumerate(pieces):
        yield f"{_MARK} {number}/{len(pieces)} {piece}"


def joined(entries: Iterable[LogEntry]) -> dict[str, bytes]:
    """Return what each node printed, of those whose pieces are all there."""
    pieces: dict[str, dict[int, str]] = {}
    counts: dict[str, int] = {}
    for entry in entries:
        if found := _LINE.fullmatch(entry.text.strip()):
            pieces.setdefault(entry.node_id, {})[int(found[1])] = found[3]
            counts[entry.node_id] = int(found[2])
    whole: dict[str, bytes] = {}
    for node, parts in pieces.items():
        if parts.keys() >= set(range(counts[node])):
            with suppress(binascii.Error):
                whole[node] = base64.b64decode("".join(parts[number] for number in range(counts[node])), validate=True)
    return whole


def answer(read: Callable[[], HostFacts]) -> HostAnswer:
    """Return what a host answers: its facts, or why there are none."""
    try:
        return HostAnswer(facts=read())
    except SwarmnetError as error:
        return HostAnswer(problem=error.message)
