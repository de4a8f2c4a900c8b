"""Scenario: published ports of the user's own services lead somewhere on every node.

The test is gentle: one connection from one neighbour, closed at once without sending anything. Engines hold the ports
of the mesh themselves, so a connection alone proves nothing: the host must also have its rule for the port, and a task
must run. To a UDP port goes a datagram with a marker: an answer counts, a refusal counts, and of one without either,
whether it was counted inside a task.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.printable import without_ids
from swarmnet.model.report import Status, Verdict
from swarmnet.model.service import Protocol, PublishMode
from swarmnet.model.verification import PROBE_LABEL, Level
from swarmnet.verify import arrivals, claims, keys
from swarmnet.verify.idle import idle
from swarmnet.verify.ids import CauseId
from swarmnet.verify.iptables import is_published
from swarmnet.verify.keys import NAT, OBSERVER_FACTS, outcomes
from swarmnet.verify.scenario import (
    OPERATOR,
    Answers,
    Findings,
    HostCommand,
    ObserverTask,
    Question,
    Scenario,
    Setup,
    in_steps,
)
from swarmnet.verify.scenarios.balancing.balanced import has_ipvs
from swarmnet.verify.scenarios.expected.asked import OPEN, SILENT
from swarmnet.verify.scenarios.mesh.holders import hidden_on, hiding, leaking, read_sockets
from swarmnet.verify.scenarios.mesh.mesh import CLOSER, address_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.report import Claim
    from swarmnet.model.service import Service, Task

MOST = 64
"""Ports that are tested; more are left out, and their number is reported."""
ASKED = (Protocol.TCP, Protocol.UDP)
KNOCKED, SENT = keys.targets("published"), keys.targets("published-udp")
COUNT = "published"
"""What the counts inside tasks are called."""
TAKEN = ("address already in use", "port is already allocated", "host-mode port already in use")
"""What engines say of a port on a host that something else holds: a program, a container, another service."""
ANOTHER = "another program answers"
FORGOTTEN = "if mesh-tcp is ok, its tasks are older than the port: recreate them"
"""Engines leave tasks that outlived a change of constraints as they are when ports change (20.10 to 28.5)."""


class Look(StrEnum):
    """What one connection to a published port came to."""

    FINE = "fine"
    UNREAD = "unread"
    """No host could connect, or the host's rules are not known."""
    NO_IPVS = "no-ipvs"
    MUTE = "mute"
    """A datagram was not answered, and not counted either."""
    CLOSED = "closed"
    RULE_MISSING = "rule-missing"


@dataclass(frozen=True, slots=True)
class Seen:
    """A look at a port, with what to say of it."""

    look: Look
    door: str
    """Protocol and port: ``tcp port 80``."""
    why: str = ""

    def __str__(self) -> str:
        """Return what is wrong in words, for people alone."""
        if self.look is Look.CLOSED:
            return f"{self.door} is closed ({self.why})"
        return f"the nat rule for {self.door} is missing"


@dataclass(frozen=True, slots=True, order=True)
class PublishedDoor:
    """One published port on one host."""

    service: str
    port: int
    host: str
    in_mesh: bool
    protocol: str = "tcp"

    @property
    def label(self) -> str:
        """The key of its outcome."""
        return f"{self.service}:{self.port}" if self.protocol == "tcp" else f"{self.service}:{self.port}/udp"

    @property
    def words(self) -> str:
        """What people call the port."""
        return f"{self.protocol} port {self.port}"


class Published(Scenario):
    """The user's services, as far as one may ask them."""

    name: ClassVar[str] = "published"
    summary: ClassVar[str] = "published TCP and UDP ports of your services lead to a task on every node"
    level: ClassVar[Level] = Level.QUICK
    needs_observer: ClassVar[bool] = True
    needs_networks: ClassVar[bool] = False
    needs_receivers: ClassVar[bool] = True

    def observes(self, setup: Setup) -> bool:
        """Return whether a service publishes a port: else nothing is asked."""
        return bool(_services(setup))

    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        """Open each door once, from the next host; read the rules of each host; count the datagrams that arrive."""
        found = doors(setup)[0]
        udp = [door for door in found if door.protocol == "udp"]
        return in_steps(
            answers,
            lambda: [*_knocks(setup, found), *_counts(setup, udp)],
            lambda: _datagrams(setup, udp),
            lambda: [question for end in setup.receivers for question in arrivals.collect(end, COUNT, answers)],
        )

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict a service: what is closed where, or that it is open everywhere."""
        known, left_out = doors(setup)
        by_service: dict[str, list[PublishedDoor]] = defaultdict(list)
        for door in known:
            by_service[door.service].append(door)
        verdicts = [self._taken(one, where) for one in _services(setup) if (where := taken(setup, one))]
        verdicts += [
            self._idle(setup, service)
            for service in _services(setup)
            if _is_idle(setup, service) and not taken(setup, service)
        ]
        verdicts += [self._service(setup, answers, name, mine) for name, mine in by_service.items()]
        verdicts += [*self._hiding(answers, known), *leaking(setup, self.name, _services(setup))]
        if left_out:
            detail = f"{left_out} more published ports were not tested: the limit is {MOST}"
            verdicts.append(self.verdict("services", Status.INCONCLUSIVE, detail))
        if not verdicts and (setup.watched or not _services(setup)):
            verdicts.append(self.verdict("services", Status.SKIPPED, "no service publishes a port"))
        return Findings(tuple(verdicts))

    def _service(self, setup: Setup, answers: Answers, name: str, mine: list[PublishedDoor]) -> Verdict:
        looks = {door: _look_at(setup, answers, door) for door in mine}
        by_sight: dict[Seen, list[str]] = defaultdict(list)
        for door, seen in looks.items():
            if seen.look in (Look.CLOSED, Look.RULE_MISSING):
                by_sight[seen].append(door.host)
        unread, incapable = (
            {door.host for door, seen in looks.items() if seen.look is look} for look in (Look.UNREAD, Look.NO_IPVS)
        )
        subject = f"service {name}"
        if by_sight:
            detail = "; ".join(f"{what} on {', '.join(sorted(hosts))}" for what, hosts in by_sight.items())
            fix = "restart Docker on these nodes to recreate the rules (systemctl restart docker)"
            if _is_shut_everywhere(looks):
                fix = f"{FORGOTTEN} with docker service update --force {name}"
            closed = {host for hosts in by_sight.values() for host in hosts}
            needed = tuple(_needed(setup, door) for door in mine if door.host in closed)
            lost = all(one.look is Look.RULE_MISSING for one in by_sight) and not _is_shut_everywhere(looks)
            cause = CauseId.INGRESS_RULES if lost else CauseId.PORT_CLOSED
            verdict = self.verdict(subject, Status.FAILED, detail, fix, cause=cause)
            evidence: JsonObject = {**verdict.evidence, "hosts": [*sorted(closed)]}
            return verdict.model_copy(update={"needed": needed, "evidence": evidence})
        if unread:
            detail = f"no connection could be made, or the rules could not be read, on {', '.join(sorted(unread))}"
            fix = "let the SSH user run iptables-save with sudo and without a password, or log in as root"
            return self.verdict(subject, Status.INCONCLUSIVE, detail, fix)
        if incapable:
            detail = f"the kernel of {', '.join(sorted(incapable))} has no IPVS, so the routing mesh cannot work there"
            held = sorted({f"{door.port} on {door.host}" for door, seen in looks.items() if seen.why == ANOTHER})
            detail += f"; another program answers at port {', '.join(held)}" if held else ""
            needed = claims.each(map(claims.ipvs_kernel, incapable))
            return self.verdict(subject, Status.INCONCLUSIVE, detail).model_copy(update={"needed": needed})
        if mute := sorted({seen.door for seen in looks.values() if seen.look is Look.MUTE}):
            detail = f"{', '.join(mute)}: datagrams are not refused and get no answer, which proves nothing"
            fix = f"ask {name} with a client of its own; where its tasks could be entered, what arrives is counted"
            return self.verdict(subject, Status.INCONCLUSIVE, detail, fix)
        return self.verdict(subject, Status.OK, _fine(mine))

    def _hiding(self, answers: Answers, known: list[PublishedDoor]) -> list[Verdict]:
        """Return a failure for each port whose rule hides a program on some hosts."""
        found: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)
        for door in known:
            program = hidden_on(answers, door.host).get(door.port) if door.in_mesh and door.protocol == "tcp" else None
            if program and is_published(NAT.read(answers, door.host) or {}, door.port, "tcp"):
                found[door.service, door.port][door.host] = program
        return [hiding(self.name, service, port, programs) for (service, port), programs in found.items()]

    def _taken(self, service: Service, where: dict[str, str]) -> Verdict:
        name, hosts = service.spec.name, ", ".join(sorted(where))
        ports = sorted({port.published for port in service.all_ports if port.published})
        detail = f"a task of {name} cannot have its port on {hosts}: {without_ids(where[min(where)])}"
        verdict = self.verdict(
            f"service {name}",
            Status.FAILED,
            detail,
            f"find the container or program that uses it on {hosts} and stop it, or publish another port:",
            cause=CauseId.PORT_TAKEN,
        )
        finders = ("docker ps --filter publish={0}", "ss -lntup 'sport = :{0}'")
        commands: list[JsonValue] = [one.format(port) for port in ports for one in finders]
        evidence: JsonObject = {**verdict.evidence, "hosts": [*sorted(where)], "commands": commands}
        return verdict.model_copy(update={"evidence": evidence, "broken": frozenset({claims.host_port(name)})})

    def _idle(self, setup: Setup, service: Service) -> Verdict:
        name = service.spec.name
        why = idle(setup.state, name)
        detail = f"publishes ports, but {why.words}"
        found = self.verdict(f"service {name}", Status.FAILED, detail, why.fix, cause=CauseId.NO_RUNNING_TASK)
        return found.model_copy(update={"needed": claims.each((claims.tasks(name),))})


def _fine(mine: list[PublishedDoor]) -> str:
    """Return what is proved of doors that are all fine."""
    parts = []
    for protocol, what in (("tcp", "accepts connections"), ("udp", "leads to its tasks")):
        several = [door for door in mine if door.protocol == protocol]
        if several:
            ports = ", ".join(map(str, sorted({door.port for door in several})))
            parts.append(f"{protocol} {ports} {what} on {count(len({door.host for door in several}), 'node')}")
    return "; ".join(parts)


def _knocks(setup: Setup, found: list[PublishedDoor]) -> Iterator[Question]:
    by_host: dict[str, list[PublishedDoor]] = defaultdict(list)
    for door in found:
        by_host[door.host].append(door)
    for host, mine in by_host.items():
        address = address_of(setup, host)
        targets: JsonObject = {door.label: [address, door.port, "open"] for door in mine if door.protocol == "tcp"}
        if targets:
            task: JsonObject = {"kind": "knock", "targets": targets, "times": 0}
            yield ObserverTask(_asker(setup, host), KNOCKED.on(host).name, task)
        yield HostCommand(host, NAT.name, CLOSER[NAT.name], sudo=True)
        if any(door.in_mesh for door in mine):
            yield ObserverTask(host, OBSERVER_FACTS.name, {"kind": "facts"})
            yield read_sockets(host)


def _counts(setup: Setup, udp: list[PublishedDoor]) -> list[Question]:
    return [
        question
        for end in setup.receivers
        for question in arrivals.begin(end, COUNT, [_marker(setup, door) for door in udp if door.service == end.party])
    ]


def _datagrams(setup: Setup, udp: list[PublishedDoor]) -> list[Question]:
    """Return one question for each host with UDP ports, for the observer of the next one."""
    found: list[Question] = []
    for host in dict.fromkeys(door.host for door in udp):
        targets: JsonObject = {
            door.label: {
                "name": address_of(setup, host),
                "port": door.port,
                "protocol": "udp",
                "marker": _marker(setup, door),
            }
            for door in udp
            if door.host == host
        }
        found.append(ObserverTask(_asker(setup, host), SENT.on(host).name, {"kind": "open", "targets": targets}))
    return found


def _marker(setup: Setup, door: PublishedDoor) -> str:
    return arrivals.marker(setup.run, COUNT, door.host, door.label)


def _asker(setup: Setup, host: str) -> str:
    """Return who asks a host: the next one."""
    return setup.watched[(setup.watched.index(host) + 1) % len(setup.watched)]


def _look_at(setup: Setup, answers: Answers, door: PublishedDoor) -> Seen:
    """Return what the next host saw of a door."""
    key = KNOCKED if door.protocol == "tcp" else SENT
    found, problem = outcomes(answers, _asker(setup, door.host), key.on(door.host))
    outcome = found.get(door.label, {})
    rules = NAT.read(answers, door.host)
    if problem or not outcome.get("tries") or (door.in_mesh and rules is None):
        return Seen(Look.UNREAD, door.words)
    is_open = outcome.get("ok") if door.protocol == "tcp" else _gets_there(setup, answers, door, outcome)
    if is_open is False:
        if door.in_mesh and has_ipvs(answers, door.host) is False:
            return Seen(Look.NO_IPVS, door.words)
        if door.in_mesh and not is_published(rules or {}, door.port, door.protocol):
            return Seen(Look.RULE_MISSING, door.words)
        return Seen(Look.CLOSED, door.words, str(outcome.get("why")))
    if door.in_mesh and not is_published(rules or {}, door.port, door.protocol):
        # Engines make no rule without IPVS, nor hold the port themselves: whatever answers is not the mesh.
        other = has_ipvs(answers, door.host) is False
        return Seen(Look.NO_IPVS, door.words, ANOTHER) if other else Seen(Look.RULE_MISSING, door.words)
    return Seen(Look.FINE if is_open else Look.MUTE, door.words)


def _gets_there(setup: Setup, answers: Answers, door: PublishedDoor, outcome: JsonObject) -> bool | None:
    """Return whether datagrams get to a task: one was answered, or counted in it; None where that is not known."""
    if outcome.get("seen") != SILENT:
        return outcome.get("seen") == OPEN
    mine = [end for end in setup.receivers if end.party == door.service and (door.in_mesh or end.host == door.host)]
    came = arrivals.arrived(answers, mine, COUNT, _marker(setup, door))
    service, node = setup.state.service(door.service), setup.state.node_of(door.host)
    tasks = _running(setup, service) if service is not None else []
    behind = [task for task in tasks if door.in_mesh or (node is not None and task.node_id == node.id)]
    return came if came or len(mine) >= len(behind) else None


def _is_shut_everywhere(looks: dict[PublishedDoor, Seen]) -> bool:
    """Return whether a port of the mesh does not work on any node."""
    others = {seen.door for seen in looks.values() if seen.look not in (Look.CLOSED, Look.RULE_MISSING)}
    return any(door.in_mesh and door.words not in others for door in looks)


def _needed(setup: Setup, door: PublishedDoor) -> frozenset[Claim]:
    """Return all that one connection to a door needs: the way to it, the host's rules, and through the mesh a task."""
    asker, host = _asker(setup, door.host), door.host
    needed = {claims.node(host), claims.door(asker, host, door.protocol)}
    needed |= {claims.rules(host, "nat"), claims.rules(host, "filter")}
    needed |= {claims.published(door.protocol, door.port, side, host) for side in (asker, OPERATOR)}
    needed |= {claims.programs(door.service), claims.listens(door.service)}
    if not door.in_mesh:
        return frozenset(needed)
    nodes = {found.id: one for one in setup.watched if (found := setup.state.node_of(one)) is not None}
    tasks = [
        task for service in _services(setup) if service.spec.name == door.service for task in _running(setup, service)
    ]
    ends = {nodes[task.node_id] for task in tasks if task.node_id in nodes}
    return frozenset(needed | {claims.entry(host, door.protocol)}).union(
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
    name = service.spec.name
    for port in service.published:
        if port.mode is PublishMode.INGRESS and port.protocol in ASKED and port.published is not None:
            for host in setup.watched:
                yield PublishedDoor(name, port.published, host, in_mesh=True, protocol=port.protocol.value)
    hosts = {node.id: host for host in setup.watched if (node := setup.state.node_of(host)) is not None}
    for task in running:
        for port in task.published:
            if port.protocol in ASKED and port.published is not None and task.node_id in hosts:
                host = hosts[task.node_id]
                yield PublishedDoor(name, port.published, host, in_mesh=False, protocol=port.protocol.value)


def _services(setup: Setup) -> list[Service]:
    """Return the services that publish something, but for those of this and other verifications."""
    return [s for s in setup.state.services if s.spec.ports and PROBE_LABEL not in s.spec.labels]


def _running(setup: Setup, service: Service) -> list[Task]:
    tasks = [task for task in setup.state.tasks if task.service_id == service.id]
    return [task for task in tasks if task.runs]


def taken(setup: Setup, service: Service) -> dict[str, str]:
    """Return the hosts on which a task could not get its port, and what the engine said; none that runs one by now."""
    hosts = {node.id: one.host for one in setup.state.hosts if (node := setup.state.node_of(one.host)) is not None}
    running = {task.node_id for task in _running(setup, service)}
    return {
        hosts.get(task.node_id or "", "a node that the scheduler wants"): task.message
        for task in setup.state.tasks
        if task.service_id == service.id and task.node_id not in running and any(word in task.message for word in TAKEN)
    }


def _is_idle(setup: Setup, service: Service) -> bool:
    wanted = not service.spec.mode.is_job and (service.spec.mode.is_everywhere or service.spec.replicas != 0)
    return wanted and not _running(setup, service)
