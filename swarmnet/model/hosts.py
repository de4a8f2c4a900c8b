"""Who the hosts are and how to reach them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import Field

from swarmnet.errors import UsageError
from swarmnet.model.base import Document, JsonValue, Labels

if TYPE_CHECKING:
    from collections.abc import Iterable


class Role(StrEnum):
    """What a node is in its swarm."""

    MANAGER = "manager"
    WORKER = "worker"


class Availability(StrEnum):
    """Whether a node takes new tasks (active), keeps the old ones only (pause), or none (drain)."""

    ACTIVE = "active"
    PAUSE = "pause"
    DRAIN = "drain"


class HostKeyPolicy(StrEnum):
    """What to do with a host key that known_hosts does not hold. A changed key is always refused."""

    STRICT = "strict"
    ASK = "ask"
    ACCEPT_NEW = "accept-new"


class SudoPolicy(StrEnum):
    """Whether the engine's socket is reached through sudo: ``auto`` tries without it first."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class SSHSettings(Document):
    """How to log in to one host; None means what ``~/.ssh/config`` or OpenSSH's default says."""

    user: str | None = None
    port: int | None = Field(default=None, ge=1, le=65535)
    key: str | None = None
    """Path of a private key; ``~`` is expanded. Its passphrase is asked for, or taken from the environment."""
    agent: bool = True
    jump: str | None = None
    """``[user@]host[:port]`` of a jump host, or the name of another host of the inventory."""
    known_hosts: str | None = None
    host_keys: HostKeyPolicy = HostKeyPolicy.STRICT
    config: str | None = None
    """Path of an ssh_config file; None means ``~/.ssh/config``, an empty string means none."""
    sudo: SudoPolicy = SudoPolicy.AUTO
    connect_timeout: float = Field(default=10.0, gt=0, le=3600)
    """Seconds for one attempt."""
    connect_attempts: int = Field(default=2, ge=1, le=60)
    """For hosts that refuse or break off; one that does not answer at all within the time-out is tried once."""


class Host(Document):
    """One machine: its name in the inventory, its place in the swarm, the way to it."""

    name: str
    address: str
    """IP literal or DNS name that SSH connects to."""
    role: Role = Role.WORKER
    labels: Labels = Field(default_factory=dict)
    availability: Availability | None = None
    """None means not managed."""
    advertise: str | None = None
    """IP literal or interface for the control plane; None means the address itself."""
    data_path: str | None = None
    """IP literal or interface for VXLAN; None means the advertised one."""
    groups: frozenset[str] = frozenset()
    variables: dict[str, JsonValue] = Field(default_factory=dict)
    ssh: SSHSettings = SSHSettings()


class Inventory(Document):
    """The hosts of one cluster, in the order of the file: the first manager is where a swarm begins."""

    cluster: str
    hosts: tuple[Host, ...]
    source: str = "<memory>"

    @property
    def managers(self) -> tuple[Host, ...]:
        """The hosts that shall be managers."""
        return tuple(host for host in self.hosts if host.role is Role.MANAGER)

    def host(self, name: str) -> Host:
        """Return the host of that name; raise ``UsageError`` naming the known ones."""
        for host in self.hosts:
            if host.name == name:
                return host
        known = ", ".join(host.name for host in self.hosts)
        raise UsageError(f"no host {name!r} in {self.source}", hint=f"known hosts: {known}")

    def select(self, selectors: Iterable[str]) -> Inventory:
        """Return the inventory limited to the hosts that any selector names; all of them for no selector.

        A selector is a host name, a group, ``manager``, ``worker`` or ``all``; a leading ``!`` takes hosts out.
        Raises ``UsageError`` for a selector that matches nothing.
        """
        wanted = list(selectors)
        if not wanted:
            return self
        taken: set[str] = set()
        if all(selector.startswith("!") for selector in wanted):
            taken = {host.name for host in self.hosts}
        for selector in wanted:
            names = self._matching(selector.removeprefix("!"))
            taken = taken - names if selector.startswith("!") else taken | names
        return self.model_copy(update={"hosts": tuple(host for host in self.hosts if host.name in taken)})

    def _matching(self, selector: str) -> set[str]:
        names = {
            host.name
            for host in self.hosts
            if selector in ("all", host.name, host.role.value) or selector in host.groups
        }
        if not names:
            groups = sorted({group for host in self.hosts for group in host.groups})
            known = ", ".join([*(host.name for host in self.hosts), *groups, "manager", "worker", "all"])
            raise UsageError(f"{selector!r} selects no host of {self.source}", hint=f"known: {known}")
        return names
