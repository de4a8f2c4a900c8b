"""What a verification measures: one cell for each ordered pair of hosts, and the probe that measures it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

from pydantic import Field

from swarmnet.model.base import Document
from swarmnet.model.report import Status, Verdict

PROBE_LABEL = "io.swarmnet.probe"
"""Label on every container and service of a verification; its value is the run's id."""
OPERATOR_LABEL = "io.swarmnet.probe.operator"
"""``machine:pid`` of the process that runs the verification: tells a living run from a killed one."""
STARTED_LABEL = "io.swarmnet.probe.started"
"""Seconds since the epoch, by the operator's clock."""


class Level(StrEnum):
    """How much a verification proves; each level holds those before it."""

    QUICK = "quick"
    """What one probe a host and the managers tell: pairs, names, published ports, what a playbook expects."""
    STANDARD = "standard"
    """Also load balancing, the routing mesh, packet sizes, encryption, and the hosts' kernels and firewalls."""
    FULL = "full"
    """Also what waits, counts or forges: loss, gossip, forged packets, ports in host mode, IPv6, outside names."""

    @property
    def number(self) -> int:
        """Its place in the order, from 0."""
        return list(Level).index(self)


class TcpStage(StrEnum):
    """Where a transfer by TCP ended."""

    CONNECT = "connect"
    TRANSFER = "transfer"
    CHECKSUM = "checksum"


class Cell(Document):
    """One ordered pair of hosts under one scenario."""

    status: Status
    detail: str = ""
    """For people; no program reads it."""
    stage: TcpStage | None = Field(default=None, exclude=True)
    """Where a failed transfer ended; not part of any JSON."""
    milliseconds: float | None = None
    """Time of the round trip, or of the whole transfer."""
    lost: float | None = None
    """Share of the datagrams that did not arrive, from 0 to 1."""


class Matrix(Document):
    """All ordered pairs on one network under one scenario; ``cells[source][destination]``."""

    scenario: str
    network: str
    hosts: tuple[str, ...]
    cells: dict[str, dict[str, Cell]]

    def counts(self) -> dict[Status, int]:
        """Return how many pairs ended how."""
        found = dict.fromkeys(Status, 0)
        for row in self.cells.values():
            for cell in row.values():
                found[cell.status] += 1
        return {status: number for status, number in found.items() if number}


class Wanted(StrEnum):
    """What a playbook says of one party that reaches for another one."""

    ALLOW = "allow"
    DENY = "deny"
    BOTH = "both"
    """Some ports are allowed, others denied."""


class ExpectedCell(Document):
    """One ordered pair of parties: what should be, next to what was seen."""

    wanted: Wanted
    doors: tuple[str, ...] = ()
    """The ports that are named; none means all that listen."""
    seen: str
    """``open``, ``closed``, or the id of what keeps an allowed port from answering."""
    status: Status


class ExpectedMatrix(Document):
    """Who should reach whom, next to who did; ``cells[source][target]``, and no cell where nothing is said."""

    parties: tuple[str, ...]
    cells: dict[str, dict[str, ExpectedCell]]
    containers: int
    """Containers that questions were asked from."""
    hosts: int
    questions: int

    def joined(self, other: ExpectedMatrix) -> ExpectedMatrix:
        """Return both as one; a pair is in one of them."""
        rows = {one: {**self.cells.get(one, {}), **other.cells.get(one, {})} for one in {**self.cells, **other.cells}}
        return ExpectedMatrix(
            parties=tuple(dict.fromkeys((*self.parties, *other.parties))),
            cells=rows,
            containers=max(self.containers, other.containers),
            hosts=max(self.hosts, other.hosts),
            questions=self.questions + other.questions,
        )


class Phase(Document):
    """How long one part of the run took."""

    name: str
    seconds: float


class Verification(Document):
    """The whole result of one run: verdicts, worst first, and the matrices they rest on."""

    run: str
    cluster: str
    networks: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    matrices: tuple[Matrix, ...] = ()
    expected: ExpectedMatrix | None = None
    phases: tuple[Phase, ...] = ()
    notes: tuple[str, ...] = Field(default_factory=tuple)
    scenarios: tuple[str, ...] = ()
    """The names of those that were asked."""
    level: Level | None = None
    """None where scenarios were chosen by name."""
    untested: tuple[str, ...] = ()
    """Those of the networks on which nothing could be tested."""
    tasks: dict[str, dict[str, dict[str, int]]] = Field(default_factory=dict, exclude=True)
    """For each tested network the services on it, and how many of their tasks run on which host; only drawn."""

    @property
    def status(self) -> Status:
        """The worst outcome: failed before inconclusive before warning before ok."""
        seen = {verdict.status for verdict in self.verdicts}
        for status in (Status.FAILED, Status.INCONCLUSIVE, Status.WARNING, Status.OK):
            if status in seen:
                return status
        return Status.INCONCLUSIVE


class Keep(Enum):
    """What becomes of the probe's image on the hosts at the end of a run."""

    ALWAYS = "always"
    """It stays, so that the next run loads nothing."""
    AS_FOUND = "as found"
    """It goes from the hosts to which this run brought it."""
    NEVER = "never"
    """It goes, one of swarmnet's own also from the hosts that had it before."""


@dataclass(frozen=True, slots=True)
class ProbeKit:
    """An image with a python3, and the way to run the probe in it."""

    reference: str
    """What containers are made from."""
    argv: tuple[str, ...]
    """Start of the command; the probe's own words follow."""
    archive: bytes | None = None
    """What is loaded where the image is missing; None means that hosts pull it."""
    image_id: str | None = None
    """``sha256:...``; a service that names it makes no node ask a registry."""
    architecture: str | None = None
    """The engine's word for the archive's machine (``x86_64``); None means that the image decides."""

    @property
    def is_own(self) -> bool:
        """True for an image that swarmnet packed, and may remove wherever it finds it."""
        return self.reference.startswith("swarmnet-probe:")
