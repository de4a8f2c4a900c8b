"""Put probes on the hosts, and take every trace of them away again."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.errors import ConflictError, ConvergenceError, EngineError, HostError, HostTimeoutError, NotAManagerError
from swarmnet.model.clock import wait_until
from swarmnet.model.hosts import Availability
from swarmnet.model.ports import ContainerSpec
from swarmnet.model.service import Attachment, RestartPolicy, ServiceMode, ServiceSpec
from swarmnet.model.state import Endpoint
from swarmnet.model.verification import OPERATOR_LABEL, PROBE_LABEL, STARTED_LABEL
from swarmnet.operations.addresses import data_path_of
from swarmnet.verify.probes import start as starting
from swarmnet.verify.probes.control_network import make_control, remove_controls
from swarmnet.verify.probes.probe_tasks import ProbeTasks
from swarmnet.verify.scenario import Observer, OverlayProbe
from swarmnet.workflows.fleet.fanout import bugs_to, fan_out

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from swarmnet.model.base import Labels
    from swarmnet.model.events import Listener
    from swarmnet.model.network import Network
    from swarmnet.model.ports import EnginePort, Ports
    from swarmnet.model.service import Task
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import Node
    from swarmnet.model.verification import ProbeKit

LIFETIME = 900.0
"""Seconds after which a probe ends by itself, and a foreign run's traces count as forgotten."""
OBSERVER_CAPABILITIES = ("NET_RAW", "NET_ADMIN")
"""To see packets of the host's devices, and to list its IPsec states; an observer changes nothing with them."""
RUNNING = "running"
ATTACH_LIMIT = 75.0
"""Seconds for all attempts to start a container: one that the engine fails to attach takes 20 s of them, and busy
engines fail twice in a row (seen on 20.10 with a kernel of its own). What no attempt can change ends at once."""
EACH_NETWORK = 2.0
"""Seconds more for each network that a container is attached to."""
START_LIMIT = 10.0
"""Seconds in which a probe must have started."""
AGAIN = RestartPolicy(condition="on-failure", delay=1.0, max_attempts=5)
"""Busy engines reject tasks that they could run a moment later. A probe that came to its end is not started again."""


@dataclass(frozen=True, slots=True)
class Run:
    """What tells one verification from all others."""

    id: str
    operator: str
    """``machine:pid`` of the process."""
    is_alive: Callable[[str], bool]
    """Tells whether the process of such a word may still run; True for other machines, nobody can know."""

    def labels(self, now: float) -> Labels:
        """Return the labels of everything that this run makes."""
        return {PROBE_LABEL: self.id, OPERATOR_LABEL: self.operator, STARTED_LABEL: str(int(now))}

    def may_remove(self, labels: Mapping[str, str], now: float) -> bool:
        """Tell whether something with these labels is this run's, or was left by one that is over."""
        if PROBE_LABEL not in labels:
            return False
        if labels[PROBE_LABEL] == self.id:
            return True
        started = labels.get(STARTED_LABEL, "")
        old = not started.isdigit() or now - int(started) > LIFETIME
        return old or not self.is_alive(labels.get(OPERATOR_LABEL, ""))


@dataclass(slots=True)
class Probes:
    """The probes of one run. ``clear`` is safe to call at any time, also after half a start, and twice."""

    ports: Ports
    kit: ProbeKit
    run: Run
    state: ClusterState
    networks: tuple[Network, ...]
    timeout: float = 60.0
    served: frozenset[str] | None = None
    """Names of the networks that have room for the probe service; None means all."""
    containers: dict[str, str] = field(default_factory=dict)
    """Host to the id of its probe."""
    observers: dict[str, str] = field(default_factory=dict)
    """Host to the id of its observer."""
    task_containers: dict[str, str] = field(default_factory=dict)
    """Host to the container of the probe service's task there."""
    brought: set[str] = field(default_factory=set)
    """Hosts where this run put the image."""
    by_id: set[str] = field(default_factory=set)
    """Hosts whose engine finds the image by its id."""
    made_network: bool = False
    """True once a control network may exist."""
    cleared: bool = False
    """Ctrl-C leaves the threads of a start running: they must begin nothing once the end has begun."""
    busy: dict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))
    """Held for each host while its probe is being started or removed."""

    @property
    def service_name(self) -> str:
        """The name of the probe service."""
        return f"swarmnet-probe-{self.run.id}"

    @property
    def service_alias(self) -> str:
        """Another name for it on every network."""
        return f"any-{self.run.id}"

    @property
    def _now(self) -> float:
        return self.ports.clock.now().timestamp()

    @property
    def _bugs(self) -> Listener:
        return bugs_to(self.ports.listener)

    def sweep(self, hosts: tuple[str, ...]) -> None:
        """Remove what killed runs left: services, then containers. Hosts that fail here fail again, and tell, later."""
        for service in self.state.services:
            if self.run.may_remove(service.spec.labels, self._now):
                self.ports.manager().remove_service(service.id)
        fan_out(hosts, lambda host: self._remove_containers(self.ports.engine(host)))
        if any(self.run.may_remove(net.spec.labels, self._now) for net in self.state.networks):
            self._remove_networks()

    def add_control(self) -> Network:
        """Make a plain overlay that all probes will be on, too; raises as :func:`make_control`."""
        name = f"swarmnet-control-{self.run.id}"
        self.made_network = True
        control = make_control(self.ports, name, self.run.labels(self._now), timeout=self.timeout)
        self.networks = (*self.networks, control)
        return control

    def place(self, hosts: tuple[str, ...]) -> dict[str, OverlayProbe]:
        """Bring the image where it is missing and start a probe on each host; a host that fails says why.

        Overlays that are not attachable take tasks of services alone: then all probes are such tasks.
        """
        if not all(net.spec.attachable for net in self.networks):
            return ProbeTasks(self).place(hosts)
        found = fan_out(hosts, lambda host: self._place_once(host, hosts.index(host)), listener=self._bugs)
        return {
            host: OverlayProbe(host, problem=starting.reason(self.ports, result))
            if isinstance(result, HostError)
            else result
            for host, result in found.items()
        }

    def watch(self, hosts: tuple[str, ...]) -> tuple[Observer, ...]:
        """Start an observer on the own network of each host, where the image is; a host that fails says why."""
        found = fan_out(hosts, lambda host: self._watch_once(host, hosts.index(host)), listener=self._bugs)
        return tuple(
            Observer(host, problem=result.message) if isinstance(result, HostError) else result
            for host, result in found.items()
        )

    def tasks_on(self, service: str, wanted: frozenset[str]) -> tuple[tuple[Task, ...], dict[str, str]]:
        """Wait until each of the wanted nodes runs a task of one of the run's services.

        Returns:
            Those tasks; and each node that had none in time, with what was seen last there.

        Raises:
            ConvergenceError: no node had one in time; says what was seen last.
        """
        manager = self.ports.manager()
        running: tuple[Task, ...] = ()
        missing: dict[str, str] = {}

        def look() -> tuple[bool | None, str]:
            nonlocal running, missing
            tasks = manager.tasks(service=service)
            running = tuple(task for task in tasks if task.state == RUNNING and task.node_id in wanted)
            left = wanted - {task.node_id for task in running}
            missing = {node: _last_word(tasks, node) for node in left}
            words = "; ".join(sorted(set(missing.values())))
            return (None if missing else True), f"{len(missing)} nodes without: {words}"

        try:
            wait_until(
                self.ports.clock, look, what="the probe service's tasks to run", timeout=self._patience(self.timeout)
            )
        except ConvergenceError:
            if not running:
                raise
        return running, missing

    def clear(self, hosts: tuple[str, ...], *, keep_image: bool) -> tuple[str, ...]:
        """Remove service, containers and image; return what could not be removed, one sentence each."""
        self.cleared = True
        notes = self._remove_services()
        found = fan_out(hosts, lambda host: self._clear_host(host, keep_image=keep_image), listener=self._bugs)
        for host, result in found.items():
            if isinstance(result, HostError):
                notes.append(f"traces of the probe may be left on {host} ({result.message}): run verify again")
        return (*notes, *(self._remove_networks() if self.made_network else ()))

    def _remove_networks(self) -> list[str]:
        return remove_controls(self.ports, lambda labels: self.run.may_remove(labels, self._now), timeout=self.timeout)

    def _remove_services(self) -> list[str]:
        try:
            manager = self.ports.manager()
            for service in manager.services():
                if self.run.may_remove(service.spec.labels, self._now):
                    manager.remove_service(service.id)
        except NotAManagerError as error:
            if self.state.swarm is not None:
                return [f"the probe service may be left ({error}): run verify again"]
        except HostError as error:
            return [f"the probe service may be left ({error}): run verify again"]
        return []

    def _clear_host(self, host: str, *, keep_image: bool) -> bool:
        if not self.busy[host].acquire(timeout=self.timeout):
            raise HostTimeoutError(host, f"its probe was still being started after {self.timeout:g} s")
        try:
            return self._clear(self.ports.engine(host), keep_image=keep_image)
        finally:
            self.busy[host].release()

    def _clear(self, engine: EnginePort, *, keep_image: bool) -> bool:
        takes_image = (self.kit.is_own or engine.host in self.brought) and not keep_image

        def look() -> tuple[bool | None, str]:
            left = self._remove_containers(engine)
            if not left and takes_image and not self._remove_image(engine):
                left = [f"a container of {self.kit.reference}"]
            return (True if not left else None), f"still there: {', '.join(left)}"

        try:
            return wait_until(self.ports.clock, look, what="probe containers to go", timeout=self.timeout)
        except ConvergenceError as error:
            raise HostError(engine.host, error.message) from error

    def _remove_image(self, engine: EnginePort) -> bool:
        """Remove the image; tell whether it is gone, or another run's that removes it at its end.

        An engine that had begun a task when its service was removed makes the container all the same, and removes it.
        """
        try:
            engine.remove_image(self.kit.reference)
        except ConflictError:
            there = engine.containers(label=PROBE_LABEL)
            return any(not self.run.may_remove(one.labels, self._now) for one in there)
        return True

    def _remove_containers(self, engine: EnginePort, *, named: str | None = None) -> list[str]:
        """Remove this run's and forgotten containers, or one of them; return the names of those that were there."""
        seen = [one for one in engine.containers(label=PROBE_LABEL) if named in (None, one.name)]
        found = [one for one in seen if self.run.may_remove(one.labels, self._now)]
        for ended in fan_out((one.id for one in found), engine.remove_container).values():
            # At a conflict, the engine is at it already; the next look tells.
            if isinstance(ended, HostError) and not isinstance(ended, ConflictError):
                raise ended
        return [container.name for container in found]

    def _place_once(self, host: str, number: int) -> OverlayProbe:
        with self.busy[host]:
            if self.cleared:
                raise HostError(host, "the run is over")
            return self._place(host, number)

    def _watch_once(self, host: str, number: int) -> Observer:
        with self.busy[host]:
            if self.cleared:
                raise HostError(host, "the run is over")
            self.bring_image(host)
            spec = ContainerSpec(
                name=f"swarmnet-observer-{self.run.id}-{number}",
                image=self.kit.reference,
                argv=(*self.kit.argv, "observe", json.dumps({"lifetime": LIFETIME})),
                labels=self.run.labels(self._now),
                capabilities=OBSERVER_CAPABILITIES,
                host_network=True,
                interactive=True,
            )
            self.observers[host] = self._start(self.ports.engine(host), spec)
            return Observer(host, self._vtep(host))

    def _vtep(self, host: str) -> str:
        """Return the address that the inventory names as data path, else the one that the node is known by."""
        facts = self.state.facts(host)
        if facts is None:
            raise HostError(host, "was not observed")
        try:
            return data_path_of(self.ports.inventory.host(host), facts) or facts.engine.membership.address
        except ValueError as error:
            raise HostError(host, str(error)) from error

    def _place(self, host: str, number: int) -> OverlayProbe:
        engine = self.ports.engine(host)
        self.bring_image(host)
        probe = OverlayProbe(host, f"swarmnet-probe-{self.run.id}-{number}", f"probe-{self.run.id}-{number}")
        job = json.dumps({"run": self.run.id, "id": host, "lifetime": LIFETIME})
        spec = ContainerSpec(
            name=probe.name,
            image=self.kit.reference,
            argv=(*self.kit.argv, "serve", job),
            labels=self.run.labels(self._now),
            interactive=True,
            endpoints=tuple(Endpoint(network=net.spec.name, aliases=(probe.alias,)) for net in self.networks),
        )
        container = self._start(engine, spec)
        self.containers[host] = container
        wanted, patience = {net.spec.name for net in self.networks}, self._patience(START_LIMIT)
        found = starting.addresses(self.ports.clock, engine, container, wanted, timeout=patience)
        return OverlayProbe(host, probe.name, probe.alias, found)

    def _start(self, engine: EnginePort, spec: ContainerSpec) -> str:
        return starting.start(
            self.ports.clock,
            engine,
            spec,
            timeout=self._patience(ATTACH_LIMIT),
            remove=lambda name: self._remove_containers(engine, named=name),
        )

    def _patience(self, seconds: float) -> float:
        """Return how long a start may take: each network that it attaches to needs its time on a busy host."""
        return min(seconds, self.timeout) + EACH_NETWORK * len(self.networks)

    def bring_image(self, host: str) -> None:
        """Pull or load the image where it is missing; raises ``HostError``."""
        engine = self.ports.engine(host)
        facts = self.state.facts(engine.host)
        machine = facts.engine.architecture if facts else ""
        if not engine.has_image(self.kit.reference):
            if self.kit.archive is None:
                engine.pull_image(self.kit.reference)
            elif self.kit.architecture and machine and machine != self.kit.architecture:
                raise EngineError(
                    engine.host,
                    f"the host is {machine}, the probe's archive is for {self.kit.architecture}: give --probe-image"
                    " with an image for both that has python3",
                )
            else:
                engine.load_image(self.kit.archive)
            self.brought.add(engine.host)
        if self.kit.image_id and engine.has_image(self.kit.image_id):
            self.by_id.add(engine.host)

    def service_spec(self, excluded: list[str], hosts: tuple[str, ...]) -> ServiceSpec:
        """Return the service, with a task on every node but the excluded.

        By the image's id, no node asks a registry for it, which can take 20 s where there is none.
        """
        known = self.kit.image_id if self.kit.image_id and self.by_id >= set(hosts) else None
        labels = self.run.labels(self._now)
        job = json.dumps({"run": self.run.id, "lifetime": LIFETIME})
        return ServiceSpec(
            name=self.service_name,
            image=known or self.kit.reference,
            command=(*self.kit.argv, "serve", job),
            env={"SWARMNET_PROBE_ID": "{{.Node.ID}}"},
            mode=ServiceMode.GLOBAL,
            networks=tuple(
                Attachment(network=net.spec.name, aliases=(self.service_alias,))
                for net in self.networks
                if self.served is None or net.spec.name in self.served
            ),
            constraints=tuple(f"node.id!={node}" for node in excluded),
            restart=AGAIN,
            stop_grace_period=0.0,
            labels=labels,
            container_labels=labels,
            extra={"TaskTemplate": {"ContainerSpec": {"OpenStdin": True}}},  # its tasks are asked, too
        )


def _last_word(tasks: Sequence[Task], node: str) -> str:
    """Return what became of a node's tasks: of several, what says most."""
    said = [f"{task.state} {task.message}".strip() for task in tasks if task.node_id == node]
    return max(said, key=len, default="no task was made for it")


def takes_tasks(node: Node) -> bool:
    """Tell whether the scheduler gives a node new tasks."""
    return node.status == "ready" and node.spec.availability in (None, Availability.ACTIVE)
