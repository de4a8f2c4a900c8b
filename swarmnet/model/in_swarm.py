"""Schedules that the swarm itself runs: the scheduler's service, its orders, and what each host answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from pydantic import AwareDatetime, Field

from swarmnet.model.base import Count, Document
from swarmnet.model.hosts import Role
from swarmnet.model.schedule import Schedule
from swarmnet.model.sources import Sources
from swarmnet.model.state import HostFacts

if TYPE_CHECKING:
    from swarmnet.model.base import Labels

SERVICE = "swarmnet-schedule"
"""The service of the scheduler; a swarm has one."""
LOOK = "swarmnet-schedule-look"
"""The global job that looks at the engine of each node; it is there only while a run looks."""
SCHEDULE_LABEL = "io.swarmnet.schedule"
"""Label with the cluster's name on all that a schedule has in the swarm. In no backup (``plan.recovery.describe``)."""
SIGNER_LABEL = "io.swarmnet.schedule.signer"
"""Label with the public half of the key that the scheduler signs with."""
OPTIONS_LABEL = "io.swarmnet.schedule.options"
"""Label of the service with what any machine that reaches the cluster may know of the schedule."""
HISTORY_LABEL = "io.swarmnet.schedule.history"
"""Label of the service with what is remembered between two runs, so that it is there wherever the task moves."""
ASKED_LABEL = "io.swarmnet.schedule.asked"
"""Label of the service with the word of an operator who asks for a run."""
SERVED_LABEL = "io.swarmnet.schedule.served"
"""Label of the service with the word of the last such request that was served."""

SOCKET = "/var/run/docker.sock"
HOME = "/tmp/home"  # noqa: S108 - in the scheduler's own container, whose /tmp is a tmpfs
"""Home of the scheduler: in memory, gone with its container."""
ORDERS_FILE = "swarmnet-schedule"
KEY_FILE = "swarmnet-signing-key"
"""Names of the two secrets below /run/secrets."""
OLDEST_API = "1.41"
"""Engines before 20.10 have no jobs."""


class Member(Document):
    """One host of the inventory, and the node that it was when the schedule was installed."""

    host: str
    role: Role
    node_id: str
    hostname: str


class Published(Document):
    """What ``schedule status`` shows of a schedule where its orders cannot be read: nothing that is secret."""

    schema_version: Literal[1] = 1
    at: str
    repository: str
    to: tuple[str, ...] = ()
    max_age: Count
    ping: str | None = None
    """Origin of the URL that hears of each run."""
    notify: tuple[str, ...] = ()
    """Schemes of the services that hear of failures."""
    installed: AwareDatetime


class Orders(Document):
    """What the scheduler needs to know besides its signing key: one secret of the swarm. It opens nothing."""

    schema_version: Literal[1] = 1
    schedule: Schedule
    members: tuple[Member, ...]
    recipients: tuple[str, ...]
    """Public keys that backups are sealed to."""
    signers: tuple[str, ...]
    """Public keys of those whose backups count."""
    files: dict[str, str] = Field(default_factory=dict, repr=False)
    """What targets need, such as ``.aws/credentials``, by the path below the scheduler's home."""
    sources: Sources | None = None
    """The playbook that each backup keeps, with its files and the inventory, as they were at the install."""


class HostAnswer(Document):
    """What a task of the look prints, sealed: what it saw, or why it saw nothing."""

    facts: HostFacts | None = None
    problem: str = ""


class Envelope(Protocol):
    """A key that lives as long as one run: hosts seal to its public half."""

    @property
    def public(self) -> str:
        """What they seal to."""

    def open(self, sealed: bytes) -> bytes:
        """Return what was sealed; raises ``DamagedError`` where that is something else, or far too much."""


def is_ours(labels: Labels) -> bool:
    """Return whether an object belongs to a schedule that the swarm runs."""
    return SCHEDULE_LABEL in labels
