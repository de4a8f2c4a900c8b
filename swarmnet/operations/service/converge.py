"""Writing to an engine and waiting until the change took effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import ConvergenceError, StateChangedError
from swarmnet.model.clock import until_stopped, wait_until
from swarmnet.model.find import by_name
from swarmnet.model.placement import eligible
from swarmnet.model.plan import MANAGED_LABEL
from swarmnet.model.plural import count
from swarmnet.model.ports import progress
from swarmnet.model.printable import without_ids
from swarmnet.model.service import PublishMode, ServiceMode
from swarmnet.operations.service.rollout import FAILED_UPDATES, Rollout
from swarmnet.operations.service.stalled import NOT_STARTED, holding_up, sentence, stands_still, without_new_task
from swarmnet.operations.service.task_errors import FinalWord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from swarmnet.model.clock import Clock
    from swarmnet.model.ports import Ports, SwarmPort
    from swarmnet.model.service import Service, ServiceSpec, Task
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import Node

    Judge = Callable[[Service, tuple[Task, ...]], tuple[bool | None, str]]

ATTEMPTS = 10
SERVICE_LIMIT = 120.0
"""Seconds for the tasks of a service to run, images pulled included; a step's ``timeout`` says otherwise."""
UPDATE_BEGINS = 30.0
"""Seconds in which the orchestrator must have begun an update that replaces tasks; it needs some milliseconds, but a
leader that is new or busy takes the update and comes to it later. Until then no task of the service has changed."""
STEADY = 5.0
"""Seconds that tasks must run on after others failed; the docker CLI calls a service converged after as many."""
TASKS_EVERY = 0.02
"""Seconds of the first pause between looks at tasks; they grow to ten times that."""
SERVICE_EVERY = 0.5
"""Seconds after which the service is looked at, too, though none of its tasks changed."""


def again_when_changed(write: Callable[[], None]) -> None:
    """Read and write, and do both again when someone else wrote between; after 10 times the error passes on."""
    for _attempt in range(ATTEMPTS - 1):
        try:
            write()
        except StateChangedError:
            continue
        return
    write()


def wait_for_service(
    ports: Ports,
    name: str,
    *,
    timeout: float = SERVICE_LIMIT,
    before: frozenset[str] = frozenset(),
) -> None:
    """Wait until a service has converged: its update ended, and the wanted number of tasks runs.

    An update of a global service that waits for nodes that are gone is not waited for once all others run it: that is
    reported here, and ``held_up_services`` finds it in the state.

    Args:
        ports: the world.
        name: the service's name.
        timeout: seconds.
        before: ids of the tasks that an update ends, which was just sent: while the engine has not said that it
            began, they are not what is waited for.

    Raises:
        ConvergenceError: the update was paused or rolled back, it is stuck at a node that is gone, the engine's
            word on its tasks is final (``final_word``), or the time ran out; tells what the tasks said last.
    """
    manager, started = ports.manager(), ports.clock.monotonic()
    steady = _Steady(ports.clock)

    def judge(service: Service, tasks: tuple[Task, ...]) -> tuple[bool | None, str]:
        steady.look(tasks)
        fresh = tuple(task for task in tasks if task.id not in before)
        if service.update_state == "updating" and any(task.state in NOT_STARTED for task in fresh):
            done, words = _held_up(manager, service, fresh)
            if words:
                if done:
                    progress(ports)(f"service {name}: {words}")
                return done, words
        if service.update_state == "updating":
            return None, "updating"
        old = _running(task for task in tasks if task.id in before)
        early = service.update_state is None and old
        if early and ports.clock.monotonic() - started < UPDATE_BEGINS:
            return None, "its update has not begun"
        enough = _enough(manager.nodes.list, service, tasks)
        if enough and not steady.holds(tasks):
            return None, "they run since a moment, after others that failed"
        return enough, ""

    _watch(ports, name, judge, what=f"service {name} to run", timeout=timeout, before=before)


class _Steady:
    """Whether the tasks of a service run on: one that fails again and again runs for a moment each time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failed: frozenset[str] | None = None
        self._since: tuple[frozenset[str], float] = (frozenset(), 0.0)

    def holds(self, tasks: Iterable[Task]) -> bool:
        """Return whether no task failed since the first look, or the same tasks run for ``STEADY`` seconds now."""
        tasks = tuple(tasks)
        running = frozenset(task.id for task in tasks if task.state == "running")
        failed = frozenset(task.id for task in tasks if task.state == "failed")
        if running != self._since[0]:
            self._since = (running, self._clock.monotonic())
        return not failed - self._before(failed) or self._clock.monotonic() - self._since[1] >= STEADY

    def look(self, tasks: Iterable[Task]) -> None:
        """Remember what had failed already when the wait began."""
        self._before(frozenset(task.id for task in tasks if task.state == "failed"))

    def _before(self, failed: frozenset[str]) -> frozenset[str]:
        if self._failed is None:
            self._failed = failed
        return self._failed


def wait_for_attached(ports: Ports, name: str, network: str, *, timeout: float) -> None:
    """Wait until the wanted number of tasks of a service runs, all of them on a network.

    Unlike :func:`wait_for_service` this does not wait until the engine calls the update ended: after the last task
    runs it watches for as long as the update policy's ``monitor`` says (5 s by default), for a new image or command
    that fails late. Here both are as they were.

    Raises:
        ConvergenceError: the update was paused or rolled back, or the time ran out; tells what the tasks said last.
    """
    manager = ports.manager()

    def judge(service: Service, tasks: tuple[Task, ...]) -> tuple[bool | None, str]:
        off = [task for task in tasks if task.desired_state == "running" and network not in task.networks]
        return None if off else _enough(
            manager.nodes.list, service, tasks
        ), f"{count(len(off), 'task is', 'tasks are')} off"

    _watch(ports, name, judge, what=f"service {name} to run on network {network}", timeout=timeout)


def wait_for_detached(ports: Ports, spec: ServiceSpec, *, timeout: float) -> None:
    """Wait until the wanted number of tasks of a service runs, and none on a network that its spec does not name.

    A service without ports in the mesh is off the mesh's own network, too.

    Raises:
        ConvergenceError: as ``wait_for_attached``.
    """
    manager = ports.manager()
    named = {attachment.network for attachment in spec.networks or ()}
    if any(port.mode is PublishMode.INGRESS for port in spec.ports or ()):
        named |= {network.spec.name for network in manager.networks.list() if network.spec.ingress}

    def judge(service: Service, tasks: tuple[Task, ...]) -> tuple[bool | None, str]:
        on = [task for task in tasks if task.state == "running" and task.networks.keys() - named]
        return None if on else _enough(
            manager.nodes.list, service, tasks
        ), f"{count(len(on), 'task is', 'tasks are')} still on"

    _watch(ports, spec.name, judge, what=f"service {spec.name} to leave networks", timeout=timeout)


def _watch(
    ports: Ports, name: str, judge: Judge, *, what: str, timeout: float, before: frozenset[str] | None = None
) -> None:
    """Wait until ``judge`` says True of a service and its tasks; with ``before`` the operator may stop the wait.

    Tasks are asked for often, the service and the nodes only when a task changed or some time passed: a late notice
    costs the operator what an early one costs the manager.
    """
    manager, service_id = ports.manager(), ""
    seen: tuple[Task, ...] = ()
    due, words = 0.0, ""
    final, rollout = FinalWord(ports, manager), Rollout(ports, manager, name, before or frozenset())

    def look() -> tuple[bool | None, str]:
        nonlocal service_id, seen, due, words
        now = ports.clock.monotonic()
        if service_id and now < due and manager.tasks(service=service_id) == seen:
            return None, words
        service = by_name(manager.services.list(), name)
        if service is None:
            raise ConvergenceError(f"service {name} is gone")
        seen, service_id, due = manager.tasks(service=service.id), service.id, now + SERVICE_EVERY
        where = rollout.look(service, seen)
        rollout.refuse(service, seen)
        enough, words = judge(service, seen)
        words = "; ".join(filter(None, (words, where)))
        if enough is None:
            final.insist(service, seen)
        return enough, words

    looked = look if before is None else until_stopped(ports.clock, look)
    wait_until(ports.clock, looked, what=what, timeout=timeout, every=TASKS_EVERY, tell=progress(ports))


def _held_up(manager: SwarmPort, service: Service, fresh: tuple[Task, ...]) -> tuple[bool | None, str]:
    """Return the state of an update that waits for lost nodes, with no words when it waits for none."""
    nodes = manager.nodes.list()
    held = holding_up(service, fresh, nodes)
    if not held:
        return None, ""
    words = sentence(sorted(set(held.values())))
    old = without_new_task(service, fresh, nodes)
    if old and stands_still(service, len(held)):
        raise ConvergenceError(
            f"service {service.spec.name}: {words}; {', '.join(old)} still runs what was there before",
            hint="bring the host back; only when it is lost for good, remove its node (docker node rm)",
        )
    return (None if old else True), words


def is_settled(manager: SwarmPort, service: Service) -> bool:
    """Return whether a service has converged: no update failed or goes on, and the wanted number of tasks runs."""
    ended = service.update_state not in (*FAILED_UPDATES, "updating")
    return ended and _enough(manager.nodes.list, service, manager.tasks(service=service.id)) is True


def idle_services(state: ClusterState) -> tuple[str, ...]:
    """Return a sentence for each service of swarmnet's whose tasks do not all run, as far as the state tells.

    A run that was killed between making a service and seeing it run leaves nothing for a second plan to do.
    """
    found = []
    for service in state.services:
        tasks = tuple(task for task in state.tasks if task.service_id == service.id)
        if MANAGED_LABEL in service.spec.labels and not _enough(lambda: state.nodes, service, tasks):
            found.append(
                f"service {service.spec.name}: {count(_running(tasks), 'task runs', 'tasks run')}; {said(tasks)}"
            )
    return tuple(found)


def not_running(state: ClusterState) -> dict[str, str]:
    """Return the services some of whose tasks are seen and do not run, as far as the state tells, and what they say."""
    found: dict[str, str] = {}
    for service in state.services:
        tasks = tuple(task for task in state.tasks if task.service_id == service.id)
        if tasks and not _enough(lambda: state.nodes, service, tasks):
            found[service.spec.name] = said(tasks)
    return found


def said(tasks: Iterable[Task]) -> str:
    """Return what the tasks that do not run said, each sentence once: ``no suitable node (...)``, failing pulls."""
    words: dict[str, int] = {}
    for task in tasks:
        if task.state not in ("running", "complete", "shutdown") and task.message:
            sentence = f"{task.state}: {without_ids(task.message)}"
            words[sentence] = words.get(sentence, 0) + 1
    counted = [f"{count} {sentence}" for sentence, count in sorted(words.items(), key=lambda item: -item[1])[:3]]
    return "tasks said: " + "; ".join(counted) if counted else "no task complained"


def _expected(node: Node) -> Node:
    """Return a node as it will soon be seen: a new leader knows no node for some seconds (swarmkit: ``unknown``).

    A manager that is unreachable stays unknown for half a minute and is down then.
    """
    soon_ready = node.status == "unknown" and node.reachability != "unreachable"
    return node.model_copy(update={"status": "ready"}) if soon_ready else node


def _running(tasks: Iterable[Task]) -> int:
    return sum(task.runs for task in tasks)


def _enough(nodes: Callable[[], Iterable[Node]], service: Service, tasks: tuple[Task, ...]) -> bool | None:
    spec = service.spec
    if spec.mode.is_job:
        return _job_done(service, lambda: eligible(spec, map(_expected, nodes())), tasks)
    if spec.mode is ServiceMode.GLOBAL:
        wanted = {node.id for node in eligible(spec, map(_expected, nodes()))}
        on = {task.node_id for task in tasks if task.runs}
        return True if wanted <= on else None
    done = spec.restart is not None and spec.restart.condition not in (None, "any")
    ended = sum(task.state == "complete" for task in tasks) if done else 0
    wanted_count = 1 if spec.replicas is None else spec.replicas
    unsettled = any(task.desired_state == "running" and task.state != "running" for task in tasks)
    return True if _running(tasks) + ended >= wanted_count and not unsettled else None


def _job_done(service: Service, nodes: Callable[[], Iterable[Node]], tasks: tuple[Task, ...]) -> bool | None:
    """Return True once the wanted number of tasks of a job's present run has completed."""
    complete = [task for task in tasks if task.state == "complete" and task.run == service.run]
    if service.spec.mode.is_everywhere:
        return True if {node.id for node in nodes()} <= {task.node_id for task in complete} else None
    return True if len(complete) >= (1 if service.spec.replicas is None else service.spec.replicas) else None
