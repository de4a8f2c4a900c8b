"""What every scenario of ``verify`` is: questions for the hosts, and a pure judgement of their answers.

The workflow asks in rounds. ``ask`` sees the answers so far and returns what it still wants to know, so a scenario can
look closer only where something failed; a round without questions ends it. A question has one of a few kinds (a
task for the probe inside the overlays or for the observer on the host's own network, a command on the host); a new kind
is a class here and a branch in ``workflows.gather``.
A new scenario is a file with a subclass, and one line in ``swarmnet.verify.scenarios.ALL``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.report import Verdict
from swarmnet.model.verification import Level

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from swarmnet.model.base import JsonObject
    from swarmnet.model.expectation import Expectations
    from swarmnet.model.network import Network
    from swarmnet.model.ports import Approach
    from swarmnet.model.report import Status
    from swarmnet.model.state import ClusterState, Container
    from swarmnet.model.verification import ExpectedMatrix, Matrix
    from swarmnet.verify.ends import End
    from swarmnet.verify.ids import CauseId
    from swarmnet.verify.planned import Planned


PAIR = 2
"""A sender and a receiver."""


@dataclass(frozen=True, slots=True)
class OverlayProbe:
    """A probe on one host, attached to the tested networks."""

    host: str
    name: str = ""
    """The container's name."""
    alias: str = ""
    """Its alias on every tested network."""
    addresses: Mapping[str, str] = field(default_factory=dict)
    """Network name to the probe's address there."""
    problem: str | None = None
    """Why there is no probe; None when it runs."""
    cause: CauseId | None = None
    """The reason's id; None where only an engine's message says it (:mod:`swarmnet.verify.absence`)."""
    excused: bool = False
    """True where the operator keeps the node from taking containers: no fault."""
    identity: str = ""
    """What its server calls itself, where that is not the host's name."""


@dataclass(frozen=True, slots=True)
class Observer:
    """A second container on one host, on the host's own network: it watches the underlay, and calls from outside."""

    host: str
    vtep: str = ""
    """The host's address on the underlay, between which VXLAN and ESP travel."""
    node_address: str = ""
    """The address that its node is known by, to which gossip goes; empty where that is the same one."""
    unknown: str = ""
    """Why the address on the underlay is only that of the node; empty where it is known."""
    problem: str | None = None
    """Why there is none; None when it runs."""

    @property
    def known_by(self) -> str:
        """The address that other nodes know it by."""
        return self.node_address or self.vtep


@dataclass(frozen=True, slots=True)
class ProbeService:
    """A global service of probes, attached to the tested networks."""

    name: str
    alias: str
    virtual_ips: Mapping[str, str]
    """Network name to the service's virtual address there, by IPv4."""
    task_addresses: Mapping[str, tuple[str, ...]]
    """Network name to the addresses of the running tasks there; none where a task is late: they would be too few."""
    backends: Mapping[str, str] = field(default_factory=dict)
    """What a task says it is (its node's id) to the host that it runs on."""
    by_ipv6: Mapping[str, str] = field(default_factory=dict)
    """Network name to the virtual address where the engine gave one by IPv6 alone."""


@dataclass(frozen=True, slots=True)
class MeshService:
    """A probe service that the routing mesh publishes, with a task on every host but one."""

    name: str
    ports: Mapping[str, int]
    """``tcp`` and ``udp`` to the port that the swarm chose: every node answers there."""
    host_ports: Mapping[str, int]
    """Host to the TCP port that its own task alone answers on."""
    backends: Mapping[str, str]
    """What a task says it is (its node's id) to the host that it runs on."""
    addresses: tuple[str, ...] = ()
    """The tasks' addresses on the routing mesh's own network."""


@dataclass(frozen=True)
class Setup:
    """What is tested: the cluster as observed, the networks, and the probes that were started.

    It has no slots: what is asked of it thousands of times is kept.
    """

    state: ClusterState
    networks: tuple[Network, ...]
    probes: tuple[OverlayProbe, ...] = ()
    service: ProbeService | None = None
    service_problem: str | None = None
    """Why there is no service, when one was wanted."""
    data_path_port: int = 4789
    mesh: MeshService | None = None
    mesh_problem: str | None = None
    """Why nothing is published, when a scenario wanted it."""
    approaches: Mapping[str, Approach] = field(default_factory=dict)
    """How the operator's machine comes to each host."""
    observers: tuple[Observer, ...] = ()
    """One for each host that answers, when a scenario needs them: also where no probe could start."""
    control: Network | None = None
    """A plain overlay made for this run, where none of the tested ones is plain and a scenario needs one."""
    control_problem: str | None = None
    """Why there is none, when one was wanted."""
    run: str = ""
    """The run's id."""
    idle: Mapping[str, str] = field(default_factory=dict)
    """Hosts on which a task of the run's services did not come to run, and what was seen of it."""
    tight: Mapping[str, str] = field(default_factory=dict)
    """Tested networks that have no room for the probe service, and why."""
    crowded: Mapping[str, str] = field(default_factory=dict)
    """Networks that are not tested, since the probes do not fit them, and why."""
    unused: frozenset[str] = frozenset()
    """Networks that no service or container is on, and that the operator did not name."""
    expected: Expectations | None = None
    """What the playbook says of who may talk to whom; None without one."""
    ends: tuple[End, ...] = ()
    """The containers that this is about."""
    planned: Planned | None = None
    """What the hosts are to be, where they are looked at before they are in a swarm; None for a swarm that is there."""
    overlays: tuple[Network, ...] = ()
    """The overlays on which the user's own services are asked, with or without a playbook."""
    insiders: tuple[End, ...] = ()
    """Containers of the user's own services that ask there; each host and overlay with a task has one."""
    receivers: tuple[End, ...] = ()
    """The running tasks behind published UDP ports, where what arrives is counted."""
    held: Mapping[str, tuple[Container, ...]] = field(default_factory=dict)
    """The containers that run on each host, as its own engine lists them; none of a verification."""
    publishing: Mapping[tuple[str, int], tuple[Container, ...]] = field(default_factory=dict)
    """Host and TCP port to the containers that run and hold it there, where a trace asks who does."""

    @property
    def plain(self) -> Network | None:
        """A plain overlay for positive controls: a tested one, else the one made for it."""
        return next((net for net in self.networks if not net.spec.encrypted), self.control)

    @property
    def alone(self) -> bool:
        """True where fewer than two hosts are meant to carry a probe: nothing between hosts can be tested."""
        return sum(not probe.excused for probe in self.probes) < PAIR

    @property
    def balanced(self) -> tuple[Network, ...]:
        """The tested networks on which the probe service has a virtual address."""
        known = self.service.virtual_ips if self.service else {}
        return tuple(net for net in self.networks if net.spec.name in known)

    @cached_property
    def watched(self) -> tuple[str, ...]:
        """The hosts whose observer runs."""
        return tuple(observer.host for observer in self.observers if observer.problem is None)

    @cached_property
    def ready(self) -> tuple[OverlayProbe, ...]:
        """The probes that run."""
        return tuple(probe for probe in self.probes if probe.problem is None)


@dataclass(frozen=True, slots=True)
class ProbeTask:
    """Something for the probe of one host; all tasks of a host and round go in one batch."""

    host: str
    key: str
    task: JsonObject
    """``kind`` and what it needs, as ``swarmnet.probe.main`` reads it."""


@dataclass(frozen=True, slots=True)
class ObserverTask:
    """Something for the observer of one host, from or on the host's own network; else as :class:`ProbeTask`.

    To see what others send, ask for a ``capture`` in one round (its answer means that it runs), let probes send in the
    next one, and ask to ``collect`` in the third.
    """

    host: str
    key: str
    task: JsonObject


@dataclass(frozen=True, slots=True)
class ServiceTask:
    """Something for the probe service's own task on one host."""

    host: str
    key: str
    task: JsonObject


@dataclass(frozen=True, slots=True)
class InsideTask:
    """Something to ask from inside the network namespace of a container of the user's, by its name; else as above."""

    host: str
    key: str
    task: JsonObject
    inside: str
    """What the container is called: :attr:`swarmnet.verify.ends.End.name`."""


OPERATOR = ""
"""Instead of a host: the machine that swarmnet runs on."""


@dataclass(frozen=True, slots=True)
class OperatorTask:
    """Something for the operator's own machine, by plain sockets; else as :class:`ProbeTask`."""

    key: str
    task: JsonObject
    host: str = OPERATOR


@dataclass(frozen=True, slots=True)
class SwarmTask:
    """A second look at what managers say: which tasks of each service run now, as ``{"tasks": {SERVICE: [TASK]}}``."""

    key: str
    host: str = OPERATOR


@dataclass(frozen=True, slots=True)
class HostCommand:
    """A command on the host itself, which must change nothing there."""

    host: str
    key: str
    argv: tuple[str, ...]
    sudo: bool = False
    timeout: float = 15.0


Question = ProbeTask | ServiceTask | ObserverTask | OperatorTask | InsideTask | SwarmTask | HostCommand


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: JSON of the probe, or ``{"exit": n, "stdout": ..., "stderr": ...}`` of a command."""

    value: JsonObject = field(default_factory=dict)
    problem: str | None = None
    """Why there is no answer; None when there is one."""


Answers = dict[tuple[str, str], Answer]
"""By host and key of the question."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a scenario found."""

    verdicts: tuple[Verdict, ...] = ()
    matrices: tuple[Matrix, ...] = ()
    expected: ExpectedMatrix | None = None
    """Who should reach whom, next to who did."""


class Turn(IntEnum):
    """When a scenario asks; each turn begins when the one before has all its answers."""

    FIRST = 1
    """With all that do not mind traffic of others."""
    QUIET = 2
    """When the pairs are done: it counts what is lost, or waits for the engines' own packets."""
    CAPTURE = 3
    """When no probe floods the wire any more: captures miss packets of a wire that is full."""


class Scenario(ABC):
    """One thing to prove."""

    name: ClassVar[str]
    """What ``--only`` and ``--skip`` say."""
    summary: ClassVar[str]
    needs_probes: ClassVar[bool] = True
    needs_networks: ClassVar[bool] = True
    """Whether there is nothing to do without an overlay to test."""
    needs_service: ClassVar[bool] = False
    needs_observer: ClassVar[bool] = False
    needs_mesh: ClassVar[bool] = False
    needs_ends: ClassVar[bool] = False
    """Whether it asks from inside containers of the user's what a playbook expects, and has nothing to do without."""
    needs_own: ClassVar[bool] = False
    """Whether it asks from inside containers of the user's own services, and what hosts say of their containers."""
    needs_receivers: ClassVar[bool] = False
    """Whether it sends datagrams to ports that services of the user's publish, and counts where they arrive."""
    needs_control: ClassVar[bool] = False
    """Whether a plain overlay is needed next to the encrypted ones."""
    turn: ClassVar[Turn] = Turn.FIRST
    level: ClassVar[Level] = Level.STANDARD
    """The first level that has it."""

    def preconditions(self, setup: Setup) -> tuple[Question, ...]:  # noqa: ARG002 - most scenarios have none
        """Return what must be known before the first round, whose steps scenarios may share."""
        return ()

    def observes(self, _setup: Setup) -> bool:
        """Return whether there is something for observers to see."""
        return self.needs_observer

    def is_expected(self, _expected: Expectations) -> bool:
        """Return whether a playbook expects something that this scenario asks."""
        return True

    @abstractmethod
    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        """Return what to ask now; questions that were asked already are not asked again."""

    def verdict(
        self, subject: str, status: Status, detail: str, fix: str | None = None, *, cause: CauseId | None = None
    ) -> Verdict:
        """Return a verdict of this scenario; one that is failed or a warning has a cause."""
        evidence: JsonObject = {"cause": cause} if cause else {}
        return Verdict(
            scenario=self.name,
            subject=subject,
            status=status,
            detail=detail,
            cause=cause,
            fix=fix,
            evidence=evidence,
        )

    @abstractmethod
    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return what the answers prove. What could not be asked is inconclusive, never ok."""


def in_steps(answers: Answers, *steps: Callable[[], list[Question]]) -> tuple[Question, ...]:
    """Return the questions of the first step, and of each next one once all before it are answered.

    Steps of several scenarios keep step, since every step takes one round.
    """
    asked: list[Question] = []
    for step in steps:
        questions = step()
        asked += questions
        if any((question.host, question.key) not in answers for question in questions):
            break
    return tuple(asked)
