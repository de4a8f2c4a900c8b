"""Who the hosts are and how to reach them."""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import ip_network
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import AfterValidator, Field

from swarmnet.errors import UsageError
from swarmnet.model.base import Document, Flag, JsonObject, Labels, Port
from swarmnet.model.subnet import Prefix

if TYPE_CHECKING:
    from collections.abc import Iterable


class Role(StrEnum):
    """What a node is in its swarm."""

    MANAGER = "manager"
    WORKER = "worker"


NO_ROLE = "none"
"""The role, in the inventory, of a host that must not be in the swarm."""


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


_JUMP = re.compile(r"(?:(?P<user>.+)@)?(?:\[(?P<v6>[^\[\]]+)\]|(?P<name>[^:@\[\]]+))(?::(?P<port>[0-9]{1,5}))?")
_HIGHEST_PORT = 65535
CONNECT_TIMEOUT = 10.0
"""Seconds for one attempt where neither the inventory nor ssh_config says it."""


JUMP_HOST = "jump host "
"""The label of servers outside of the inventory."""


class Jump(NamedTuple):
    """One jump host of a chain: ``[user@]host[:port]``."""

    host: str
    user: str | None
    port: int | None


def is_host_name(name: str) -> bool:
    """Return whether ssh accepts this host: ``%h`` in a ProxyCommand goes through a shell (``ssh_valid_hostname``)."""
    return bool(name) and not name.startswith("-") and not re.search(r"""['`"$\\;&<>|(){},\s\x00-\x1f\x7f]""", name)


def is_user_name(name: str) -> bool:
    """Return whether ssh accepts this user on its command line (``ssh_valid_ruser``)."""
    wrong = r"""^-|['`";&<>|(){}\x00-\x1f\x7f]|\s-|\\\Z"""
    return bool(name) and not re.search(wrong, name)


def read_jumps(chain: str) -> tuple[Jump, ...]:
    """Return the jump hosts of a chain, in the order in which they are passed.

    Raises:
        ValueError: one of them is not ``[user@]host[:port]``, or has letters that a shell would act on.
    """
    return tuple(_jump(spot) for spot in chain.split(","))


def _jump(spot: str) -> Jump:
    parts = _JUMP.fullmatch(spot.removeprefix("ssh://").removesuffix("/") if spot.startswith("ssh://") else spot)
    if parts is None:
        raise ValueError(f"{spot!r} is not [user@]host[:port]")
    host = parts["v6"] or parts["name"]
    port = int(parts["port"]) if parts["port"] else None
    if not is_host_name(host) or (port is not None and not 0 < port <= _HIGHEST_PORT):
        raise ValueError(f"{spot!r} is not [user@]host[:port]")
    if parts["user"] is not None and not is_user_name(parts["user"]):
        raise ValueError(f"{parts['user']!r} is not the name of a user")
    return Jump(host, parts["user"], port)


def _checked_jump(value: str | None) -> str | None:
    if value is not None and value.lower() != "none":
        read_jumps(value)
    return value


def _checked_user(value: str | None) -> str | None:
    if value is not None and not is_user_name(value):
        raise ValueError(f"{value!r} is not the name of a user")
    return value


class SSHSettings(Document):
    """How to log in to one host; None means what ``~/.ssh/config`` or OpenSSH's default says."""

    user: Annotated[str | None, AfterValidator(_checked_user)] = None
    """Login name."""
    port: Port | None = None
    """Port of sshd."""
    key: str | None = None
    """Path of a private key; ``~`` is expanded. Its passphrase is asked for, or taken from the environment."""
    agent: Flag = True
    """True offers the keys of the ssh-agent, too."""
    jump: Annotated[str | None, AfterValidator(_checked_jump)] = None
    """``[user@]host[:port]`` of a jump host, or the name of another host of the inventory; several with commas."""
    known_hosts: str | None = None
    """File with the hosts' keys, or several."""
    host_keys: HostKeyPolicy | None = None
    """None means ``StrictHostKeyChecking`` of ssh_config, else strict."""
    config: str | None = None
    """Path of an ssh_config file; None means ``~/.ssh/config``, an empty string means none."""
    sudo: SudoPolicy = SudoPolicy.AUTO
    """Whether the engine's socket is reached through sudo: auto, always or never."""
    connect_timeout: Annotated[float, Field(strict=True, gt=0, le=3600)] | None = None
    """Seconds for one attempt; None means ``ConnectTimeout`` of ssh_config, else CONNECT_TIMEOUT."""
    connect_attempts: Annotated[int, Field(strict=True, ge=1, le=60)] | None = None
    """For hosts that refuse or break off (None means 2); one that does not answer within the time-out is tried once."""


class Host(Document):
    """One machine: its name in the inventory, its place in the swarm, the way to it."""

    name: str
    address: str
    """IP literal or DNS name that SSH connects to."""
    role: Role | None = Role.WORKER
    """None means that the host is in the inventory, and must not be in the swarm (``role: none``)."""
    labels: Labels = Field(default_factory=dict)
    availability: Availability | None = None
    """None means not managed."""
    advertise: str | None = None
    """IP literal or interface for the control plane; None means the address itself."""
    data_path: str | None = None
    """IP literal or interface for VXLAN; None means the advertised one."""
    groups: frozenset[str] = frozenset()
    ssh: SSHSettings = SSHSettings()
    vars: JsonObject = Field(default_factory=dict)
    """Values that steps of playbooks take from the inventory, those of its groups included."""

    @property
    def values(self) -> JsonObject:
        """What ``${host.NAME}`` means in steps: the variables, and the name and the address of the host."""
        return {**self.vars, "name": self.name, "address": self.address}


_LARGEST_SIZE = {4: 29, 6: 126}
"""Lengths of the prefix that leave addresses for two hosts and their tasks."""


class AddressPool(Document):
    """Addresses that networks with ``subnet: auto`` get their blocks from."""

    cidr: Prefix
    """The whole pool, such as 10.128.0.0/12."""
    size: Annotated[int, Field(ge=8, le=126, strict=True)] = 24
    """Length of the prefix of each block; 24 gives blocks of 256 addresses."""

    @property
    def problem(self) -> str | None:
        """Why no block can come out of it, or None."""
        whole = ip_network(self.cidr)
        least, most = whole.prefixlen, _LARGEST_SIZE[whole.version]
        if least <= self.size <= most:
            return None
        return f"pool {self.cidr} cannot be cut into blocks of /{self.size}: write a size from {least} to {most}"


class Inventory(Document):
    """The hosts of one cluster, in the order of the file: the first manager is where a swarm begins."""

    cluster: str
    hosts: tuple[Host, ...]
    source: str = "<memory>"
    address_pools: tuple[AddressPool, ...] = ()
    """In the order in which they are used."""

    @property
    def managers(self) -> tuple[Host, ...]:
        """The hosts with the role manager."""
        return tuple(host for host in self.hosts if host.role is Role.MANAGER)

    @property
    def members(self) -> tuple[Host, ...]:
        """The hosts that must be in the swarm."""
        return tuple(host for host in self.hosts if host.role is not None)

    def host(self, name: str) -> Host:
        """Return the host of that name; raise ``UsageError`` naming the known ones."""
        for host in self.hosts:
            if host.name == name:
                return host
        known = ", ".join(host.name for host in self.hosts)
        raise UsageError(f"no host {name!r} in {self.source}", hint=f"known hosts: {known}")

    def select(self, selectors: Iterable[str]) -> Inventory:
        """Return the inventory limited to the hosts that any selector names; all of them for no selector.

        A selector is a host name, a group, ``manager``, ``worker``, ``none`` or ``all``; a leading ``!`` takes hosts
        out. Raises ``UsageError`` for a selector that matches nothing, and for selectors that leave no host.
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
        if not taken:
            hint = "take out a selector that begins with '!', or add a host"
            raise UsageError(f"{' '.join(wanted)!r} selects no host of {self.source}", hint=hint)
        return self.model_copy(update={"hosts": tuple(host for host in self.hosts if host.name in taken)})

    def _matching(self, selector: str) -> set[str]:
        names = {
            host.name
            for host in self.hosts
            if selector in ("all", host.name, host.role or NO_ROLE) or selector in host.groups
        }
        if not names:
            groups = sorted({group for host in self.hosts for group in host.groups})
            known = ", ".join([*(host.name for host in self.hosts), *groups, "manager", "worker", NO_ROLE, "all"])
            raise UsageError(f"{selector!r} selects no host of {self.source}", hint=f"known: {known}")
        return names
