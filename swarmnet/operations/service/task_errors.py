"""The engine's final word on tasks that do not run: what will not get better by waiting, in the engine's own words.

Seen on 20.10, 26.1 and 28.5: a task that no node can take stays ``pending`` with the scheduler's reason; one that its
host cannot start (a port that is taken, an image that is not there, a missing mount) is ``rejected`` or ``failed`` and
created again by the restart policy every five seconds, without end; one whose network has no address left stays ``new``
without a word. A program that ends by itself is not a final word: it may be waiting for another service.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.errors import ConvergenceError, HostError
from swarmnet.model.find import by_id
from swarmnet.model.printable import without_ids
from swarmnet.model.service import PublishMode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.ports import Ports, SwarmPort
    from swarmnet.model.service import Service, Task
    from swarmnet.model.swarm import Node

STANDS = 5.0
"""Seconds for which the scheduler's reason must last: nodes come, and tasks that end make room."""
REFUSED_FOR, REFUSALS = 8.0, 3
"""Seconds, and tasks in one place one after the other, that a host must have refused: a busy engine refuses one."""
UNALLOCATED = 15.0
"""Seconds without addresses; a leader gives them within some milliseconds, one that is new within some seconds."""
RESERVED = 3
"""Addresses of an IPv4 block that no task gets: the network's, the gateway's and the last one."""
ENDED = frozenset({"complete", "shutdown", "failed", "rejected", "remove", "orphaned"})
_REFUSED = re.compile(
    r"starting container failed|No such image|invalid mount config|pull access denied|manifest unknown"
)


@dataclass(slots=True)
class FinalWord:
    """What was said against the tasks of one service since it is waited for."""

    ports: Ports
    manager: SwarmPort
    _since: dict[tuple[str, str], float] = field(default_factory=dict)
    _refused: dict[str, dict[str, float]] = field(default_factory=dict)

    def insist(self, service: Service, tasks: tuple[Task, ...]) -> None:
        """Raise ``ConvergenceError`` when waiting any longer changes nothing; asks no engine before it looks so."""
        now = self.ports.clock.monotonic()
        wanted = [task for task in tasks if task.desired_state in ("running", "ready")]
        self._notice(tasks, now)
        for said in (self._refusal(tasks, now), self._unplaced(tasks, wanted, now), self._unallocated(wanted, now)):
            if said is not None:
                reason, hint = self._explained(service, said)
                raise ConvergenceError(f"service {service.spec.name} cannot run: {reason}", hint=hint)

    def _notice(self, tasks: Iterable[Task], now: float) -> None:
        stuck = {(task.id, task.state) for task in tasks if task.state in ("new", "pending")}
        self._since = {key: self._since.get(key, now) for key in stuck}
        for task in tasks:
            place = str(task.slot or task.node_id)
            if task.state == "rejected" or (task.state == "failed" and _REFUSED.search(task.message)):
                self._refused.setdefault(place, {}).setdefault(task.id, now)
            elif task.runs:
                self._refused.pop(place, None)

    def _refusal(self, tasks: Iterable[Task], now: float) -> Task | None:
        """Return the last task of a place in which a host refused one after the other."""
        by_id = {task.id: task for task in tasks}
        for refused in self._refused.values():
            known = [by_id[one] for one in refused if one in by_id]
            if len(refused) >= REFUSALS and now - min(refused.values()) >= REFUSED_FOR and known:
                return known[-1]
        return None

    def _unplaced(self, tasks: Iterable[Task], wanted: Iterable[Task], now: float) -> Task | None:
        """Return a task that the scheduler can place nowhere, while nothing is about to make room."""
        if any(task.desired_state not in ("running", "ready") and task.state == "running" for task in tasks):
            return None
        stuck = [task for task in wanted if task.state == "pending" and task.message.startswith("no suitable node")]
        for task in stuck:
            if now - self._since[task.id, task.state] < STANDS:
                continue
            return None if any(node.status == "unknown" for node in self.manager.nodes.list()) else task
        return None

    def _unallocated(self, wanted: Iterable[Task], now: float) -> Task | None:
        found = (task for task in wanted if task.state == "new" and now - self._since[task.id, "new"] >= UNALLOCATED)
        return next(found, None)

    def _explained(self, service: Service, task: Task) -> tuple[str, str]:
        if task.state == "new":
            full = _full(service, self.manager)
            what = f"{' and '.join(full)} has no free address" if full else "it is given no addresses or ports"
            return f"its tasks stay new: {what}", "make the network larger, or remove what uses its addresses"
        words = without_ids(task.message)
        if task.state == "pending":
            return (
                f"{task.state}: {words}",
                "change the service or the nodes, or write 'wait: false' when nodes come later",
            )
        node = by_id(self.manager.nodes.list(), task.node_id)
        where = "a node that is gone" if node is None else node.name
        holder = "" if node is None else _holder(self.ports, node, service, task)
        return (
            f"{where} refuses its tasks: {words}{holder}",
            "fix the cause on that host, or the service, and run apply again",
        )


def _full(service: Service, manager: SwarmPort) -> list[str]:
    """Return the service's networks that have no address for one more task."""
    used = Counter(name for other in manager.services.list() for name in other.virtual_ips)
    present = [task for task in manager.tasks() if task.state not in ENDED]
    used += Counter(name for task in present for name in task.networks)
    # Each node with a task has one for itself, as a load balancer.
    used += Counter(name for name, _node in {(name, task.node_id) for task in present for name in task.networks})
    mine = {attachment.network for attachment in service.spec.networks or ()}
    found = []
    for network in manager.networks.list():
        blocks = [ipaddress.ip_network(one.ip_range or one.subnet) for one in network.spec.subnets]
        room = sum(block.num_addresses - RESERVED for block in blocks if block.version == 4)  # noqa: PLR2004 - IPv4
        if network.spec.name in mine and blocks and used.get(network.spec.name, 0) >= room:
            found.append(f"network {network.spec.name} ({', '.join(map(str, blocks))})")
    return found


def _holder(ports: Ports, node: Node, service: Service, task: Task) -> str:
    """Return who holds the port that a task did not get on its host, as far as the host tells; else nothing."""
    taken = [port for port in service.spec.ports or () if port.mode is PublishMode.HOST and port.published is not None]
    number = next((one.published for one in taken if f":{one.published}" in task.message), None)
    if number is None:
        return ""
    try:
        host = next(one.name for one in ports.inventory.hosts if _is(ports, one.name, node))
        boxes = [box.name for box in ports.engine(host).containers(publishing=number) if box.running]
        if boxes:
            return f"; container {' and '.join(boxes)} holds port {number} on {host}"
        listening = ports.shell(host).run(("ss", "-Hltnp", f"sport = :{number}"), sudo=True)
    except (HostError, StopIteration):
        return ""
    programs = sorted(re.findall(r'\("([^"]{1,40})",pid=(\d{1,10})', listening.stdout.decode(errors="replace")))
    if not programs:
        return ""
    name, process = programs[0]
    return f"; {name} (process {process}) holds port {number} on {host}"


def _is(ports: Ports, host: str, node: Node) -> bool:
    try:
        return ports.engine(host).facts().membership.node_id == node.id
    except HostError:
        return False
