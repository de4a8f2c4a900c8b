"""Scenario: published TCP ports of the user's own services take connections, and lead somewhere on every node.

They are asked gently: one connection from one neighbour, closed at once, nothing is sent. Since engines hold the ports
of the mesh themselves, a connection alone proves nothing: the host's rule for the port must be there, too, and a task
must run.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.report import Status, Verdict
from swarmnet.model.service import Protocol, PublishMode, ServiceMode
from swarmnet.model.verification import PROBE_LABEL
from swarmnet.verify import claims
from swarmnet.verify.iptables import is_published
from swarmnet.verify.scenario import (
    Answers,
    Findings,
    HostCommand,
    ObserverTask,
    Question,
    Scenario,
    Setup,
    outcomes,
)
from swarmnet.verify.scenarios.balancing.balanced import OBSERVER_FACTS, has_ipvs
from swarmnet.verify.scenarios.mesh.mesh import CLOSER, address_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.report import Claim
    from swarmnet.model.service import Service, Task

MOST = 64
"""Ports that are asked; more are left out, and told of."""
RULES = "ingress/nat"
FINE, UNREAD, NO_IPVS = "fine", "unread", "no IPVS"
TAKEN = ("address already in use", "port is already allocated", "host-mode port already in use")
"""What engines say of a port on a host that something else holds: a program, a container, another service."""
FORGOTTEN = "if mesh-tcp is well, its tasks are older than the port; make them anew"
"""Engines leave tasks that outlived a change of constraints as they are when ports change (20.10 to 28.5)."""


@dataclass(frozen=True, slots=True, order=True)
class PublishedDoor:
    """One published port on one host."""

    service: str
    port: int
    host: str
    in_mesh: bool

    @property
    def label(self) -> str:
        """The key of its outcome."""
        return f"{self.service}:{self.port}"


class Published(Scenario):
    """The user's services, as far as one may ask them."""

    name: ClassVar[str] = "published"
    summary: ClassVar[str] = "published TCP ports of your services take connections on every node"
    needs_observer: ClassVar[bool] = True
    needs_networks: ClassVar[bool] = False

    def ask(self, setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Open each door once, from the next host; read the rules of each host."""
        found: list[Question] = []
        by_host: dict[str, list[PublishedDoor]] = defaultdict(list)
        for door in doors(setup)[0]:
            by_host[door.host].append(door)
        for host, mine in by_host.items():
            targets: dict[str, JsonValue] = {door.label: [address_of(setup, host), door.port, "open"] for door in mine}
            task: JsonObject = {"kind": "knock", "targets": targets, "times": 0}
            found.append(ObserverTask(_asker(setup, host), f"published/{host}", task))
            found.append(HostCommand(host, RULES, CLOSER[RULES], sudo=True))
            found += (
                [ObserverTask(host, OBSERVER_FACTS, {"kind": "facts"})] if any(door.in_mesh for door in mine) else []
            )
        return tuple(found)

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict a service: what is closed where, or that it is open everywhere."""
        known, left_out = doors(setup)
        by_service: dict[str, list[PublishedDoor]] = defaultdict(list)
        for door in known:
            by_service[door.service].append(door)
        verdicts = [self._taken(one, where) for one in _services(setup) if (where := taken(setup, one))]
        verdicts += [
            self._idle(service)
            for service in _services(setup)
            if _is_idle(setup, service) and not taken(setup, service)
        ]
        verdicts += [self._service(setup, answers, name, mine) for name, mine in by_service.items()]
        if left_out:
            detail = f"{left_out} more published ports were not asked: {MOST} are the most"
            verdicts.append(self._verdict("services", Status.INCONCLUSIVE, detail))
        if not verdicts and setup.watched:
            verdicts.append(self._verdict("services", Status.SKIPPED, "no service publishes a TCP port"))
        return Findings(tuple(verdicts))

    def _service(self, setup: Setup, answers: Answers, name: str, mine: list[PublishedDoor]) -> Verdict:
        looks = {door: _look_at(setup, answers, door) for door in mine}
        told: dict[str, list[str]] = defaultdict(list)
        for door, look in looks.items():
            told[look].append(door.host)
        unread, incapable = set(told.pop(UNREAD, ())), set(told.pop(NO_IPVS, ()))
        told.pop(FINE, None)
        subject, ports = f"service {name}", sorted({door.port for door in mine})
        if told:
            detail = "; ".join(f"{what} on {', '.join(sorted(hosts))}" for what, hosts in told.items())
            fix = "see what mesh-tcp says of these nodes; restarting their engines writes the rules anew"
            if _is_shut_everywhere(looks):
                fix = f"{FORGOTTEN}: docker service update --force {name}"
            closed = {host for hosts in told.values() for host in hosts}
            needed = tuple(_needed(setup, door) for door in mine if door.host in closed)
            return self._verdict(subject, Status.FAILED, detail, fix).model_copy(update={"needed": needed})
        if unread:
            detail = f"could not be asked, or the rules not be read, on {', '.join(sorted(unread))}"
            fix = "let the SSH user run iptables-save by sudo without a password, or log in as root"
            return self._verdict(subject, Status.INCONCLUSIVE, detail, fix)
        if incapable:
            detail = f"no kernel of {', '.join(sorted(incapable))} has IPVS: the routing mesh cannot work there"
            needed = claims.each(map(claims.ipvs_kernel, incapable))
            return self._verdict(subject, Status.INCONCLUSIVE, detail).model_copy(update={"needed": needed})
        hosts = len({door.host for door in mine})
        detail = f"tcp {', '.join(map(str, ports))} takes connections on {hosts} nodes"
        return self._verdict(subject, Status.OK, detail)

    def _taken(self, service: Service, where: dict[str, str]) -> Verdict:
        name, hosts = service.spec.name, ", ".join(sorted(where))
        ports = sorted({port.published for port in service.spec.ports or () if port.published})
        detail = f"a task of {name} cannot have its port on {hosts}: {where[min(where)]}"
        verdict = self._verdict(
            f"service {name}",
            Status.FAILED,
            detail,
            f"see on {hosts} which program holds it, and end it, or publish another port:",
        )
        commands: list[JsonValue] = [f"ss -lntup 'sport = :{port}'" for port in ports]
        evidence: JsonObject = {"cause": "port-taken", "hosts": [*sorted(where)], "commands": commands}
        return verdict.model_copy(update={"evidence": evidence})

    def _idle(self, service: Service) -> Verdict:
        detail = "publishes ports, and none of its tasks runs: nothing can answer there"
        fix = f"docker service ps {service.spec.name} tells why its tasks do not run"
        return self._verdict(f"service {service.spec.name}", Status.FAILED, detail, fix)

    def _verdict(self, subject: str, status: Status, detail: str, fix: str | None = None) -> Verdict:
        return Verdict(scenario=self.name, subject=subject, status=status, detail=detail, fix=fix)


def _asker(setup: Setup, host: str) -> str:
    """Return who asks a host: the next one."""
    return setup.watched[(setup.watched.index(host) + 1) % len(setup.watched)]


def _look_at(setup: Setup, answers: Answers, door: PublishedDoor) -> str:
    """Return what is wrong with a door in words, or one of ``FINE``, ``UNREAD`` and ``NO_IPVS``."""
    found, problem = outcomes(answers, _asker(setup, door.host), f"published/{door.host}")
    outcome = found.get(door.label, {})
    rules = answers.get((door.host, RULES))
    readable = rules is not None and rules.problem is None and rules.value.get("exit") == 0
    if problem or not outcome.get("tries") or (door.in_mesh and not readable):
        return UNREAD
    if not outcome.get("ok"):
        if door.in_mesh and has_ipvs(answers, door.host) is False:
            return NO_IPVS
        return f"tcp port {door.port} is closed ({outcome.get('why')})"
    if door.in_mesh and not is_published(str(rules and rules.value.get("stdout")), door.port, "tcp"):
        return f"the nat rule for tcp port {door.port} is missing"
    return FINE


def _is_shut_everywhere(looks: dict[PublishedDoor, str]) -> bool:
    """Tell whether a port of the mesh leads nowhere on any node."""
    others = {door.port for door, look in looks.items() if look in (FINE, UNREAD, NO_IPVS)}
    return any(door.in_mesh and door.port not in others for door in looks)


def _needed(setup: Setup, door: PublishedDoor) -> frozenset[Claim]:
    """Return all that one connection to a door needs: the way to it, the host's rules, and through the mesh a task."""
    asker, host = _asker(setup, door.host), door.host
    needed = {claims.node(host), claims.door(asker, host, "tcp")}
    needed |= {claims.rules(host, "nat"), claims.rules(host, "filter")}
    if not door.in_mesh:
        return frozenset(needed)
    nodes = {found.id: one for one in setup.watched if (found := setup.state.node_of(one)) is not None}
    tasks = [
        task for service in _services(setup) if service.spec.name == door.service for task in _running(setup, service)
    ]
    ends = {nodes[task.node_id] for task in tasks if task.node_id in nodes}
    return frozenset(needed | {claims.entry(host, "tcp")}).union(
        *(claims.mesh_exchange(setup, host, end) for end in ends)
    )


def doors(setup: Setup) -> tuple[list[PublishedDoor], int]:
    """Return the doors that may be knocked at, and how many were left out."""
    found = sorted({door for service in _services(setup) for door in _doors(setup, service)})
    ports = sorted({door.label for door in found})
    chosen = set(ports[:MOST])
    return [door for door in found if door.label in chosen], max(0, len(ports) - MOST)


def _doors(setup: Setup, service: Service) -> Iterable[PublishedDoor]:
    running = _running(setup, service)
    if not running:
        return
    for port in service.published:
        if port.mode is PublishMode.INGRESS and port.protocol is Protocol.TCP and port.published is not None:
            yield from (PublishedDoor(service.spec.name, port.published, host, in_mesh=True) for host in setup.watched)
    hosts = {node.id: host for host in setup.watched if (node := setup.state.node_of(host)) is not None}
    for task in running:
        for port in task.published:
            if port.protocol is Protocol.TCP and port.published is not None and task.node_id in hosts:
                yield PublishedDoor(service.spec.name, port.published, hosts[task.node_id], in_mesh=False)


def _services(setup: Setup) -> list[Service]:
    """Return the services that publish something, but for those of this and other verifications."""
    return [s for s in setup.state.services if s.spec.ports and PROBE_LABEL not in s.spec.labels]


def _running(setup: Setup, service: Service) -> list[Task]:
    tasks = [task for task in setup.state.tasks if task.service_id == service.id]
    return [task for task in tasks if task.state == task.desired_state == "running"]


def taken(setup: Setup, service: Service) -> dict[str, str]:
    """Return the hosts on which a task could not have its port, and what the engine said; none that runs one by now."""
    hosts = {node.id: one.host for one in setup.state.hosts if (node := setup.state.node_of(one.host)) is not None}
    running = {task.node_id for task in _running(setup, service)}
    return {
        hosts.get(task.node_id or "", "a node that the scheduler wants"): task.message
        for task in setup.state.tasks
        if task.service_id == service.id and task.node_id not in running and any(word in task.message for word in TAKEN)
    }


def _is_idle(setup: Setup, service: Service) -> bool:
    wanted = service.spec.mode is ServiceMode.GLOBAL or service.spec.replicas != 0
    return wanted and not _running(setup, service)
