"""Which addresses of networks are used, by whom, and how many are left."""

from __future__ import annotations

from enum import StrEnum

from swarmnet.model.base import Document
from swarmnet.model.state import HostFailure
from swarmnet.model.subnet import Prefix


class UseKind(StrEnum):
    """What has an address."""

    GATEWAY = "gateway"
    VIRTUAL = "virtual address"
    TASK = "task"
    CONTAINER = "container"
    BALANCER = "load balancer"


class AddressUse(Document):
    """One address in use."""

    kind: UseKind
    who: str
    """The service, the task (``web.3``), the container, or the network of a gateway."""
    host: str | None = None
    """Of the inventory; None for what belongs to the whole swarm."""
    address: str | None = None
    """None where managers do not list it: the load balancer of each node has one."""


class NetworkAddresses(Document):
    """The addresses of one network."""

    network: str
    driver: str
    host: str | None = None
    """None for a network of the swarm."""
    subnets: tuple[str, ...]
    total: int | None
    """IPv4 addresses that it can give out, its gateway left out; None where its blocks are IPv6 alone."""
    uses: tuple[AddressUse, ...]
    waiting: int = 0
    """Tasks that have no address on it yet."""

    @property
    def used(self) -> int:
        """How many addresses are given out, gateways left out."""
        return sum(one.kind is not UseKind.GATEWAY for one in self.uses)

    @property
    def free(self) -> int | None:
        """How many addresses are left."""
        return None if self.total is None else max(self.total - self.used, 0)

    @property
    def is_full(self) -> bool:
        """Whether tasks wait and no address is left for them."""
        return self.free == 0 and self.waiting > 0


class PoolAddresses(Document):
    """The blocks of one pool."""

    cidr: Prefix
    size: int
    origin: str
    """``inventory`` or ``swarm``."""
    blocks: int
    used: int
    next: str | None
    """The block that the next network gets; of the swarm's own pools, the first that nothing uses."""


class AddressReport(Document):
    """The addresses of a cluster."""

    cluster: str
    networks: tuple[NetworkAddresses, ...]
    pools: tuple[PoolAddresses, ...]
    failures: tuple[HostFailure, ...] = ()
    """Hosts that did not answer: what they have is missing here."""
