"""What the scenarios of the routing mesh have in common: every node is an entry, seen from several sides.

Each host asks its own published port by 127.0.0.1 and by its own address, and up to four neighbours; the operator's
machine asks all by plain sockets. A published port that takes a connection proves nothing: engines listen on it
themselves to keep it taken, and never answer (20.10 to 28.5). Only a task's own answer counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.verify import absence, keys
from swarmnet.verify.keys import FILTER, MESH_TABLE, NAT, OBSERVER_FACTS, ROUTES, outcomes
from swarmnet.verify.scenario import (
    OPERATOR,
    Answers,
    Findings,
    HostCommand,
    ObserverTask,
    OperatorTask,
    Question,
    Scenario,
    Setup,
)
from swarmnet.verify.scenarios.balancing.balanced import SURE_TURNS, has_ipvs, is_stale, reached

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.verify.keys import Key
    from swarmnet.verify.scenario import MeshService

    Knocks = Key[dict[str, JsonObject]]

LOCALHOST = ""
"""Label of 127.0.0.1 among a host's doors."""
NEIGHBOURS = 4
TURNS = 4
"""Connections counted for each backend."""
NETNS = "/var/run/docker/netns/ingress_sbox"
CLOSER: dict[str, tuple[str, ...]] = {
    NAT.name: ("iptables-save", "-t", "nat"),
    FILTER.name: ("iptables-save", "-t", "filter"),
    ROUTES.name: ("nsenter", f"--net={NETNS}", "cat", "/proc/net/route"),
    MESH_TABLE.name: ("nsenter", f"--net={NETNS}", "cat", "/proc/net/ip_vs"),
}
"""What is read on an entry node that does not answer as it should: rules, and the mesh's own namespace."""
SSH = keys.targets("operator/ssh")
"""Whether the operator's machine reaches a host by plain sockets."""


class Flaw(StrEnum):
    """What can be wrong with an entry, as one side sees it."""

    SILENT = "silent"
    """No task answers."""
    UNREACHED = "unreached"
    """Some tasks never answer."""
    LOSSY = "lossy"
    """Every task answers, and too many connections fail."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What one side says against an entry."""

    flaw: Flaw
    hosts: tuple[str, ...] = ()
    """Hosts whose task is never reached, where some are."""
    lost: int = 0
    tries: int = 0
    why: str = ""
    """The probe's word for the last failure."""

    def __str__(self) -> str:
        """Return it in words, for people alone."""
        if self.flaw is Flaw.SILENT:
            return self.why or "no answer"
        if self.flaw is Flaw.UNREACHED:
            return f"the task on {', '.join(self.hosts)} is never reached"
        return f"{self.lost} of {self.tries} connections failed ({self.why})"


Complaints = dict[str, dict[str, Complaint]]
"""Entry to the sides (hosts, ``localhost``, or the operator) that complain of it."""


@dataclass(frozen=True, slots=True)
class View:
    """What one side saw of one entry."""

    answered: frozenset[str]
    """Hosts whose tasks answered."""
    lost: int = 0
    tries: int = 0
    why: str = ""

    def complaint(self, backends: frozenset[str]) -> Complaint | None:
        """Return what is wrong; None when every task answered and nothing was lost."""
        if not self.answered:
            return Complaint(Flaw.SILENT, why=self.why)
        missing = sorted(backends - self.answered)
        if missing and (self.lost or self.tries >= SURE_TURNS * len(backends)):
            return Complaint(Flaw.UNREACHED, tuple(missing))
        if not is_stale(self.lost, self.tries, len(backends)):
            return None
        return Complaint(Flaw.LOSSY, lost=self.lost, tries=self.tries, why=self.why)


class MeshScenario(Scenario):
    """One protocol's published port on every entry node."""

    needs_mesh: ClassVar[bool] = True
    needs_networks: ClassVar[bool] = False
    needs_observer: ClassVar[bool] = True
    protocol: ClassVar[str]

    @property
    def key(self) -> Knocks:
        """The key of what each side saw."""
        return keys.targets(self.name)

    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        """Ask from every side; then look closer at entries that do not answer as they should."""
        if setup.mesh is None or self.protocol not in setup.mesh.ports:
            return ()
        hosts = entries(setup, answers)
        facts = [ObserverTask(host, OBSERVER_FACTS.name, {"kind": "facts"}) for host in setup.watched]
        first = {source: self._doors(setup, setup.mesh, source, hosts) for source in (*hosts, OPERATOR)}
        bad = complaining(setup, answers, self.key)
        again = {source: {label: first[source][label] for label in labels} for source, labels in bad.items()}
        looks = ((self.key.name, first), (self.key.again.name, again))
        sides = [
            _question(source, key, _knocks(setup.mesh, doors))
            for key, by_source in looks
            for source, doors in by_source.items()
            if doors
        ]
        return (*facts, *sides, *self._closer(setup, answers, hosts))

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict where all is right, and what could not be asked.

        Failures get their verdicts from :func:`swarmnet.verify.causes.ingress.explain`, which sees all protocols.
        """
        if setup.mesh is None or self.protocol not in setup.mesh.ports:
            return Findings((absence.unpublished(setup, self.name, "mesh"),))
        hosts = entries(setup, answers)
        unasked = [
            self.verdict(f"from {source or 'your machine'}", Status.INCONCLUSIVE, why)
            for source, why in silent(setup, answers, self.key).items()
        ]
        fine = not failing(setup, answers, self.key)
        if not hosts or not fine:
            return Findings(tuple(unasked))
        return Findings((*unasked, self.verdict("mesh", Status.OK, self._praise(setup, setup.mesh, hosts))))

    def _praise(self, setup: Setup, mesh: MeshService, hosts: tuple[str, ...]) -> str:
        idle = sorted(set(hosts) - set(mesh.backends.values()))
        sides = "from themselves, by localhost, from their neighbours"
        sides += " and from your machine" if any(reachable(setup, host) for host in hosts) else ""
        without_task = f"; {', '.join(idle)} has no task" if idle else ""
        return (
            f"{self.protocol} port {mesh.ports[self.protocol]} answers on {count(len(hosts), 'node')},"
            f" {sides}{without_task}"
        )

    def _doors(self, setup: Setup, mesh: MeshService, source: str, hosts: tuple[str, ...]) -> dict[str, JsonValue]:
        """Return what one side knocks at: the operator at all that are reached directly, a host at its neighbours."""
        if source == OPERATOR:
            direct = [host for host in hosts if reachable(setup, host)]
            return {host: self._door(mesh, setup.approaches[host].address) for host in direct}
        return {
            LOCALHOST: self._door(mesh, "127.0.0.1"),
            **{host: self._door(mesh, address_of(setup, host)) for host in neighbours(hosts, source)},
        }

    def _door(self, mesh: MeshService, address: str) -> JsonValue:
        return [address, mesh.ports[self.protocol], self.protocol]

    def _closer(self, setup: Setup, answers: Answers, hosts: tuple[str, ...]) -> list[Question]:
        complaints = failing(setup, answers, self.key)
        bad = [host for host in hosts if host in complaints]
        found: list[Question] = [
            HostCommand(host, key, argv, sudo=True) for host in bad for key, argv in CLOSER.items()
        ]
        unseen: dict[str, JsonValue] = {
            host: [setup.approaches[host].address, setup.approaches[host].port, "open"]
            for host in bad
            if reachable(setup, host)
        }
        if unseen:
            found.append(OperatorTask(SSH.name, {"kind": "knock", "targets": unseen, "times": 0}))
        return found


def entries(setup: Setup, answers: Answers) -> tuple[str, ...]:
    """Return the hosts that can be entries: their observer runs, their kernel is known to have IPVS."""
    return tuple(host for host in setup.watched if has_ipvs(answers, host))


def neighbours(hosts: tuple[str, ...], host: str) -> list[str]:
    """Return a host and up to four that follow it, so that each is asked by as many without N times N questions."""
    place = hosts.index(host)
    return [hosts[(place + step) % len(hosts)] for step in range(min(NEIGHBOURS + 1, len(hosts)))]


def address_of(setup: Setup, host: str) -> str:
    """Return the address by which the swarm knows a host."""
    facts = setup.state.facts(host)
    return facts.engine.membership.address if facts else ""


def reachable(setup: Setup, host: str) -> bool:
    """Return whether the operator's machine can connect to a host's published ports: nothing is in between."""
    approach = setup.approaches.get(host)
    return approach is not None and approach.between is None


def views(setup: Setup, answers: Answers, looked: Knocks) -> dict[tuple[str, str], View]:
    """Return what each side (a host, or the operator) saw of each entry (a host, or ``LOCALHOST``) that it asked."""
    backends = setup.mesh.backends if setup.mesh else {}
    return {place: _view(outcome, backends) for place, outcome in _tried(setup, answers, looked)}


def sides_of(setup: Setup, answers: Answers, looked: Knocks, entry: str) -> set[str]:
    """Return the sides that asked an entry."""
    return {source for (source, label), _ in _tried(setup, answers, looked) if label == entry}


def _tried(setup: Setup, answers: Answers, looked: Knocks) -> Iterator[tuple[tuple[str, str], JsonObject]]:
    """Yield each side and entry that it asked, with the outcome; the last look at a pair comes last."""
    for source in (*entries(setup, answers), OPERATOR):
        for key in (looked, looked.again):
            for label, outcome in outcomes(answers, source, key)[0].items():
                if outcome.get("tries"):
                    yield (source, label), outcome


def complaining(setup: Setup, answers: Answers, looked: Knocks) -> dict[str, list[str]]:
    """Return each side with the labels of the doors that did not open to it as they should."""
    backends = frozenset(setup.mesh.backends.values()) if setup.mesh else frozenset()
    found: dict[str, list[str]] = {}
    for (source, label), view in views(setup, answers, looked).items():
        if view.complaint(backends) is not None:
            found.setdefault(source, []).append(label)
    return found


def silent(setup: Setup, answers: Answers, looked: Knocks) -> dict[str, str]:
    """Return the sides that could not ask, and why."""
    found = {}
    for host in entries(setup, answers):
        problem = outcomes(answers, host, looked)[1]
        if problem:
            found[host] = problem
    found |= {w.host: f"no observer on the host's own network: {w.problem}" for w in setup.observers if w.problem}
    between = {host: setup.approaches[host].between for host in entries(setup, answers) if host in setup.approaches}
    hidden = {host: why for host, why in between.items() if why}
    if hidden:
        host, why = next(iter(hidden.items()))
        found[OPERATOR] = f"published ports of {', '.join(hidden)} were not tested from your machine: {host}: {why}"
    return found


def failing(setup: Setup, answers: Answers, looked: Knocks) -> Complaints:
    """Return each entry that some side complains of: the sides, and what they say."""
    backends = frozenset(setup.mesh.backends.values()) if setup.mesh else frozenset()
    found: Complaints = {}
    for (source, label), view in views(setup, answers, looked).items():
        complaint = view.complaint(backends)
        if complaint is not None:
            entry, side = (source, "localhost") if label == LOCALHOST else (label, source)
            found.setdefault(entry, {})[side] = complaint
    return found


def _view(outcome: JsonObject, backends: dict[str, str] | object) -> View:
    known = backends if isinstance(backends, dict) else {}
    hosts = frozenset(str(known.get(who, who)) for who in reached(outcome))
    lost, tries = outcome.get("lost"), outcome.get("tries")
    return View(
        hosts, lost if isinstance(lost, int) else 0, tries if isinstance(tries, int) else 0, str(outcome.get("why"))
    )


def _question(source: str, key: str, task: JsonObject) -> Question:
    return OperatorTask(key, task) if source == OPERATOR else ObserverTask(source, key, task)


def _knocks(mesh: MeshService, doors: dict[str, JsonValue]) -> JsonObject:
    expected = sorted(mesh.backends)
    return {"kind": "knock", "targets": doors, "expected": [*expected], "times": TURNS * len(expected)}


class MeshTcp(MeshScenario):
    """TCP, each connection a fresh one."""

    name: ClassVar[str] = "mesh-tcp"
    summary: ClassVar[str] = "a TCP port of the routing mesh answers on every node, from inside and from your machine"
    protocol: ClassVar[str] = "tcp"


class MeshUdp(MeshScenario):
    """UDP, each datagram from a port of its own: the balancer keeps clients by address and port for 300 s."""

    name: ClassVar[str] = "mesh-udp"
    summary: ClassVar[str] = "a UDP port of the routing mesh answers on every node, from inside and from your machine"
    protocol: ClassVar[str] = "udp"
