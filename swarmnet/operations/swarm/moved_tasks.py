"""Which tasks leave a node that is drained, demoted or relabelled, and whether they run elsewhere afterwards.

An engine accepts such a change at once. The tasks end within their grace period (10 s by default) and are created again
on other nodes. Those that fit nowhere stay ``pending``, without any error (seen on 20.10, 26.1 and 28.5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import ConvergenceError
from swarmnet.model.clock import until_stopped, wait_until
from swarmnet.model.find import by_id
from swarmnet.model.hosts import Availability
from swarmnet.model.placement import eligible, matches
from swarmnet.model.plural import count
from swarmnet.model.ports import progress
from swarmnet.model.service import PublishMode, ServiceMode
from swarmnet.model.verification import PROBE_LABEL
from swarmnet.operations.service.converge import SERVICE_EVERY, SERVICE_LIMIT
from swarmnet.operations.service.task_errors import ENDED, FinalWord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.ports import Ports, SwarmPort
    from swarmnet.model.service import Service, ServiceSpec, Task
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import Node, NodeSpec


def homeless(state: ClusterState) -> dict[str, str]:
    """Return why tasks have no place, by service, for services that have tasks running."""
    busy = {task.service_id for task in state.tasks if _runs(task)}
    found: dict[str, str] = {}
    for service in state.services:
        if service.id in busy and _is_expected(service):
            why = _why_not_all(service.spec, tuple(eligible(service.spec, state.nodes)))
            found |= {service.spec.name: why} if why else {}
    return found


def _why_not_all(spec: ServiceSpec, places: tuple[Node, ...]) -> str:
    if not places and spec.constraints:
        return f"no node that accepts tasks meets {' and '.join(spec.constraints)}"
    if not places:
        return "no node takes tasks any more"
    wanted = 1 if spec.replicas is None else spec.replicas
    if spec.mode is ServiceMode.GLOBAL:
        return ""
    if spec.max_replicas_per_node and spec.max_replicas_per_node * len(places) < wanted:
        return (
            f"{count(len(places), 'node with', 'nodes with')} {spec.max_replicas_per_node} each cannot"
            f" hold {wanted} tasks"
        )
    fixed = [port for port in spec.ports or () if port.mode is PublishMode.HOST and port.published is not None]
    if fixed and len(places) < wanted:
        return f"{wanted} tasks want port {fixed[0].published} of {count(len(places), 'host')}"
    return ""


@dataclass(frozen=True, slots=True)
class Leaving:
    """The tasks that leave one node, and how many of each service's tasks ran before."""

    node: Node
    running: dict[str, int]
    """The number of running tasks on all nodes, by service id."""

    @classmethod
    def after(cls, manager: SwarmPort, node: Node, spec: NodeSpec, *, down: tuple[str, ...] = ()) -> Leaving:
        """Return what will leave a node that gets this spec; asks for nothing else if the node runs nothing.

        Tasks of the services ``down`` end, too, and are not expected elsewhere.
        """
        tasks = manager.tasks()
        here = {task.service_id for task in tasks if task.node_id == node.id and _runs(task)}
        if not here:
            return cls(node, {})
        changed = node.model_copy(update={"spec": spec})
        leaving = [one for one in manager.services.list() if one.id in here and _leaves(one, changed)]
        counts = {one.id: sum(_runs(task) and task.service_id == one.id for task in tasks) for one in leaving}
        return cls(node, counts | {one.id: 0 for one in leaving if one.spec.name in down})

    def wait(self, ports: Ports, manager: SwarmPort, *, timeout: float = SERVICE_LIMIT) -> None:
        """Wait until these tasks have ended, and as many run elsewhere as before.

        Raises:
            ConvergenceError: some have no place (names the services, with the engine's reason), or the time ran out.
        """
        if not self.running:
            return
        words = {one: FinalWord(ports, manager) for one in self.running}

        def look() -> tuple[bool | None, str]:
            tasks = manager.tasks()
            by_id = {service.id: service for service in manager.services.list()}
            here = [task for task in tasks if task.node_id == self.node.id and task.service_id in self.running]
            left = [task for task in here if task.state not in ENDED and task.desired_state != "running"]
            left += [task for task in here if _runs(task)]
            if left and self._is_gone(manager):
                left = []  # no report of their end will come
            missing = [by_id[one] for one in self.running if one in by_id and not self._is_back(by_id[one], tasks)]
            if not left and not missing:
                return True, ""
            self._insist(words, missing, tasks)
            return None, "; ".join((*_ending(left, by_id), *_coming(missing, tasks, self.node.id)))

        what = f"the tasks of {self.node.name} to end, and to run elsewhere"
        tell = progress(ports)
        looked = until_stopped(ports.clock, look)
        wait_until(ports.clock, looked, what=what, timeout=timeout, every=SERVICE_EVERY / 5, tell=tell)

    def _is_gone(self, manager: SwarmPort) -> bool:
        now = by_id(manager.nodes.list(), self.node.id)
        return now is None or now.status in ("down", "disconnected")

    def _is_back(self, service: Service, tasks: Iterable[Task]) -> bool:
        if service.spec.mode is ServiceMode.GLOBAL:
            return True  # it has one task less, on the node that it left
        wanted = 1 if service.spec.replicas is None else service.spec.replicas
        running = sum(_runs(task) and task.service_id == service.id for task in tasks if task.node_id != self.node.id)
        return running >= min(self.running[service.id], wanted)

    def _insist(self, words: dict[str, FinalWord], missing: Iterable[Service], tasks: tuple[Task, ...]) -> None:
        """Raise the final errors of all services together."""
        final, hint = [], None
        for service in missing:
            try:
                words[service.id].insist(service, tuple(task for task in tasks if task.service_id == service.id))
            except ConvergenceError as error:
                final.append(str(error))
                hint = error.hint
        if final:
            raise ConvergenceError(
                f"tasks left {self.node.name} and do not run anywhere: {'; '.join(final)}", hint=hint
            )


def _ending(left: Iterable[Task], services: dict[str, Service]) -> Iterator[str]:
    """Yield each task that still ends on the node."""
    for task in left:
        service = services.get(task.service_id or "")
        yield f"{task.id if service is None else task.called(service.spec.name)} still ends ({task.state})"


def _coming(missing: Iterable[Service], tasks: tuple[Task, ...], left: str) -> Iterator[str]:
    """Yield each task that is on its way to another node."""
    for service in missing:
        wanted = [one for one in tasks if one.service_id == service.id and one.desired_state == "running"]
        coming = [one for one in wanted if one.node_id != left and one.state != "running"]
        yield from (f"{task.called(service.spec.name)} is {task.state} elsewhere" for task in coming)
        if not coming:
            yield f"{service.spec.name} does not run elsewhere yet"


def newly_homeless(before: ClusterState, after: ClusterState) -> Iterator[str]:
    """Yield a sentence for each service that has no place in ``after`` and had one before."""
    had = homeless(before)
    for name, why in homeless(after).items():
        if name not in had:
            yield f"service {name} will not run as before: {why}"


def _runs(task: Task) -> bool:
    return task.service_id is not None and task.runs


def _is_expected(service: Service) -> bool:
    """Return whether tasks must run elsewhere: those of a job, and the probes of a verify, need not."""
    return not service.spec.mode.is_job and PROBE_LABEL not in service.spec.labels


def _leaves(service: Service, node: Node) -> bool:
    drained = node.spec.availability is Availability.DRAIN
    return _is_expected(service) and (drained or not matches(service.spec.constraints or (), node))
