"""Extra hosts of services: names in the /etc/hosts of tasks that hide the names of the swarm. Pure.

Programs read /etc/hosts before they ask the engine's resolver, so a question to the resolver alone does not show them.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from swarmnet.model.blocks import special
from swarmnet.model.report import Status
from swarmnet.verify.own import by_service, is_changing, overlays_of, own_services

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from swarmnet.model.network import Network
    from swarmnet.model.service import Service, ServiceSpec, Task
    from swarmnet.model.state import ClusterState, Container

REMOVE = "take it away, also in its playbook or stack file:"


@dataclass(frozen=True, slots=True)
class ExtraHost:
    """An extra host of a service that leads its tasks elsewhere than the swarm's own name does, or to nothing."""

    service: str
    name: str
    address: str
    network: str
    """Where the name is another service's; else the overlay in whose subnet the address is. Empty for neither."""
    owners: Mapping[str, tuple[str, ...]]
    """The services that the name leads to on that network, each with its addresses; empty where no service has it."""
    is_inside: bool
    """Whether the address is in a subnet of the service's overlays."""
    holder: str = ""
    """What has the address there; empty where nothing does."""
    is_held_by_task: bool = False

    @property
    def status(self) -> Status:
        """Failed where the address cannot be meant; else a warning."""
        is_meant = not self.is_inside or (self.holder and not self.is_held_by_task)
        return Status.WARNING if is_meant or not self.owners else Status.FAILED

    @property
    def words(self) -> str:
        """What the tasks take the name for, and what it should be."""
        words = f"tasks of {self.service} take {self.name} for {self.address} (an extra host of the service), which"
        who = f"{self.holder} has" if self.holder else "no task has"
        words = f"{words} {who if self.is_inside else 'is outside of its overlays'}"
        if not self.owners:
            return f"{words}, though it is in the subnet of {self.network}"
        led = (f"{one} ({', '.join(found) or 'no running task'})" for one, found in self.owners.items())
        return f"{words}; on {self.network}, {self.name} is {' and '.join(led)}"

    @property
    def command(self) -> str:
        """What takes the entry away."""
        return f"docker service update --host-rm {shlex.quote(f'{self.name}:{self.address}')} {self.service}"


@dataclass(frozen=True, slots=True)
class _Known:
    """Who has which name and address."""

    services: Sequence[Service]
    tasks: Mapping[str, Sequence[Task]]
    overlays: Sequence[Network]
    boxes: Sequence[Container]

    def addresses(self, service: Service, network: str) -> tuple[str, ...]:
        """Return the virtual address of a service, and those of its tasks that run or start."""
        wanted = [one for one in self.tasks.get(service.id, ()) if one.desired_state == "running"]
        found = [
            service.virtual_ips.get(network, ""),
            *(one for task in wanted for one in task.networks.get(network, ())),
        ]
        return tuple(dict.fromkeys(one.partition("/")[0] for one in found if one))

    def owners(self, service: Service, name: str) -> Iterator[tuple[str, Service]]:
        """Yield each network on which a name leads to a service, and the service; it is the asker's network, too."""
        mine = _networks(service)
        for net in self.overlays:
            for other in self.services if net.spec.name in mine else ():
                if name.lower() in _names(other, net.spec.name):
                    yield net.spec.name, other

    def holder(self, address: str, network: str) -> tuple[str, bool]:
        """Return what has an address on a network, and whether it is a service."""
        for service in self.services:
            if address in self.addresses(service, network):
                return service.spec.name, True
        ends = ((box, end) for box in self.boxes if box.service is None for end in box.endpoints)
        mine = (box.name for box, end in ends if end.network == network and end.address.partition("/")[0] == address)
        return next((f"container {name}" for name in mine), ""), False


def astray(
    state: ClusterState, overlays: Iterable[Network], held: Mapping[str, Sequence[Container]]
) -> tuple[ExtraHost, ...]:
    """Return the extra hosts that lead elsewhere than the names of services on these overlays do.

    Left out: services that are to have no task, and names of services whose tasks are being replaced.

    Args:
        state: the cluster as observed.
        overlays: where names are looked at.
        held: the containers that run on each host, for addresses that no service has.
    """
    services = own_services(state)
    boxes = [box for several in held.values() for box in several]
    known = _Known(services, by_service(state.tasks), tuple(overlays), boxes)
    everywhere = overlays_of(state, (), named=False)
    found = (
        _astray(known, everywhere, service, name, address)
        for service in services
        if service.spec.replicas != 0
        for name, address in _entries(service.spec)
    )
    return tuple(one for one in found if one is not None)


def _astray(
    known: _Known, everywhere: Iterable[Network], service: Service, name: str, address: str
) -> ExtraHost | None:
    around = next((net for net in everywhere if net.spec.name in _networks(service) and _is_in(address, net)), None)
    inside = around.spec.name if around is not None else ""
    holder, is_task = known.holder(address, inside)
    owners = [*known.owners(service, name)]
    if not owners:
        is_gateway = around is not None and any(part.gateway == address for part in around.spec.subnets)
        if around is None or holder or is_gateway:
            return None
        return ExtraHost(service.spec.name, name, address, inside, {}, is_inside=True)
    if any(is_changing(one) or address in known.addresses(one, network) for network, one in owners):
        return None
    if all(one.id == service.id for _, one in owners) and _is_special(address):
        return None
    network = inside if any(one == inside for one, _ in owners) else owners[0][0]
    led = {one.spec.name: _shown(known, one, network) for place, one in owners if place == network}
    return ExtraHost(service.spec.name, name, address, network, led, bool(inside), holder, is_task)


def _shown(known: _Known, service: Service, network: str) -> tuple[str, ...]:
    """Return where the name of a service leads: its virtual address is enough."""
    virtual = service.virtual_ips.get(network, "").partition("/")[0]
    return (virtual,) if virtual else known.addresses(service, network)


def _networks(service: Service) -> set[str]:
    return {place.network for place in service.spec.networks or ()}


def _names(service: Service, network: str) -> set[str]:
    """Return all names of a service on a network, in small letters: programs do not tell them apart."""
    own = [alias for one in service.spec.networks or () if one.network == network for alias in one.aliases or ()]
    names = [service.spec.name, f"tasks.{service.spec.name}", *own] if network in _networks(service) else []
    return {form.lower() for one in names for form in (one, f"{one}.{network}")}


def _entries(spec: ServiceSpec) -> Iterator[tuple[str, str]]:
    """Yield name and address of each extra host, also of lists that no field can hold."""
    yield from (spec.hosts or {}).items()
    template = spec.extra.get("TaskTemplate")
    container = template.get("ContainerSpec") if isinstance(template, dict) else None
    lines = container.get("Hosts") if isinstance(container, dict) else None
    for line in lines if isinstance(lines, list) else ():
        address, *names = str(line).split()
        yield from ((name, address) for name in names)


def _is_in(address: str, network: Network) -> bool:
    try:
        return any(ip_address(address) in ip_network(part.subnet, strict=False) for part in network.spec.subnets)
    except ValueError:
        return False  # a word of the engine's, such as host-gateway


def _is_special(address: str) -> bool:
    try:
        return special(address) is not None
    except ValueError:
        return False
