"""What engines keep of services in their kernels and resolvers, with their mistakes while versions overlap.

As libnetwork does it (``service_common.go``, ``service_linux.go``), seen on 20.10, 26.1 and 28.5: a load balancer is
known by its service and its ports in the mesh. Names of a virtual address come with the first backend and go with the
last one, under the aliases of that one. A second balancer cannot have the address while the first one is there.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field


@dataclass(frozen=True)
class End:
    """One task's place on one network, as its engine announced it when the task began."""

    service: str
    name: str
    network: str
    address: str
    virtual: str = ""
    """Empty where each task is found by its own address."""
    aliases: tuple[str, ...] = ()
    doors: tuple[int, ...] = ()
    """Published ports, on the mesh's own network alone."""

    @property
    def key(self) -> tuple[str, str, tuple[int, ...]]:
        return self.service, self.network, self.doors


@dataclass
class Balancer:
    virtual: str
    backends: set[str] = field(default_factory=set)
    in_kernel: set[str] = field(default_factory=set)
    has_address: bool = False


@dataclass
class Discovery:
    """What every engine knows; they tell each other at once."""

    balancers: dict[tuple[str, str, tuple[int, ...]], Balancer] = field(default_factory=dict)
    records: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    """Network and name to addresses."""

    def join(self, end: End) -> None:
        is_first = end.key not in self.balancers
        balancer = self.balancers.setdefault(end.key, Balancer(end.virtual))
        balancer.backends.add(end.address)
        if balancer.virtual and not balancer.has_address:
            balancer.has_address = not any(
                other.has_address and other.virtual == balancer.virtual for other in self.balancers.values()
            )
        if balancer.has_address:
            balancer.in_kernel.add(end.address)
        if is_first or not end.virtual:
            for name in (end.name, *end.aliases):
                self.records[end.network, name].add(end.virtual or end.address)

    def leave(self, end: End) -> None:
        balancer = self.balancers[end.key]
        balancer.backends.discard(end.address)
        balancer.in_kernel.discard(end.address)
        if not balancer.backends:
            del self.balancers[end.key]
        if not end.virtual or not balancer.backends:
            for name in (end.name, *end.aliases):
                self.records[end.network, name].discard(end.virtual or end.address)

    def behind(self, door: int) -> set[str]:
        """Return the tasks' addresses that connections to a published port come to."""
        return {one for key, balancer in self.balancers.items() if door in key[2] for one in balancer.in_kernel}
